//! What is asked of the evidence without anybody asking: how each bucket stands, for AWS Config; and which replicas
//! nobody has judged, for the checker.

mod ports;
mod request;
mod sweep;

use std::collections::BTreeSet;

use expectation::Time;
use futures_util::{StreamExt, stream};
use serde::Serialize;

pub use self::ports::{Cloud, Evaluation, Version};
pub use self::request::{NoRequest, Request};
pub use self::sweep::{SWEEP_SCHEMA, Sweep, SweptBucket};
use crate::posture::{Compliance, Known, Posture};
use crate::queries::{POPULATION, POSTURE};
use crate::seal::AskError;

/// Queries that run at the same time: Athena has twenty for the whole account, in the smallest Regions.
const AT_ONCE: usize = 4;

/// Nothing was written to S3 before.
const FIRST_OBJECT: &str = "2006-01-01T00:00:00Z";

/// Asks of one account's buckets in one Region.
#[derive(Debug)]
pub struct Asker<C> {
    cloud: C,
    /// How many days of verdicts are looked at.
    days: i64,
}

/// What came of an evaluation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Evaluated {
    /// What AWS Config was told.
    pub evaluations: Vec<Evaluation>,
    /// Buckets that could not be asked about, and why. What AWS Config knows of them stays as it was.
    pub failed: Vec<String>,
}

impl<C: Cloud> Asker<C> {
    /// Looks at the verdicts of this many days.
    pub const fn new(cloud: C, days: i64) -> Self {
        Self { cloud, days }
    }

    /// Tells AWS Config how each bucket stands of which anything is expected; of those that it knows of and nothing is
    /// expected of any more, that the rule does not apply.
    ///
    /// # Errors
    /// Where the expectations cannot be read, or AWS Config does not take what it is told.
    pub async fn evaluate(&self, request: &Request) -> Result<Evaluated, AskError> {
        let buckets = self.cloud.expected().await?;
        let asked = stream::iter(&buckets).map(|bucket| self.bucket(bucket, request.at));
        let asked: Vec<_> = asked.buffered(AT_ONCE).collect().await;
        let mut told = Evaluated::default();
        for (bucket, evaluation) in buckets.iter().zip(asked) {
            match evaluation {
                Ok(evaluation) => told.evaluations.push(evaluation),
                Err(error) => told.failed.push(format!("{bucket}: {error}")),
            }
        }
        for bucket in self.left(&request.rule, &buckets).await? {
            told.evaluations.push(Evaluation {
                bucket,
                compliance: Compliance::NotApplicable,
                annotation: "nothing is expected of it any more".to_owned(),
            });
        }
        self.cloud.put(request, &told.evaluations).await?;
        Ok(told)
    }

    async fn left(
        &self,
        rule: &str,
        buckets: &BTreeSet<String>,
    ) -> Result<BTreeSet<String>, AskError> {
        let known = self.cloud.evaluated(rule).await?;
        Ok(known.difference(buckets).cloned().collect())
    }

    async fn bucket(&self, bucket: &str, at: Time) -> Result<Evaluation, AskError> {
        let (since, today) = self.span(at);
        let (first, last) = (since.to_string(), today.to_string());
        let inventory = self.cloud.newest_inventory(bucket).await?;
        let (known, rows) = if let Some(dt) = &inventory {
            let now = at.to_string();
            let parameters = [FIRST_OBJECT, &now, bucket, dt, bucket, &first, &last];
            let rows = self.cloud.ask(POPULATION, &parameters).await?;
            (Known::ByInventory(dt), rows)
        } else {
            let rows = self.cloud.ask(POSTURE, &[bucket, &first, &last]).await?;
            (Known::ByVerdicts(since), rows)
        };
        let posture = Posture::of(rows, known).map_err(|error| AskError {
            operation: "athena:GetQueryResults",
            resource: format!("bucket {bucket}"),
            answer: error.to_string(),
        })?;
        Ok(Evaluation {
            bucket: bucket.to_owned(),
            compliance: posture.compliance(),
            annotation: posture.annotation(known),
        })
    }
}

#[cfg(test)]
mod tests;
