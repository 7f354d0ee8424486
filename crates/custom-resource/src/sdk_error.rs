//! What an AWS service refused, as the reason of a failure: `?` on the SDK's calls.

use std::error::Error;
use std::fmt::Debug;

use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::display::DisplayErrorContext;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::response::Failure;

impl<E, R> From<SdkError<E, R>> for Failure
where
    E: Error + ProvideErrorMetadata + 'static,
    R: Debug + 'static,
{
    /// The service's code, words and request id; without these, what stood in the way.
    fn from(error: SdkError<E, R>) -> Self {
        let Some(service) = error.as_service_error() else {
            return Self::new(DisplayErrorContext(&error).to_string());
        };
        let meta = service.meta();
        let code = meta.code().unwrap_or("an error without a code");
        let mut reason = match meta.message() {
            Some(message) => format!("{code}: {message}"),
            None => code.to_owned(),
        };
        // Under the SDK's own name for it: https://docs.rs/aws-types, RequestId.
        if let Some(id) = meta.extra("aws_request_id") {
            reason = format!("{reason} (request {id})");
        }
        Self::new(reason)
    }
}
