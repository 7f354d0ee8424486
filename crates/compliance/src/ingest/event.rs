//! An event that S3 sends, by whatever way it comes.

use super::json::Json;

use super::error::IngestError;
use super::reading::Reading;
use super::{eventbridge, s3_notification, test_event};

/// Reads an S3 notification, an EventBridge event or `s3:TestEvent`.
pub(super) fn read(event: &Json<'_>) -> Reading {
    if s3_notification::recognise(event) {
        s3_notification::read(event)
    } else if eventbridge::recognise(event) {
        eventbridge::read(event).into()
    } else if test_event::recognise(event) {
        test_event::read(event);
        Reading::default()
    } else {
        IngestError::unknown(event).into()
    }
}

/// Reads a text as JSON.
///
/// # Errors
/// Where it is none.
pub(super) fn parse(text: &str) -> Result<Json<'_>, IngestError> {
    serde_json::from_str(text).map_err(|error| IngestError::NotJson {
        line: error.line(),
        column: error.column(),
        length: text.len(),
    })
}
