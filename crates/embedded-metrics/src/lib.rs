//! CloudWatch metrics in embedded metric format: lines of JSON that CloudWatch reads from a function's log.
//! Pure.
//!
//! See <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use serde_json::{Map, Value, json};

/// The namespace of both functions' metrics.
pub const NAMESPACE: &str = "EncryptedReplication";

/// A metric: its name, its unit as CloudWatch spells it, and its value, or up to 100 values.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// `Count`, `Milliseconds`, …
    pub unit: &'static str,
    /// A number, or a list of them.
    pub value: Value,
}

impl Metric {
    /// How often something was.
    pub fn count(name: &'static str, count: impl Into<Value>) -> Self {
        Self {
            name,
            unit: "Count",
            value: count.into(),
        }
    }
}

/// What metrics are told apart by.
#[derive(Clone, Copy, Debug)]
pub struct Dimensions<'a> {
    /// The sets that they are summed over.
    pub sets: &'a [&'a [&'a str]],
    /// What each dimension is.
    pub values: &'a [(&'a str, &'a str)],
}

/// One line, without its line feed, of metrics at a time in milliseconds since 1970.
#[must_use]
pub fn line(now_ms: i64, dimensions: Dimensions<'_>, metrics: Vec<Metric>) -> String {
    let definitions: Vec<_> = metrics
        .iter()
        .map(|metric| json!({"Name": metric.name, "Unit": metric.unit}))
        .collect();
    let mut line = Map::new();
    let envelope = json!({
        "Timestamp": now_ms,
        "CloudWatchMetrics": [{
            "Namespace": NAMESPACE,
            "Dimensions": dimensions.sets,
            "Metrics": definitions,
        }],
    });
    line.insert("_aws".to_owned(), envelope);
    for (name, value) in dimensions.values {
        line.insert((*name).to_owned(), Value::from(*value));
    }
    for metric in metrics {
        line.insert(metric.name.to_owned(), metric.value);
    }
    Value::Object(line).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_its_metrics_under_their_dimensions() {
        let by_function = Dimensions {
            sets: &[&["FunctionName"]],
            values: &[("FunctionName", "provision")],
        };
        let drifted = Metric::count("DriftedResources", 2);
        let line = line(1_700_000_000_000, by_function, vec![drifted]);
        let line: Value = serde_json::from_str(&line).unwrap();
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
