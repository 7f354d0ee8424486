//! Reading single fields out of raw JSON.

use super::json::Json;
use aws_names::{is_account_id, is_plain};

use super::error::{IngestError, shorten};

/// Of a bucket made before 2018 in us-east-1, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
const LONGEST_BUCKET_NAME: usize = 255;

/// A text field; absent, `null` and empty are all `None`.
pub(super) fn text<'a>(value: &'a Json<'_>, name: &str) -> Option<&'a str> {
    value
        .get(name)
        .and_then(Json::as_str)
        .filter(|text| !text.is_empty())
}

/// A text field as an owned string.
pub(super) fn owned(value: &Json<'_>, name: &str) -> Option<String> {
    text(value, name).map(str::to_owned)
}

/// The name of a bucket, `field` in full. Old buckets have capitals and underscores too; but none ever had
/// what means something in a path, a URL or an ARN.
///
/// # Errors
/// Where there is none, or a text that names no bucket.
pub(super) fn bucket(
    holder: &Json<'_>,
    name: &str,
    shape: &'static str,
    field: &'static str,
) -> Result<String, IngestError> {
    let text = text(holder, name).ok_or(missing(shape, field))?;
    bucket_name(text, shape, field)
}

/// `text`, if it is the name of a bucket.
///
/// # Errors
/// As [`bucket`].
pub(super) fn bucket_name(
    text: &str,
    shape: &'static str,
    field: &'static str,
) -> Result<String, IngestError> {
    if is_plain(text, LONGEST_BUCKET_NAME) {
        return Ok(text.to_owned());
    }
    Err(IngestError::Field {
        shape,
        field,
        expected: "the name of a bucket",
    })
}

/// An account id; `None` where the field is absent, `null` or empty.
///
/// # Errors
/// A text that is none: S3 would refuse it as the bucket's owner, which looks like SSE-C.
pub(super) fn account(
    holder: &Json<'_>,
    shape: &'static str,
    field: &'static str,
) -> Result<Option<String>, IngestError> {
    let Some(text) = text(holder, field) else {
        return Ok(None);
    };
    if is_account_id(text) {
        return Ok(Some(text.to_owned()));
    }
    Err(IngestError::Field {
        shape,
        field,
        expected: "an account id of twelve digits",
    })
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
pub(super) fn records<'a>(value: &'a Json<'a>) -> Option<&'a [Json<'a>]> {
    value.get("Records").and_then(Json::as_array)
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
