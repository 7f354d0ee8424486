//! What a round showed: as metrics, and on the event bus.

use embedded_metrics::Metric;

use super::finding::ProofStatus;
use super::{Answer, Proving};
use crate::owner::{PARAMETERS, RECORDS};
use crate::ports::{Aws, Below};
use crate::teller::Teller;

/// By source bucket: how long the slowest probe was under way, where all arrived.
const SECONDS: &str = "ProofSeconds";
/// By source bucket: whether rules were shown not to work, 0 too, so that an alarm ends.
const FAILED: &str = "ProofFailed";

/// Of every round over all resources as far as it has come, zero too.
const FAILED_PROOFS: &str = "FailedProofs";
const UNDETERMINED_PROOFS: &str = "UndeterminedProofs";

impl<A: Aws> Proving<'_, A> {
    /// Says of each source bucket what is known; where nothing is, nothing.
    pub(super) fn measure(&self, answer: &Answer) -> Result<(), String> {
        for found in &answer.resources {
            let Some(bucket) = &found.source_bucket else {
                continue;
            };
            let failed = match found.result {
                ProofStatus::Failed => 1,
                ProofStatus::Completed | ProofStatus::Pending => 0,
                ProofStatus::Skipped | ProofStatus::Unknown => continue,
            };
            let mut metrics = vec![Metric::count(FAILED, failed)];
            metrics.extend(found.seconds.map(|seconds| Metric {
                name: SECONDS,
                unit: "Seconds",
                value: seconds.into(),
            }));
            let written = self.teller.aws.measure(bucket, metrics);
            written.map_err(|error| format!("the metrics could not be written: {error}"))?;
        }
        Ok(())
    }

    pub(super) fn count(&self, answer: &Answer) -> Result<(), String> {
        self.teller.count(&[
            (FAILED_PROOFS, answer.round.failed),
            (UNDETERMINED_PROOFS, answer.round.undetermined),
        ])
    }

    /// Says in the log where no replicas are expected in this Region: nobody has to wait for the verdict on a probe's.
    pub(super) async fn tell_whether_replicas_are_awaited(&self) {
        let Teller {
            aws, installation, ..
        } = self.teller;
        let region = &installation.home.region;
        match aws.parameters(region, PARAMETERS, Below::All).await {
            Ok(found) => {
                let awaits_replicas = found.keys().any(|name| !name.starts_with(RECORDS));
                // The template's metric filter goes by this member.
                tracing::info!(
                    awaits_replicas,
                    "looked whether replicas are expected in this Region"
                );
            }
            Err(error) => {
                tracing::warn!(%error, "it is not known whether replicas are expected in this Region");
            }
        }
    }

    /// Sends one event for each resource that there was something to prove of, and has another invocation go on.
    pub(super) async fn publish(&self, answer: &Answer) -> Result<(), String> {
        let home = &self.teller.installation.home;
        let tried = answer
            .resources
            .iter()
            .filter(|found| found.result != ProofStatus::Skipped);
        // First, as others wait for their turn.
        let next = answer.continued.map(|_| self.event());
        let told = tried.map(|found| found.event(home));
        let events: Vec<_> = next.into_iter().chain(told).collect();
        self.teller.publish(&events).await.map_err(|unsent| {
            format!(
                "{} proofs failed, but {}",
                answer.failed,
                unsent.told("results", "prove again"),
            )
        })
    }
}
