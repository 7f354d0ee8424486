//! How an answer to a direct invocation is to be put, and whether others are told too.

use serde::Deserialize;

/// How an answer is to be put.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// As JSON, for programs.
    #[default]
    Json,
    /// As a table, for people.
    Text,
}

/// `Report`, where nothing is said of it: what was seen is told by events and metrics too, not only in the answer.
pub(crate) const fn reports() -> bool {
    true
}
