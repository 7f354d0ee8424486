//! As fast as S3 lets, and no faster: how many calls are in flight, and how long one is insisted on.

mod limit;
mod patience;

use compliance::ports::AskError;

pub use self::limit::Pace;
pub use self::patience::Patience;

/// A call that got no answer to go by.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Fault {
    /// What was asked, and what came of it.
    pub error: AskError,
    /// Whether to ask again.
    pub kind: FaultKind,
}

/// Whether asking again can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// 503: more calls than S3 takes at the moment. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>.
    SlowDown,
    /// A server's fault, or no answer in time.
    Busy,
    /// The same again would be answered the same.
    Refused,
}
