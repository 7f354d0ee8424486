//! Observe, plan, apply, and again until there is nothing to do.
//!
//! S3 has no conditional write for a bucket's configuration: two writers can read the same state
//! and the second then undoes the first. Reading back after every write, and starting over where
//! something got lost, brings all writers through. It also lets a request go on wherever an
//! earlier one stopped.

use std::collections::BTreeSet;
use std::time::Duration;

use custom_resource::Deadline;

use crate::apply::{Writes, apply};
use crate::case::{Case, Sound};
use crate::claims::Kept;
use crate::error::{ErrorKind, ReplicationError};
use crate::owner::Owner;
use crate::plan::{Deletion, plan_delete};
use crate::ports::Aws;
use crate::remains::{Asked, Search};
use crate::spec::Taking;
use crate::step::Plan;

/// Rounds of observe, plan and apply before we give up. Two are usual: the work, and the look
/// that nothing is left of it.
const MOST_ROUNDS: u32 = 8;

/// Time that must be left to begin another round.
const LEAST_TIME: Duration = Duration::from_secs(10);

/// Brings the account to the spec.
///
/// # Errors
/// What cannot be, or what AWS refused. Whatever was done stays, for the next request to go on from.
pub async fn provision<A: Aws>(
    case: &Case<'_, A>,
    deadline: Deadline,
    writes: &mut Writes,
) -> Result<Sound, ReplicationError> {
    let (owner, spec) = (&case.replication.owner, &case.replication.spec);
    let mut rounds = Rounds::new(owner, deadline, &spec.source_bucket, "provision");
    loop {
        rounds.begin().await?;
        let outcome = async {
            let planned = case.planned().await?;
            let sound = planned.sound().map_err(ReplicationError::Refused)?;
            if sound.plan.is_empty() {
                return Ok(Some(sound));
            }
            case.apply(&sound.plan, writes).await?;
            Ok(None)
        };
        if let Some(sound) = rounds.end(Box::pin(outcome).await)? {
            return Ok(sound);
        }
    }
}

/// Takes away what nothing needs any more: by the steps of `first` where they are known already.
///
/// # Errors
/// What AWS refused. What was not taken away, a later request finds.
pub async fn narrow<A: Aws>(
    case: &Case<'_, A>,
    mut first: Option<Plan>,
    proved: bool,
    deadline: Deadline,
    writes: &mut Writes,
) -> Result<(), ReplicationError> {
    let (owner, spec) = (&case.replication.owner, &case.replication.spec);
    let doing = "take away what nothing needs any more of";
    let mut rounds = Rounds::new(owner, deadline, &spec.source_bucket, doing);
    loop {
        rounds.begin().await?;
        let outcome = async {
            let plan = match first.take() {
                Some(plan) => plan,
                None => case.narrowing(proved).await?,
            };
            case.apply(&plan, writes).await?;
            Ok(Some(()))
        };
        if rounds.end(Box::pin(outcome).await)?.is_some() {
            return Ok(());
        }
    }
}

/// Removes what is the owner's and nobody else names; tells what stays, and who names it.
///
/// # Errors
/// What AWS refused. Whatever was removed stays so, for the next request to go on from.
pub async fn remove<A: Aws>(
    search: &Search<'_, A>,
    source_bucket: &str,
    taking: Taking,
    deadline: Deadline,
    writes: &mut Writes,
) -> Result<Vec<Kept>, ReplicationError> {
    let (accounts, owner) = (search.accounts, search.owner);
    let mut rounds = Rounds::new(owner, deadline, source_bucket, "delete");
    let (mut asked, mut stays) = (Asked::First(taking), BTreeSet::new());
    loop {
        rounds.begin().await?;
        let outcome = async {
            let remains = search.remains(source_bucket, asked).await?;
            asked = Asked::Again(remains.taking);
            let Deletion { plan, kept } = plan_delete(&remains, owner);
            stays.extend(kept);
            let before = writes.0;
            apply(accounts, &plan, owner, writes).await?;
            // Steps that look before they write (`…IfUnused`, `…IfEmpty`) are planned every time.
            Ok((writes.0 == before).then_some(()))
        };
        if rounds.end(Box::pin(outcome).await)?.is_some() {
            let kept: Vec<_> = stays.into_iter().collect();
            for kept in &kept {
                tracing::warn!(%kept, "see OPERATIONS, `What a Delete keeps`");
            }
            return Ok(kept);
        }
    }
}

/// Rounds of one work, until it is done or given up.
pub(crate) struct Rounds<'a> {
    owner: &'a Owner,
    deadline: Deadline,
    bucket: &'a str,
    doing: &'static str,
    round: u32,
    trouble: Option<ReplicationError>,
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
            trouble: None,
        }
    }

    /// Waits for the next round to begin.
    pub(crate) async fn begin(&mut self) -> Result<(), ReplicationError> {
        if self.round == MOST_ROUNDS {
            let trouble = self.trouble.take();
            return Err(trouble.unwrap_or_else(|| ReplicationError::LostWrites {
                what: "the configuration",
                bucket: self.bucket.to_owned(),
            }));
        }
        pause(self.round, self.owner, self.deadline, self.doing).await?;
        self.round += 1;
        Ok(())
    }

    /// What came of the round: `Some` when all is done, `None` where another one is needed.
    pub(crate) fn end<T>(
        &mut self,
        outcome: Result<Option<T>, ReplicationError>,
    ) -> Result<Option<T>, ReplicationError> {
        match outcome {
            Err(error) if may_pass(&error) => {
                tracing::warn!(round = self.round, error = %error, "trying again");
                self.trouble = Some(error);
                Ok(None)
            }
            Ok(None) => {
                self.trouble = None;
                Ok(None)
            }
            other => other,
        }
    }
}

/// Whether the same request may succeed a moment later: a new role or key is not known everywhere
/// at once, and another writer may have been under way.
fn may_pass(error: &ReplicationError) -> bool {
    let ReplicationError::Aws { step, source } = error else {
        return false;
    };
    if source.is_final() {
        return false;
    }
    match source.kind {
        ErrorKind::Transient | ErrorKind::Conflict => true,
        // What we just made is not seen yet, or another resource removed what we share.
        ErrorKind::NotFound | ErrorKind::Invalid => step.is_some(),
        ErrorKind::AccessDenied | ErrorKind::AlreadyExists | ErrorKind::WrongRegion => false,
    }
}

/// Waits before round `round`: not at all, then longer and longer, each owner a little differently
/// so that writers that met once do not meet again.
async fn pause(
    round: u32,
    owner: &Owner,
    deadline: Deadline,
    doing: &str,
) -> Result<(), ReplicationError> {
    if round < 2 {
        // The second round reads back what the first one wrote.
        return Ok(());
    }
    let spread = u64::from(owner.as_str().bytes().map(u32::from).sum::<u32>() % 16) * 37;
    let wait = Duration::from_millis(250 * 2_u64.pow(round - 2) + spread);
    if deadline.remaining() < wait + LEAST_TIME {
        return Err(ReplicationError::OutOfTime(format!(
            "{doing} the replication"
        )));
    }
    tokio::time::sleep(wait).await;
    Ok(())
}
