//! Observe, plan, apply, and again until there is nothing to do.
//!
//! S3 has no conditional write for a bucket's configuration: two writers can read the same state
//! and the second then undoes the first. Reading back after every write, and starting over where
//! something got lost, brings all writers through. It also lets a request go on wherever an
//! earlier one stopped.

use std::collections::BTreeSet;

use custom_resource::Deadline;

use crate::apply::{Writes, apply};
use crate::case::{Case, Sound};
use crate::claims::Kept;
use crate::configuration::{ReplicationRule, Status};
use crate::error::ReplicationError;
use crate::fault::Fault;
use crate::made::Made;
use crate::observe::remains::{Asked, Search};
use crate::observed::Observed;
use crate::plan::{Deletion, plan_delete};
use crate::ports::Aws;
use crate::reads_back::undone;
use crate::replication::Replication;
use crate::rounds::{Rounds, Turn};
use crate::spec::{Site, Spec, Taking};
use crate::step::Plan;

/// What a request did so far, and found before it.
#[derive(Debug, Default)]
pub struct Progress {
    /// How many writes it made.
    pub writes: Writes,
    /// What it made.
    pub made: Made,
    /// Enabled rules of the bucket as they were found first; they may be in force for a while.
    pub former: Option<Vec<ReplicationRule>>,
    /// The role that they go by.
    pub former_role: Option<String>,
    /// The steps of the last round, each with what reads back.
    pub undone: Vec<String>,
    /// The warnings of the first plan: some are about what the request itself changes, and gone by its end.
    pub foreseen: Option<Vec<Fault>>,
}

impl Progress {
    fn note(&mut self, case: &Replication, former: Option<&Spec>, observed: &mut Observed) {
        if self.former.is_none() {
            self.made = Made::before(case, former, observed);
            let rules = observed.replication.iter().flat_map(|found| &found.rules);
            let enabled = rules.filter(|rule| rule.status == Status::Enabled);
            self.former = Some(enabled.cloned().collect());
            let found = observed.replication.as_ref();
            self.former_role = found.map(|found| found.role.clone());
        }
        self.made.fill_in(observed);
    }

    /// What `Plan` warned of before the request and the `last` plan does no more.
    #[must_use]
    pub fn gone_warnings(&self, last: &[Fault]) -> Vec<String> {
        let foreseen = self.foreseen.iter().flatten();
        let gone = foreseen.filter(|warning| !last.contains(warning));
        gone.map(Fault::to_string).collect()
    }
}

/// Brings the account to the spec, and stops where `until` leaves no time for it.
///
/// # Errors
/// What cannot be, or what AWS refused. Whatever was done stays, for the next request to go on from.
pub async fn provision<A: Aws>(
    case: &Case<'_, A>,
    until: Deadline,
    progress: &mut Progress,
) -> Result<Sound, ReplicationError> {
    let Replication { owner, spec, .. } = &case.replication;
    let mut rounds = Rounds::new(owner, until, &spec.source_bucket, "provision");
    loop {
        let turn = rounds.turn().await;
        let outcome = async {
            let mut observed = Box::pin(case.observe()).await?;
            progress.note(&case.replication, case.asked_before.as_ref(), &mut observed);
            let planned = case.plan(observed);
            let observed = planned.observed.clone();
            let sound = planned.sound().map_err(ReplicationError::Refused)?;
            progress
                .foreseen
                .get_or_insert_with(|| sound.warnings.clone());
            if sound.plan.is_empty() {
                return Ok(Some(sound));
            }
            progress.undone = undone(&sound.plan, &observed);
            if turn == Turn::Work {
                progress.made.note(&sound.plan, &case.replication);
                let applied = case.apply(&sound.plan, &mut progress.writes).await;
                progress.made.note_keys(progress.writes.1.clone());
                applied?;
            }
            Ok(None)
        };
        let outcome = Box::pin(outcome).await;
        match (turn, outcome) {
            (_, Ok(Some(sound))) => return Ok(sound),
            (Turn::Look, Ok(None)) => return Err(rounds.given_up(&progress.undone)),
            // What was refused before is the reason that it is not done.
            (Turn::Look, Err(error)) => return Err(rounds.trouble().unwrap_or(error)),
            (Turn::Work, outcome) => {
                rounds.end_knowing(outcome, &progress.made)?;
            }
        }
    }
}

/// Takes away what nothing needs any more: by these steps first where the new rules are `proved`.
///
/// # Errors
/// What AWS refused. What was not taken away, a later request finds.
pub async fn narrow<A: Aws>(
    case: &Case<'_, A>,
    mut proved: Option<Plan>,
    deadline: Deadline,
    writes: &mut Writes,
) -> Result<(), ReplicationError> {
    let is_proved = proved.is_some();
    let (owner, spec) = (&case.replication.owner, &case.replication.spec);
    let doing = "take away what nothing needs any more of";
    let mut rounds = Rounds::new(owner, deadline, &spec.source_bucket, doing);
    loop {
        rounds.begin().await?;
        let outcome = async {
            let plan = match proved.take() {
                Some(plan) => plan,
                None => case.narrowing(is_proved).await?,
            };
            case.apply(&plan, writes).await?;
            Ok(Some(()))
        };
        if rounds.end(Box::pin(outcome).await)?.is_some() {
            return Ok(());
        }
    }
}

/// How far a removal came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// All is gone but what stays, and who names it.
    But(Vec<Kept>),
    /// Nothing is: the record says that something of ours is in further places.
    NotYet(Vec<Site>),
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
) -> Result<Removed, ReplicationError> {
    let (accounts, owner) = (search.accounts, search.owner);
    let mut rounds = Rounds::new(owner, deadline, source_bucket, "delete");
    let (mut asked, mut stays) = (Asked::First(taking), BTreeSet::new());
    let mut writes = Writes::default();
    loop {
        rounds.begin().await?;
        let outcome = async {
            let remains = search.remains(source_bucket, asked).await?;
            if remains.left.iter().any(|site| !search.left.contains(site)) {
                return Ok(Some(Some(remains.left)));
            }
            asked = Asked::Again(remains.taking);
            let Deletion { plan, kept } = plan_delete(&remains, owner);
            stays.extend(kept);
            let before = writes.0;
            apply(accounts, &plan, owner, &mut writes).await?;
            // Steps that may find nothing to write (`…IfUnused`, `…IfEmpty`) are planned every time.
            Ok((writes.0 == before).then_some(None))
        };
        let outcome = rounds.end(Box::pin(outcome).await)?;
        if let Some(Some(further)) = outcome {
            return Ok(Removed::NotYet(further));
        }
        if outcome.is_some() {
            let kept: Vec<_> = stays.into_iter().collect();
            for kept in &kept {
                tracing::warn!(%kept, "see OPERATIONS, `What a Delete keeps`");
            }
            tracing::info!(writes = writes.0, "deleted");
            return Ok(Removed::But(kept));
        }
    }
}
