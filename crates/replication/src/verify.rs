//! Whether a request has to prove that replication works, for how long it tries, and what comes of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custom_resource::Deadline;
use futures_util::future::{Either, select};

use crate::case::Case;
use crate::configuration::Status;
use crate::converge::Progress;
use crate::diagnosis::{Check, CheckResult, names};
use crate::error::ReplicationError;
use crate::plan::Desired;
use crate::ports::Aws;
use crate::probe::{CLEAN_UP_RESERVE, Doubt, ProbeReport, Trial};
use crate::record::Record;
use crate::replication::Replication;
use crate::spec::Verification;
use aws_names::digest;

/// How long a stack waits for the probes where `Verification` is `BestEffort`. S3 replicates most
/// objects in seconds, and promises nothing below 15 minutes.
const BEST_EFFORT: Duration = Duration::from_mins(5);

/// When permissions are everywhere as a rule: from then on a probe that came to nothing has us look for the
/// cause, and again after each [`BETWEEN_LOOKS`].
const SPREAD_WITHIN: Duration = Duration::from_mins(2);
const BETWEEN_LOOKS: Duration = Duration::from_mins(1);

/// Between looks at a role that S3 is to go by from now on.
const BETWEEN_ROLE_LOOKS: Duration = Duration::from_secs(15);

/// Rules whose doubts are told in a reason.
const MOST_TOLD: usize = 5;

/// What is known of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Whether this request tried to prove anything.
    pub(crate) tried: bool,
    /// What the probes came to.
    pub(crate) verification: Verified,
    /// The enabled rules that no probe proved, and why.
    pub(crate) unproved: BTreeMap<String, String>,
}

/// The attribute `Verification`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verified {
    /// Every probe arrived, under the right key.
    Completed {
        /// From the first write to the last look.
        took: Duration,
    },
    /// Some had not when the time was up.
    Pending,
    /// None was written.
    Skipped,
}

impl Verified {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Completed { .. } => "COMPLETED",
            Self::Pending => "PENDING",
            Self::Skipped => "SKIPPED",
        }
    }
}

impl Proof {
    /// What a person should know: each rule that is not proved, and why.
    pub(crate) fn reason(&self) -> Option<String> {
        in_words(&self.unproved)
    }
}

/// Doubts with a reason, by rule, for a person.
pub(crate) fn in_words(unproved: &BTreeMap<String, String>) -> Option<String> {
    let doubts = unproved.iter().filter(|(_, why)| !why.is_empty());
    let told = told(doubts.map(|(rule, why)| (rule, why.as_str())));
    (!told.is_empty()).then(|| format!("not proved: {told}"))
}

/// The doubts in words, those that are the same together.
pub(crate) fn told<'a>(doubts: impl Iterator<Item = (&'a String, &'a str)>) -> String {
    let mut by_reason: Vec<(&str, Vec<&str>)> = Vec::new();
    for (rule, why) in doubts {
        match by_reason.iter_mut().find(|(known, _)| *known == why) {
            Some((_, rules)) => rules.push(rule),
            None => by_reason.push((why, vec![rule])),
        }
    }
    let further = by_reason.len().saturating_sub(MOST_TOLD);
    let mut told: Vec<_> = by_reason
        .into_iter()
        .take(MOST_TOLD)
        .map(|(why, rules)| {
            let more = rules.len().saturating_sub(MOST_TOLD);
            let mut names: Vec<_> = rules
                .into_iter()
                .take(MOST_TOLD)
                .map(|rule| format!("`{rule}`"))
                .collect();
            names.extend((more > 0).then(|| format!("{more} more")));
            format!("{why} (rule {})", names.join(", "))
        })
        .collect();
    told.extend((further > 0).then(|| format!("{further} more reason(s)")));
    told.join("; ")
}

/// One request's proof.
#[derive(Debug)]
pub(crate) struct Verifier<'a, A> {
    pub(crate) case: &'a Case<'a, A>,
    pub(crate) deadline: Deadline,
    /// What the record said before the request.
    pub(crate) past: Option<&'a Record>,
    /// Whether that is what the request asks for: then it rolls back a failed Update, and refusing it would
    /// leave the stack where nothing helps any more.
    pub(crate) rolls_back: bool,
}

impl<A: Aws> Verifier<'_, A> {
    /// A digest of all that a proof is about: other rules, keys, role or `Revision` need another one.
    pub(crate) fn about(&self, desired: &Desired) -> String {
        let spec = &self.case.replication.spec;
        let rules = serde_json::to_string(&desired.rules).unwrap_or_default();
        let keys: Vec<_> = desired.source_keys.iter().map(String::as_str).collect();
        digest::hex([
            desired.role_arn.as_str(),
            rules.as_str(),
            keys.join(",").as_str(),
            desired.ordinary_key.as_deref().unwrap_or_default(),
            spec.revision.as_deref().unwrap_or_default(),
        ])
    }

    /// Whether there is something to prove.
    /// `waiting`: what was in force before is kept until it is.
    pub(crate) fn is_due(&self, desired: &Desired, progress: &Progress, waiting: bool) -> bool {
        let required = match self.case.replication.spec.verification {
            Verification::None => return false,
            Verification::BestEffort => false,
            Verification::Required => true,
        };
        // Nothing is to be replicated, so nothing can be shown.
        if enabled(desired).next().is_none() {
            return false;
        }
        if progress.writes.0 > 0 || waiting {
            return true;
        }
        if self.rolls_back {
            return false;
        }
        let proved = self.past.and_then(|past| past.proof.as_ref());
        let is_known = proved.is_some_and(|proved| {
            proved.of == self.about(desired)
                && proved.verification == "COMPLETED"
                && (!required || proved.unproved.is_empty())
        });
        !is_known
    }

    /// What is known without a proof.
    pub(crate) fn skipped(&self, desired: &Desired) -> Proof {
        let proved = self.past.and_then(|past| past.proof.as_ref());
        let known = proved.filter(|proved| proved.of == self.about(desired));
        let unproved = known.map_or_else(
            || {
                enabled(desired)
                    .map(|id| (id.clone(), String::new()))
                    .collect()
            },
            |known| known.unproved.clone(),
        );
        Proof {
            tried: false,
            verification: Verified::Skipped,
            unproved,
        }
    }

    /// Proves it.
    ///
    /// # Errors
    /// [`ReplicationError::Unproven`], with the cause where it was found.
    pub(crate) async fn prove(
        &self,
        desired: &Desired,
        progress: &Progress,
    ) -> Result<Proof, ReplicationError> {
        let proof = self.try_once(desired, progress).await?;
        if self.is_sure(&proof, desired, progress).await? {
            return Ok(proof);
        }
        // By now S3 goes by the new role, and only a probe knows whether the checks asked for too much.
        self.try_once(desired, progress).await
    }

    async fn try_once(
        &self,
        desired: &Desired,
        progress: &Progress,
    ) -> Result<Proof, ReplicationError> {
        let Replication { spec, .. } = &self.case.replication;
        let patience = match spec.verification {
            Verification::Required => self.deadline,
            _ => self.deadline.min(Deadline::after(BEST_EFFORT)),
        };
        let trial = Trial {
            replication: &self.case.replication,
            accounts: &self.case.accounts,
            desired,
            patience: patience.earlier_by(CLEAN_UP_RESERVE),
            most_attempts: u32::MAX,
            keep: Duration::ZERO,
            made: &progress.made,
            former: progress.former.as_deref().unwrap_or_default(),
            given_up: AtomicBool::new(false),
            troubled: AtomicBool::new(false),
        };
        let run = Box::pin(trial.run());
        let (shown, cause) = match select(run, Box::pin(self.look_for_cause(&trial))).await {
            Either::Left((shown, _)) => (shown, None),
            Either::Right((cause, run)) => (run.await, Some(cause)),
        };
        match shown {
            Ok(shown) => {
                let troubled = trial.troubled.load(Ordering::Relaxed);
                self.conclude(desired, shown, (cause, troubled)).await
            }
            Err(ReplicationError::Unproven(what)) => {
                let why = self.diagnose().await.in_words(self.case);
                Err(ReplicationError::Unproven(format!("{what}; {why}")))
            }
            Err(other) => Err(other),
        }
    }

    /// Whether the proof is one of the role that is to be. S3 may go by a former one for a while, and a probe
    /// does not tell by which it came: the checks of the new one do. IAM is given time to know it.
    ///
    /// # Errors
    /// Where the role is not there, or not S3's to assume.
    async fn is_sure(
        &self,
        proof: &Proof,
        desired: &Desired,
        progress: &Progress,
    ) -> Result<bool, ReplicationError> {
        let former = progress.former_role.as_deref();
        let another = former.filter(|former| *former != desired.role_arn);
        let (Some(former), Verified::Completed { .. }) = (another, proof.verification) else {
            return Ok(true);
        };
        if self.rolls_back {
            return Ok(true);
        }
        let until = self.deadline.min(Deadline::after(SPREAD_WITHIN));
        loop {
            let checks = self.case.checks().await;
            let failed = |names: &[&str]| {
                let failed = checks
                    .iter()
                    .filter(|check| check.fails() && names.contains(&check.check));
                failed.map(ToString::to_string).collect::<Vec<_>>()
            };
            let absent = failed(&[names::ROLE_EXISTS, names::ROLE_TRUST]);
            if absent.is_empty() && failed(&[names::ROLE_PERMISSIONS]).is_empty() {
                return Ok(true);
            }
            if until.remaining() >= BETWEEN_ROLE_LOOKS {
                tokio::time::sleep(BETWEEN_ROLE_LOOKS).await;
                continue;
            }
            if absent.is_empty() {
                return Ok(false);
            }
            return Err(ReplicationError::Unproven(format!(
                "every probe arrived, perhaps by role `{former}`, which S3 may still go by; found: {}",
                absent.join("; ")
            )));
        }
    }

    /// Looks for what keeps probes from arriving, as soon as time alone no longer explains it. Ends only
    /// where it has found something.
    async fn look_for_cause(&self, trial: &Trial<'_, A>) -> String {
        tokio::time::sleep(SPREAD_WITHIN).await;
        loop {
            if trial.troubled.load(Ordering::Relaxed) {
                let found = self.diagnose().await;
                if !found.failed.is_empty() {
                    trial.given_up.store(true, Ordering::Relaxed);
                    return found.in_words(self.case);
                }
            }
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
    }

    async fn conclude(
        &self,
        desired: &Desired,
        shown: ProbeReport,
        (cause, troubled): (Option<String>, bool),
    ) -> Result<Proof, ReplicationError> {
        let ProbeReport {
            probes,
            took,
            unproved,
            ..
        } = shown;
        let missing = unproved
            .values()
            .any(|doubt| matches!(doubt, Doubt::Missing(_)));
        let unwritten = unproved
            .values()
            .any(|doubt| matches!(doubt, Doubt::Unwritten(_)));
        let required = self.case.replication.spec.verification == Verification::Required;
        let told = told(unproved.iter().map(|(rule, doubt)| (rule, doubt.why())));
        let open = unproved
            .values()
            .any(|doubt| !matches!(doubt, Doubt::Idle(_) | Doubt::KeyUnusable(_)));
        let refused = required && open;
        if !self.rolls_back && (refused || missing && troubled) {
            let why = match cause {
                Some(cause) => Some((true, cause)),
                None if missing => {
                    let found = self.diagnose().await;
                    Some((!found.failed.is_empty(), found.in_words(self.case)))
                }
                None => None,
            };
            let known = why.as_ref().is_some_and(|(known, _)| *known);
            if refused || known {
                let why = why.map_or_else(String::new, |(_, why)| format!("; {why}"));
                let remedy = if refused && !known {
                    "; repeat the stack operation, or set `Verification` to BestEffort"
                } else {
                    ""
                };
                return Err(ReplicationError::Unproven(format!("{told}{why}{remedy}")));
            }
        }
        let none = enabled(desired).all(|rule| unproved.contains_key(rule));
        let verification = match (probes, missing, unwritten) {
            (0, ..) => Verified::Skipped,
            // None of them told anything.
            (_, false, true) if none => Verified::Skipped,
            (_, true, _) | (_, _, true) => Verified::Pending,
            _ => Verified::Completed { took },
        };
        let unproved = unproved.into_iter();
        Ok(Proof {
            tried: true,
            verification,
            unproved: unproved
                .map(|(rule, doubt)| (rule, doubt.why().to_owned()))
                .collect(),
        })
    }

    /// Looks once more at what replication needs.
    async fn diagnose(&self) -> Findings {
        Findings::of(&self.case.checks().await)
    }
}

pub(crate) fn enabled(desired: &Desired) -> impl Iterator<Item = &String> {
    let rules = desired.rules.iter();
    let enabled = rules.filter(|rule| rule.status == Status::Enabled);
    enabled.map(|rule| &rule.id)
}

/// What a look showed.
pub(crate) struct Findings {
    pub(crate) failed: String,
    suspect: String,
}

impl Findings {
    pub(crate) fn of(checks: &[Check]) -> Self {
        let of = |result| {
            let found = checks.iter().filter(move |check| check.result == result);
            found
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        };
        Self {
            failed: of(CheckResult::Fail),
            suspect: of(CheckResult::Warn),
        }
    }

    /// What there is to do, for a person.
    pub(crate) fn in_words<A>(&self, case: &Case<'_, A>) -> String {
        let Self { failed, suspect } = self;
        if !failed.is_empty() {
            return format!("found: {failed}");
        }
        let suspect = if suspect.is_empty() {
            String::new()
        } else {
            format!(" ({suspect})")
        };
        match &case.replication.spec.role {
            Some(role) => format!(
                "buckets, keys and rules are as they should be{suspect}, so look at role `{role}`: it must trust \
                 s3.amazonaws.com and allow what {{\"Action\": \"Plan\"}} shows as `RolePolicy`; or leave `Role` out to get \
                 one made"
            ),
            None => format!(
                "buckets, keys, role and rules are as they should be{suspect}, so look for a Deny: in the policies of \
                 the keys and of the destination bucket, in a permissions boundary, or in an organisation's policy"
            ),
        }
    }
}
