//! What a comparison found, as lines.

use expectation::Time;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::state::State;
use crate::output::{Row, Tone};

/// One line: a version, the verdict on a replica, or what it comes to.
#[derive(Debug)]
pub enum Line {
    /// A version at one destination.
    Version(Box<VersionLine>),
    /// The verdict on a replica, as the checker writes it, with its cells.
    Verdict(Box<RawValue>, Vec<String>),
    /// What the comparison comes to.
    Summary(Box<Summary>),
}

/// A version at one destination.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionLine {
    /// `encrypted-replication/comparison/1`
    pub schema: &'static str,
    /// The state's name.
    pub state: &'static str,
    /// Whether it is something found.
    pub finding: bool,
    /// The source bucket.
    pub source: String,
    /// The destination bucket.
    pub destination: String,
    /// The key, decoded.
    pub key: String,
    /// The version's id.
    pub version_id: String,
    /// When it was written.
    pub written: Time,
    /// The rule's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// S3's word at the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_status: Option<String>,
    /// One sentence.
    pub reason: String,
    /// One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What a comparison comes to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// `encrypted-replication/comparison-summary/1`
    pub schema: &'static str,
    /// The source bucket.
    pub source: String,
    /// When it began.
    pub began: Time,
    /// Whether all was looked at.
    pub complete: bool,
    /// Versions and delete markers at the source.
    pub listed: u64,
    /// Versions at destinations that are something found, and replicas likewise.
    pub findings: u64,
    /// Lines in the manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<u64>,
    /// By destination and rule.
    pub rules: Vec<RuleSummary>,
    /// Verdicts on replicas.
    #[serde(skip_serializing_if = "serde_json::Map::is_empty")]
    pub verdicts: serde_json::Map<String, serde_json::Value>,
}

/// What it comes to for one rule.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RuleSummary {
    /// The destination bucket.
    pub destination: String,
    /// The rule's id; none for what is under no rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Everything that was written until then, and that S3 takes up by the rule, has arrived. Absent for a
    /// disabled rule, and where the destination could not be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complete_up_to: Option<Time>,
    /// When the oldest version was written that S3 took up by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// How many versions are in which state.
    pub versions: serde_json::Map<String, serde_json::Value>,
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Version(version) => version.serialize(serializer),
            Self::Verdict(verdict, _) => verdict.serialize(serializer),
            Self::Summary(summary) => summary.serialize(serializer),
        }
    }
}

impl Row for Line {
    const COLUMNS: &'static [&'static str] = &[
        "state",
        "destination",
        "key",
        "versionId",
        "written",
        "rule",
        "status",
        "reason",
        "remedy",
    ];

    fn cells(&self) -> Vec<String> {
        match self {
            Self::Version(line) => vec![
                line.state.to_owned(),
                line.destination.clone(),
                line.key.clone(),
                line.version_id.clone(),
                line.written.to_string(),
                line.rule.clone().unwrap_or_default(),
                line.replication_status.clone().unwrap_or_default(),
                line.reason.clone(),
                line.remedy.clone().unwrap_or_default(),
            ],
            Self::Verdict(_, cells) => cells.clone(),
            // It has no columns in common with the rest.
            Self::Summary(_) => Vec::new(),
        }
    }

    fn tone(&self, column: &str) -> Tone {
        match (self, column) {
            (Self::Version(line), "state") if line.finding => Tone::Bad,
            (Self::Version(_), "state") => Tone::Doubtful,
            (Self::Verdict(..), "state") => Tone::Bad,
            (_, "remedy") => Tone::Faint,
            _ => Tone::Plain,
        }
    }
}

/// How many versions of a rule are in a state: the table of what it comes to.
#[derive(Debug, Serialize)]
pub struct Count {
    /// The destination bucket.
    pub destination: String,
    /// The rule's id.
    pub rule: String,
    /// The state or the verdict.
    pub state: &'static str,
    /// How many versions.
    pub versions: u64,
    /// How it is to look.
    #[serde(skip)]
    pub tone: Tone,
}

impl Count {
    pub(super) fn tone_of(state: State) -> Tone {
        match state {
            State::Arrived => Tone::Good,
            state if state.is_finding() => Tone::Bad,
            State::Undetermined | State::Pending => Tone::Doubtful,
            _ => Tone::Plain,
        }
    }
}

impl Row for Count {
    const COLUMNS: &'static [&'static str] = &["destination", "rule", "state", "versions"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.destination.clone(),
            self.rule.clone(),
            self.state.to_owned(),
            self.versions.to_string(),
        ]
    }

    fn tone(&self, column: &str) -> Tone {
        if column == "state" {
            self.tone
        } else {
            Tone::Plain
        }
    }
}
