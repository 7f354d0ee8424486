//! What the function itself fails with, where CloudFormation could not be told.

use lambda_runtime::Diagnostic;

use crate::delivery::DeliveryError;
use crate::response::Failure;
use crate::response_url::ResponseUrlError;

/// Why an invocation failed without an answer to CloudFormation.
///
/// Returned from the function, it lets Lambda deliver the request again (twice, after one and two
/// more minutes), counts in the `Errors` metric and reaches the function's failure destination.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum InvocationError {
    /// Not JSON, or broken off before it tells where to answer.
    #[error("nobody can be answered: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("the payload is {0}; a request is an object")]
    NotAnObject(&'static str),
    /// A request of CloudFormation's shape without a usable `ResponseURL`.
    #[error(
        "a request of CloudFormation cannot be answered, for its ResponseURL is {0}; invoke the \
         function through a stack"
    )]
    NoResponseUrl(&'static str),
    /// A `ResponseURL` that must not be answered to.
    #[error("the request was not carried out, for it cannot be answered: {0}")]
    ResponseUrl(#[from] ResponseUrlError),
    /// A direct invocation failed.
    #[error("{0}")]
    Direct(Failure),
    /// The answer did not arrive.
    #[error("{0}")]
    Delivery(#[from] DeliveryError),
}

impl InvocationError {
    /// The `errorType` that Lambda reports; stays the same between versions.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) => "CustomResource.NotJson",
            Self::NotAnObject(_) => "CustomResource.NotAnObject",
            Self::NoResponseUrl(_) => "CustomResource.NoResponseUrl",
            Self::ResponseUrl(_) => "CustomResource.ResponseUrlRefused",
            Self::Direct(_) => "CustomResource.InvocationFailed",
            Self::Delivery(_) => "CustomResource.NotDelivered",
        }
    }
}

impl From<InvocationError> for Diagnostic {
    fn from(error: InvocationError) -> Self {
        Self {
            error_type: error.code().to_owned(),
            error_message: error.to_string(),
        }
    }
}
