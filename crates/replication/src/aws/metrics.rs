//! CloudWatch metrics in embedded metric format: a line on standard output, which CloudWatch reads from
//! the function's log. See
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use expectation::Time;
use serde_json::{Value, json};

use super::SdkAws;
use crate::ports::{Clock, Metrics};

/// The metrics' namespace, as the checker's.
const NAMESPACE: &str = "EncryptedReplication";
/// Their only dimension, which an alarm can name.
const DIMENSION: &str = "FunctionName";

impl Metrics for SdkAws {
    fn count(&self, function: &str, counts: &[(&'static str, usize)]) -> io::Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let line = line(function, counts, now.unwrap_or_default().as_millis());
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

fn line(function: &str, counts: &[(&'static str, usize)], now_ms: u128) -> Value {
    let metrics = counts.iter();
    let metrics: Vec<_> = metrics
        .map(|(name, _)| json!({"Name": name, "Unit": "Count"}))
        .collect();
    let mut line = json!({
        "_aws": {
            "Timestamp": u64::try_from(now_ms).unwrap_or(u64::MAX),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}],
        },
        DIMENSION: function,
    });
    if let Some(members) = line.as_object_mut() {
        members.extend(
            counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), json!(count))),
        );
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_metrics_under_the_functions_name() {
        let line = line("provision", &[("DriftedResources", 2)], 1_700_000_000_000);
        assert_eq!(
            line,
            json!({
                "_aws": {"Timestamp": 1_700_000_000_000_u64, "CloudWatchMetrics": [{
                    "Namespace": "EncryptedReplication", "Dimensions": [["FunctionName"]],
                    "Metrics": [{"Name": "DriftedResources", "Unit": "Count"}]}]},
                "FunctionName": "provision", "DriftedResources": 2,
            })
        );
    }
}
