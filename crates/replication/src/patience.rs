//! Waiting that grows: one back-off for whatever is tried again, and calls that are.

use std::fmt;
use std::time::Duration;

use custom_resource::Deadline;

/// Pauses, each twice as long as the one before, up to the longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    pub(crate) const fn new(first: Duration, longest: Duration) -> Self {
        Self {
            next: first,
            longest,
        }
    }

    /// The next pause.
    pub(crate) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }
}

/// Makes the call again, with growing pauses, until it gets an answer, an error at a try (from 1) that no
/// other one would mend, or `until` has passed.
///
/// # Errors
/// What AWS answered last.
pub(crate) async fn retrying<T, E, F>(
    until: Deadline,
    mut backoff: Backoff,
    may_pass: impl Fn(&E, u32) -> bool,
    call: impl Fn() -> F,
) -> Result<T, E>
where
    E: fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let mut attempt = 1;
    loop {
        match call().await {
            Err(error) if may_pass(&error, attempt) && !until.has_passed() => {
                tracing::info!(%error, "asking again");
                tokio::time::sleep(backoff.pause().min(until.remaining())).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(300), Duration::from_secs(1));
        let pauses = [(); 4].map(|()| backoff.pause().as_millis());
        assert_eq!(pauses, [300, 600, 1000, 1000]);
    }
}
