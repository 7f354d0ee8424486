//! The EventBridge event of `aws.s3`. Its keys are not encoded.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>.

use super::json::Json;

use super::error::{IngestError, shorten};
use super::fields;
use crate::subject::{Key, ObjectVersion, Subject, parse_time_ms};

const SHAPE: &str = "an EventBridge event of aws.s3";

/// Detail types of S3 that say nothing about an arrival.
const OTHER_TYPES: [&str; 9] = [
    "Object Deleted",
    "Object Restore Initiated",
    "Object Restore Completed",
    "Object Restore Expired",
    "Object Storage Class Changed",
    "Object Access Tier Changed",
    "Object ACL Updated",
    "Object Tags Added",
    "Object Tags Deleted",
];

/// Whether this is an EventBridge event sent by S3.
pub(super) fn recognise(event: &Json<'_>) -> bool {
    fields::text(event, "source") == Some("aws.s3") && event.get("detail-type").is_some()
}

pub(super) fn read(event: &Json<'_>) -> Result<Option<Subject>, IngestError> {
    fields::check_version(SHAPE, fields::text(event, "version"), "0")?;
    let kind = fields::text(event, "detail-type").ok_or(fields::missing(SHAPE, "detail-type"))?;
    if kind == "Object Created" {
        return read_version(event).map(|version| Some(Subject::Arrival(version)));
    }
    if OTHER_TYPES.contains(&kind) {
        tracing::info!(event = kind, "event concerns no arrival");
        return Ok(None);
    }
    Err(IngestError::UnknownEvent {
        shape: SHAPE,
        event: shorten(kind),
    })
}

fn read_version(event: &Json<'_>) -> Result<ObjectVersion, IngestError> {
    let detail = event
        .get("detail")
        .ok_or(fields::missing(SHAPE, "detail"))?;
    fields::check_version(SHAPE, fields::text(detail, "version"), "0")?;
    let bucket = detail.get("bucket").unwrap_or(&Json::Null);
    let object = detail
        .get("object")
        .ok_or(fields::missing(SHAPE, "detail.object"))?;
    let key = fields::text(object, "key").ok_or(fields::missing(SHAPE, "detail.object.key"))?;
    Ok(ObjectVersion {
        bucket: fields::bucket(bucket, "name", SHAPE, "detail.bucket.name")?,
        key: Key::from_plain(key).map_err(|error| IngestError::Key {
            shape: SHAPE,
            error,
        })?,
        version_id: fields::owned(object, "version-id"),
        region: fields::owned(event, "region"),
        // The account of an S3 event is the bucket owner's.
        bucket_owner: fields::account(event, SHAPE, "account")?,
        event_time_ms: fields::text(event, "time").and_then(parse_time_ms),
    })
}
