//! Findings, failures, drift and proofs as rows: the CSV of a report, and the table for people.

use serde::Serialize;

use super::model::{Bucket, Fields, Source};
use crate::output::{Row, Tone};

/// A finding, a replication that failed, or what looks for drift or proofs showed.
#[derive(Debug, Serialize)]
pub(super) struct Found {
    bucket: String,
    kind: String,
    #[serde(flatten)]
    fields: Fields,
}

impl Found {
    /// All of a bucket's.
    pub(super) fn of(bucket: &Bucket) -> impl Iterator<Item = Self> {
        let found = |kind: &'static str| {
            move |fields: &Fields| Self {
                bucket: bucket.bucket.clone(),
                kind: kind.to_owned(),
                fields: fields.clone(),
            }
        };
        let findings = bucket.findings.iter().map(found("finding"));
        findings.chain(bucket.failures.iter().map(found("failed replication")))
    }

    /// All of a source bucket's, also what is good: that it was looked at is evidence as well.
    pub(super) fn of_source(source: &Source) -> impl Iterator<Item = Self> {
        source.timeline.iter().map(|fields| {
            let mut fields = fields.clone();
            Self {
                bucket: source.bucket.clone(),
                kind: fields.remove("kind").unwrap_or_default(),
                fields,
            }
        })
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
            self.kind.clone(),
            or("key", "logicalresourceid"),
            self.field("versionid"),
            or("verdict", "result"),
            self.field("state"),
            self.field("first_seen"),
            or("ended", "arrived"),
            or("open_minutes", "minutes"),
            self.field("repaired"),
            or("reason", "failure_reason"),
        ]
    }

    fn tone(&self, column: &str) -> Tone {
        match (column, self.field("state").as_str()) {
            ("state", "open" | "another finding") => Tone::Bad,
            ("state", "undecided") => Tone::Plain,
            ("state", _) => Tone::Good,
            _ => Tone::Plain,
        }
    }
}
