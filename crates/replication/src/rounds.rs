//! Patience, by time: rounds of one work until it is done, or until waiting can mend nothing more.

use std::time::Duration;

use custom_resource::Deadline;

use crate::error::{AwsError, ErrorKind, ReplicationError};
use crate::fault::{About, Fault, FaultKind};
use crate::made::Made;
use crate::owner::Owner;
use crate::patience::Backoff;

/// Time that must be left to begin another round.
const LEAST_TIME: Duration = Duration::from_secs(10);

/// The first pause is after the second round, which reads back what the first one wrote.
const PAUSES: Backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(15));

/// How long what may be another writer's doing is tried again: one that is under way is through by then.
const OTHER_WRITERS: Duration = Duration::from_secs(20);

/// The same refusal of one thing so many times in a row will stay.
const MOST_REFUSALS: u32 = 3;

/// What there is time for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Another round.
    Work,
    /// A last look, which changes nothing.
    Look,
}

/// Rounds of one work, until it is done or given up.
#[derive(Debug)]
pub(crate) struct Rounds<'a> {
    owner: &'a Owner,
    deadline: Deadline,
    bucket: &'a str,
    doing: &'static str,
    round: u32,
    backoff: Backoff,
    trouble: Option<Trouble>,
}

/// What went wrong, and how long it may pass.
#[derive(Debug)]
struct Trouble {
    error: ReplicationError,
    until: Option<Deadline>,
    /// How often in a row the same came.
    times: u32,
}

/// How long a failure may pass.
enum Patience {
    /// As long as there is time.
    Long,
    /// As long as another writer takes.
    Short,
    /// The same, but the same words thrice are final.
    Refused,
    /// Not at all.
    None,
}

impl<'a> Rounds<'a> {
    pub(crate) const fn new(
        owner: &'a Owner,
        deadline: Deadline,
        bucket: &'a str,
        doing: &'static str,
    ) -> Self {
        Self {
            owner,
            deadline,
            bucket,
            doing,
            round: 0,
            backoff: PAUSES,
            trouble: None,
        }
    }

    /// Waits for the next round to begin.
    ///
    /// # Errors
    /// What went wrong last, where there is no time for another round.
    pub(crate) async fn begin(&mut self) -> Result<(), ReplicationError> {
        match self.turn().await {
            Turn::Work => Ok(()),
            Turn::Look => Err(self.given_up(&[])),
        }
    }

    /// Waits for the next round to begin; where there is no time for one, there may be for a look.
    pub(crate) async fn turn(&mut self) -> Turn {
        let wait = self.pause();
        let until = self.trouble.as_ref().and_then(|trouble| trouble.until);
        let left = until.map_or(self.deadline, |until| until.min(self.deadline));
        // Before the first pause a round takes the time that it takes.
        let least = if wait.is_zero() {
            Duration::ZERO
        } else {
            LEAST_TIME
        };
        if left.has_passed() || self.deadline.remaining() < wait + least {
            return Turn::Look;
        }
        tokio::time::sleep(wait).await;
        self.round += 1;
        Turn::Work
    }

    /// What came of the round: `Some` when all is done, `None` where another one is needed.
    ///
    /// # Errors
    /// What no other round would mend.
    pub(crate) fn end<T>(
        &mut self,
        outcome: Result<Option<T>, ReplicationError>,
    ) -> Result<Option<T>, ReplicationError> {
        self.end_knowing(outcome, &Made::default())
    }

    /// The same of a request that `made` something.
    ///
    /// # Errors
    /// What no other round would mend.
    pub(crate) fn end_knowing<T>(
        &mut self,
        outcome: Result<Option<T>, ReplicationError>,
        made: &Made,
    ) -> Result<Option<T>, ReplicationError> {
        let error = match outcome {
            Ok(done) => {
                self.trouble = None;
                return Ok(done);
            }
            Err(error) => error,
        };
        let patience = patience(&error, made);
        let earlier = self.trouble.take();
        let same = earlier.filter(|earlier| is_the_same(&earlier.error, &error));
        let times = same.as_ref().map_or(0, |same| same.times) + 1;
        let until = match patience {
            Patience::None => return Err(error),
            Patience::Refused if times >= MOST_REFUSALS => return Err(error),
            Patience::Long => None,
            // From when it was first seen.
            Patience::Short | Patience::Refused => Some(
                same.and_then(|same| same.until)
                    .unwrap_or_else(|| Deadline::after(OTHER_WRITERS)),
            ),
        };
        tracing::warn!(round = self.round, error = %error, "trying again");
        self.trouble = Some(Trouble {
            error,
            until,
            times,
        });
        Ok(None)
    }

    /// What went wrong last.
    pub(crate) fn trouble(&mut self) -> Option<ReplicationError> {
        self.trouble.take().map(|trouble| trouble.error)
    }

    /// Why it is given up: what went wrong last, or what is still `undone`, each with what reads back.
    pub(crate) fn given_up(&mut self, undone: &[String]) -> ReplicationError {
        if let Some(error) = self.trouble() {
            return error;
        }
        if undone.is_empty() {
            return ReplicationError::OutOfTime(format!("{} the replication", self.doing));
        }
        ReplicationError::Unfinished {
            bucket: self.bucket.to_owned(),
            undone: undone.to_vec(),
        }
    }

    /// Not at all before the first two rounds, then longer and longer, each owner a little differently
    /// so that writers that met once do not meet again.
    fn pause(&mut self) -> Duration {
        if self.round < 2 {
            return Duration::ZERO;
        }
        let spread = u64::from(self.owner.as_str().bytes().map(u32::from).sum::<u32>() % 16) * 37;
        self.backoff.pause() + Duration::from_millis(spread)
    }
}

/// Whether AWS said the same of the same, in another request.
fn is_the_same(one: &ReplicationError, other: &ReplicationError) -> bool {
    if let (ReplicationError::Refused(one), ReplicationError::Refused(other)) = (one, other) {
        return one == other;
    }
    let (ReplicationError::Aws { source: one, .. }, ReplicationError::Aws { source: other, .. }) =
        (one, other)
    else {
        return false;
    };
    let said = |error: &AwsError| (error.operation, error.code.clone(), error.message.clone());
    said(one) == said(other) && one.resource == other.resource
}

fn is_missing_role(fault: &Fault) -> bool {
    fault.kind == FaultKind::Missing && matches!(fault.about, About::Role(_))
}

/// Whether, and for how long, the same request may succeed later.
fn patience(error: &ReplicationError, made: &Made) -> Patience {
    let (step, source) = match error {
        ReplicationError::Aws { step, source } => (step, source),
        // The template that names a role may have made it a moment ago.
        ReplicationError::Refused(faults) if faults.0.iter().all(is_missing_role) => {
            return Patience::Short;
        }
        _ => return Patience::None,
    };
    if source.is_final() {
        return Patience::None;
    }
    if made.may_explain(step.as_deref(), source) {
        return Patience::Long;
    }
    match source.kind {
        ErrorKind::Transient | ErrorKind::Conflict => Patience::Long,
        // Another resource removed what we share, and the next look says so.
        ErrorKind::NotFound if step.is_some() => Patience::Short,
        // Another writer came between our look and our write, so that the two do not go together.
        ErrorKind::Invalid if step.is_some() => Patience::Refused,
        _ => Patience::None,
    }
}
