//! What to write where something is wrong: the statement for a policy, or the command. Nothing here is done.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// What a person would write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// A statement for a policy, or a part of a configuration, to be put into what is there.
    Document(Value),
    /// A command of the AWS CLI. Never one that replaces a whole configuration.
    Command(String),
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document(document) => write!(f, "{document:#}"),
            Self::Command(command) => f.write_str(command),
        }
    }
}

impl Serialize for Fix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Document(document) => document.serialize(serializer),
            Self::Command(command) => command.serialize(serializer),
        }
    }
}
