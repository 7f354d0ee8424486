//! From payload bytes to subjects, one file per shape.
//!
//! A payload is recognised on the raw JSON, then read field by field: only what a verdict needs has
//! to be there, so a field that AWS adds, drops or empties fails nothing. (The event types of
//! `aws_lambda_events` demand `userIdentity` and other fields that no verdict needs; its types serve
//! for the answers, which must be exact.)
//!
//! # Guarantees
//! Every record ends as a subject, as an error that says what was seen, or, where it is a known event
//! that concerns no arrival (a deletion, `s3:TestEvent`), as nothing. None is dropped in silence.

pub mod batch_operations;
pub mod error;
mod event;
pub mod eventbridge;
pub mod expectation_event;
mod fields;
mod json;
mod options;
mod reading;
pub mod replication_event;
pub mod s3_notification;
mod s3_record;
pub mod sns;
pub mod sqs;
pub mod sweep;
pub mod test_event;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

pub use self::batch_operations::{BatchJob, BatchTask};
pub use self::error::IngestError;
use self::json::Json;
pub use self::options::{PUBLISH_COMPLIANT, REPAIR};
pub use self::reading::Reading;
pub use self::sqs::{Content, QueueMessage};
pub use self::sweep::SweepRequest;

/// A whole invocation payload, recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Sent straight to the function: S3, SNS or EventBridge. Judged as a whole, retried as a whole.
    Direct(Reading),
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
/// Where nobody knows the payload, or a field that is needed is missing; for a queue's messages, a job's
/// tasks and a record beside sound ones the error stands there, and this succeeds.
pub fn read(payload: &Value) -> Result<Payload, IngestError> {
    recognised(&Json::from(payload))
}

/// A payload as Lambda's runtime delivers it, read where it lies: nothing of it is kept but what a verdict needs.
#[derive(Clone, Debug)]
pub struct Delivered(
    /// What [`read`] says of it.
    pub Result<Payload, IngestError>,
);

impl<'de> Deserialize<'de> for Delivered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Json::deserialize(deserializer).map(|payload| Self(recognised(&payload)))
    }
}

fn recognised(payload: &Json<'_>) -> Result<Payload, IngestError> {
    if sqs::recognise(payload) {
        return sqs::read(payload).map(Payload::Queue);
    }
    if batch_operations::recognise(payload) {
        return batch_operations::read(payload).map(Payload::BatchOperations);
    }
    if sweep::recognise(payload) {
        return sweep::read(payload).map(Payload::Sweep);
    }
    if expectation_event::recognise(payload) {
        let request = expectation_event::read(payload)?;
        return Ok(request.map_or_else(|| Payload::Direct(Reading::default()), Payload::Sweep));
    }
    let reading = if sns::recognise_records(payload) {
        sns::read_records(payload)
    } else {
        event::read(payload)
    };
    match reading {
        // Nothing of it can be read.
        Reading { subjects, faults } if subjects.is_empty() => match faults.into_iter().next() {
            Some(fault) => Err(fault),
            None => Ok(Payload::Direct(Reading::default())),
        },
        reading => Ok(Payload::Direct(reading)),
    }
}
