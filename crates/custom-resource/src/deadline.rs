//! How long there is: one instant that every wait is bounded by.

use std::time::{Duration, SystemTime};

use lambda_runtime::Context;
use tokio::time::Instant;

/// The moment by which something has to be finished.
///
/// Kept as an instant of tokio's clock, so that a test which pauses that clock controls it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Deadline(Instant);

impl Deadline {
    /// The deadline at `instant`.
    #[must_use]
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// The deadline `duration` from now.
    #[must_use]
    pub fn after(duration: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(duration).unwrap_or(now))
    }

    /// The moment at which Lambda stops the invocation.
    ///
    /// Lambda tells it as wall-clock time (`Lambda-Runtime-Deadline-Ms`, see
    /// <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>); one that has passed
    /// already is the present.
    #[must_use]
    pub fn of_invocation(context: &Context) -> Self {
        let left = context
            .deadline()
            .duration_since(SystemTime::now())
            .unwrap_or(Duration::ZERO);
        Self::after(left)
    }

    /// The time left; zero once it has passed.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether no time is left.
    #[must_use]
    pub fn has_passed(self) -> bool {
        self.remaining().is_zero()
    }

    /// The deadline `duration` earlier, to keep time for what must follow.
    #[must_use]
    pub fn earlier_by(self, duration: Duration) -> Self {
        Self(
            self.0
                .checked_sub(duration)
                .unwrap_or_else(|| Instant::now().min(self.0)),
        )
    }

    /// The instant itself, for [`tokio::time::timeout_at`] and the like.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn remaining_follows_the_clock_and_stops_at_zero() {
        let deadline = Deadline::after(Duration::from_secs(10));
        assert_eq!(deadline.remaining(), Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(deadline.remaining(), Duration::from_secs(6));
        assert!(!deadline.has_passed());
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!(deadline.remaining(), Duration::ZERO);
        assert!(deadline.has_passed());
    }

    #[tokio::test(start_paused = true)]
    async fn earlier_by_takes_the_duration_off() {
        let deadline = Deadline::after(Duration::from_secs(10));
        let earlier = deadline.earlier_by(Duration::from_secs(3));
        assert_eq!(earlier.remaining(), Duration::from_secs(7));
        assert_eq!(
            deadline.earlier_by(Duration::from_secs(11)).remaining(),
            Duration::ZERO
        );
    }

    #[tokio::test(start_paused = true)]
    async fn invocation_deadline_is_lambdas_wall_clock_moment() {
        let mut context = Context::default();
        let moment = SystemTime::now() + Duration::from_secs(100);
        context.deadline = u64::try_from(
            moment
                .duration_since(SystemTime::UNIX_EPOCH)
                .unwrap()
                .as_millis(),
        )
        .unwrap();
        let remaining = Deadline::of_invocation(&context).remaining();
        assert!(remaining > Duration::from_secs(95) && remaining <= Duration::from_secs(100));
    }

    #[tokio::test(start_paused = true)]
    async fn invocation_deadline_in_the_past_is_now() {
        assert!(Deadline::of_invocation(&Context::default()).has_passed());
    }
}
