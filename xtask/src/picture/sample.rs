//! Figures to show the dashboard with: invented, and the same each time.

use super::dashboard::Metric;

/// Points of a curve: three hours, one for each five minutes.
pub(super) const POINTS: u32 = 37;

/// One curve.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Curve {
    /// What the legend calls it.
    pub(super) label: String,
    /// As many as [`POINTS`].
    pub(super) values: Vec<u32>,
    /// Whether its axis is the right one.
    pub(super) is_right: bool,
}

/// The curves of one widget.
pub(super) fn curves(metrics: &[Metric]) -> Vec<Curve> {
    let curves = metrics.iter().flat_map(|metric| {
        let is_alone = metrics.iter().filter(|m| m.name == metric.name).count() == 1;
        labels(metric, is_alone).into_iter().map(|label| Curve {
            values: values(metric, &label),
            label,
            is_right: metric.is_right,
        })
    });
    curves.collect()
}

fn labels(metric: &Metric, is_alone: bool) -> Vec<String> {
    let buckets = match metric.name.as_str() {
        "ReplicationFailures" => ["tax-documents", "orders"],
        _ => ["tax-documents-replica", "orders-replica"],
    };
    match metric.searched.as_slice() {
        [] if is_alone => vec![metric.name.clone()],
        [] => vec![format!("{} {}", metric.of, metric.name)],
        [_bucket] if is_alone => buckets.map(str::to_owned).to_vec(),
        [_bucket] => buckets
            .map(|bucket| format!("{bucket} {}", metric.stat))
            .to_vec(),
        _ => vec![
            format!("{} Compliant", buckets[0]),
            format!("{} Compliant", buckets[1]),
            format!("{} WrongKey", buckets[0]),
        ],
    }
}

/// A level with a slow wave and some noise on it, or a rare event.
fn values(metric: &Metric, label: &str) -> Vec<u32> {
    let has_trouble = label.starts_with("tax-documents");
    let (level, wave) = match (metric.name.as_str(), metric.stat.as_str()) {
        ("NonCompliant" | "ReplicationFailures", _) => return event(has_trouble, label),
        ("ReplicasChecked", _) if label.ends_with("WrongKey") => return event(true, label),
        ("Errors" | "Throttles" | "UndeterminedResources", _) => return event(false, label),
        ("DriftedResources", _) => return event(true, label),
        ("ApproximateNumberOfMessagesVisible", _) if label.starts_with("DeadLetter") => {
            return event(false, label);
        }
        ("ReplicasChecked", _) => (420, 160),
        ("CheckLatency", "p99") => (2100, 500),
        ("CheckLatency", _) => (900, 120),
        ("ApproximateAgeOfOldestMessage", _) => (3, 2),
        ("ApproximateNumberOfMessagesVisible", _) => (14, 8),
        ("Duration", _) => (150, 40),
        _ => (60, 20),
    };
    let mut noise = Noise::of(label);
    // Up for half of the time, down for the other, beginning somewhere.
    let shift = noise.below(POINTS);
    (0..POINTS)
        .map(|point| {
            let phase = (point + shift) % POINTS;
            let height = phase.min(POINTS - phase);
            level + 2 * wave * height / POINTS + noise.below(wave / 2 + 1)
        })
        .collect()
}

/// Nothing, but for a quarter of an hour where there is trouble.
fn event(has_trouble: bool, label: &str) -> Vec<u32> {
    let mut noise = Noise::of(label);
    (0..POINTS)
        .map(|point| match point {
            24..=27 if has_trouble => 3 + noise.below(9),
            _ => 0,
        })
        .collect()
}

/// The cell of a table of findings.
pub(super) fn cell(column: &str, row: usize) -> &'static str {
    let cells = match column {
        "@timestamp" => ["14:12:09", "14:07:31", "14:02:44"],
        "verdict" => ["WrongKey", "WrongAlgorithm", "ReplicationFailed"],
        "bucket" => [
            "tax-documents-replica",
            "tax-documents-replica",
            "tax-documents",
        ],
        "key" => [
            "Tax/2026/return.pdf",
            "Tax/receipt.pdf",
            "Tax/2026/annex.pdf",
        ],
        "versionId" => ["3HL4kqtJ", "8rN0v2Qe", "bX1w7LzP"],
        "reason" => [
            "under another key than the rule names",
            "the source object is under SSE-S3",
            "S3 did not replicate the version",
        ],
        "remedy" => [
            "correct the rule, then copy the object",
            "encrypt the source object with KMS",
            "let the role use the key",
        ],
        _ => ["…"; 3],
    };
    cells.get(row).copied().unwrap_or_default()
}

/// A linear congruential generator: the same numbers for the same seed, everywhere.
struct Noise(u32);

impl Noise {
    fn of(seed: &str) -> Self {
        Self(seed.bytes().fold(17, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u32::from(byte))
        }))
    }

    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 16) % limit.max(1)
    }
}
