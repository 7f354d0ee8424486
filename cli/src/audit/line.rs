//! What an audit found, as lines.

use compliance::verdict::{Kind, Verdict};
use expectation::Time;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::output::{Row, Tone};

/// One line: a verdict, or what it comes to.
#[derive(Debug)]
pub enum Line {
    /// A verdict, as the checker writes it, with its cells.
    Verdict(Box<RawValue>, Kind, Vec<String>),
    /// What the audit comes to.
    Summary(Box<Summary>),
}

/// What an audit comes to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// `encrypted-replication/audit-summary/1`
    pub schema: &'static str,
    /// The destination bucket.
    pub bucket: String,
    /// The prefixes that were looked at.
    pub prefixes: Vec<String>,
    /// When it began.
    pub began: Time,
    /// Whether all was looked at that was to be.
    pub complete: bool,
    /// Versions with a verdict.
    pub judged: u64,
    /// How many of each.
    pub verdicts: serde_json::Map<String, serde_json::Value>,
    /// How many are something found.
    pub findings: u64,
    /// How it was drawn, where it was a sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Drawn>,
    /// Where another run may go on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub continue_after: Option<String>,
}

/// How a sample was drawn.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Drawn {
    /// How many versions.
    pub versions: usize,
    /// Of how many that were listed.
    pub of: u64,
    /// By which seed.
    pub seed: u64,
    /// One sentence.
    pub how: &'static str,
}

impl Drawn {
    /// How every sample is drawn.
    pub const HOW: &'static str = "the versions whose SHA-256 over seed, key and version id, with a zero byte \
                                   between them, is smallest: each has the same chance, and the same seed draws \
                                   the same again";
}

impl Line {
    /// The cells of a verdict.
    #[must_use]
    pub fn cells_of(verdict: &Verdict) -> Vec<String> {
        let seen = verdict.observed.as_ref();
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let keys = verdict.expected.as_ref().map(|expected| {
            let keys = expected.keys.iter();
            keys.map(|allowed| allowed.key.name()).collect::<Vec<_>>()
        });
        vec![
            verdict.judgement.kind.as_str().to_owned(),
            verdict.version.bucket.clone(),
            verdict.version.key.as_str().to_owned(),
            text(verdict.version_id()),
            text(seen.and_then(|seen| seen.replication_status.as_deref())),
            text(seen.and_then(|seen| seen.algorithm.as_deref())),
            text(seen.and_then(|seen| seen.kms_key.as_deref())),
            keys.unwrap_or_default().join(" "),
            verdict.judgement.reason.clone().into_owned(),
            text(verdict.judgement.remedy.as_deref()),
        ]
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Verdict(verdict, ..) => verdict.serialize(serializer),
            Self::Summary(summary) => summary.serialize(serializer),
        }
    }
}

impl Row for Line {
    const COLUMNS: &'static [&'static str] = &[
        "verdict",
        "bucket",
        "key",
        "versionId",
        "status",
        "algorithm",
        "kmsKeyArn",
        "expected",
        "reason",
        "remedy",
    ];

    fn cells(&self) -> Vec<String> {
        match self {
            Self::Verdict(_, _, cells) => cells.clone(),
            // It has no columns in common with the rest.
            Self::Summary(_) => Vec::new(),
        }
    }

    fn tone(&self, column: &str) -> Tone {
        match (self, column) {
            (Self::Verdict(_, kind, _), "verdict") => tone(*kind),
            (_, "remedy") => Tone::Faint,
            _ => Tone::Plain,
        }
    }
}

pub(crate) fn tone(kind: Kind) -> Tone {
    match kind.compliant() {
        Some(true) => Tone::Good,
        Some(false) => Tone::Bad,
        None => Tone::Doubtful,
    }
}

/// How many versions have a verdict: the table of what it comes to.
#[derive(Debug, Serialize)]
pub struct Count {
    /// The verdict.
    pub verdict: &'static str,
    /// How many versions.
    pub versions: u64,
    /// When it is given.
    pub when: &'static str,
    /// How it is to look.
    #[serde(skip)]
    pub tone: Tone,
}

impl Row for Count {
    const COLUMNS: &'static [&'static str] = &["verdict", "versions", "when"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.verdict.to_owned(),
            self.versions.to_string(),
            self.when.to_owned(),
        ]
    }

    fn tone(&self, column: &str) -> Tone {
        if column == "verdict" {
            self.tone
        } else {
            Tone::Plain
        }
    }
}
