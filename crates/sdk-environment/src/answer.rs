//! What AWS answered, for a person.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;

/// What AWS answered with `status`, on one line: status, code, message and request id.
pub fn answered<E>(status: u16, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata,
{
    let mut answer = format!("status {status}");
    for part in [error.code(), error.message()].into_iter().flatten() {
        answer.push_str(", ");
        answer.push_str(&part.replace(['\n', '\r'], " "));
    }
    if let Some(id) = error.request_id() {
        answer.push_str(", request ");
        answer.push_str(id);
    }
    answer
}
