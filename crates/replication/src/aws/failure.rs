//! What an SDK error means to us.

use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;

use crate::error::{AwsError, ErrorKind};

/// `error` of `operation`, for people and for the next decision.
pub(super) fn failure<E>(
    operation: &'static str,
    resource: impl Into<String>,
    region: &str,
    error: &SdkError<E, HttpResponse>,
) -> AwsError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let response = error.raw_response();
    let status = response.map(|response| response.status().as_u16());
    let meta = error.as_service_error();
    let code = match (meta.and_then(ProvideErrorMetadata::code), status) {
        (Some(code), _) => code.to_owned(),
        // A HEAD has no body, so that only the status tells.
        (None, Some(status)) => format!("HTTP {status}"),
        (None, None) => String::new(),
    };
    let message = match meta.and_then(ProvideErrorMetadata::message) {
        Some(message) => message.to_owned(),
        None if code.is_empty() => DisplayErrorContext(error).to_string(),
        None => String::new(),
    };
    let header = |name| {
        response
            .and_then(|response| response.headers().get(name))
            .map(str::to_owned)
    };
    AwsError {
        operation,
        resource: resource.into(),
        region: region.to_owned(),
        kind: kind(&code, status, &message),
        code,
        message,
        request_id: header("x-amz-request-id").or_else(|| header("x-amzn-requestid")),
    }
}

fn kind(code: &str, status: Option<u16>, message: &str) -> ErrorKind {
    match code {
        "NoSuchBucket"
        | "NoSuchKey"
        | "NoSuchVersion"
        | "NoSuchEntity"
        | "NotFoundException"
        | "ParameterNotFound"
        | "NotFound"
        | "ReplicationConfigurationNotFoundError"
        | "NoSuchTagSet"
        | "ServerSideEncryptionConfigurationNotFoundError" => ErrorKind::NotFound,
        "BucketAlreadyOwnedByYou"
        | "EntityAlreadyExists"
        | "AlreadyExistsException"
        | "ParameterAlreadyExists" => ErrorKind::AlreadyExists,
        "AccessDenied" | "AccessDeniedException" | "Forbidden" | "UnauthorizedOperation" => {
            ErrorKind::AccessDenied
        }
        "PermanentRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => ErrorKind::WrongRegion,
        "DeleteConflict"
        | "OperationAborted"
        | "BucketNotEmpty"
        | "ConcurrentModification"
        | "KMSInvalidStateException"
        | "TooManyUpdates" => ErrorKind::Conflict,
        "Throttling"
        | "ThrottlingException"
        | "SlowDown"
        | "TooManyRequestsException"
        | "RequestTimeout"
        | "InternalError"
        | "InternalServerError"
        | "KMSInternalException"
        | "ServiceUnavailable"
        | "ServiceFailure"
        | "DependencyTimeoutException" => ErrorKind::Transient,
        _ => match status {
            None | Some(429 | 500..) => ErrorKind::Transient,
            Some(404) => ErrorKind::NotFound,
            Some(403) => ErrorKind::AccessDenied,
            Some(301 | 307) => ErrorKind::WrongRegion,
            Some(409) => ErrorKind::Conflict,
            Some(_) if message.contains("does not exist") => ErrorKind::NotFound,
            Some(_) => ErrorKind::Invalid,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_decides_before_the_status_and_no_answer_is_transient() {
        for (code, status, expected) in [
            ("NoSuchBucket", Some(404), ErrorKind::NotFound),
            ("NoSuchEntity", Some(404), ErrorKind::NotFound),
            ("NotFoundException", Some(400), ErrorKind::NotFound),
            (
                "BucketAlreadyOwnedByYou",
                Some(409),
                ErrorKind::AlreadyExists,
            ),
            ("BucketAlreadyExists", Some(409), ErrorKind::Conflict),
            ("AccessDenied", Some(403), ErrorKind::AccessDenied),
            ("HTTP 403", Some(403), ErrorKind::AccessDenied),
            ("HTTP 301", Some(301), ErrorKind::WrongRegion),
            ("DeleteConflict", Some(409), ErrorKind::Conflict),
            ("ThrottlingException", Some(400), ErrorKind::Transient),
            ("SlowDown", Some(503), ErrorKind::Transient),
            ("MalformedPolicyDocument", Some(400), ErrorKind::Invalid),
            ("", None, ErrorKind::Transient),
        ] {
            assert_eq!(kind(code, status, ""), expected, "{code}");
        }
    }
}
