//! One record of an S3 notification, whatever it tells.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.

use super::json::Json;

use super::error::IngestError;
use super::fields;
use crate::subject::{Key, ObjectVersion, parse_time_ms};

/// The shape's name.
pub(super) const NOTIFICATION: &str = "an S3 notification";

/// The version that a record is about.
pub(super) fn version(record: &Json<'_>) -> Result<ObjectVersion, IngestError> {
    let s3 = record
        .get("s3")
        .ok_or(fields::missing(NOTIFICATION, "s3"))?;
    let object = s3
        .get("object")
        .ok_or(fields::missing(NOTIFICATION, "s3.object"))?;
    let bucket = s3.get("bucket").unwrap_or(&Json::Null);
    let key = fields::text(object, "key").ok_or(fields::missing(NOTIFICATION, "s3.object.key"))?;
    Ok(ObjectVersion {
        bucket: fields::bucket(bucket, "name", NOTIFICATION, "s3.bucket.name")?,
        key: Key::from_encoded(key).map_err(|error| IngestError::Key {
            shape: NOTIFICATION,
            error,
        })?,
        version_id: fields::owned(object, "versionId"),
        region: fields::owned(record, "awsRegion"),
        // `ownerIdentity.principalId` is not an account id.
        bucket_owner: None,
        event_time_ms: fields::text(record, "eventTime").and_then(parse_time_ms),
    })
}
