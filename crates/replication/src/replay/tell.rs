//! What came of a job, as events.

use aws_names::{Home, digest};
use event_bus::Event;
use serde_json::{Map, Value, json};

use super::report::Row;
use crate::configuration::{ReplicationRule, Status};
use crate::jobs::Note;
use crate::owner::Owner;

/// The `detail-type` of a job's outcome.
pub const DETAIL_TYPE: &str = "Replication Replay";
/// The schema of its `detail`.
pub const SCHEMA: &str = "encrypted-replication/replay/1";
/// The `detail-type` of the end of a version's failure: the checker's, so that whoever keeps findings takes it.
pub const RESOLVED_DETAIL_TYPE: &str = "Replica Finding Resolved";
/// The schema of its `detail`.
const RESOLVED_SCHEMA: &str = "encrypted-replication/replayed/1";

/// An outcome, from what is answered of it.
pub(super) fn outcome(home: &Home, owner: &Owner, note: &Note, seen: &Map<String, Value>) -> Event {
    let member = |name: &str| seen.get(name).cloned().unwrap_or_default();
    let text = member("Status").to_string();
    let detail = json!({
        "schema": SCHEMA,
        "id": digest::hex([SCHEMA, owner.as_str(), &note.job_id, &text]),
        "jobId": note.job_id,
        "status": member("Status"),
        "physicalResourceId": member("PhysicalResourceId"),
        "sourceBucket": note.source_bucket,
        "region": note.region,
        "selection": note.selection,
        "tasks": member("Tasks"),
        "succeeded": member("Succeeded"),
        "failed": member("Failed"),
        "failures": member("Failures"),
        "reason": member("Reason"),
        "remedy": member("Next"),
    });
    Event {
        detail_type: DETAIL_TYPE,
        detail: detail.to_string(),
        resources: vec![home.bucket_arn(&note.source_bucket)],
    }
}

/// That a version, which had failed, was replicated: one for each destination, as failures are found.
///
/// S3 ends a task as succeeded when the version was replicated to all destinations of the rules that cover it.
pub(super) fn resolved(
    home: &Home,
    rules: &[ReplicationRule],
    job_id: &str,
    row: &Row,
) -> Vec<Event> {
    let covering = rules.iter().filter(|rule| {
        rule.status == Status::Enabled && row.key.starts_with(rule.covered_prefix())
    });
    let mut destinations: Vec<&str> = covering
        .map(|rule| rule.destination.bucket_name())
        .collect();
    destinations.sort_unstable();
    destinations.dedup();
    let bucket = home.bucket_arn(&row.bucket);
    let events = destinations.into_iter().map(|destination| {
        let id = [RESOLVED_SCHEMA, &row.bucket, destination, &row.version, &row.key];
        let detail = json!({
            "schema": RESOLVED_SCHEMA,
            "id": digest::hex(id),
            "verdict": "ReplicationFailed",
            "compliant": true,
            "bucket": row.bucket,
            "key": row.key,
            "versionId": row.version,
            "replication": {"destinationBucket": destination},
            "reason": format!("job {job_id} of S3 Batch Operations replicated the version, which had failed"),
        });
        Event {
            detail_type: RESOLVED_DETAIL_TYPE,
            detail: detail.to_string(),
            resources: vec![format!("{bucket}/{}", row.key), bucket.clone()],
        }
    });
    events.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_ends_for_each_destination_that_covers_the_key() {
        let rule = |prefix: &str, to: &str, status| {
            let mut rule = ReplicationRule::example("er0123456789abcdef0123-1", prefix);
            rule.destination.bucket = format!("arn:aws:s3:::{to}");
            rule.status = status;
            rule
        };
        let rules = [
            rule("Tax/", "one", Status::Enabled),
            rule("", "two", Status::Enabled),
            rule("Tax/2026/", "one", Status::Enabled),
            rule("", "off", Status::Disabled),
            rule("Receipts/", "three", Status::Enabled),
        ];
        let row = Row {
            bucket: "source".into(),
            key: "Tax/2026/a".into(),
            version: "v".into(),
            code: String::new(),
            words: String::new(),
        };
        let events = resolved(&crate::replication::example_home(), &rules, "job", &row);
        let details: Vec<Value> = events
            .iter()
            .map(|event| serde_json::from_str(&event.detail).unwrap())
            .collect();
        let to: Vec<_> = details
            .iter()
            .map(|detail| detail["replication"]["destinationBucket"].as_str().unwrap())
            .collect();
        assert_eq!(to, ["one", "two"]);
        assert_ne!(details[0]["id"], details[1]["id"]);
        assert_eq!(details[0]["compliant"], true);
        assert_eq!(
            events[0].resources,
            ["arn:aws:s3:::source/Tax/2026/a", "arn:aws:s3:::source"]
        );
    }
}
