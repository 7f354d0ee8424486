//! Calls of AWS services that speak JSON, of which we call few operations: by the machinery of the SDK's own
//! clients (signature, retries, time limits, clock skew, user agent), and without the crates of their whole APIs, each
//! of which would weigh on every build. Parameter Store's alone takes a minute to compile, for five operations.
//!
//! [`Client`] calls any operation of a [`Service`] of JSON 1.1; [`ParameterStore`] has those of Systems Manager that we
//! know, and [`Lambda`] invokes functions.
//!
//! See <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.

mod client;
mod endpoint;
mod lambda;
mod parameter_store;
mod refused;
mod service;
#[cfg(test)]
mod tests;

pub use self::client::{Client, Error};
pub use self::lambda::Lambda;
pub use self::parameter_store::{Parameter, ParameterStore, ParameterVersion};
pub use self::refused::Refused;
pub use self::service::Service;
