//! One document.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::time::Time;

/// The schema of the documents.
pub const SCHEMA: &str = "encrypted-replication/expectation/1";

/// The value of one parameter: what one owner says about one destination bucket, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    schema: Schema,
    /// ARN of the source bucket; empty where nobody said.
    #[serde(default)]
    pub source: String,
    /// In the order in which they were written; it means nothing.
    pub rules: Vec<Rule>,
    /// Which part this is, from 1, of a set over several parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<usize>,
    /// How many parts the set has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// Tells sets of one owner apart: parts with another revision are of another set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    /// When the owner left the bucket: every line has ended, and is kept for what is looked at again while
    /// others speak there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<Time>,
}

/// Which key replicas are to arrive under. The crate's page says what each member means.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rule {
    /// The replication rule's id.
    #[serde(default)]
    pub id: String,
    /// Of the decoded keys it speaks of; empty: of all.
    #[serde(default)]
    pub prefix: String,
    /// The key.
    pub kms_key_arn: String,
    /// The replication rule's priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Whether the replication rule's filter asks for more than the prefix.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub conditional: bool,
    /// Whether the replication rule is not in force: `"enabled": false`.
    #[serde(
        rename = "enabled",
        default,
        skip_serializing_if = "std::ops::Not::not",
        with = "negated"
    )]
    pub disabled: bool,
    /// From when on the key was right; `None`: as long as anybody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Until when the key was right; `None`: it is today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// The kind of KMS encryption that is demanded; `None`: either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<Algorithm>,
}

/// `disabled`, as `enabled`.
mod negated {
    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(super) fn serialize<S: Serializer>(value: &bool, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(!value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
        bool::deserialize(from).map(|enabled| !enabled)
    }
}

impl Rule {
    /// Whether it speaks of the object with this decoded key, as far as the key alone tells.
    #[must_use]
    pub fn covers(&self, key: &str) -> bool {
        key.starts_with(&self.prefix)
    }
}

/// A kind of KMS encryption, as `x-amz-server-side-encryption` spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// SSE-KMS.
    #[serde(rename = "aws:kms")]
    Kms,
    /// DSSE-KMS.
    #[serde(rename = "aws:kms:dsse")]
    Dsse,
}

impl Algorithm {
    /// As S3 spells it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kms => "aws:kms",
            Self::Dsse => "aws:kms:dsse",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The one schema there is; in a type, so that no document goes without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Schema {
    #[serde(rename = "encrypted-replication/expectation/1")]
    One,
}

/// Why a text is no document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Another schema, or a newer version of it.
    #[error("has schema `{0}`, and only `{SCHEMA}` is known")]
    Schema(String),
    /// Not JSON, or members that are missing or of another kind.
    #[error("is not an expectation document: {0}")]
    Document(String),
}

impl Document {
    /// A whole document.
    #[must_use]
    pub fn new(source: impl Into<String>, rules: Vec<Rule>) -> Self {
        Self {
            schema: Schema::One,
            source: source.into(),
            rules,
            part: None,
            of: None,
            revision: None,
            left: None,
        }
    }

    /// The document as what an owner leaves behind.
    #[must_use]
    pub fn leaving(self, at: Time) -> Self {
        Self {
            left: Some(at),
            ..self
        }
    }

    /// The document as a part of a set, `part` from 1.
    #[must_use]
    pub fn as_part(self, part: usize, of: usize, revision: impl Into<String>) -> Self {
        Self {
            part: Some(part),
            of: Some(of),
            revision: Some(revision.into()),
            ..self
        }
    }

    /// Reads a parameter's value.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn read(text: &str) -> Result<Self, ReadError> {
        let problem = |error: serde_json::Error| ReadError::Document(error.to_string());
        let value: Value = serde_json::from_str(text).map_err(problem)?;
        // The schema first: a newer document may have other members.
        let schema = value.get("schema").and_then(Value::as_str);
        match schema.unwrap_or_default() {
            SCHEMA => serde_json::from_value(value).map_err(problem),
            other => Err(ReadError::Schema(other.to_owned())),
        }
    }

    /// The document as a parameter's value. SSM takes no `{{name}}` in it, which would be another
    /// parameter's; two braces open in a row only within a string, where the second may be escaped. See
    /// <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html>.
    #[must_use]
    pub fn written(&self) -> String {
        written(self)
    }
}

/// Members in the order of the alphabet, as they have always been.
pub(crate) fn written(part: &impl Serialize) -> String {
    let value = serde_json::to_value(part).unwrap_or_default();
    value.to_string().replace("{{", "{\\u007b")
}
