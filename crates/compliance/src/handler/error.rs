//! Why an invocation as a whole failed.

use std::io;

use crate::ingest::IngestError;

/// Why an invocation as a whole failed: Lambda tries an asynchronous one again, then sends it to its
/// failure destination.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The payload cannot be read.
    #[error("the invocation cannot be read: {0}")]
    Ingest(#[from] IngestError),
    /// An event sent straight to the function could not be judged whole, or its findings not sent.
    #[error("{failed} of {all} records are not done, the first because {first}")]
    NotDone {
        /// How many.
        failed: usize,
        /// Out of how many.
        all: usize,
        /// Why the first of them.
        first: String,
    },
    /// A sweep got nowhere.
    #[error("the sweep stopped at its first page: {0}; then send the request again")]
    Sweep(String),
    /// Standard output or the answer cannot be written.
    #[error("the verdicts cannot be written: {0}")]
    Write(#[from] io::Error),
    /// A verdict or an answer is no JSON.
    #[error("the verdicts cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl HandlerError {
    /// The error's kind, as Lambda reports it in `errorType`.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Ingest(_) => "UnreadablePayload",
            Self::NotDone { .. } => "RecordsNotDone",
            Self::Sweep(_) => "SweepStopped",
            Self::Write(_) | Self::Json(_) => "VerdictsNotWritten",
        }
    }
}
