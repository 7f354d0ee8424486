//! CloudWatch metrics of a batch of verdicts.
//!
//! One line for each bucket and verdict of a batch. Each line counts its own verdicts only, so the
//! sum over a bucket's lines, which is what the dimension set `[Bucket]` shows, counts nothing twice.

use std::collections::BTreeMap;

use embedded_metrics::{Dimensions, Metric, line};

use crate::verdict::{Kind, Verdict};

/// Every metric: name, unit, meaning.
pub const METRICS: [(&str, &str, &str); 6] = [
    (CHECKED, COUNT, "replica versions that got a verdict"),
    (
        NON_COMPLIANT,
        COUNT,
        "findings: verdicts whose `compliant` is false, but for probes that did not arrive",
    ),
    (
        FAILURES,
        COUNT,
        "replications that failed, by the source bucket; probes' are told by their proof",
    ),
    (
        PROOFS,
        COUNT,
        "replicas of probes that got a verdict on their encryption: the way to it works",
    ),
    (
        REPAIRED,
        COUNT,
        "versions that this checker re-encrypted, whatever their verdict is since",
    ),
    (LATENCY, MILLISECONDS, "from the event to the verdict"),
];
const CHECKED: &str = "ReplicasChecked";
const NON_COMPLIANT: &str = "NonCompliant";
const FAILURES: &str = "ReplicationFailures";
const REPAIRED: &str = "Repaired";
const PROOFS: &str = "ProofVerdicts";
const LATENCY: &str = "CheckLatency";
const COUNT: &str = "Count";
const MILLISECONDS: &str = "Milliseconds";

/// CloudWatch takes at most this many values of one metric in one line.
const MOST_VALUES: usize = 100;

/// Verdicts of one batch, counted.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    groups: BTreeMap<(String, Kind), Group>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    checked: u64,
    non_compliant: u64,
    failures: u64,
    repaired: u64,
    proofs: u64,
    latencies_ms: Vec<i64>,
}

impl Metrics {
    /// Counts one verdict, given `now_ms` milliseconds after 1970.
    ///
    /// `ReplicasChecked` leaves out what is no replica: `NotReplica` and the source bucket's events.
    /// `ProofVerdicts` is there where it counts any, as each metric has its price. `CheckLatency` is known where the event has a time; a clock that runs behind counts as 0.
    pub fn count(&mut self, verdict: &Verdict, now_ms: i64) {
        let kind = verdict.judgement.kind;
        let group = self
            .groups
            .entry((verdict.version.bucket.clone(), kind))
            .or_default();
        group.checked += u64::from(verdict.replication.is_none() && kind != Kind::NotReplica);
        let told = !verdict.is_told_by_proof();
        group.non_compliant += u64::from(told && kind.compliant() == Some(false));
        group.failures += u64::from(told && verdict.is_replication_failure());
        group.proofs += u64::from(verdict.is_proof());
        group.repaired += u64::from(verdict.repaired);
        if let Some(event) = verdict.version.event_time_ms {
            group.latencies_ms.push(now_ms.saturating_sub(event).max(0));
        }
    }

    /// The lines, without their line feeds.
    #[must_use]
    pub fn lines(&self, now_ms: i64) -> Vec<String> {
        let mut lines = Vec::new();
        for ((bucket, kind), group) in &self.groups {
            let by_verdict = Dimensions {
                sets: &[&["Bucket"], &["Bucket", "Verdict"]],
                values: &[("Bucket", bucket), ("Verdict", kind.as_str())],
            };
            let mut chunks = group.latencies_ms.chunks(MOST_VALUES).map(latencies);
            let proofs = (group.proofs > 0).then(|| Metric::count(PROOFS, group.proofs));
            let counts = group.counts().into_iter().chain(proofs);
            let counts = counts.chain(chunks.next());
            lines.push(line(now_ms, by_verdict, counts.collect()));
            lines.extend(chunks.map(|chunk| line(now_ms, by_verdict, vec![chunk])));
        }
        lines
    }
}

impl Group {
    fn counts(&self) -> [Metric; 4] {
        [
            Metric::count(CHECKED, self.checked),
            Metric::count(NON_COMPLIANT, self.non_compliant),
            Metric::count(FAILURES, self.failures),
            Metric::count(REPAIRED, self.repaired),
        ]
    }
}

fn latencies(chunk: &[i64]) -> Metric {
    Metric {
        name: LATENCY,
        unit: MILLISECONDS,
        value: chunk.into(),
    }
}
