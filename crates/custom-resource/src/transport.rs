//! The one HTTP request of the protocol, as a port.

use std::future::Future;

use crate::response_url::ResponseUrl;

/// Sends an answer. No retries, no time limit: those are the caller's.
pub trait Transport: Send + Sync {
    /// Puts `body` to `url` and returns the HTTP status; follows no redirect.
    ///
    /// # Errors
    /// Where no HTTP status came back.
    fn put(
        &self,
        url: &ResponseUrl,
        content_type: &str,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<u16, TransportError>> + Send;
}

/// Why no HTTP status came back. Bears no part of the URL's query.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct TransportError {
    /// What happened, with its causes.
    pub message: String,
    /// Whether another attempt may fare better.
    pub retryable: bool,
}
