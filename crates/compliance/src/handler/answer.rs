//! The answer to each sender, in its own form.

use aws_lambda_events::event::s3::batch_job::{S3BatchJobResponse, S3BatchJobResult};
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse};
use serde_json::value::{RawValue, to_raw_value};

use super::error::HandlerError;
use super::telling::Told;
use crate::ingest::{BatchJob, Content, IngestError, QueueMessage, Reading};
use crate::judging::{Fate, Judged};
use crate::ports::AskError;

const OUT_OF_TIME: &str = "the function's time ran out before it was looked at";

/// To SQS: the messages that are to come back. `sweeps` are the fates of those that asked for one: why it
/// is not done, where it is not.
///
/// See <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>.
pub(super) fn queue(
    messages: &[QueueMessage],
    judged: &Judged,
    sweeps: Vec<Result<(), String>>,
) -> Result<Box<RawValue>, HandlerError> {
    let mut fates = judged.fates.iter();
    let mut sweeps = sweeps.into_iter();
    let mut answer = SqsBatchResponse::default();
    for message in messages {
        let id = message.id.as_str();
        let done = match &message.content {
            Content::Event(reading) => {
                // All of the message's fates are taken, or the next message would get them.
                let own: Vec<_> = fates.by_ref().take(reading.subjects.len()).collect();
                all_done(id, reading, &own)
            }
            Content::Sweep(_) => match sweeps.next() {
                Some(Ok(())) => true,
                other => {
                    let why = other.and_then(Result::err).unwrap_or_default();
                    tracing::warn!(
                        message_id = id,
                        "message {id} goes back for another try: its sweep did not come to its end: {why}"
                    );
                    false
                }
            },
        };
        if !done {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier.clone_from(&message.id);
            answer.batch_item_failures.push(failure);
        }
    }
    Ok(to_raw_value(&answer)?)
}

fn all_done(id: &str, reading: &Reading, fates: &[&Fate]) -> bool {
    for fault in &reading.faults {
        tracing::error!(message_id = id, "message {id} cannot be read: {fault}");
    }
    let judged = fates
        .iter()
        .map(|fate| done(id, fate))
        .fold(true, |a, b| a & b);
    reading.faults.is_empty() && fates.len() == reading.subjects.len() && judged
}

/// Logs why something goes back for another try.
fn log_retry(what: &str, id: &str, error: &AskError) {
    tracing::warn!(
        operation = error.operation,
        resource = error.resource,
        answer = error.answer,
        "{what} {id} goes back for another try: {error}",
    );
}

fn done(message_id: &str, fate: &Fate) -> bool {
    match fate {
        Fate::Judged(_) => true,
        Fate::Failed(error) => {
            log_retry("message", message_id, error);
            false
        }
        Fate::OutOfTime => {
            tracing::warn!(
                message_id,
                "message {message_id} goes back for another try: {OUT_OF_TIME}"
            );
            false
        }
    }
}

/// To a direct invocation: the verdicts, or an error, so that an asynchronous one is tried again.
pub(super) fn direct(told: &Told, faults: &[IngestError]) -> Result<Box<RawValue>, HandlerError> {
    let fates = told.judged.fates.iter();
    let undone = fates.filter_map(|fate| match fate {
        Fate::Judged(_) => None,
        Fate::Failed(error) => Some(error.to_string()),
        Fate::OutOfTime => Some(OUT_OF_TIME.to_owned()),
    });
    let mut failed = undone.chain(faults.iter().map(ToString::to_string));
    if let Some(first) = failed.next() {
        let all = told.judged.fates.len() + faults.len();
        return Err(HandlerError::NotDone {
            failed: failed.count() + 1,
            all,
            first,
        });
    }
    // Of the lines as they were told: read into values, they take ten times the memory.
    let lines = (0..told.judged.verdicts.len()).map(|place| told.line(place));
    let mut answer = String::with_capacity(told.length());
    answer.push_str(r#"{"verdicts":["#);
    for (place, line) in lines.enumerate() {
        if place > 0 {
            answer.push(',');
        }
        answer.push_str(line);
    }
    answer.push_str("]}");
    Ok(RawValue::from_string(answer)?)
}

/// To S3 Batch Operations: a result for each task, in the schema that asked.
///
/// `Succeeded` bears the verdict, `PermanentFailure` a finding or a task that cannot be read, and
/// `TemporaryFailure` is tried again by the job, as what S3 or KMS may answer otherwise then.
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>.
pub(super) fn batch_operations(job: &BatchJob, told: &Told) -> Result<Box<RawValue>, HandlerError> {
    let mut fates = told.judged.fates.iter();
    let mut answer = S3BatchJobResponse::default();
    answer.invocation_schema_version = Some(job.schema_version.clone());
    answer.treat_missing_keys_as = Some("TemporaryFailure".to_owned());
    answer.invocation_id = Some(job.invocation_id.clone());
    for task in &job.tasks {
        let (code, text) = match &task.version {
            Ok(_) => task_result(&task.id, fates.next(), told),
            Err(error) => {
                tracing::error!(
                    task_id = task.id,
                    "task {} cannot be read: {error}",
                    task.id
                );
                ("PermanentFailure", error.to_string())
            }
        };
        let mut result = S3BatchJobResult::default();
        result.task_id = Some(task.id.clone());
        result.result_code = Some(code.to_owned());
        result.result_string = Some(text);
        answer.results.push(result);
    }
    Ok(to_raw_value(&answer)?)
}

fn task_result(task_id: &str, fate: Option<&Fate>, told: &Told) -> (&'static str, String) {
    let place = match fate {
        Some(Fate::Judged(place)) => *place,
        Some(Fate::Failed(error)) => {
            log_retry("task", task_id, error);
            return ("TemporaryFailure", error.to_string());
        }
        Some(Fate::OutOfTime) | None => return ("TemporaryFailure", OUT_OF_TIME.to_owned()),
    };
    let judgement = told.judged.verdicts.get(place).map(|one| &one.judgement);
    let code = match judgement {
        Some(finding) if finding.kind.compliant() == Some(false) => "PermanentFailure",
        // It is told, as nobody says which try is the last one.
        Some(blind) if blind.detail.may_pass() => "TemporaryFailure",
        _ => "Succeeded",
    };
    (code, told.line(place).to_owned())
}
