//! What is told: numbers by state, or each version that has no good verdict.

use serde::Serialize;

use crate::output::{Row, Tone};
use crate::report::model::Fields;

/// States that are nobody's concern.
const FINE: [&str; 3] = ["compliant", "not covered", "no replica"];

fn field(fields: &Fields, name: &str) -> String {
    fields.get(name).cloned().unwrap_or_default()
}

/// How many versions are in a state.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct State(pub(super) Fields);

impl State {
    /// Whether anybody has to look at them.
    pub(super) fn is_gap(&self) -> bool {
        !FINE.contains(&field(&self.0, "state").as_str())
    }

    /// How many replicas, and how many of them are judged.
    pub(super) fn covered(&self) -> (u64, u64) {
        let number = |name| field(&self.0, name).parse().unwrap_or(0);
        (number("replicas"), number("judged"))
    }
}

impl Row for State {
    const COLUMNS: &'static [&'static str] = &["state", "versions", "replicas", "judged"];

    fn cells(&self) -> Vec<String> {
        let cells = Self::COLUMNS.iter().map(|name| field(&self.0, name));
        cells.collect()
    }

    fn tone(&self, column: &str) -> Tone {
        match (column, self.is_gap()) {
            ("state", true) => Tone::Bad,
            ("state", false) => Tone::Good,
            _ => Tone::Plain,
        }
    }
}

/// A version that has no good verdict.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(super) struct Gap(pub(super) Fields);

impl Row for Gap {
    const COLUMNS: &'static [&'static str] =
        &["state", "key", "versionId", "source", "destination"];

    fn cells(&self) -> Vec<String> {
        let names = Self::COLUMNS.iter().map(|name| name.to_ascii_lowercase());
        names.map(|name| field(&self.0, &name)).collect()
    }
}
