#![doc = include_str!("../README.md")]

mod cut;
mod deadline;
mod delivery;
mod echo;
mod error;
mod guard;
mod kind;
mod payload;
mod properties;
mod provider;
mod request;
mod resource;
mod response;
mod response_url;
#[cfg(feature = "smithy-transport")]
mod run;
#[cfg(feature = "smithy-transport")]
mod sdk_error;
#[cfg(feature = "smithy-transport")]
mod smithy_transport;
mod transport;

pub use deadline::Deadline;
pub use delivery::DeliveryError;
pub use error::InvocationError;
pub use lambda_runtime::Context;
pub use payload::Payload;
pub use provider::{ANSWER_RESERVE, Provider};
pub use request::{Request, RequestType};
pub use resource::CustomResource;
pub use response::{Failure, Success};
pub use response_url::{ResponseHosts, ResponseUrl, ResponseUrlError};
#[cfg(feature = "smithy-transport")]
pub use run::run;
#[cfg(feature = "smithy-transport")]
pub use smithy_transport::SmithyTransport;
pub use transport::{Transport, TransportError};
