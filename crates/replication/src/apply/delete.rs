//! Removing roles, buckets and keys that nothing uses any more. What the plan saw is looked at once more.

use super::{Done, Failed};
use crate::claims::NamedKey;
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

/// Removes a role that the plan saw to be ours. IAM itself looks once more, and deletes none that has a policy
/// left. See <https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html>.
pub(super) async fn delete_role<A: Aws>(aws: &A, role: &str) -> Result<Done, Failed> {
    match aws.delete_role(role).await {
        // Another resource has, or put, its policy on the role.
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

/// Has KMS delete a key whose bucket is gone, or neither names it nor holds anything.
pub(super) async fn schedule_key_deletion<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    key_arn: &str,
    days: i32,
) -> Result<Done, Failed> {
    let key = NamedKey {
        arn: key_arn,
        alias_arn: "",
    };
    let looked = async {
        let default = aws.default_encryption(bucket).await?;
        let named = default.and_then(|default| default.kms_key);
        let is_named = match named {
            Some(alias) if alias.contains("alias/") => {
                let meant = aws.describe_key(bucket.region, &alias).await?;
                meant.is_some_and(|meant| meant.arn == key_arn)
            }
            named => named.is_some_and(|named| key.is(&named)),
        };
        Ok::<_, AwsError>(is_named || aws.holds_versions(bucket).await?)
    };
    match looked.await {
        Ok(true) => {
            let bucket = bucket.name;
            tracing::warn!(key_arn, bucket, "the key stays, as its bucket needs it");
            return Ok(Done::default());
        }
        Ok(false) => {}
        Err(error) if error.kind == ErrorKind::NotFound => {}
        Err(error) => return Err(error.into()),
    }
    // A key whose deletion is already scheduled answers with an invalid state.
    match aws
        .schedule_key_deletion(bucket.region, key_arn, days)
        .await
    {
        Err(error) if error.kind == ErrorKind::Conflict => Ok(Done::default()),
        other => gone(other),
    }
}
