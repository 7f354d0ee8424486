//! Messages of an SQS queue, each with an event in its body.
//!
//! See <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>.

use super::json::Json;

use super::error::IngestError;
use super::reading::Reading;
use super::sweep::SweepRequest;
use super::{event, expectation_event, fields, sns, sweep};

const SHAPE: &str = "an SQS message";

/// One message of the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueMessage {
    /// What Lambda calls `itemIdentifier` in the answer.
    pub id: String,
    /// How often it was received, this time included, where SQS says it.
    pub receives: Option<u32>,
    /// What is in it.
    pub content: Content,
}

/// What a message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// To judge what its event tells, where it tells anything.
    Event(Reading),
    /// To look through a bucket.
    Sweep(SweepRequest),
}

/// Whether these are records of a queue.
pub(super) fn recognise(event: &Json<'_>) -> bool {
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
pub(super) fn read(event: &Json<'_>) -> Result<Vec<QueueMessage>, IngestError> {
    fields::records(event)
        .unwrap_or_default()
        .iter()
        .map(read_message)
        .collect()
}

fn read_message(record: &Json<'_>) -> Result<QueueMessage, IngestError> {
    let id = fields::owned(record, "messageId").ok_or(fields::missing(SHAPE, "messageId"))?;
    let count = record
        .get("attributes")
        .and_then(|attributes| fields::text(attributes, "ApproximateReceiveCount"));
    let content = fields::text(record, "body")
        .ok_or(fields::missing(SHAPE, "body"))
        .and_then(read_body);
    Ok(QueueMessage {
        id,
        receives: count.and_then(|count| count.parse().ok()),
        content: content.unwrap_or_else(|fault| Content::Event(fault.into())),
    })
}

/// An event, an event inside an SNS envelope, or a request for a sweep.
fn read_body(text: &str) -> Result<Content, IngestError> {
    let body = event::parse(text)?;
    if sns::recognise_envelope(&body) {
        Ok(Content::Event(sns::read_envelope(&body)))
    } else if sweep::recognise(&body) {
        sweep::read(&body).map(Content::Sweep)
    } else if expectation_event::recognise(&body) {
        let request = expectation_event::read(&body)?;
        Ok(request.map_or_else(|| Content::Event(Reading::default()), Content::Sweep))
    } else {
        Ok(Content::Event(event::read(&body)))
    }
}
