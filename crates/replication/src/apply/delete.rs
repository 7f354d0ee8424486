//! Removing roles and buckets that nothing uses any more.

use super::{Done, Failed};
use crate::error::{AwsError, ErrorKind};
use crate::ports::{Aws, BucketRef};

/// Deleting what is not there has succeeded, without a write.
pub(super) fn gone(outcome: Result<(), AwsError>) -> Result<Done, Failed> {
    match outcome {
        Ok(()) => Ok(Done::writes(1)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Done::default()),
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn delete_role<A: Aws>(aws: &A, role: &str) -> Result<Done, Failed> {
    if aws.role(role).await?.is_none() || !aws.role_policies(role).await?.is_empty() {
        return Ok(Done::default());
    }
    match aws.delete_role(role).await {
        // Another resource put its policy on the role in between.
        Err(error) if error.kind == ErrorKind::Conflict => Ok(Done::default()),
        other => gone(other),
    }
}

pub(super) async fn delete_bucket<A: Aws>(aws: &A, bucket: BucketRef<'_>) -> Result<Done, Failed> {
    match aws.holds_versions(bucket).await {
        Ok(false) => {}
        Ok(true) => return Ok(Done::default()),
        Err(error) => return gone(Err(error)),
    }
    match aws.delete_bucket(bucket).await {
        // Somebody wrote to it in between: S3 deletes no bucket that holds anything.
        Err(error) if error.kind == ErrorKind::Conflict => Ok(Done::default()),
        other => gone(other),
    }
}
