//! From the SDK's error to a fault: what was asked, what came of it, whether to ask again.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use compliance::ports::AskError;
use sdk_environment::answered;

use crate::calls::permissions_of;
use crate::pace::{Fault, FaultKind};

/// What `error` of `call` on `resource` means.
pub(super) fn fault<E>(
    call: &'static str,
    resource: String,
    error: &SdkError<E, HttpResponse>,
) -> Fault
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    // An answer that cannot be read has a good status, and neither code nor message.
    let by_s3 = status.filter(|_| error.as_service_error().is_some());
    let answer = match by_s3 {
        Some(status) => answered(status, error),
        None => DisplayErrorContext(error)
            .to_string()
            .replace(['\n', '\r'], " "),
    };
    let kind = kind(status, error.code());
    let denied = status == Some(403);
    let permissions = permissions_of(call).join(" and ");
    Fault {
        error: AskError {
            operation: call,
            resource,
            answer,
            remedy: if denied && !permissions.is_empty() {
                format!("allow {permissions}")
            } else {
                String::new()
            },
        },
        kind,
    }
}

/// S3 says 503 of too many calls, and 4xx of what it will not do. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>.
fn kind(status: Option<u16>, code: Option<&str>) -> FaultKind {
    match (status, code) {
        (Some(503), _) | (_, Some("SlowDown" | "Throttling" | "ThrottlingException")) => {
            FaultKind::SlowDown
        }
        (_, Some("RequestTimeout" | "OperationAborted")) | (Some(500..) | None, _) => {
            FaultKind::Busy
        }
        (Some(_), _) => FaultKind::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_told_from_what_does_not() {
        let table = [
            (Some(503), Some("SlowDown"), FaultKind::SlowDown),
            (Some(503), None, FaultKind::SlowDown),
            (Some(500), Some("InternalError"), FaultKind::Busy),
            (Some(400), Some("RequestTimeout"), FaultKind::Busy),
            (None, None, FaultKind::Busy),
            (Some(403), Some("AccessDenied"), FaultKind::Refused),
            (Some(404), Some("NoSuchBucket"), FaultKind::Refused),
            (Some(400), Some("InvalidToken"), FaultKind::Refused),
        ];
        for (status, code, expected) in table {
            assert_eq!(kind(status, code), expected, "{status:?} {code:?}");
        }
    }
}
