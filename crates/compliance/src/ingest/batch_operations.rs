//! Tasks of S3 Batch Operations' `LambdaInvoke`, schema 1.0 and 2.0. Keys are URL-encoded.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-invoke-lambda.html>.

use super::json::Json;

use super::error::{IngestError, shorten};
use super::{fields, options};
use crate::findings::Publish;
use crate::subject::{Key, ObjectVersion};

const SHAPE: &str = "an S3 Batch Operations request";
const BUCKET: &str = "tasks[].s3Bucket or tasks[].s3BucketArn";

/// One invocation by a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchJob {
    /// The schema that asked, and in which the answer goes back.
    pub schema_version: String,
    /// Goes back in the answer.
    pub invocation_id: String,
    /// Which verdicts become events: the user argument `PublishCompliant`, of schema 2.0.
    pub publish: Publish,
    /// Whether only to look, although the checker repairs: the user argument `Repair`.
    pub only_looks: bool,
    /// One or more objects.
    pub tasks: Vec<BatchTask>,
}

/// One object of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchTask {
    /// Goes back with the result.
    pub id: String,
    /// The object, or why it cannot be read.
    pub version: Result<ObjectVersion, IngestError>,
}

/// Whether a job sent this.
pub(super) fn recognise(event: &Json<'_>) -> bool {
    event.get("invocationSchemaVersion").is_some() && event.get("tasks").is_some()
}

/// Reads the request.
///
/// # Errors
/// An unknown schema, or a field without which no answer can be written.
pub(super) fn read(event: &Json<'_>) -> Result<BatchJob, IngestError> {
    let schema = fields::text(event, "invocationSchemaVersion")
        .ok_or(fields::missing(SHAPE, "invocationSchemaVersion"))?;
    if !matches!(schema.split('.').next(), Some("1" | "2")) {
        let version = shorten(schema);
        return Err(IngestError::Version {
            shape: SHAPE,
            version,
            known: "1 or 2",
        });
    }
    let invocation_id =
        fields::owned(event, "invocationId").ok_or(fields::missing(SHAPE, "invocationId"))?;
    let tasks = event
        .get("tasks")
        .and_then(Json::as_array)
        .ok_or(IngestError::Field {
            shape: SHAPE,
            field: "tasks",
            expected: "an array",
        })?;
    let arguments = event.get("job").and_then(|job| job.get("userArguments"));
    let arguments = arguments.unwrap_or(&Json::Null);
    let tasks = tasks.iter().map(read_task).collect::<Result<_, _>>()?;
    Ok(BatchJob {
        schema_version: schema.to_owned(),
        invocation_id,
        publish: options::publish(arguments, SHAPE)?,
        only_looks: options::only_looks(arguments, SHAPE)?,
        tasks,
    })
}

fn read_task(task: &Json<'_>) -> Result<BatchTask, IngestError> {
    let id = fields::owned(task, "taskId").ok_or(fields::missing(SHAPE, "tasks[].taskId"))?;
    Ok(BatchTask {
        id,
        version: read_version(task),
    })
}

fn read_version(task: &Json<'_>) -> Result<ObjectVersion, IngestError> {
    // 1.0 has the bucket's ARN, 2.0 its name.
    let bucket = fields::text(task, "s3Bucket")
        .or_else(|| fields::text(task, "s3BucketArn").and_then(|arn| arn.rsplit(':').next()))
        .ok_or(fields::missing(SHAPE, BUCKET))?;
    let key = fields::text(task, "s3Key").ok_or(fields::missing(SHAPE, "tasks[].s3Key"))?;
    Ok(ObjectVersion {
        bucket: fields::bucket_name(bucket, SHAPE, BUCKET)?,
        key: Key::from_encoded(key).map_err(|error| IngestError::Key {
            shape: SHAPE,
            error,
        })?,
        version_id: fields::owned(task, "s3VersionId"),
        region: None,
        bucket_owner: None,
        event_time_ms: None,
    })
}
