//! `s3:TestEvent`, which S3 sends once when a bucket's notifications are set up.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.

use super::json::Json;

use super::fields;

/// Whether this is S3's test message.
pub(super) fn recognise(event: &Json<'_>) -> bool {
    fields::text(event, "Event") == Some("s3:TestEvent")
}

/// Takes note of it: there is nothing to judge.
pub(super) fn read(event: &Json<'_>) {
    let bucket = fields::text(event, "Bucket").unwrap_or_default();
    tracing::info!(bucket, "s3:TestEvent: the bucket's notifications arrive");
}
