//! Events on an EventBridge bus: what they are, how many go into a request, and what is sent again.
//!
//! Both functions tell their findings this way. [`send`] knows no AWS; [`put`] is one request.
//!
//! See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.

#[cfg(feature = "aws")]
mod aws;
mod send;
mod setting;

#[cfg(feature = "aws")]
pub use aws::{client, put};
pub use send::{Unsent, send};
pub use setting::{FINDINGS_EVENT_BUS, is_bus};

/// The `source` of all our events.
pub const SOURCE: &str = "encrypted-replication";

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it tells.
    pub detail_type: &'static str,
    /// The JSON that tells it.
    pub detail: String,
    /// ARNs of what it is about.
    pub resources: Vec<String>,
}

impl Event {
    /// The event's size, as EventBridge counts it.
    fn bytes(&self) -> usize {
        let resources: usize = self.resources.iter().map(String::len).sum();
        SOURCE.len() + self.detail_type.len() + self.detail.len() + resources
    }
}

/// Why a bus did not take one event of a request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// EventBridge's code, such as `ThrottlingException`.
    pub code: String,
    /// What it said.
    pub message: String,
}

impl Refusal {
    /// Whether the bus would say the same however often it is asked.
    fn is_final(&self) -> bool {
        !matches!(
            self.code.as_str(),
            "ThrottlingException" | "InternalFailure" | "InternalException"
        )
    }
}
