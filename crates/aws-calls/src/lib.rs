//! Calls of AWS services of which we call few operations: by the machinery of the SDK's own clients (signature,
//! retries, time limits, clock skew, user agent), and without the crates of their whole APIs, each of which would weigh
//! on every build. Parameter Store's alone takes a minute to compile, for five operations.
//!
//! [`Client`] calls any operation of a [`Service`] that speaks JSON 1.1; [`ParameterStore`] has those of Systems Manager
//! that we know, and [`Lambda`] invokes functions. With the feature `xml`, [`S3Control`] knows jobs of S3 Batch
//! Operations, and [`Query`] calls any operation of a service that takes a form and answers in XML.
//!
//! See <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html> and
//! <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html>.

mod client;
mod endpoint;
mod lambda;
mod parameter_store;
#[cfg(feature = "xml")]
mod query;
mod refused;
#[cfg(feature = "xml")]
mod s3_control;
mod service;
#[cfg(test)]
mod tests;
#[cfg(feature = "xml")]
mod xml;

pub use self::client::{Client, Error};
pub use self::lambda::Lambda;
pub use self::parameter_store::{Parameter, ParameterStore, ParameterVersion};
#[cfg(feature = "xml")]
pub use self::query::Query;
pub use self::refused::Refused;
#[cfg(feature = "xml")]
pub use self::s3_control::{S3_CONTROL_NAMESPACE, S3Control};
pub use self::service::Service;
