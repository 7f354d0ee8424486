//! What was found, as lines.

use evidence::{Day, Fault, Outcome};
use serde::Serialize;

use super::walk::Verified;
use crate::output::{Row, Tone};

/// One line: something that is wrong, or what it comes to.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    /// Something that is wrong.
    Fault(FaultLine),
    /// What it comes to.
    Summary(Box<Summary>),
}

/// Something that is wrong.
#[derive(Debug, Serialize)]
pub(super) struct FaultLine {
    /// `encrypted-replication/evidence-fault/1`
    pub(super) schema: &'static str,
    /// Its name.
    pub(super) fault: &'static str,
    /// What it is about, in one sentence.
    pub(super) reason: String,
}

/// What a verification comes to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Summary {
    /// `encrypted-replication/verification-summary/1`
    pub(super) schema: &'static str,
    /// The evidence's bucket.
    pub(super) bucket: String,
    /// The first day that was looked at.
    pub(super) from: Day,
    /// The last.
    pub(super) to: Day,
    /// Whether nothing is wrong.
    pub(super) whole: bool,
    /// Digests that were read.
    pub(super) digests: u64,
    /// Object versions that they list.
    pub(super) objects: u64,
    /// Of these, those whose bytes were read.
    pub(super) hashed: u64,
    /// Object versions of days that have no digest yet.
    pub(super) not_sealed_yet: u64,
    /// SHA-256 of the last digest's file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) head: Option<String>,
    /// How many things are wrong.
    pub(super) faults: usize,
}

impl FaultLine {
    pub(super) fn of(fault: &Fault) -> Self {
        Self {
            schema: "encrypted-replication/evidence-fault/1",
            fault: fault.name(),
            reason: fault.to_string(),
        }
    }
}

impl Summary {
    pub(super) fn of(bucket: &str, verified: &Verified) -> Self {
        let Outcome {
            digests,
            objects,
            hashed,
            not_sealed_yet,
            head,
            faults,
        } = &verified.outcome;
        Self {
            schema: "encrypted-replication/verification-summary/1",
            bucket: bucket.to_owned(),
            from: verified.from,
            to: verified.to,
            whole: faults.is_empty(),
            digests: *digests,
            objects: *objects,
            hashed: *hashed,
            not_sealed_yet: *not_sealed_yet,
            head: head.map(|head| head.to_string()),
            faults: faults.len(),
        }
    }
}

impl Row for Line {
    const COLUMNS: &'static [&'static str] = &["fault", "reason"];

    fn cells(&self) -> Vec<String> {
        match self {
            Self::Fault(line) => vec![line.fault.to_owned(), line.reason.clone()],
            // It has no columns in common with the rest.
            Self::Summary(_) => Vec::new(),
        }
    }

    fn tone(&self, column: &str) -> Tone {
        match column {
            "fault" => Tone::Bad,
            _ => Tone::Plain,
        }
    }
}
