//! What an SDK error means to us.

use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;

use super::xml;
use crate::error::{AwsError, ErrorKind};

/// A bucket has at most a hundred notifications; so many of them are named.
const MOST_ARGUMENTS: u32 = 5;

/// `error` of `operation`, for people and for the next decision.
pub fn failure<E>(
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
        Some(message) => {
            let body = response.and_then(|response| response.body().bytes());
            with_arguments(message, body.unwrap_or_default())
        }
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

/// S3's message with the arguments that it is about, which its error documents name beside it: the
/// target of a notification that cannot be reached, with the reason. Their form is S3's alone.
fn with_arguments(message: &str, body: &[u8]) -> String {
    let mut told = message.to_owned();
    let text = str::from_utf8(body).unwrap_or_default();
    let arguments = xml::read(text, "Error", |mut error| {
        let mut pair = |number: &str| {
            let name = error.text(&format!("ArgumentName{number}"))?;
            Some((name, error.text(&format!("ArgumentValue{number}"))))
        };
        let numbered = (1..=MOST_ARGUMENTS).map(|number| number.to_string());
        let first = std::iter::once(String::new());
        let found = first.chain(numbered).filter_map(|number| pair(&number));
        found.collect::<Vec<_>>()
    });
    for (name, value) in arguments.unwrap_or_default() {
        told.extend(["; `", &name, "`"]);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            told.extend([": ", &value]);
        }
    }
    told
}

fn kind(code: &str, status: Option<u16>, message: &str) -> ErrorKind {
    match code {
        "NoSuchBucket"
        | "NoSuchKey"
        | "NoSuchVersion"
        | "NoSuchJob"
        | "NoSuchJobException"
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
    fn the_arguments_that_s3_names_are_told() {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InvalidArgument</Code>\
                    <Message>Unable to validate</Message><ArgumentName1>arn:aws:sqs:us-east-1:1:q, null</ArgumentName1>\
                    <ArgumentValue1>The destination queue does not exist</ArgumentValue1><ArgumentName2>t</ArgumentName2>\
                    <ArgumentValue2/></Error>";
        assert_eq!(
            with_arguments("Unable to validate", body.as_bytes()),
            "Unable to validate; `arn:aws:sqs:us-east-1:1:q, null`: The destination queue does not exist; `t`"
        );
        for other in ["", "{}", "<Error/>", "\u{0}"] {
            assert_eq!(with_arguments("no", other.as_bytes()), "no");
        }
    }

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
