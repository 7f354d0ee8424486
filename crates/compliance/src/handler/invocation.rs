//! What Lambda says of an invocation.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_names::Home;
use tokio::time::Instant;

/// Time kept for writing lines and the answer.
const RESERVE: Duration = Duration::from_secs(1);
/// Time kept for sending findings, where they are published.
const PUBLISHING: Duration = Duration::from_secs(5);

/// What Lambda says of an invocation.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// When Lambda ends the function.
    pub deadline: Instant,
    /// Where the function runs; `None` where its ARN could not be read.
    pub home: Option<Home>,
}

impl Invocation {
    /// An invocation that Lambda ends at `deadline_ms` milliseconds after 1970, of the function with
    /// this ARN.
    #[must_use]
    pub fn new(deadline_ms: u64, invoked_function_arn: &str) -> Self {
        let deadline = UNIX_EPOCH + Duration::from_millis(deadline_ms);
        let left = deadline
            .duration_since(SystemTime::now())
            .unwrap_or_default();
        let home = Home::of_function(invoked_function_arn);
        Self {
            deadline: Instant::now() + left,
            home,
        }
    }

    /// When to stop asking AWS: a second before the deadline, or a fifth of the time left where
    /// that is less.
    pub(super) fn stop(&self) -> Instant {
        let left = self.deadline.saturating_duration_since(Instant::now());
        self.deadline
            .checked_sub(RESERVE.min(left / 5))
            .unwrap_or(self.deadline)
    }

    /// When to stop judging where what was found is to be sent: in time for a bus that is slow.
    pub(super) fn stop_judging(&self, publishes: bool) -> Instant {
        let stop = self.stop();
        if !publishes {
            return stop;
        }
        let left = stop.saturating_duration_since(Instant::now());
        stop.checked_sub(PUBLISHING.min(left / 4)).unwrap_or(stop)
    }
}
