//! `s3:TestEvent`, which S3 sends once when a bucket's notifications are set up.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.

use serde_json::Value;

use super::fields;

/// Whether this is S3's test message.
pub(super) fn recognise(event: &Value) -> bool {
    fields::text(event, "Event") == Some("s3:TestEvent")
}

/// Takes note of it: there is nothing to judge.
pub(super) fn read(event: &Value) {
    let bucket = fields::text(event, "Bucket").unwrap_or_default();
    tracing::info!(bucket, "s3:TestEvent: the bucket's notifications arrive");
}
