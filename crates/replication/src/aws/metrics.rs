//! CloudWatch metrics, as lines on standard output; the time.

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
        write((FUNCTION, function), counts.collect())
    }

    fn measure(&self, bucket: &str, metrics: Vec<Metric>) -> io::Result<()> {
        write((BUCKET, bucket), metrics)
    }
}

/// Writes metrics with one dimension.
fn write((dimension, value): (&str, &str), metrics: Vec<Metric>) -> io::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = i64::try_from(now.unwrap_or_default().as_millis()).unwrap_or(i64::MAX);
    let dimensions = Dimensions {
        sets: &[&[dimension]],
        values: &[(dimension, value)],
    };
    let line = line(now, dimensions, metrics);
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

impl Clock for SdkAws {
    fn now(&self) -> Time {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let seconds = now.unwrap_or_default().as_secs();
        Time::from_secs(i64::try_from(seconds).unwrap_or_default())
    }
}
