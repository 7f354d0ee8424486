//! The S3 notification: `{"Records":[{"eventSource":"aws:s3",…}]}`.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.

use serde_json::Value;

use super::error::{IngestError, shorten};
use super::{fields, replication_event};
use crate::subject::{Key, ObjectVersion, Subject, parse_time_ms};

const SHAPE: &str = "an S3 notification";

/// Event families of S3 that say nothing about an arrival.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>.
const OTHER_FAMILIES: [&str; 9] = [
    "ObjectRemoved",
    "ObjectRestore",
    "ObjectTagging",
    "ObjectAcl",
    "ObjectAnnotation",
    "LifecycleExpiration",
    "LifecycleTransition",
    "IntelligentTiering",
    "ReducedRedundancyLostObject",
];

/// Whether every record is S3's; true for no records at all.
pub(super) fn recognise(event: &Value) -> bool {
    fields::records(event).is_some_and(|records| {
        records
            .iter()
            .all(|record| fields::text(record, "eventSource") == Some("aws:s3"))
    })
}

/// Reads all records.
///
/// # Errors
/// The first record's that cannot be read.
pub(super) fn read(event: &Value) -> Result<Vec<Subject>, IngestError> {
    let records = fields::records(event).unwrap_or_default();
    let mut subjects = Vec::with_capacity(records.len());
    for record in records {
        subjects.extend(read_record(record)?);
    }
    Ok(subjects)
}

fn read_record(record: &Value) -> Result<Option<Subject>, IngestError> {
    fields::check_version(SHAPE, fields::text(record, "eventVersion"), "2")?;
    let name = fields::text(record, "eventName").ok_or(fields::missing(SHAPE, "eventName"))?;
    // Test messages and configurations spell the prefix, records do not.
    let name = name.strip_prefix("s3:").unwrap_or(name);
    let (family, rest) = name.split_once(':').unwrap_or((name, ""));
    match family {
        "ObjectCreated" => Ok(Some(Subject::Arrival(read_version(record)?))),
        "Replication" => {
            replication_event::read(record, rest).map(|event| Some(Subject::Replication(event)))
        }
        other if OTHER_FAMILIES.contains(&other) => {
            tracing::info!(event = name, "event concerns no arrival");
            Ok(None)
        }
        _ => Err(IngestError::UnknownEvent {
            shape: SHAPE,
            event: shorten(name),
        }),
    }
}

/// The version that a record is about.
pub(super) fn read_version(record: &Value) -> Result<ObjectVersion, IngestError> {
    let s3 = record.get("s3").ok_or(fields::missing(SHAPE, "s3"))?;
    let object = s3
        .get("object")
        .ok_or(fields::missing(SHAPE, "s3.object"))?;
    let bucket = s3.get("bucket").unwrap_or(&Value::Null);
    let key = fields::text(object, "key").ok_or(fields::missing(SHAPE, "s3.object.key"))?;
    Ok(ObjectVersion {
        bucket: fields::bucket(bucket, "name", SHAPE, "s3.bucket.name")?,
        key: Key::from_encoded(key).map_err(|error| IngestError::Key {
            shape: SHAPE,
            error,
        })?,
        version_id: fields::owned(object, "versionId"),
        region: fields::owned(record, "awsRegion"),
        // `ownerIdentity.principalId` is not an account id.
        bucket_owner: None,
        event_time_ms: fields::text(record, "eventTime").and_then(parse_time_ms),
    })
}
