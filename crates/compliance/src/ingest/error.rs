//! What is said of a payload that cannot be read: its outline, never its values.

use super::json::Json;

use crate::subject::KeyError;

/// Why a payload, a message or a task could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IngestError {
    /// The text is not JSON.
    #[error("a message of {length} bytes is not JSON, at line {line} column {column}")]
    NotJson {
        /// The line of the first fault, from 1.
        line: usize,
        /// Its column.
        column: usize,
        /// The text's length in bytes.
        length: usize,
    },
    /// JSON, but none of the shapes that the checker accepts.
    #[error(
        "an event of unknown shape ({seen}); accepted are S3 notifications, EventBridge events of \
         aws.s3, s3:TestEvent, S3 Batch Operations tasks and the Sweep action, the first three \
         also in SNS and SQS, the last also in SQS"
    )]
    UnknownShape {
        /// The outline of what came: its type and its field names.
        seen: String,
    },
    /// A shape that is known but for a field that tells it.
    #[error(
        "{shape} without `{missing}`: where an input transformer or an input path of a rule takes it away, send the \
         whole event"
    )]
    Reshaped {
        /// The shape.
        shape: &'static str,
        /// The field that is missing.
        missing: &'static str,
    },
    /// An action that the checker does not have.
    #[error("there is no action `{0}`; the checker knows `Sweep`")]
    UnknownAction(String),
    /// A known shape with an event that nobody knows.
    #[error("{shape} carries the unknown event `{event}`")]
    UnknownEvent {
        /// The shape.
        shape: &'static str,
        /// The event's name, shortened.
        event: String,
    },
    /// A major version that this checker was not written for.
    #[error("{shape} has version `{version}`, and only major version {known} is known")]
    Version {
        /// The shape.
        shape: &'static str,
        /// The version that came, shortened.
        version: String,
        /// The major versions that are known.
        known: &'static str,
    },
    /// A field that is needed is missing, or not what it should be.
    #[error("{shape} has no usable `{field}`: expected {expected}")]
    Field {
        /// The shape.
        shape: &'static str,
        /// The field's path.
        field: &'static str,
        /// What should be there.
        expected: &'static str,
    },
    /// The key cannot be what S3 sent.
    #[error("{shape}: {error}")]
    Key {
        /// The shape.
        shape: &'static str,
        /// The key's fault.
        error: KeyError,
    },
}

impl IngestError {
    /// The error for a value that is none of the shapes.
    #[must_use]
    pub(super) fn unknown(value: &Json<'_>) -> Self {
        reshaped(value).unwrap_or_else(|| Self::UnknownShape {
            seen: outline(value),
        })
    }
}

/// What is missing of a shape that can be told by the rest.
fn reshaped(value: &Json<'_>) -> Option<IngestError> {
    const NOTIFICATION: &str = "an S3 notification";
    const EVENT: &str = "an EventBridge event of aws.s3";
    let error = |shape, missing| Some(IngestError::Reshaped { shape, missing });
    let of_s3 = |holder: &Json<'_>| {
        ["bucket", "object"]
            .iter()
            .all(|name| holder.get(name).is_some_and(Json::is_object))
    };
    if let Some(records) = value.get("Records").and_then(Json::as_array) {
        let mut records = records.iter();
        return records
            .any(|record| record.get("s3").is_some() && record.get("eventSource").is_none())
            .then(|| error(NOTIFICATION, "Records[].eventSource"))?;
    }
    match value.get("detail") {
        Some(detail) if of_s3(detail) && value.get("source").is_none() => error(EVENT, "source"),
        Some(detail) if of_s3(detail) && value.get("detail-type").is_none() => {
            error(EVENT, "detail-type")
        }
        None if value.get("s3").is_some_and(of_s3) => error(NOTIFICATION, "Records"),
        None if of_s3(value) => error(EVENT, "detail"),
        _ => None,
    }
}

/// The first characters of a name that came from outside, fit for a log line.
pub(super) fn shorten(text: &str) -> String {
    const LONGEST: usize = 64;
    let mut short: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

fn outline(value: &Json<'_>) -> String {
    const MOST: usize = 12;
    match value {
        Json::Null => "null".to_owned(),
        Json::Bool(_) => "a boolean".to_owned(),
        Json::Number => "a number".to_owned(),
        Json::Text(text) => format!("a string of {} bytes", text.len()),
        Json::Array(items) => format!("an array of {} items", items.len()),
        Json::Object(fields) if fields.is_empty() => "an object without fields".to_owned(),
        Json::Object(fields) => {
            let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_ref()).collect();
            names.sort_unstable();
            names.dedup();
            let more = if names.len() > MOST { ", …" } else { "" };
            let names: Vec<String> = names.into_iter().take(MOST).map(shorten).collect();
            format!("an object with the fields {}{more}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_outline_names_fields_and_never_values() {
        let outline = |value: serde_json::Value| outline(&Json::from(&value));
        let seen = outline(json!({"password": "hunter2", "b": 1}));
        assert_eq!(seen, "an object with the fields b, password");
        assert_eq!(outline(json!("secret")), "a string of 6 bytes");
        assert_eq!(outline(json!([1, 2])), "an array of 2 items");
        assert_eq!(outline(json!({})), "an object without fields");
    }

    #[test]
    fn names_from_outside_are_shortened_and_cleaned() {
        assert_eq!(shorten("a\nb"), "a?b");
        assert_eq!(shorten(&"ü".repeat(65)), format!("{}…", "ü".repeat(64)));
        assert_eq!(shorten(&"x".repeat(64)), "x".repeat(64));
    }
}
