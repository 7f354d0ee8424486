//! CloudWatch: metrics and log, as lines on standard output; the time.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use embedded_metrics::{Dimensions, Metric, line};
use expectation::Time;

use super::SdkAws;
use crate::ports::{Clock, Metrics};

/// Of what is about all resources, so that an alarm can name it.
const FUNCTION: &str = "FunctionName";
/// Of what is about a source bucket, as in the checker's metrics.
const BUCKET: &str = "Bucket";

impl Metrics for SdkAws {
    fn count(&self, function: &str, counts: &[(&'static str, usize)]) -> io::Result<()> {
        let counts = counts
            .iter()
            .map(|(name, count)| Metric::count(name, *count));
        self.log(&metrics((FUNCTION, function), counts.collect()))
    }

    fn measure(&self, bucket: &str, found: Vec<Metric>) -> io::Result<()> {
        self.log(&metrics((BUCKET, bucket), found))
    }

    fn log(&self, line: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()
    }
}

/// Metrics with one dimension, as a line.
fn metrics((dimension, value): (&str, &str), metrics: Vec<Metric>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    let dimensions = Dimensions {
        sets: &[&[dimension]],
        values: &[(dimension, value)],
    };
    line(now, dimensions, metrics)
}

impl Clock for SdkAws {
    fn now(&self) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.unwrap_or_default().as_secs();
        Time::from_secs(i64::try_from(seconds).unwrap_or_default())
    }
}
