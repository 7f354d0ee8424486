//! What a run did, as CloudWatch metrics.

use embedded_metrics::{Dimensions, Metric, line};

use super::Report;

/// The metrics of a run: name, unit and what it counts. Dimension `EvidenceBucket`.
pub const METRICS: [(&str, &str, &str); 4] = [
    ("DaysSealed", "Count", "days whose digest the run wrote"),
    (
        "DaysNotSealed",
        "Count",
        "1 where a day that is over has no digest, as time ran out",
    ),
    (
        "VerdictsUndelivered",
        "Count",
        "objects below `errors/` of the days that were sealed: verdicts that did not reach the table",
    ),
    (
        "DaysOverdue",
        "Count",
        "days that should have been sealed by an earlier run",
    ),
];

impl Report {
    /// The run's line of metrics, at a time in milliseconds after 1970.
    #[must_use]
    pub fn metrics(&self, bucket: &str, now_ms: i64) -> String {
        let undelivered: usize = self.sealed.iter().map(|day| day.undelivered).sum();
        let counts = [
            self.sealed.len(),
            usize::from(self.left.is_some()),
            undelivered,
            usize::try_from(self.overdue).unwrap_or(usize::MAX),
        ];
        let metrics = METRICS.iter().zip(counts);
        let metrics = metrics.map(|((name, _, _), count)| Metric::count(name, count));
        let dimensions = Dimensions {
            sets: &[&["EvidenceBucket"]],
            values: &[("EvidenceBucket", bucket)],
        };
        line(now_ms, dimensions, metrics.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sealed;
    use super::*;
    use serde_json::Value;

    #[test]
    fn a_run_is_counted() {
        let day = |day: &str, undelivered| Sealed {
            day: day.parse().unwrap(),
            digest: String::new(),
            objects: 1,
            late: 0,
            bytes: 1,
            undelivered,
        };
        let report = Report {
            sealed: vec![day("2026-11-01", 2), day("2026-11-02", 3)],
            left: "2026-11-03".parse().ok(),
            overdue: 2,
        };
        let line: Value = serde_json::from_str(&report.metrics("evidence", 5)).unwrap();
        assert_eq!(line["EvidenceBucket"], "evidence");
        assert_eq!(line["DaysSealed"], 2);
        assert_eq!(line["DaysNotSealed"], 1);
        assert_eq!(line["VerdictsUndelivered"], 5);
        assert_eq!(line["DaysOverdue"], 2);
        assert_eq!(line["_aws"]["Timestamp"], 5);
    }
}
