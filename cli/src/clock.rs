//! The machine's clock.

use std::time::SystemTime;

use expectation::Time;

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// This second.
pub(crate) fn now() -> Time {
    Time::from_secs(now_ms() / 1000)
}
