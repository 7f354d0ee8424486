//! CloudWatch metrics in embedded metric format: lines of JSON that CloudWatch reads from the log.
//!
//! One line for each bucket and verdict of a batch. Each line counts its own verdicts only, so the
//! sum over a bucket's lines, which is what the dimension set `[Bucket]` shows, counts nothing twice.
//!
//! See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::verdict::{Kind, Verdict};

/// The metrics' namespace.
pub const NAMESPACE: &str = "EncryptedReplication";

/// Every metric: name, unit, meaning.
pub const METRICS: [(&str, &str, &str); 5] = [
    (CHECKED, COUNT, "replica versions that got a verdict"),
    (
        NON_COMPLIANT,
        COUNT,
        "findings: verdicts whose `compliant` is false",
    ),
    (
        FAILURES,
        COUNT,
        "replications that failed, by the source bucket",
    ),
    (
        REPAIRED,
        COUNT,
        "versions that this checker re-encrypted, whatever their verdict is since",
    ),
    (LATENCY, "Milliseconds", "from the event to the verdict"),
];
const CHECKED: &str = "ReplicasChecked";
const NON_COMPLIANT: &str = "NonCompliant";
const FAILURES: &str = "ReplicationFailures";
const REPAIRED: &str = "Repaired";
const LATENCY: &str = "CheckLatency";
const COUNT: &str = "Count";

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
    latencies_ms: Vec<i64>,
}

impl Metrics {
    /// Counts one verdict, given `now_ms` milliseconds after 1970.
    ///
    /// `ReplicasChecked` leaves out what is no replica: `NotReplica` and the source bucket's events.
    /// `CheckLatency` is known where the event has a time; a clock that runs behind counts as 0.
    pub fn count(&mut self, verdict: &Verdict, now_ms: i64) {
        let kind = verdict.judgement.kind;
        let group = self
            .groups
            .entry((verdict.version.bucket.clone(), kind))
            .or_default();
        group.checked += u64::from(verdict.replication.is_none() && kind != Kind::NotReplica);
        group.non_compliant += u64::from(kind.compliant() == Some(false));
        group.failures += u64::from(verdict.is_replication_failure());
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
            let mut chunks = group.latencies_ms.chunks(MOST_VALUES);
            lines.push(first_line(bucket, *kind, group, chunks.next(), now_ms));
            lines.extend(chunks.map(|chunk| {
                let mut line = head(bucket, *kind, &[latency_definition()], now_ms);
                set(&mut line, LATENCY, json!(chunk));
                line.to_string()
            }));
        }
        lines
    }
}

fn first_line(
    bucket: &str,
    kind: Kind,
    group: &Group,
    latencies: Option<&[i64]>,
    now_ms: i64,
) -> String {
    let count = |name: &str| json!({"Name": name, "Unit": COUNT});
    let mut definitions = vec![
        count(CHECKED),
        count(NON_COMPLIANT),
        count(FAILURES),
        count(REPAIRED),
    ];
    if latencies.is_some() {
        definitions.push(latency_definition());
    }
    let mut line = head(bucket, kind, &definitions, now_ms);
    set(&mut line, CHECKED, group.checked.into());
    set(&mut line, NON_COMPLIANT, group.non_compliant.into());
    set(&mut line, FAILURES, group.failures.into());
    set(&mut line, REPAIRED, group.repaired.into());
    if let Some(latencies) = latencies {
        set(&mut line, LATENCY, json!(latencies));
    }
    line.to_string()
}

fn latency_definition() -> Value {
    json!({"Name": LATENCY, "Unit": "Milliseconds"})
}

fn head(bucket: &str, kind: Kind, definitions: &[Value], now_ms: i64) -> Value {
    json!({
        "_aws": {
            "Timestamp": now_ms,
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["Bucket"], ["Bucket", "Verdict"]],
                "Metrics": definitions,
            }],
        },
        "Bucket": bucket,
        "Verdict": kind.as_str(),
    })
}

fn set(line: &mut Value, name: &str, value: Value) {
    if let Some(fields) = line.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}
