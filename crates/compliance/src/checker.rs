//! From one subject to one verdict: one HEAD, and the rest from caches.

use std::time::Duration;

use aws_names::KeyName;
use tokio::time::Instant;

use crate::cache::Freshness;
use crate::expectations::Expectations;
use crate::keys::{Asking, KeyKnowledge, Keys};
use crate::ports::{AskError, CheckerPorts, Inspection, Observed, Repair};
use crate::repair;
use crate::subject::{ObjectVersion, ReplicationEvent, Subject};
pub use crate::trip::Trip;
use crate::trip::arrived;
use crate::verdict::{
    self, Authority, Evidence, Expected, Judgement, Verdict, judge_object, judge_replication,
};

/// What is expected; where nobody could be asked, that matters for replicas alone.
type Expectation = Result<Option<Expected>, AskError>;

/// Judges subjects.
///
/// # Guarantees
/// - A replica costs one `HeadObject`; what is expected and the keys' states come from caches that
///   ask AWS once per bucket and key and time to live, misses included, and once a batch at most.
/// - A verdict is given only on what AWS said. Where AWS could not be asked, [`AskError`] comes back.
/// - No finding rests on what is only remembered: what is wrong by that is judged again by what is read in
///   the same batch, once for all of it.
/// - Nobody's settings are a word about a replica: without a word there is no finding.
#[derive(Debug)]
pub struct Checker<A> {
    aws: A,
    expectations: Expectations,
    keys: Keys,
    repairs: bool,
}

impl<A> Checker<A> {
    /// Re-encrypts replicas under a wrong key, where `repairs`.
    #[must_use]
    pub fn repairing(mut self, repairs: bool) -> Self {
        self.repairs = repairs;
        self
    }

    /// Takes a bucket's default encryption for a word about its replicas, where nobody else says one and
    /// `trusts` is set. S3 does not use it for replicas of KMS-encrypted objects; see
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.
    #[must_use]
    pub fn trusting_bucket_default(mut self, trusts: bool) -> Self {
        self.expectations.trusts_default = trusts;
        self
    }

    /// Says in verdicts that what [`FindExpectation::registry`](crate::ports::FindExpectation::registry) gives is this authority's word.
    #[must_use]
    pub fn naming_registry(mut self, authority: Authority) -> Self {
        self.expectations.registry_is = authority;
        self
    }

    /// What AWS is asked through.
    pub fn aws(&self) -> &A {
        &self.aws
    }
}

impl<A: CheckerPorts> Checker<A> {
    /// A checker with empty caches. Where `allowed` (`EXPECTED_KMS_KEY_ARNS`) is not empty it alone
    /// says which keys are right, for every bucket.
    #[must_use]
    pub fn new(aws: A, allowed: Vec<KeyName>, time_to_live: Duration) -> Self {
        Self {
            aws,
            expectations: Expectations::new(allowed, time_to_live),
            keys: Keys::new(time_to_live),
            repairs: false,
        }
    }

    /// Judges one subject.
    ///
    /// # Errors
    /// Where AWS could not be asked: the subject is to be tried again.
    pub async fn check(&self, subject: &Subject, trip: Trip<'_>) -> Result<Verdict, AskError> {
        match subject {
            Subject::Arrival(version) => self.check_version(version, trip).await,
            Subject::Replication(event) => Ok(verdict_on_event(event)),
        }
    }

    async fn check_version(
        &self,
        version: &ObjectVersion,
        trip: Trip<'_>,
    ) -> Result<Verdict, AskError> {
        // At once: a cold cache costs no more time than the HEAD does.
        let asking = self.keys.ask(&self.aws, trip, Freshness::Cached);
        let expected = async {
            let expected = self.expectations.on(version, &asking).await;
            if let Ok(Some(expected)) = &expected {
                asking.warm(expected).await;
            }
            expected
        };
        let inspect = self.aws.inspect(version, trip.owner_of(version));
        let (inspection, expected) = futures_util::future::join(inspect, expected).await;
        let verdict = self.look(version, (inspection?, expected), &asking).await?;
        if verdict.judgement.may_be_outdated() {
            // On the heap, as it is rare and large: each of a batch's futures would hold room for it.
            Box::pin(self.look_closer(verdict, trip)).await
        } else {
            Ok(verdict)
        }
    }

    /// Judges again what may be wrong only by what is remembered, and repairs what is to be repaired.
    async fn look_closer(&self, verdict: Verdict, trip: Trip<'_>) -> Result<Verdict, AskError> {
        let verdict = self
            .judge_anew(verdict, Freshness::Since(trip.began), trip)
            .await?;
        if self.repairs && !trip.only_looks {
            self.repair(verdict, trip).await
        } else {
            Ok(verdict)
        }
    }

    /// Judges what S3 showed by what is expected now, and by what KMS says now.
    async fn judge_anew(
        &self,
        verdict: Verdict,
        freshness: Freshness,
        trip: Trip<'_>,
    ) -> Result<Verdict, AskError> {
        let Some(observed) = verdict.observed else {
            return Ok(verdict);
        };
        let asking = self.keys.ask(&self.aws, trip, freshness);
        let expected = self.expectations.on(&verdict.version, &asking).await;
        self.judge(&verdict.version, (observed, expected), &asking)
            .await
    }

    /// The verdict on what S3 answered.
    async fn look(
        &self,
        version: &ObjectVersion,
        (inspection, expected): (Inspection, Expectation),
        asking: &Asking<'_, A>,
    ) -> Result<Verdict, AskError> {
        let judgement = match inspection {
            Inspection::Object(observed) => {
                return self.judge(version, (observed, expected), asking).await;
            }
            Inspection::NotFound => verdict::gone(false),
            Inspection::DeleteMarker => verdict::gone(true),
            Inspection::AccessDenied => {
                verdict::access_denied(version, asking.trip.owner_of(version))
            }
            Inspection::CustomerKey => verdict::customer_key(),
            Inspection::OtherRegion(region) => verdict::other_region(&version.bucket, &region),
        };
        Ok(unseen(version, judgement))
    }

    async fn judge(
        &self,
        version: &ObjectVersion,
        (observed, expected): (Observed, Expectation),
        asking: &Asking<'_, A>,
    ) -> Result<Verdict, AskError> {
        let status = observed.replication_status.as_deref();
        // What is no replica needs no expectation, not even one that can be read.
        let expected = if verdict::may_be_replica(status) {
            expected?
        } else {
            None
        };
        let (key, answer) = match &observed.kms_key {
            Some(name) if expected.is_some() => {
                let (key, answer) = asking.observed(name, version).await?;
                (Some(key), answer)
            }
            _ => (None, KeyKnowledge::default()),
        };
        let judgement = judge_object(Evidence {
            observed: &observed,
            arrived: arrived(version),
            key: key.as_ref(),
            key_state: &answer.state,
            aws_managed: answer.aws_managed,
            expected: expected.as_ref(),
            region: version
                .region
                .as_deref()
                .or(asking.trip.home.map(|home| home.region.as_str())),
        });
        Ok(Verdict {
            version: version.clone(),
            judgement,
            observed: Some(observed),
            expected,
            replication: None,
            repaired: false,
        })
    }

    /// Repairs what the verdict finds wrong, where S3 can do it.
    ///
    /// # Guarantees
    /// - Only what is plainly a replica is changed, and only where one owner alone, or the environment,
    ///   says one key alone: read again right before, in case that it was changed meanwhile.
    /// - The verdict that comes back is on what S3 shows after the repair. One that could not be done, or not
    ///   be looked at, keeps its finding, and says why.
    /// - What S3 accepted is told, whatever became of its answer or of the look afterwards.
    ///
    /// # Errors
    /// Where AWS could not be asked.
    async fn repair(&self, verdict: Verdict, trip: Trip<'_>) -> Result<Verdict, AskError> {
        if !repair::is_wrong(&verdict) {
            return Ok(verdict);
        }
        if let Err(why) = repair::target(&verdict) {
            return Ok(verdict::not_repaired(verdict, why));
        }
        let now = Freshness::Since(Instant::now());
        let before = self.judge_anew(verdict, now, trip).await?;
        if !repair::is_wrong(&before) {
            return Ok(before);
        }
        let target = match repair::target(&before) {
            Ok(target) => target,
            Err(why) => return Ok(verdict::not_repaired(before, why)),
        };
        // The version that was looked at: another one may be the current one by now.
        let version = &ObjectVersion {
            version_id: before.version_id().map(str::to_owned),
            ..before.version.clone()
        };
        let owner = trip.owner_of(version);
        let answer = self.aws.repair(version, &target, owner);
        let lost = match answer.await {
            Ok(Repair::Refused(answer)) => {
                let why = format!("S3 refused UpdateObjectEncryption: {answer}");
                return Ok(verdict::not_repaired(before, &why));
            }
            Ok(Repair::Done) => None,
            // S3 may have done it all the same.
            Err(error) => Some(error),
        };
        if lost.is_none() {
            // Said at once: should the time run out, the next look finds nothing to repair.
            tracing::info!(
                bucket = version.bucket,
                key = version.key.as_str(),
                version_id = version.version_id,
                kms_key_arn = target.key,
                "re-encrypted a replica whose verdict was {}",
                before.judgement.kind.as_str(),
            );
        }
        let after = self.look_after_repair(version, &before, trip).await;
        match (after, lost) {
            (Ok(after), None) if repair::is_wrong(&after) => Ok(verdict::not_repaired(
                after,
                "S3 accepted UpdateObjectEncryption, and shows the wrong encryption all the same",
            )),
            (Ok(after), None) => Ok(verdict::repaired(after, &before)),
            // Told now, for the same reason.
            (Err(error), None) => Ok(verdict::repaired_unseen(before, &error)),
            (Ok(after), Some(lost)) if repair::is_wrong(&after) => Err(lost),
            (Ok(after), Some(_)) if after.observed.is_some() => {
                Ok(verdict::repaired(after, &before))
            }
            (Ok(after), Some(_)) => Ok(after),
            (Err(_), Some(lost)) => Err(lost),
        }
    }

    /// The verdict on what S3 shows of `version` after it was to be repaired, by what was expected `before`.
    async fn look_after_repair(
        &self,
        version: &ObjectVersion,
        before: &Verdict,
        trip: Trip<'_>,
    ) -> Result<Verdict, AskError> {
        let inspection = self.aws.inspect(version, trip.owner_of(version)).await?;
        let asking = self.keys.ask(&self.aws, trip, Freshness::Since(trip.began));
        let expected = Ok(before.expected.clone());
        self.look(version, (inspection, expected), &asking).await
    }
}

fn verdict_on_event(event: &ReplicationEvent) -> Verdict {
    Verdict {
        version: event.version.clone(),
        judgement: judge_replication(event),
        observed: None,
        expected: None,
        replication: Some(event.clone()),
        repaired: false,
    }
}

fn unseen(version: &ObjectVersion, judgement: Judgement) -> Verdict {
    Verdict {
        version: version.clone(),
        judgement,
        observed: None,
        expected: None,
        replication: None,
        repaired: false,
    }
}
