//! How a version stands that is not at a destination: a pure function of what S3 said.

use std::borrow::Cow;
use std::time::Duration;

use compliance::ports::{Inspection, Observed};
use expectation::Time;
use replication::configuration::{ReplicationRule, Status};

use super::state::State;
use crate::listing::{Entry, EntryKind};

/// How long S3 takes for nearly everything: "most objects replicate within 15 minutes". See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-troubleshoot.html>.
pub const USUAL: Duration = Duration::from_mins(15);

/// All that it rests on.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The version at the source.
    pub version: &'a Entry,
    /// The rule that covers it.
    pub rule: &'a ReplicationRule,
    /// What a HEAD at the source said; or why none did.
    pub source: Result<&'a Inspection, &'a str>,
    /// Whether a HEAD says that it is at the destination by now; `None` where none was made, or nobody
    /// answered.
    pub there: Option<bool>,
    /// Since when the rule holds, where somebody says it.
    pub since: Option<Time>,
    /// When the comparison began.
    pub began: Time,
}

/// A state, with its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The state.
    pub state: State,
    /// One sentence.
    pub reason: Cow<'static, str>,
    /// One sentence; `None` where nothing needs doing.
    pub remedy: Option<Cow<'static, str>>,
}

impl Judged {
    pub(super) fn new(state: State, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            state,
            reason: reason.into(),
            remedy: None,
        }
    }

    fn remedy(self, remedy: &'static str) -> Self {
        Self {
            remedy: Some(remedy.into()),
            ..self
        }
    }
}

/// A judgement, or one that waits for the rule's age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// What is said.
    Now(Judged),
    /// Never taken up: whether that is right depends on when the rule began, which the end of the
    /// comparison may show.
    ByAge,
}

/// Whether the answer of the source leaves nothing to ask the destination for.
#[must_use]
pub fn settles(source: Result<&Inspection, &str>, age: Duration) -> bool {
    match source {
        Ok(Inspection::Object(seen)) => match seen.replication_status.as_deref() {
            Some("PENDING") => age <= USUAL,
            Some("REPLICA") => true,
            _ => false,
        },
        Ok(_) | Err(_) => true,
    }
}

/// How long ago a version was written when the comparison began.
#[must_use]
pub fn age(version: &Entry, began: Time) -> Duration {
    let seconds = began.secs().saturating_sub(version.written.secs());
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// Judges a version that a destination's listing does not have.
#[must_use]
pub fn judge(evidence: Evidence<'_>) -> Judgement {
    let undetermined = |why: String| Judgement::Now(Judged::new(State::Undetermined, why));
    let observed = match evidence.source {
        Err(why) => return undetermined(why.to_owned()),
        Ok(Inspection::Object(observed)) => observed,
        Ok(Inspection::NotFound | Inspection::DeleteMarker) => {
            return Judgement::Now(Judged::new(
                State::Gone,
                "it was deleted while the comparison ran",
            ));
        }
        Ok(Inspection::AccessDenied) => {
            return undetermined(
                "S3 does not show the version at the source; allow s3:GetObjectVersion there"
                    .to_owned(),
            );
        }
        Ok(Inspection::CustomerKey) => {
            return undetermined(
                "it is under a customer-provided key, without which S3 shows no replication status"
                    .to_owned(),
            );
        }
        Ok(Inspection::OtherRegion(region)) => {
            return undetermined(format!("the source bucket is in {region}"));
        }
    };
    if evidence.there == Some(true) {
        return Judgement::Now(Judged::new(
            State::Arrived,
            "it arrived while the comparison ran",
        ));
    }
    by_status(evidence, observed)
}

fn by_status(evidence: Evidence<'_>, observed: &Observed) -> Judgement {
    let age = age(evidence.version, evidence.began);
    Judgement::Now(match observed.replication_status.as_deref() {
        Some("PENDING") if age <= USUAL => Judged::new(State::Pending, "S3 is about to replicate it"),
        Some("PENDING") => Judged::new(
            State::Overdue,
            "S3 has been about to replicate it for more than 15 minutes, unless a batch job has just taken it up",
        )
        .remedy("see the replication metrics of the rule; diagnose the bucket"),
        Some("FAILED") => Judged::new(State::Failed, "S3 could not replicate it and does not try again")
            .remedy("diagnose the bucket, mend the cause, then replicate it again by S3 Batch Replication"),
        Some("REPLICA") => Judged::new(
            State::NotCovered,
            "it is itself a replica, which no rule replicates any further",
        ),
        // The model has both spellings.
        Some("COMPLETED" | "COMPLETE") => {
            // A listing that is older than the version says nothing about it.
            if evidence.there.is_none() && age <= USUAL {
                Judged::new(
                    State::Undetermined,
                    "S3 says COMPLETED, the destination was listed before it, and does not show the version; allow \
                     s3:GetObjectVersion there",
                )
            } else {
                Judged::new(
                    State::ClaimedCompleted,
                    "S3 says COMPLETED, and the destination does not have it: it was deleted there",
                )
                .remedy("find who or which lifecycle rule deletes at the destination, then replicate it again")
            }
        }
        None => return never_taken_up(evidence, observed),
        Some(other) => Judged::new(
            State::Undetermined,
            format!("S3 gives the replication status `{other}`, which is not known here"),
        ),
    })
}

fn never_taken_up(evidence: Evidence<'_>, observed: &Observed) -> Judgement {
    let kms = matches!(
        observed.algorithm.as_deref(),
        Some("aws:kms" | "aws:kms:dsse")
    );
    if kms && evidence.rule.sse_kms_encrypted_objects != Some(Status::Enabled) {
        let reason = "it is encrypted with KMS, and the rule does not replicate what is";
        return Judgement::Now(Judged::new(State::Missing, reason).remedy(
            "enable SseKmsEncryptedObjects in the rule and name a replica key, then replicate it again",
        ));
    }
    if evidence.version.kind == EntryKind::Archived {
        let reason = "it is archived, and S3 replicates nothing from there";
        return Judgement::Now(
            Judged::new(State::Missing, reason).remedy("restore it, then replicate it again"),
        );
    }
    match evidence.since {
        None => Judgement::ByAge,
        Some(since) => Judgement::Now(by_age(evidence.version.written, Some(since))),
    }
}

/// The words on a version that S3 never took up, where the rule holds since then.
#[must_use]
pub fn by_age(written: Time, since: Option<Time>) -> Judged {
    match since {
        Some(since) if written < since => Judged::new(
            State::OlderThanRule,
            format!("it is older than what S3 took up by the rule, which begins at {since}"),
        ),
        Some(_) => Judged::new(
            State::Missing,
            "S3 never took it up, although it replicates older ones by the rule",
        )
        .remedy("diagnose the bucket, then replicate it again by S3 Batch Replication"),
        None => Judged::new(
            State::Missing,
            "S3 never took it up, nor anything else that the rule covers",
        )
        .remedy(
            "diagnose the bucket; where it is older than the rule, say --since with the rule's time",
        ),
    }
}
