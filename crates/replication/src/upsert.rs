//! A Create or Update from its spec to its answer: provisioned, proved, looked at again, noted.

use std::collections::BTreeMap;
use std::time::Duration;

use custom_resource::{Deadline, Success};
use futures_util::future::join;

use crate::attributes::{Answered, Came, attributes};
use crate::case::{Case, Sound};
use crate::converge::{Progress, narrow, provision};
use crate::error::ReplicationError;
use crate::existing_objects::Existing;
use crate::plan::plan_record;
use crate::ports::{Aws, Outcome};
use crate::properties;
use crate::record::{Proved, Record, parameters_of};
use crate::replication::Replication;
use crate::rounds::Rounds;
use crate::step::Plan;
use crate::verify::{Proof, Verified, Verifier};

/// Takes away what is not needed any more, and once more where the look after it still finds some: AWS may
/// have said that a policy was not there.
const MOST_TIMES_LET_GO: u32 = 2;

/// Looks at what we wrote, where others keep overwriting it.
const MOST_LOOKS: u32 = 5;

/// How long another writer may take from its read of a configuration to its write.
const OVERWRITTEN_WITHIN: Duration = Duration::from_secs(2);

/// How long S3 may go by a former configuration, where nothing shows when it does no more. S3 does not say,
/// see <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>.
const IN_FORCE_WITHIN: Duration = Duration::from_secs(30);

/// Whether S3 goes by the new rules, as far as can be known: not while their proof is still out.
fn may_let_go(proof: &Proof) -> bool {
    proof.verification != Verified::Pending
}

/// One request under way.
#[derive(Debug)]
pub(crate) struct Upsert<'a, A> {
    pub(crate) case: &'a Case<'a, A>,
    pub(crate) deadline: Deadline,
    /// Type and id of the request, which may be delivered twice.
    pub(crate) request: String,
    /// What is asked for, to be noted where it is done.
    pub(crate) record: Record,
}

/// The parameters that hold the record, by name.
type Parameters = BTreeMap<String, String>;

impl<A: Aws> Upsert<'_, A> {
    /// Provisions and proves, and notes in the end what was asked for.
    ///
    /// # Errors
    /// What cannot be, what AWS refused, or what the proof showed.
    pub(crate) async fn run(&self) -> Result<Success, ReplicationError> {
        let mut progress = Progress::default();
        // The record is read beside the rest, and so costs no time.
        let (known, first) = join(self.known(), Box::pin(self.provisioned(&mut progress))).await;
        let sound = first?;
        let past = known.as_ref().ok();
        let past = past.and_then(|known| Record::in_parameters(self.owner(), known));
        match past.as_ref().map(|past| past.left.as_slice()) {
            None | Some([]) => self.finished(sound, progress, (past, known)).await,
            Some(left) => {
                let wider = self.case.noting(left).await;
                let wider = Upsert {
                    case: &wider,
                    deadline: self.deadline,
                    request: self.request.clone(),
                    record: self.record.clone(),
                };
                let sound = Box::pin(wider.provisioned(&mut progress)).await?;
                Box::pin(wider.finished(sound, progress, (past, known))).await
            }
        }
    }

    /// From what is provisioned to the answer; `past` is what the record, which `known` holds, said before.
    async fn finished(
        &self,
        sound: Sound,
        mut progress: Progress,
        (past, known): (Option<Record>, Outcome<Parameters>),
    ) -> Result<Success, ReplicationError> {
        let verifier = Verifier {
            case: self.case,
            deadline: self.deadline,
            past: past.as_ref(),
            rolls_back: past
                .as_ref()
                .is_some_and(|past| past.properties == self.record.properties),
        };
        let about = verifier.about(&sound.desired);
        let answered = past.as_ref().and_then(|past| past.proof.as_ref());
        if let Some(answered) = answered.filter(|answered| self.is_of(answered, &about))
            && progress.writes.0 == 0
        {
            tracing::info!("the same request was answered before");
            let job = self.existing(&sound, past.as_ref(), &mut progress).await?;
            return Ok(self.success(&sound, &Answered::again(answered), job));
        }
        let (sound, proof) = Box::pin(self.proven(&verifier, sound, &mut progress)).await?;
        for warning in &sound.warnings {
            tracing::warn!(%warning, "provisioned all the same");
        }
        let record = self.record.clone().leaving(sound.left.clone());
        // Only now: a job over all objects of a bucket is not begun on rules that were shown not to work.
        let job = self.existing(&sound, past.as_ref(), &mut progress).await?;
        let about = verifier.about(&sound.desired);
        let answered = if proof.tried {
            // Another delivery of the same request may have been faster.
            let known = self.known().await;
            let earlier = known.as_ref().ok();
            let earlier = earlier.and_then(|known| Record::in_parameters(self.owner(), known));
            let earlier = earlier.and_then(|earlier| earlier.proof);
            let earlier = earlier.filter(|earlier| self.is_of(earlier, &about));
            let proved = earlier.unwrap_or_else(|| {
                let warnings = progress.gone_warnings(&sound.warnings);
                let answered = Answered::of(&proof, progress.writes.0, warnings);
                let proved = answered.proved(about, self.request.clone());
                self.counted(proved, &record, &known)
            });
            let record = record.proving(Some(proved.clone()));
            Box::pin(self.note(&record, known, &mut progress)).await?;
            Answered::again(&proved)
        } else {
            let past = verifier.past.and_then(|past| past.proof.clone());
            let past = past.filter(|past| past.of == about);
            let record = record.proving(past);
            Box::pin(self.note(&record, known, &mut progress)).await?;
            Answered::of(
                &proof,
                progress.writes.0,
                progress.gone_warnings(&sound.warnings),
            )
        };
        Ok(self.success(&sound, &answered, job))
    }

    fn owner(&self) -> &crate::owner::Owner {
        &self.case.replication.owner
    }

    async fn known(&self) -> Outcome<Parameters> {
        let Replication { home, owner, .. } = &self.case.replication;
        parameters_of(self.case.accounts.home(), &home.region, owner).await
    }

    fn is_of(&self, answered: &Proved, about: &str) -> bool {
        answered.request == self.request && answered.of == about
    }

    /// Half of the time, so that as much is left for the proof.
    async fn provisioned(&self, progress: &mut Progress) -> Result<Sound, ReplicationError> {
        let until = Deadline::after(self.deadline.remaining() / 2);
        provision(self.case, until, progress).await
    }

    /// Proves what is due, and looks again: another resource on the same bucket may have read its
    /// configuration before our write and written it back after our look. Then what nothing needs any more
    /// is let go of.
    async fn proven(
        &self,
        verifier: &Verifier<'_, A>,
        mut sound: Sound,
        progress: &mut Progress,
    ) -> Result<(Sound, Proof), ReplicationError> {
        let mut shown: Option<Result<Proof, ReplicationError>> = None;
        let mut let_go = 0;
        for look in 0..MOST_LOOKS {
            let before = progress.writes.0;
            if look > 0 {
                sound = match (Box::pin(self.provisioned(progress)).await, shown.take()) {
                    (Ok(sound), proof) => {
                        shown = proof;
                        sound
                    }
                    // The first failure is the one to tell.
                    (Err(_), Some(Err(first))) => return Err(first),
                    (Err(error), _) => return Err(error),
                };
            }
            let waiting = !sound.narrowing.is_empty() && let_go < MOST_TIMES_LET_GO;
            let unchanged = progress.writes.0 == before;
            let proof = match shown.take() {
                Some(Ok(proof)) if unchanged && waiting && may_let_go(&proof) => {
                    let narrowing = sound.narrowing.clone();
                    self.let_go(&proof, narrowing, progress).await?;
                    let_go += 1;
                    Ok(proof)
                }
                Some(proof) if unchanged => return Ok((sound, proof?)),
                _ if verifier.is_due(&sound.desired, progress, waiting) => {
                    Box::pin(verifier.prove(&sound.desired, progress)).await
                }
                _ => Ok(verifier.skipped(&sound.desired)),
            };
            let unproved = matches!(&proof, Ok(proof) if !proof.tried);
            let settled = progress.writes.0 == 0 || unproved && !sound.desired.shared;
            if settled && !waiting {
                return Ok((sound, proof?));
            }
            if unproved {
                // A probe takes longer.
                tokio::time::sleep(OVERWRITTEN_WITHIN).await;
            }
            shown = Some(proof);
        }
        Err(self.unsettled(progress))
    }

    /// Takes away what was kept beside the new rules while S3 could go by the old ones. What could not be
    /// proved is given time, and expectations keep it for longer.
    async fn let_go(
        &self,
        proof: &Proof,
        narrowing: Plan,
        progress: &mut Progress,
    ) -> Result<(), ReplicationError> {
        let proved = matches!(proof.verification, Verified::Completed { .. });
        if !proved {
            let time = IN_FORCE_WITHIN.min(self.deadline.remaining() / 2);
            tokio::time::sleep(time).await;
        }
        let first = proved.then_some(narrowing);
        let writes = &mut progress.writes;
        Box::pin(narrow(self.case, first, self.deadline, writes)).await?;
        self.case.let_go();
        Ok(())
    }

    fn unsettled(&self, progress: &Progress) -> ReplicationError {
        ReplicationError::Unfinished {
            bucket: self.case.replication.spec.source_bucket.clone(),
            undone: progress.undone.clone(),
        }
    }

    /// What was proved, and how many writes it took: to note it counts itself.
    fn counted(&self, proved: Proved, record: &Record, known: &Outcome<Parameters>) -> Proved {
        let Replication { home, owner, .. } = &self.case.replication;
        let noted = record.clone().proving(Some(proved.clone()));
        let none = Parameters::new();
        let plan = plan_record(&noted, known.as_ref().unwrap_or(&none), home, owner);
        let writes = proved.changes.parse().unwrap_or(0) + plan.steps().count();
        Proved {
            changes: writes.to_string(),
            ..proved
        }
    }

    /// Starts the job for existing objects, where it is asked for and was not started; its id. `past` is what
    /// the record says.
    async fn existing(
        &self,
        sound: &Sound,
        past: Option<&Record>,
        progress: &mut Progress,
    ) -> Result<Option<String>, ReplicationError> {
        let (desired, writes) = (&sound.desired, &mut progress.writes);
        let Replication { home, owner, .. } = &self.case.replication;
        let asked_before =
            past.and_then(|past| properties::read(&past.properties, home, owner).ok());
        let existing = Existing {
            case: self.case,
            desired,
            asked_before: asked_before.as_ref(),
        };
        Box::pin(existing.replicate(self.deadline, writes)).await
    }

    fn success(&self, sound: &Sound, answered: &Answered, job: Option<String>) -> Success {
        let came = Came {
            desired: &sound.desired,
            answered,
            job,
            warnings: &sound.warnings,
        };
        let mut success = Success::from(attributes(&self.case.replication, &came));
        success.reason.clone_from(&answered.reason);
        success
    }

    /// Notes what was asked for, where `known`, what the record holds, says otherwise. Last, when the
    /// stack's state is what it says: a request that fails is rolled back by another one.
    async fn note(
        &self,
        record: &Record,
        known: Outcome<Parameters>,
        progress: &mut Progress,
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
                    None => self.known().await,
                };
                let plan = plan_record(record, &known?, home, owner);
                self.case.apply(&plan, &mut progress.writes).await?;
                Ok(Some(()))
            };
            if rounds.end(Box::pin(outcome).await)?.is_some() {
                return Ok(());
            }
        }
    }
}
