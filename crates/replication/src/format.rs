//! How an answer to a direct invocation is to be put.

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
