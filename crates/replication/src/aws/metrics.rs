//! CloudWatch metrics, as lines on standard output; the time.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use embedded_metrics::{Dimensions, Metric, line};
use expectation::Time;

use super::SdkAws;
use crate::ports::{Clock, Metrics};

/// The only dimension, which an alarm can name.
const DIMENSION: &str = "FunctionName";

impl Metrics for SdkAws {
    fn count(&self, function: &str, counts: &[(&'static str, usize)]) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
        let by_function = Dimensions {
            sets: &[&[DIMENSION]],
            values: &[(DIMENSION, function)],
        };
        let counts = counts
            .iter()
            .map(|(name, count)| Metric::count(name, *count));
        let line = line(now, by_function, counts.collect());
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()
    }
}

impl Clock for SdkAws {
    fn now(&self) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.unwrap_or_default().as_secs();
        Time::from_secs(i64::try_from(seconds).unwrap_or_default())
    }
}
