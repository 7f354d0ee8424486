//! EventBridge's event that a parameter of the registry was made: a request to look at what arrived in the
//! bucket before its own events did.
//!
//! S3 takes about five minutes to send a bucket's events to EventBridge once that is switched on, and the
//! expectation is written about then. A delayed queue brings this event when they are over. See
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html> and
//! <https://docs.aws.amazon.com/systems-manager/latest/userguide/reference-eventbridge-events.html>.

use super::json::Json;
use expectation::{Time, bucket_of};

use super::error::IngestError;
use super::fields;
use super::sweep::SweepRequest;

const SHAPE: &str = "an EventBridge event of aws.ssm";
/// The clocks of S3 and Systems Manager need not agree to the second.
const EARLIER_SECONDS: i64 = 60;

/// Whether this is the event of a parameter.
pub(super) fn recognise(event: &Json<'_>) -> bool {
    fields::text(event, "source") == Some("aws.ssm") && event.get("detail-type").is_some()
}

/// The sweep that it asks for; none where it tells of another parameter, or of another change.
///
/// # Errors
/// Where a field that is needed is missing.
pub(super) fn read(event: &Json<'_>) -> Result<Option<SweepRequest>, IngestError> {
    let detail = event
        .get("detail")
        .ok_or(fields::missing(SHAPE, "detail"))?;
    let name = fields::text(detail, "name").ok_or(fields::missing(SHAPE, "detail.name"))?;
    let Some(bucket) = bucket_of(name) else {
        return Ok(None);
    };
    if fields::text(detail, "operation") != Some("Create") {
        return Ok(None);
    }
    let time = fields::text(event, "time")
        .and_then(Time::parse)
        .ok_or(fields::missing(SHAPE, "time"))?;
    Ok(Some(SweepRequest {
        bucket: fields::bucket_name(bucket, SHAPE, "detail.name")?,
        since: Some(Time::from_secs(time.secs() - EARLIER_SECONDS)),
        ..SweepRequest::default()
    }))
}
