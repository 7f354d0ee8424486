//! A Create or Update from its spec to its answer: provisioned, proved, looked at again, noted, explained.

use std::collections::BTreeMap;
use std::time::Duration;

use custom_resource::{Deadline, Success};
use futures_util::future::join;

use crate::apply::Writes;
use crate::attributes::{Came, attributes};
use crate::batch::replicate_existing;
use crate::case::{Case, Sound};
use crate::configuration::Status;
use crate::converge::{Rounds, narrow, provision};
use crate::diagnosis::Result as Finding;
use crate::error::ReplicationError;
use crate::fault::Fault;
use crate::plan::{Desired, plan_record};
use crate::ports::{Aws, Outcome};
use crate::probe::Proof;
use crate::record::{Record, parameters_of};
use crate::replication::Replication;
use crate::spec::Verification;
use crate::step::Plan;

/// How long a stack waits for the probe where `Verification` is `BestEffort`. S3 replicates most
/// objects in seconds, and promises nothing below 15 minutes.
const BEST_EFFORT: Duration = Duration::from_mins(5);

/// Looks at what we wrote, where others keep overwriting it.
const MOST_LOOKS: u32 = 5;

/// How long another writer may take from its read of a configuration to its write.
const OVERWRITTEN_WITHIN: Duration = Duration::from_secs(2);

/// How long S3 may go by a former configuration, where nothing shows when it does no more. S3 does not say,
/// see <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(30);

/// One request under way.
#[derive(Debug)]
pub(crate) struct Settlement<'a, A> {
    pub(crate) case: &'a Case<'a, A>,
    pub(crate) deadline: Deadline,
    /// What is asked for, to be noted where it is done.
    pub(crate) record: Record,
}

/// What the spec came to, what the proof showed, and how many writes it took.
struct Settled {
    desired: Desired,
    warnings: Vec<Fault>,
    proof: Result<Option<Proof>, ReplicationError>,
    writes: Writes,
}

impl Settled {
    fn of(sound: Sound, proof: Result<Option<Proof>, ReplicationError>, writes: Writes) -> Self {
        let Sound {
            desired, warnings, ..
        } = sound;
        Self {
            desired,
            warnings,
            proof,
            writes,
        }
    }
}

/// Whether S3 goes by the new rules, as far as can be known: not while their proof is still out.
fn may_let_go(proof: &Result<Option<Proof>, ReplicationError>) -> bool {
    !matches!(proof, Err(_) | Ok(Some(Proof::Pending)))
}

impl<A: Aws> Settlement<'_, A> {
    /// Provisions and proves, and notes in the end what was asked for.
    ///
    /// # Errors
    /// What cannot be, what AWS refused, or what the proof showed.
    pub(crate) async fn settle(&self) -> Result<Success, ReplicationError> {
        // The record is read beside the rest, and so costs no time.
        let Replication { home, owner, .. } = &self.case.replication;
        let known = parameters_of(self.case.accounts.home(), &home.region, owner);
        let (known, settled) = join(known, Box::pin(self.proven())).await;
        self.answer(settled?, known).await
    }

    /// Provisions and proves, and looks again: another resource on the same bucket may have read its
    /// configuration before our write and written it back after our look. Then what nothing needs any more
    /// is let go of.
    async fn proven(&self) -> Result<Settled, ReplicationError> {
        let mut writes = Writes::default();
        let mut shown: Option<Result<Option<Proof>, ReplicationError>> = None;
        let mut has_let_go = false;
        for _ in 0..MOST_LOOKS {
            let before = writes;
            let work = provision(self.case, self.deadline, &mut writes);
            let sound = match Box::pin(work).await {
                Ok(sound) => sound,
                Err(error) => {
                    return Err(self.explained(shown, error).await);
                }
            };
            let waiting = !sound.narrowing.is_empty() && !has_let_go;
            let proof = match shown.take() {
                Some(proof) if writes == before && waiting && may_let_go(&proof) => {
                    self.let_go(&proof, sound.narrowing.clone(), &mut writes)
                        .await?;
                    has_let_go = true;
                    proof
                }
                Some(proof) if writes == before => return Ok(Settled::of(sound, proof, writes)),
                _ => {
                    let proof = self.prove(&sound.desired, writes, waiting);
                    Box::pin(proof).await
                }
            };
            let unproved = matches!(proof, Ok(None));
            let settled = writes == Writes::default() || unproved && !sound.desired.shared;
            if settled && !waiting {
                return Ok(Settled::of(sound, proof, writes));
            }
            if unproved {
                // The probe takes longer.
                tokio::time::sleep(OVERWRITTEN_WITHIN).await;
            }
            shown = Some(proof);
        }
        Err(ReplicationError::LostWrites {
            what: "the configuration",
            bucket: self.case.replication.spec.source_bucket.clone(),
        })
    }

    /// Takes away what was kept beside the new rules while S3 could go by the old ones. What could not be
    /// proved is given time, and expectations keep it for longer.
    async fn let_go(
        &self,
        proof: &Result<Option<Proof>, ReplicationError>,
        narrowing: Plan,
        writes: &mut Writes,
    ) -> Result<(), ReplicationError> {
        let proved = matches!(proof, Ok(Some(_)));
        if !proved {
            let time = IN_FORCE_WITHIN.min(self.deadline.remaining() / 2);
            tokio::time::sleep(time).await;
        }
        let first = proved.then_some(narrowing);
        Box::pin(narrow(self.case, first, proved, self.deadline, writes)).await?;
        self.case.let_go();
        Ok(())
    }

    async fn answer(
        &self,
        settled: Settled,
        known: Outcome<BTreeMap<String, String>>,
    ) -> Result<Success, ReplicationError> {
        let Settled {
            desired,
            warnings,
            proof,
            mut writes,
        } = settled;
        for warning in &warnings {
            tracing::warn!(%warning, "provisioned all the same");
        }
        let proof = match proof {
            Ok(proof) => proof,
            Err(error) => return Err(self.explained(None, error).await),
        };
        // Only now: a job over all objects of a bucket is not begun on rules that were shown not to work.
        let job = replicate_existing(self.case, &desired, self.deadline, &mut writes);
        let job = Box::pin(job).await?;
        Box::pin(self.note(known, &mut writes)).await?;
        let outcome = Came {
            desired: &desired,
            proof,
            job,
            warnings: &warnings,
            writes,
        };
        Ok(Success {
            data: attributes(&self.case.replication, &outcome),
            ..Success::default()
        })
    }

    /// Notes what was asked for, where `known`, what the record holds, says otherwise. Last, when the
    /// stack's state is what it says: a request that fails is rolled back by another one.
    async fn note(
        &self,
        known: Outcome<BTreeMap<String, String>>,
        writes: &mut Writes,
    ) -> Result<(), ReplicationError> {
        let Replication {
            spec, home, owner, ..
        } = &self.case.replication;
        let bucket = &spec.source_bucket;
        let doing = "note what was asked of";
        let mut rounds = Rounds::new(owner, self.deadline, bucket, doing);
        let mut known = Some(known);
        loop {
            rounds.begin().await?;
            let outcome = async {
                let known = match known.take() {
                    Some(known) => known,
                    None => parameters_of(self.case.accounts.home(), &home.region, owner).await,
                };
                let plan = plan_record(&self.record, &known?, home, owner);
                self.case.apply(&plan, writes).await?;
                Ok(Some(()))
            };
            if rounds.end(Box::pin(outcome).await)?.is_some() {
                return Ok(());
            }
        }
    }

    /// `error`, or why the proof that came before it failed.
    async fn explained(
        &self,
        shown: Option<Result<Option<Proof>, ReplicationError>>,
        error: ReplicationError,
    ) -> ReplicationError {
        match (shown, error) {
            (Some(Err(ReplicationError::Unproven(what))), _)
            | (_, ReplicationError::Unproven(what)) => {
                let why = self.diagnose().await;
                ReplicationError::Unproven(format!("{what}; {why}"))
            }
            (_, error) => error,
        }
    }

    /// `None` where there is nothing to prove: nothing was changed, or no proof is asked for.
    async fn prove(
        &self,
        desired: &Desired,
        writes: Writes,
        waiting: bool,
    ) -> Result<Option<Proof>, ReplicationError> {
        let (spec, deadline) = (&self.case.replication.spec, self.deadline);
        let patience = match spec.verification {
            Verification::None => return Ok(None),
            _ if writes == Writes::default() && !waiting => return Ok(None),
            // Nothing is to be replicated, so nothing can be shown.
            _ if desired
                .rules
                .iter()
                .all(|rule| rule.status == Status::Disabled) =>
            {
                return Ok(None);
            }
            Verification::BestEffort => deadline.min(Deadline::after(BEST_EFFORT)),
            Verification::Required => deadline,
        };
        match self.case.prove(desired, patience).await {
            Ok(Some(Proof::Pending)) if spec.verification == Verification::Required => {
                Err(ReplicationError::Unproven(format!(
                    "the probe object in bucket `{}` had not been replicated when the time was up; repeat the stack \
                     operation, or set `Verification` to BestEffort",
                    spec.source_bucket
                )))
            }
            other => other,
        }
    }

    /// Looks once more at what replication needs, for the reason of a failure.
    async fn diagnose(&self) -> String {
        let checks = self.case.checks().await;
        let of = |result| {
            let found = checks.iter().filter(move |check| check.result == result);
            found
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        };
        let (failed, suspect) = (of(Finding::Fail), of(Finding::Warn));
        if !failed.is_empty() {
            return format!("found: {failed}");
        }
        let suspect = if suspect.is_empty() {
            suspect
        } else {
            format!(" ({suspect})")
        };
        match &self.case.replication.spec.role {
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
