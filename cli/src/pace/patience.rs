//! How long a call is insisted on, counted in time.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{Fault, FaultKind};

/// The first pause, and the longest.
const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(20);
/// The longest where S3 asked to slow down: the pace sees to that.
const LONGEST_SLOWED: Duration = Duration::from_secs(1);

/// How long one thing is insisted on.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    until: Instant,
    pause: Duration,
}

impl Patience {
    /// From now on, for so long.
    #[must_use]
    pub fn of(time: Duration) -> Self {
        Self {
            until: Instant::now() + time,
            pause: FIRST,
        }
    }

    /// For a page of a listing: without it nothing goes on.
    #[must_use]
    pub fn for_pages() -> Self {
        Self::of(Duration::from_mins(5))
    }

    /// For one of many versions: a resumed run has another try.
    #[must_use]
    pub fn for_versions() -> Self {
        Self::of(Duration::from_mins(2))
    }

    /// Waits before the next try; not where asking again changes nothing, or patience has ended.
    pub async fn wait(&mut self, fault: &Fault) -> bool {
        // Half of the pause is drawn: who was refused together does not come back together.
        let pause = self.pause.mul_f64(0.5 + fastrand::f64() / 2.0);
        if fault.kind == FaultKind::Refused || Instant::now() + pause > self.until {
            return false;
        }
        sleep(pause).await;
        let longest = match fault.kind {
            FaultKind::SlowDown => LONGEST_SLOWED,
            FaultKind::Busy | FaultKind::Refused => LONGEST,
        };
        self.pause = (self.pause * 2).min(longest);
        true
    }

    /// Makes a call until it is answered.
    ///
    /// # Errors
    /// The last fault.
    pub async fn insist<T, F, C>(mut self, call: F) -> Result<T, Fault>
    where
        F: Fn() -> C,
        C: Future<Output = Result<T, Fault>>,
    {
        loop {
            match call().await {
                Ok(answer) => return Ok(answer),
                Err(fault) => {
                    if !self.wait(&fault).await {
                        return Err(fault);
                    }
                }
            }
        }
    }
}
