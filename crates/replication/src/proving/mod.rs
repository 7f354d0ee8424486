//! Proved again: what was proved on the day of its deployment may have broken since, and nobody uploads
//! on a weekend.
//!
//! ```json
//! {"Action": "Prove"}
//! ```
//!
//! Each resource has a [record] of what it was asked for. Its rules are proved by the same probes as a Create or Update
//! proves them with, and nothing else is written. Replicas stay for a while where they arrived, so that the checker gives
//! them their verdict: the whole way is proved, from an upload to its verdict.

mod finding;
mod handing_on;
mod one;
mod question;
mod telling;
mod turns;
mod way;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use custom_resource::Deadline;
use serde::Serialize;
use serde_json::{Value, json};

use self::finding::{Finding, ProofStatus};
use self::turns::Round;
use crate::in_time::in_time;
use crate::owner::{Kind, Owner, PhysicalId};
use crate::ports::Aws;
use crate::probe::CLEAN_UP_RESERVE;
use crate::record::{self, Parts, Record};
use crate::teller::Teller;

pub use self::finding::{DETAIL_TYPE, SCHEMA};
pub use self::handing_on::DETAIL_TYPE as CONTINUES_DETAIL_TYPE;
pub(crate) use self::question::Wanted;

/// Resources proved at once: each is some thirty calls at its beginning, and then waits.
const AT_ONCE: usize = 12;

/// Kept for telling what was seen.
const TELLING: Duration = Duration::from_secs(20);
/// Kept to look for the cause where a probe did not arrive.
const LOOKING: Duration = Duration::from_secs(15);
/// A resource that is begun with less than this before the end is told as late, where it is only left out.
const LEAST: Duration = Duration::from_secs(30);

/// How long a probe may be under way, as where a stack waits for one with `BestEffort`.
const PATIENCE: Duration = Duration::from_mins(5);
/// Nothing here is so new that AWS may not know it everywhere: what comes to nothing so often is broken.
const ATTEMPTS: u32 = 3;

/// One round of proofs of the resources that the provisioner looks after.
#[derive(Debug)]
pub(crate) struct Proving<'a, A> {
    pub(crate) teller: Teller<'a, A>,
}

/// What each proof of a round goes by.
#[derive(Clone, Copy, Debug)]
struct Terms {
    /// When probes are given up, to be removed.
    patience: Deadline,
    /// When causes are looked for no longer.
    looking: Deadline,
    /// How long replicas stay.
    keep: Duration,
    /// Whether resources whose `Verification` is `None` are proved too.
    asked_by_name: bool,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    action: &'static str,
    resources: Vec<Finding>,
    completed: usize,
    failed: usize,
    pending: usize,
    unknown: usize,
    /// Resources that there was no time for.
    not_reached: Vec<String>,
    /// How many another invocation goes on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    continued: Option<usize>,
    /// Those.
    #[serde(skip)]
    rest: Vec<String>,
    /// How far the round has come, and what to.
    #[serde(skip)]
    round: Round,
}

impl<A: Aws> Proving<'_, A> {
    /// Proves, and tells what was seen.
    ///
    /// # Errors
    /// Where the records could not be listed, there is no such resource, or what was seen could not be told.
    pub(crate) async fn run(&self, wanted: &Wanted) -> Result<Value, String> {
        let records = self.records(wanted).await?;
        let round = if wanted.continues {
            let kept = self.taken_up().await;
            let Some(round) = kept.map_err(|error| error.to_string())? else {
                tracing::warn!("there is no round of proofs to go on with");
                return Ok(json!({"Action": Wanted::ACTION, "Resources": []}));
            };
            round
        } else {
            Round::beginning(&records, self.teller.aws.now())
        };
        let mut answer = self.prove(records, wanted, round).await;
        self.hand_on(&mut answer).await;
        tracing::info!(
            resources = answer.resources.len(),
            completed = answer.completed,
            failed = answer.failed,
            pending = answer.pending,
            unknown = answer.unknown,
            not_reached = answer.not_reached.len(),
            continued = answer.continued.unwrap_or_default(),
            "proved replication again"
        );
        if wanted.report {
            self.measure(&answer)?;
            self.teller
                .log(answer.resources.iter().map(Finding::detail))?;
            // Some resources say nothing of how many failed.
            if !wanted.names_some() {
                self.count(&answer)?;
                self.tell_whether_replicas_are_awaited().await;
            }
            self.publish(&answer).await?;
        }
        if wanted.continues && answer.continued.is_none() {
            self.forget().await;
        }
        serde_json::to_value(&answer).map_err(|error| format!("the answer is no JSON: {error}"))
    }

    async fn records(&self, wanted: &Wanted) -> Result<BTreeMap<Owner, Parts>, String> {
        let Teller {
            aws, function_arn, ..
        } = self.teller;
        let region = &self.teller.installation.home.region;
        if let Some(text) = &wanted.physical_resource_id {
            match PhysicalId::parse(text) {
                Some(id) if id.kind == Kind::Watched => {
                    return Err(format!(
                        "`{text}` watches rules of others, whose buckets no probe is written to: ask \
                         {{\"Action\": \"Diagnose\"}}"
                    ));
                }
                Some(_) => {}
                None => {
                    return Err(format!(
                        "`PhysicalResourceId` `{text}` is not what `Ref` gives for the resource: \
                         encrypted-replication/BUCKET/OWNER"
                    ));
                }
            }
        }
        let all = record::looked_after(aws, region, function_arn).await;
        let mut all = all.map_err(|error| error.to_string())?;
        all.retain(|owner, parts| match Record::read(owner, parts) {
            // Where rules of others are watched, no object is ever written.
            Ok((record, id)) => id.kind != Kind::Watched && wanted.is_about(&record, &id),
            // Nobody knows what it is called.
            Err(_) => !wanted.names_some(),
        });
        if wanted.names_some() && all.is_empty() {
            return Err(format!(
                "there is no record of a resource with {} in {region}: it is not there, is another Region's or another \
                 provisioner's, or was last updated by a version that kept none; update its stack with any property of \
                 the resource changed",
                wanted.names()
            ));
        }
        Ok(all)
    }

    /// Whether there is somebody to hand on to what there is no time for: by an event, and so where it is told by events.
    const fn goes_on(&self, wanted: &Wanted) -> bool {
        wanted.report && !wanted.names_some() && self.teller.bus.is_some()
    }

    /// Proves as many resources as there is time for. Probes are given up in time to be removed: none is left behind.
    async fn prove(
        &self,
        records: BTreeMap<Owner, Parts>,
        wanted: &Wanted,
        mut round: Round,
    ) -> Answer {
        let deadline = self.teller.deadline;
        let telling = TELLING.min(deadline.remaining() / 4);
        let stop = deadline.earlier_by(telling);
        let ending = (CLEAN_UP_RESERVE + LOOKING).min(stop.remaining() / 2);
        let last = stop.earlier_by(ending);
        let looking = stop.earlier_by(ending / 2);
        let keep = wanted.keep();
        let asked_by_name = wanted.names_some();
        let turns = round.turns(&records);
        let begun = &AtomicUsize::new(0);
        let proofs = turns.iter().enumerate().map(|(place, &(owner, parts))| {
            Box::pin(async move {
                // The first ones are always tried, or nothing would ever be.
                if place >= AT_ONCE && last.remaining() < keep + LEAST {
                    return (owner.clone(), None);
                }
                begun.fetch_max(place + 1, Ordering::Relaxed);
                let terms = Terms {
                    patience: last.min(Deadline::after(PATIENCE + keep)),
                    looking,
                    keep,
                    asked_by_name,
                };
                (owner.clone(), Some(self.one(owner, parts, terms).await))
            })
        });
        let stop = stop.instant();
        // Those that there was no time for are as unseen as those that did not end.
        let mut seen: BTreeMap<Owner, Option<Option<Finding>>> =
            in_time(proofs.collect(), AT_ONCE, stop).await;
        seen.retain(|_, found| found.is_some());
        // What was begun and did not end is told, and not begun again: each invocation comes further than the one before.
        let begun = if self.goes_on(wanted) {
            begun.load(Ordering::Relaxed)
        } else {
            turns.len()
        };
        let rest = turns.get(begun..).unwrap_or_default();
        if let Some((next, _)) = rest.first() {
            round.from = next.to_string();
        }
        let rest = rest
            .iter()
            .map(|(owner, parts)| record::name_of(owner, parts))
            .collect();
        let mut not_reached: Vec<_> = turns
            .iter()
            .take(begun)
            .filter(|(owner, _)| !seen.contains_key(*owner))
            .map(|(owner, parts)| record::name_of(owner, parts))
            .collect();
        not_reached.sort();
        let mut resources: Vec<_> = seen.into_values().flatten().flatten().collect();
        resources.sort_by(|a, b| a.physical_resource_id.cmp(&b.physical_resource_id));
        let count = |result| {
            let found = resources.iter().filter(|found| found.result == result);
            found.count()
        };
        let (failed, pending) = (count(ProofStatus::Failed), count(ProofStatus::Pending));
        let unknown = count(ProofStatus::Unknown);
        round.failed += failed;
        round.undetermined += pending + unknown + not_reached.len();
        Answer {
            action: Wanted::ACTION,
            completed: count(ProofStatus::Completed),
            failed,
            pending,
            unknown,
            resources,
            not_reached,
            continued: None,
            rest,
            round,
        }
    }
}
