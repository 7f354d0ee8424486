//! Reading single fields out of raw JSON.

use serde_json::Value;

use super::error::{IngestError, shorten};

/// A text field; absent, `null` and empty are all `None`.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A text field as an owned string.
pub(super) fn owned(value: &Value, name: &str) -> Option<String> {
    text(value, name).map(str::to_owned)
}

/// The error for a missing text field.
pub(super) fn missing(shape: &'static str, field: &'static str) -> IngestError {
    IngestError::Field {
        shape,
        field,
        expected: "a text that is not empty",
    }
}

/// The records of an event: the elements of `Records`; `None` where there is no such array.
pub(super) fn records(value: &Value) -> Option<&[Value]> {
    value
        .get("Records")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
}

/// Accepts `major.minor` for one known major version: unknown minor versions only add fields.
///
/// A version that is absent is accepted, one that cannot be read is not.
///
/// # Errors
/// Another major version, or no version at all in the text.
pub(super) fn check_version(
    shape: &'static str,
    version: Option<&str>,
    known: &'static str,
) -> Result<(), IngestError> {
    let Some(version) = version else {
        return Ok(());
    };
    let major = version.split('.').next().unwrap_or(version);
    if major == known {
        Ok(())
    } else {
        Err(IngestError::Version {
            shape,
            version: shorten(version),
            known,
        })
    }
}
