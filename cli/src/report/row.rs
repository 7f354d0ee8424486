//! Findings and failures as rows: the CSV of a report, and the table for people.

use serde::Serialize;

use super::model::{Bucket, Fields};
use crate::output::{Row, Tone};

/// A finding, or a replication that failed.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    bucket: String,
    kind: &'static str,
    #[serde(flatten)]
    fields: Fields,
}

impl Found {
    /// All of a bucket's.
    pub(super) fn of(bucket: &Bucket) -> impl Iterator<Item = Self> {
        let found = |kind: &'static str| {
            move |fields: &Fields| Self {
                bucket: bucket.bucket.clone(),
                kind,
                fields: fields.clone(),
            }
        };
        let findings = bucket.findings.iter().map(found("finding"));
        findings.chain(bucket.failures.iter().map(found("failed replication")))
    }

    fn field(&self, name: &str) -> String {
        self.fields.get(name).cloned().unwrap_or_default()
    }
}

impl Row for Found {
    const COLUMNS: &'static [&'static str] = &[
        "bucket",
        "kind",
        "key",
        "versionId",
        "verdict",
        "state",
        "firstSeen",
        "ended",
        "openMinutes",
        "repaired",
        "reason",
    ];

    fn cells(&self) -> Vec<String> {
        let or = |one: &str, other: &str| match self.field(one) {
            empty if empty.is_empty() => self.field(other),
            text => text,
        };
        vec![
            self.bucket.clone(),
            self.kind.to_owned(),
            self.field("key"),
            self.field("versionid"),
            self.field("verdict"),
            self.field("state"),
            self.field("first_seen"),
            or("ended", "arrived"),
            self.field("open_minutes"),
            self.field("repaired"),
            or("reason", "failure_reason"),
        ]
    }

    fn tone(&self, column: &str) -> Tone {
        match (column, self.field("state").as_str()) {
            ("state", "open" | "another finding") => Tone::Bad,
            ("state", _) => Tone::Good,
            _ => Tone::Plain,
        }
    }
}
