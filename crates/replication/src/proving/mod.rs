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
mod one;
mod telling;

use std::collections::BTreeMap;
use std::time::Duration;

use custom_resource::Deadline;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::finding::{Finding, ProofStatus};
use crate::format::{Format, reports};
use crate::in_time::in_time;
use crate::owner::{Kind, Owner, PhysicalId};
use crate::ports::Aws;
use crate::probe::CLEAN_UP_RESERVE;
use crate::record::{self, Parts, Record};
use crate::teller::Teller;

pub use self::finding::{DETAIL_TYPE, SCHEMA};

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
/// Replicas stay for this long beyond a checker's batch window: for EventBridge, the queue and a cold start.
const VERDICT_WITHIN: Duration = Duration::from_secs(30);

/// A direct invocation's payload.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(rename = "Action")]
    _action: String,
    /// The `Ref` of the one resource to prove; all where there is no name at all.
    #[serde(default)]
    physical_resource_id: Option<String>,
    /// Name of a source bucket, to prove the resources on it.
    #[serde(default)]
    source_bucket: Option<String>,
    /// Name or ARN of a stack, to prove its resources.
    #[serde(default)]
    stack_name: Option<String>,
    /// The resource's name in the template, where the stack has several.
    #[serde(default)]
    logical_resource_id: Option<String>,
    /// The longest batch window of the checkers that judge the replicas, in seconds.
    #[serde(default)]
    batch_window_seconds: u16,
    /// Whether to tell it by events and metrics too, not only in the answer.
    #[serde(default = "reports")]
    report: bool,
    /// How the answer is to be put.
    #[serde(default)]
    pub(crate) format: Format,
}

impl Wanted {
    /// What asks for it.
    pub(crate) const ACTION: &str = "Prove";

    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it, and what a right one looks like.
    pub(crate) fn read(payload: Value) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| {
            format!(
                "the question cannot be read: {why}; write {{\"Action\": \"{}\"}}, with \"PhysicalResourceId\", \
                 \"SourceBucket\" or \"StackName\" (and \"LogicalResourceId\") to prove those resources alone, and \
                 \"Report\": false for an answer and no events and metrics",
                Self::ACTION
            )
        };
        let wanted: Self = serde_json::from_value(payload).map_err(|error| wrong(&error))?;
        if wanted.logical_resource_id.is_some() && wanted.stack_name.is_none() {
            return Err(wrong(
                &"`LogicalResourceId` is a name within a stack, and there is no `StackName`",
            ));
        }
        Ok(wanted)
    }

    /// How long replicas stay. Who only wants the answer waits for no checker.
    fn keep(&self) -> Duration {
        if self.report {
            VERDICT_WITHIN + Duration::from_secs(self.batch_window_seconds.into())
        } else {
            Duration::ZERO
        }
    }

    /// Whether it is about some resources, and not about all there are.
    const fn names_some(&self) -> bool {
        self.physical_resource_id.is_some()
            || self.source_bucket.is_some()
            || self.stack_name.is_some()
    }

    /// Whether a resource is among those it is about.
    fn is_about(&self, record: &Record, id: &PhysicalId) -> bool {
        let is = |wanted: &Option<String>, matches: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(matches)
        };
        is(&self.physical_resource_id, &|text| {
            PhysicalId::parse(text).is_some_and(|wanted| wanted.owner == id.owner)
        }) && is(&self.source_bucket, &|bucket| bucket == id.source_bucket)
            && is(&self.stack_name, &|stack| {
                stack == record.stack_name() || stack == record.stack_id
            })
            && is(&self.logical_resource_id, &|name| {
                name == record.logical_resource_id
            })
    }

    /// The names in it, for a person.
    fn names(&self) -> String {
        let named = [
            ("PhysicalResourceId", &self.physical_resource_id),
            ("SourceBucket", &self.source_bucket),
            ("StackName", &self.stack_name),
            ("LogicalResourceId", &self.logical_resource_id),
        ];
        let given = named
            .iter()
            .filter_map(|(name, value)| Some(format!("`{name}` `{}`", value.as_deref()?)));
        given.collect::<Vec<_>>().join(", ")
    }
}

/// One round of proofs of the resources that the provisioner looks after.
#[derive(Debug)]
pub(crate) struct Proving<'a, A> {
    pub(crate) teller: Teller<'a, A>,
}

/// What each proof of a round goes by.
#[derive(Clone, Copy, Debug)]
struct Round {
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
}

impl<A: Aws> Proving<'_, A> {
    /// Proves, and tells what was seen.
    ///
    /// # Errors
    /// Where the records could not be listed, there is no such resource, or what was seen could not be told.
    pub(crate) async fn run(&self, wanted: &Wanted) -> Result<Value, String> {
        let records = self.records(wanted).await?;
        let answer = self.prove(records, wanted).await;
        tracing::info!(
            resources = answer.resources.len(),
            completed = answer.completed,
            failed = answer.failed,
            pending = answer.pending,
            unknown = answer.unknown,
            not_reached = answer.not_reached.len(),
            "proved replication again"
        );
        if wanted.report {
            self.measure(&answer)?;
            // Some resources say nothing of how many failed.
            if !wanted.names_some() {
                self.count(&answer)?;
                self.tell_whether_replicas_are_awaited().await;
            }
            self.publish(&answer).await?;
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

    /// Which of so many resources comes first: each round another one, so that all have their turn where there is not
    /// time for all.
    fn first_of(&self, count: usize) -> usize {
        let minutes = u64::try_from(self.teller.aws.now().secs() / 60).unwrap_or_default();
        let count = u64::try_from(count).unwrap_or_default().max(1);
        // Spread, or an hourly round over thirty resources would always begin with the same.
        let spread = minutes.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        usize::try_from(spread % count).unwrap_or_default()
    }

    /// Proves as many resources as there is time for. Probes are given up in time to be removed: none is left behind.
    async fn prove(&self, records: BTreeMap<Owner, Parts>, wanted: &Wanted) -> Answer {
        let deadline = self.teller.deadline;
        let telling = TELLING.min(deadline.remaining() / 4);
        let stop = deadline.earlier_by(telling);
        let ending = (CLEAN_UP_RESERVE + LOOKING).min(stop.remaining() / 2);
        let last = stop.earlier_by(ending);
        let looking = stop.earlier_by(ending / 2);
        let keep = wanted.keep();
        let asked_by_name = wanted.names_some();
        let mut turns: Vec<_> = records.iter().collect();
        let first = self.first_of(turns.len());
        turns.rotate_left(first);
        let proofs = turns
            .into_iter()
            .enumerate()
            .map(|(place, (owner, parts))| {
                Box::pin(async move {
                    // The first ones are always tried, or nothing would ever be.
                    if place >= AT_ONCE && last.remaining() < keep + LEAST {
                        return (owner.clone(), None);
                    }
                    let round = Round {
                        patience: last.min(Deadline::after(PATIENCE + keep)),
                        looking,
                        keep,
                        asked_by_name,
                    };
                    (owner.clone(), Some(self.one(owner, parts, round).await))
                })
            });
        let stop = stop.instant();
        // Those that there was no time for are as unseen as those that did not end.
        let mut seen: BTreeMap<Owner, Option<Option<Finding>>> =
            in_time(proofs.collect(), AT_ONCE, stop).await;
        seen.retain(|_, found| found.is_some());
        let missed = records
            .iter()
            .filter(|(owner, _)| !seen.contains_key(*owner));
        let not_reached = missed.map(|(owner, parts)| record::name_of(owner, parts));
        let not_reached = not_reached.collect();
        let mut resources: Vec<_> = seen.into_values().flatten().flatten().collect();
        resources.sort_by(|a, b| a.physical_resource_id.cmp(&b.physical_resource_id));
        let count = |result| {
            let found = resources.iter().filter(|found| found.result == result);
            found.count()
        };
        Answer {
            action: Wanted::ACTION,
            completed: count(ProofStatus::Completed),
            failed: count(ProofStatus::Failed),
            pending: count(ProofStatus::Pending),
            unknown: count(ProofStatus::Unknown),
            resources,
            not_reached,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource() -> (Record, PhysicalId) {
        let stack = "arn:aws:cloudformation:us-east-1:111122223333:stack/tax/5f7a";
        let id = PhysicalId::new(stack, "Replication", "source");
        let text = json!({"schema": "encrypted-replication/resource/1", "stackId": stack, "properties": {},
                          "logicalResourceId": "Replication", "physicalResourceId": id.to_string()});
        Record::read(&id.owner, &[(0, text.to_string())].into()).unwrap()
    }

    #[test]
    fn whom_a_question_is_about() {
        let (record, id) = resource();
        let other = PhysicalId::new("stack", "Replication", "source").to_string();
        for (given, some, expected) in [
            (json!({}), false, true),
            (json!({"PhysicalResourceId": id.to_string()}), true, true),
            (json!({"PhysicalResourceId": other}), true, false),
            (json!({"SourceBucket": "source"}), true, true),
            (json!({"SourceBucket": "sourc"}), true, false),
            (json!({"StackName": "tax"}), true, true),
            (json!({"StackName": record.stack_id}), true, true),
            (json!({"StackName": "ta"}), true, false),
            (
                json!({"StackName": "tax", "LogicalResourceId": "Replication"}),
                true,
                true,
            ),
            (
                json!({"StackName": "tax", "LogicalResourceId": "Second"}),
                true,
                false,
            ),
            (
                json!({"StackName": "tax", "SourceBucket": "other"}),
                true,
                false,
            ),
        ] {
            let mut payload = given.clone();
            payload["Action"] = json!("Prove");
            let wanted = Wanted::read(payload).unwrap();
            assert_eq!(wanted.names_some(), some, "{given}");
            assert_eq!(wanted.is_about(&record, &id), expected, "{given}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_can() {
        for (payload, why) in [
            (
                json!({"Action": "Prove", "StackId": "s"}),
                "unknown field `StackId`",
            ),
            (
                json!({"Action": "Prove", "BatchWindowSeconds": -1}),
                "invalid value",
            ),
            (
                json!({"Action": "Prove", "LogicalResourceId": "R"}),
                "there is no `StackName`",
            ),
        ] {
            let error = Wanted::read(payload).unwrap_err();
            assert!(error.contains(why), "{error}");
            assert!(error.contains("write {\"Action\": \"Prove\"}"), "{error}");
        }
    }
}
