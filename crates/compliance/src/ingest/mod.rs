//! From payload bytes to subjects, one file per shape.
//!
//! A payload is recognised on the raw JSON, then read field by field: only what a verdict needs has
//! to be there, so a field that AWS adds, drops or empties fails nothing. (The event types of
//! `aws_lambda_events` demand `userIdentity` and other fields that no verdict needs; its types serve
//! for the answers, which must be exact.)
//!
//! # Guarantees
//! Every record ends as subjects, as an error that says what was seen, or, where it is a known event
//! that concerns no arrival (a deletion, `s3:TestEvent`), as nothing. None is dropped in silence.

pub mod batch_operations;
pub mod error;
pub mod eventbridge;
mod fields;
pub mod replication_event;
pub mod s3_notification;
pub mod sns;
pub mod sqs;
pub mod sweep;
pub mod test_event;

use serde_json::Value;

pub use self::batch_operations::{BatchJob, BatchTask};
pub use self::error::IngestError;
pub use self::sqs::QueueMessage;
pub use self::sweep::SweepRequest;
use crate::findings::Publish;
use crate::subject::Subject;

/// A whole invocation payload, recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Sent straight to the function: S3, SNS or EventBridge. Judged as a whole, retried as a whole.
    Direct(Vec<Subject>),
    /// From a queue: each message is judged, and retried, by itself.
    Queue(Vec<QueueMessage>),
    /// Tasks of an S3 Batch Operations job.
    BatchOperations(BatchJob),
    /// A request to look through a bucket.
    Sweep(SweepRequest),
}

/// Recognises and reads an invocation payload.
///
/// # Errors
/// Where nobody knows the payload, or a field that is needed is missing; for a queue's messages and
/// a job's tasks the error stands at the message or the task, and this succeeds.
pub fn read(payload: &Value) -> Result<Payload, IngestError> {
    if sqs::recognise(payload) {
        return sqs::read(payload).map(Payload::Queue);
    }
    if batch_operations::recognise(payload) {
        return batch_operations::read(payload).map(Payload::BatchOperations);
    }
    if sweep::recognise(payload) {
        return sweep::read(payload).map(Payload::Sweep);
    }
    if sns::recognise_records(payload) {
        return sns::read_records(payload).map(Payload::Direct);
    }
    read_event(payload).map(Payload::Direct)
}

/// Reads what a message may carry: an S3 notification, an EventBridge event or `s3:TestEvent`.
fn read_event(event: &Value) -> Result<Vec<Subject>, IngestError> {
    if s3_notification::recognise(event) {
        s3_notification::read(event)
    } else if eventbridge::recognise(event) {
        eventbridge::read(event)
    } else if test_event::recognise(event) {
        test_event::read(event);
        Ok(Vec::new())
    } else {
        Err(IngestError::unknown(event))
    }
}

/// Reads a message's text: an event, or an event inside an SNS envelope.
fn read_text(text: &str) -> Result<Vec<Subject>, IngestError> {
    let event = parse(text)?;
    if sns::recognise_envelope(&event) {
        sns::read_envelope(&event)
    } else {
        read_event(&event)
    }
}

/// The field, of a sweep and of a job's user arguments, that has `Compliant` verdicts published too.
pub const PUBLISH_COMPLIANT: &str = "PublishCompliant";

fn read_publish(holder: &Value, shape: &'static str) -> Result<Publish, IngestError> {
    match holder.get(PUBLISH_COMPLIANT) {
        None | Some(Value::Null | Value::Bool(false)) => Ok(Publish::Findings),
        Some(Value::Bool(true)) => Ok(Publish::FindingsAndCompliant),
        Some(Value::String(text)) if text == "true" => Ok(Publish::FindingsAndCompliant),
        Some(Value::String(text)) if text == "false" => Ok(Publish::Findings),
        Some(_) => Err(IngestError::Field {
            shape,
            field: PUBLISH_COMPLIANT,
            expected: "`true` or `false`",
        }),
    }
}

fn parse(text: &str) -> Result<Value, IngestError> {
    serde_json::from_str(text).map_err(|error| IngestError::NotJson {
        line: error.line(),
        column: error.column(),
        length: text.len(),
    })
}
