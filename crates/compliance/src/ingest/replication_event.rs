//! `s3:Replication:*` records, sent by the source bucket: an S3 notification with
//! `replicationEventData`.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html>.

use super::json::Json;

use super::error::{IngestError, shorten};
use super::{fields, s3_record};
use crate::subject::{ReplicationEvent, ReplicationOutcome};

const SHAPE: &str = "an S3 replication event";

/// Reads a record whose event name is `Replication:` and `event`.
pub(super) fn read(record: &Json<'_>, event: &str) -> Result<ReplicationEvent, IngestError> {
    let outcome =
        ReplicationOutcome::from_event(event).ok_or_else(|| IngestError::UnknownEvent {
            shape: SHAPE,
            event: shorten(event),
        })?;
    let version = s3_record::version(record)?;
    // All of its fields are optional, and so is it: the event's name alone is news enough.
    let data = record.get("replicationEventData").unwrap_or(&Json::Null);
    Ok(ReplicationEvent {
        outcome,
        version,
        rule_id: fields::owned(data, "replicationRuleId"),
        destination_bucket: fields::text(data, "destinationBucket").map(bucket_name),
        operation: fields::owned(data, "s3Operation"),
        failure_reason: fields::owned(data, "failureReason"),
    })
}

/// The name in a bucket ARN, whose only part after the fifth colon it is; a name stays a name.
fn bucket_name(text: &str) -> String {
    text.rsplit(':').next().unwrap_or(text).to_owned()
}
