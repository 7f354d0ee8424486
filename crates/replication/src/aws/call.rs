//! One call: what it was about, and what its answer means.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::failure::failure;
use crate::error::{AwsError, ErrorKind};
use crate::ports::{BucketRef, Outcome};

pub(super) fn named(bucket: BucketRef<'_>) -> String {
    format!("bucket `{}`", bucket.name)
}

/// The answer to `operation` on a bucket.
pub(super) fn on<T, E>(
    operation: &'static str,
    bucket: BucketRef<'_>,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> impl Future<Output = Outcome<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    of(operation, named(bucket), bucket.region, call)
}

/// The answer to `operation` on whatever is in a Region. The call goes to the heap: it is large, and would be
/// part of every caller.
pub(super) fn of<T, E>(
    operation: &'static str,
    resource: String,
    region: &str,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> impl Future<Output = Outcome<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let call = Box::pin(call);
    async move {
        let answer = call.await;
        answer.map_err(|error| failure(operation, resource, region, &error))
    }
}

/// As [`on`], where the answer says no more than that it is done.
pub(super) fn done<T, E>(
    operation: &'static str,
    bucket: BucketRef<'_>,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> impl Future<Output = Outcome<()>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let answer = on(operation, bucket, call);
    async move { answer.await.map(drop) }
}

/// `None` where S3 answers with this code that there is none.
pub(super) fn absent<T>(outcome: Outcome<T>, code: &str) -> Outcome<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.code == code => Ok(None),
        Err(error) => Err(error),
    }
}

/// What `read` makes of the document that an answer was.
pub(super) fn document<T>(
    operation: &'static str,
    bucket: BucketRef<'_>,
    text: Result<String, BoxError>,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Outcome<T> {
    let unread = |why: String| unread(operation, named(bucket), bucket.region, &why);
    let text = text.map_err(|error| unread(error.to_string()))?;
    read(&text).map_err(unread)
}

/// An answer that says nothing to us. It may be better the next time: the connection was cut, or something stood
/// between AWS and us.
pub(super) fn unread(
    operation: &'static str,
    resource: String,
    region: &str,
    why: &str,
) -> AwsError {
    let message = format!("the answer cannot be read: {why}");
    wanting(operation, resource, region, message)
}

/// An answer that lacks what it should have, and may have it the next time.
pub(super) fn wanting(
    operation: &'static str,
    resource: String,
    region: &str,
    message: String,
) -> AwsError {
    AwsError {
        operation,
        resource,
        region: region.to_owned(),
        kind: ErrorKind::Transient,
        code: String::new(),
        message,
        request_id: None,
    }
}

/// What is to be sent cannot be written.
pub(super) fn unfit(
    operation: &'static str,
    resource: String,
    region: &str,
    why: &impl ToString,
) -> AwsError {
    AwsError {
        operation,
        resource,
        region: region.to_owned(),
        kind: ErrorKind::Invalid,
        code: "InvalidRequest".into(),
        message: why.to_string(),
        request_id: None,
    }
}
