//! From the SDK's error to what is said of it.

use std::error::Error;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_types::error::display::DisplayErrorContext;
use sdk_environment::answered;

use crate::ports::AskError;

/// The HTTP status of the answer, where there was one.
pub(super) fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

/// A header of the answer.
pub(super) fn header<'a, E>(
    error: &'a SdkError<E, HttpResponse>,
    name: &'static str,
) -> Option<&'a str> {
    error
        .raw_response()
        .and_then(|response| response.headers().get(name))
}

/// What AWS answered, or what went wrong on the way, on one line.
pub(super) fn answer<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(status) = status(error) else {
        return match error {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            other => DisplayErrorContext(other)
                .to_string()
                .replace(['\n', '\r'], " "),
        };
    };
    answered(status, error)
}

/// The error for an answer that decides nothing.
pub(super) fn ask<E>(
    operation: &'static str,
    resource: String,
    error: &SdkError<E, HttpResponse>,
) -> AskError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let denied = status(error) == Some(403)
        || matches!(error.code(), Some("AccessDenied" | "AccessDeniedException"));
    let remedy = if denied {
        format!("allow the checker's role {}", permission(operation))
    } else {
        String::new()
    };
    AskError {
        operation,
        resource,
        answer: answer(error),
        remedy,
    }
}

/// The permission that an operation needs, where it is spelled another way.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html>.
fn permission(operation: &'static str) -> &'static str {
    match operation {
        "s3:HeadObject" => "s3:GetObjectVersion",
        "s3:GetBucketEncryption" => "s3:GetEncryptionConfiguration",
        "s3:ListObjectVersions" => "s3:ListBucketVersions",
        other => other,
    }
}
