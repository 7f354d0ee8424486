//! The answer to each sender, in its own form.

use aws_lambda_events::event::s3::batch_job::{S3BatchJobResponse, S3BatchJobResult};
use aws_lambda_events::event::sqs::{BatchItemFailure, SqsBatchResponse};
use serde_json::{Value, json};

use super::{HandlerError, log_retry};
use crate::batch::{Judged, Outcome};
use crate::ingest::{BatchJob, QueueMessage};
use crate::report;

const OUT_OF_TIME: &str = "the function's time ran out before it was looked at";

/// To SQS: the messages that are to come back.
///
/// See <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting>.
pub(super) fn queue(messages: &[QueueMessage], judged: &Judged) -> Result<Value, HandlerError> {
    let mut outcomes = judged.outcomes.iter();
    let mut answer = SqsBatchResponse::default();
    for message in messages {
        let done = match &message.subjects {
            Ok(subjects) => {
                // All of the message's outcomes are taken, or the next message would get them.
                let own: Vec<_> = outcomes.by_ref().take(subjects.len()).collect();
                own.len() == subjects.len()
                    && own
                        .into_iter()
                        .map(|outcome| done(&message.id, outcome))
                        .fold(true, |a, b| a & b)
            }
            Err(error) => {
                tracing::error!(
                    message_id = message.id,
                    "message {} cannot be read: {error}",
                    message.id
                );
                false
            }
        };
        if !done {
            let mut failure = BatchItemFailure::default();
            failure.item_identifier.clone_from(&message.id);
            answer.batch_item_failures.push(failure);
        }
    }
    Ok(serde_json::to_value(answer)?)
}

fn done(message_id: &str, outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Judged(_) => true,
        Outcome::Failed(error) => {
            log_retry("message", message_id, error);
            false
        }
        Outcome::OutOfTime => {
            tracing::warn!(
                message_id,
                "message {message_id} goes back for another try: {OUT_OF_TIME}"
            );
            false
        }
    }
}

/// To a direct invocation: the verdicts, or an error, so that an asynchronous one is tried again.
pub(super) fn direct(judged: &Judged) -> Result<Value, HandlerError> {
    let mut failed = judged.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Judged(_) => None,
        Outcome::Failed(error) => Some(error.to_string()),
        Outcome::OutOfTime => Some(OUT_OF_TIME.to_owned()),
    });
    if let Some(first) = failed.next() {
        let all = judged.outcomes.len();
        return Err(HandlerError::NotDone {
            failed: failed.count() + 1,
            all,
            first,
        });
    }
    let lines = judged
        .verdicts
        .iter()
        .map(|verdict| report::line(verdict).and_then(|line| serde_json::from_str::<Value>(&line)));
    Ok(json!({"verdicts": lines.collect::<Result<Vec<_>, _>>()?}))
}

/// To S3 Batch Operations: a result for each task, in the schema that asked.
///
/// `Succeeded` bears the verdict, `PermanentFailure` a finding or a task that cannot be read, and
/// `TemporaryFailure` is tried again by the job.
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>.
pub(super) fn batch_operations(job: &BatchJob, judged: &Judged) -> Result<Value, HandlerError> {
    let mut outcomes = judged.outcomes.iter();
    let mut answer = S3BatchJobResponse::default();
    answer.invocation_schema_version = Some(job.schema_version.clone());
    answer.treat_missing_keys_as = Some("TemporaryFailure".to_owned());
    answer.invocation_id = Some(job.invocation_id.clone());
    for task in &job.tasks {
        let (code, text) = match &task.version {
            Ok(_) => task_result(&task.id, outcomes.next(), judged)?,
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
    Ok(serde_json::to_value(answer)?)
}

fn task_result(
    task_id: &str,
    outcome: Option<&Outcome>,
    judged: &Judged,
) -> Result<(&'static str, String), HandlerError> {
    let verdict = match outcome {
        Some(Outcome::Judged(place)) => judged.verdicts.get(*place),
        Some(Outcome::Failed(error)) => {
            log_retry("task", task_id, error);
            return Ok(("TemporaryFailure", error.to_string()));
        }
        Some(Outcome::OutOfTime) | None => None,
    };
    let Some(verdict) = verdict else {
        return Ok(("TemporaryFailure", OUT_OF_TIME.to_owned()));
    };
    let finding = verdict.judgement.kind.compliant() == Some(false);
    let code = if finding {
        "PermanentFailure"
    } else {
        "Succeeded"
    };
    Ok((code, report::line(verdict)?))
}
