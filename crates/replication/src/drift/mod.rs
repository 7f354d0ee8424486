//! Drift: what was changed behind the stacks' backs.
//!
//! ```json
//! {"Action": "DetectDrift"}
//! ```
//!
//! Each resource has a [record] of what it was asked for. A look observes and plans as
//! an Update with the same properties would, and carries nothing out: whatever step it would take,
//! somebody else made necessary. What only follows the steps (the probe, the batch job, the record)
//! is no part of that plan, and so no drift.

mod finding;
mod look;
mod publish;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::finding::{DriftStatus, Finding};
use crate::format::{Format, reports};
use crate::in_time::in_time;
use crate::owner::{Owner, PhysicalId};
use crate::ports::Aws;
use crate::record::{self, Parts};
use crate::teller::Teller;

pub use self::finding::{DETAIL_TYPE, SCHEMA};

/// Resources looked at at once: each look is some twenty calls at once, and IAM takes few a second.
const AT_ONCE: usize = 4;

/// Kept for telling what was seen.
const RESERVE: Duration = Duration::from_secs(30);

/// Metrics of every look at all resources, zero too, so that an alarm ends.
const DRIFTED: &str = "DriftedResources";
const UNDETERMINED: &str = "UndeterminedResources";

/// A direct invocation's payload.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Look {
    #[serde(rename = "Action")]
    _action: String,
    /// The `Ref` of the one resource to look at; all where there is none.
    #[serde(default)]
    physical_resource_id: Option<String>,
    /// Whether to tell it by events and metrics too, not only in the answer.
    #[serde(default = "reports")]
    report: bool,
    /// How the answer is to be put.
    #[serde(default)]
    pub(crate) format: Format,
}

impl Look {
    /// What asks for one.
    pub(crate) const ACTION: &str = "DetectDrift";

    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it, and what a right one looks like.
    pub(crate) fn read(payload: Value) -> Result<Self, String> {
        serde_json::from_value(payload).map_err(|error| {
            format!(
                "the question cannot be read: {error}; write {{\"Action\": \"{}\"}}, with \"PhysicalResourceId\": \"the Ref of \
                 one resource\" to look at that alone, and \"Report\": false for an answer and no events and metrics",
                Self::ACTION
            )
        })
    }
}

/// One look at the resources that the provisioner looks after.
#[derive(Debug)]
pub(crate) struct Detection<'a, A> {
    pub(crate) teller: Teller<'a, A>,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    action: &'static str,
    resources: Vec<Finding>,
    drifted: usize,
    unknown: usize,
    /// Resources that there was no time for.
    not_looked_at: Vec<String>,
}

impl<A: Aws> Detection<'_, A> {
    /// Looks, and tells what was seen.
    ///
    /// # Errors
    /// Where the records could not be listed, the resource asked for has none, or what was seen could
    /// not be told.
    pub(crate) async fn run(&self, asked: &Look) -> Result<Value, String> {
        let records = self.records(asked).await?;
        let answer = self.look_at(records).await;
        tracing::info!(
            resources = answer.resources.len(),
            drifted = answer.drifted,
            unknown = answer.unknown,
            not_looked_at = answer.not_looked_at.len(),
            "looked for drift"
        );
        if asked.report {
            // A look at one resource says nothing of how many drifted.
            if asked.physical_resource_id.is_none() {
                self.count(&answer)?;
            }
            self.teller
                .log(answer.resources.iter().map(Finding::detail))?;
            self.publish(&answer).await?;
        }
        serde_json::to_value(&answer).map_err(|error| format!("the answer is no JSON: {error}"))
    }

    async fn records(&self, asked: &Look) -> Result<BTreeMap<Owner, Parts>, String> {
        let Teller {
            aws, function_arn, ..
        } = self.teller;
        let region = &self.teller.installation.home.region;
        let Some(text) = &asked.physical_resource_id else {
            let all = record::looked_after(aws, region, function_arn).await;
            return all.map_err(|error| error.to_string());
        };
        let Some(PhysicalId { owner, .. }) = PhysicalId::parse(text) else {
            return Err(format!(
                "`PhysicalResourceId` `{text}` is not what `Ref` gives for the resource: encrypted-replication/BUCKET/OWNER"
            ));
        };
        let found = record::of(aws, region, &owner).await;
        let parts = found.map_err(|error| error.to_string())?;
        if parts.is_empty() {
            return Err(format!(
                "there is no record of `{text}` in {region}: it is not there, is another Region's, or was last updated by a \
                 version that kept none; update its stack with any property of the resource changed"
            ));
        }
        Ok(BTreeMap::from([(owner, parts)]))
    }

    /// Looks at as many resources as there is time for.
    async fn look_at(&self, records: BTreeMap<Owner, Parts>) -> Answer {
        let deadline = self.teller.deadline;
        let reserve = RESERVE.min(deadline.remaining() / 4);
        let stop = deadline.earlier_by(reserve).instant();
        let looks = records.iter().map(|(owner, parts)| {
            Box::pin(async move { (owner.clone(), self.look(owner, parts).await) })
        });
        let seen: BTreeMap<Owner, Option<Finding>> = in_time(looks.collect(), AT_ONCE, stop).await;
        let missed = records
            .iter()
            .filter(|(owner, _)| !seen.contains_key(*owner));
        let not_looked_at = missed.map(|(owner, parts)| record::name_of(owner, parts));
        let not_looked_at = not_looked_at.collect();
        let mut resources: Vec<_> = seen.into_values().flatten().collect();
        resources.sort_by(|a, b| a.physical_resource_id.cmp(&b.physical_resource_id));
        let count = |outcome| {
            let found = resources.iter().filter(|found| found.result == outcome);
            found.count()
        };
        Answer {
            action: Look::ACTION,
            drifted: count(DriftStatus::Drifted),
            unknown: count(DriftStatus::Unknown),
            resources,
            not_looked_at,
        }
    }

    fn count(&self, answer: &Answer) -> Result<(), String> {
        let undetermined = answer.unknown + answer.not_looked_at.len();
        self.teller
            .count(&[(DRIFTED, answer.drifted), (UNDETERMINED, undetermined)])
    }
}
