//! Messages of an SQS queue, each with an event in its body.
//!
//! See <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.

use serde_json::Value;

use super::error::IngestError;
use super::fields;
use crate::subject::Subject;

const SHAPE: &str = "an SQS message";

/// One message of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// What Lambda calls `itemIdentifier` in the answer.
    pub id: String,
    /// What the message is about, or why it cannot be read. Empty where there is nothing to judge.
    pub subjects: Result<Vec<Subject>, IngestError>,
}

/// Whether these are records of a queue.
pub(super) fn recognise(event: &Value) -> bool {
    fields::records(event).is_some_and(|records| {
        !records.is_empty()
            && records
                .iter()
                .all(|record| fields::text(record, "eventSource") == Some("aws:sqs"))
    })
}

/// Reads each message by itself.
///
/// # Errors
/// A record without `messageId`: there would be no way to say which message failed.
pub(super) fn read(event: &Value) -> Result<Vec<QueueMessage>, IngestError> {
    fields::records(event)
        .unwrap_or_default()
        .iter()
        .map(read_message)
        .collect()
}

fn read_message(record: &Value) -> Result<QueueMessage, IngestError> {
    let id = fields::owned(record, "messageId").ok_or(fields::missing(SHAPE, "messageId"))?;
    let subjects = match fields::text(record, "body") {
        Some(body) => super::read_text(body),
        None => Err(fields::missing(SHAPE, "body")),
    };
    Ok(QueueMessage { id, subjects })
}
