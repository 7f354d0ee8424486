//! Making buckets, keys and roles.

use std::time::Duration;

use custom_resource::Deadline;

use super::{Done, Failed};
use crate::configuration::Tag;
use crate::error::{AwsError, ErrorKind};
use crate::fault::{About, Fault, FaultKind};
use crate::jobs::{Order, start, tag_value};
use crate::owner::{JOB_TAG, OWNER_TAG, Owner, ROLE_PATH};
use crate::patience::{Backoff, retrying};
use crate::ports::{Aws, BucketRef, NewRole, RoleDescription};

/// KMS's longest waiting period.
const LONGEST_WAIT_DAYS: i32 = 30;
/// How long a bucket or key that was made this moment may not be known everywhere, and those who may use
/// it neither.
const KNOWN_WITHIN: Duration = Duration::from_mins(2);
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(10));
const TRIES_OF_OTHERS: u32 = 3;
const ALREADY_OURS: &str = "BucketAlreadyOwnedByYou";

pub(super) fn owner_tag(value: &str) -> Tag {
    Tag {
        key: OWNER_TAG.into(),
        value: value.into(),
    }
}

pub(super) async fn create_bucket<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    owner: &Owner,
) -> Result<Done, Failed> {
    let tags = [owner_tag(owner.as_str())];
    match aws.create_bucket(bucket, &tags).await {
        // Another resource of the stack was faster, and the bucket is that one's: what the plan
        // says of it was meant for a new one, so it is looked at again.
        Err(error) if error.kind == ErrorKind::AlreadyExists => {
            let kind = ErrorKind::Conflict;
            return Err(AwsError { kind, ..error }.into());
        }
        other => other?,
    }
    // Without the tag no later request would know that the bucket is ours.
    let writes = once_known(|| tag_new(aws, bucket, &tags)).await?;
    Ok(Done::writes(1 + writes))
}

/// Makes a call about something that was made this moment, again and again while that may not be known.
async fn once_known<T, F>(call: impl Fn() -> F) -> Result<T, AwsError>
where
    F: Future<Output = Result<T, AwsError>>,
{
    retrying(
        Deadline::after(KNOWN_WITHIN),
        PAUSES,
        may_be_known_later,
        call,
    )
    .await
}

fn may_be_known_later(error: &AwsError, attempt: u32) -> bool {
    let soon = matches!(
        error.kind,
        ErrorKind::NotFound | ErrorKind::AccessDenied | ErrorKind::Conflict | ErrorKind::Transient
    );
    // Whatever else it is, leaving half a thing behind is worth another try.
    (soon || attempt < TRIES_OF_OTHERS) && error.code != ALREADY_OURS && !error.is_final()
}

/// Sees that a bucket that was just made has its tags, and gives it them where what made it does not know
/// tags; returns the writes. In us-east-1 S3 answers 200 for a bucket that is ours already,
/// which has tags of another resource's. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>.
async fn tag_new<A: Aws>(aws: &A, bucket: BucketRef<'_>, tags: &[Tag]) -> Result<u32, AwsError> {
    let present = aws.bucket_tags(bucket).await?;
    if present.as_slice() == tags {
        return Ok(0);
    }
    if present.is_empty() {
        return aws.put_bucket_tags(bucket, tags).await.map(|()| 1);
    }
    Err(AwsError {
        operation: "CreateBucket",
        resource: format!("bucket `{}`", bucket.name),
        region: bucket.region.to_owned(),
        kind: ErrorKind::Conflict,
        code: ALREADY_OURS.into(),
        message: "another resource made it at the same time".into(),
        request_id: None,
    })
}

pub(super) async fn create_key<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    alias: &str,
    owner: &Owner,
) -> Result<(u32, String), Failed> {
    let BucketRef { name, region } = bucket;
    let description = format!("Encrypts objects of bucket {name}, for replication");
    let key = aws
        .create_key(region, &description, &[owner_tag(owner.as_str())])
        .await?;
    // The alias comes last: a key that has it is complete.
    let rest = async {
        once_known(|| aws.enable_key_rotation(region, &key)).await?;
        once_known(|| aws.create_alias(region, alias, &key)).await
    };
    let Err(error) = rest.await else {
        return Ok((3, key));
    };
    // The alias may have been made all the same, or by the same request delivered twice.
    let taken = error.kind == ErrorKind::AlreadyExists;
    let look = || async {
        let found = aws.describe_key(region, alias).await?;
        match found {
            // One that was made this moment may not lead anywhere yet.
            None if taken => Err(AwsError {
                kind: ErrorKind::NotFound,
                ..error.clone()
            }),
            found => Ok(found),
        }
    };
    match once_known(look).await {
        Ok(Some(found)) if found.arn == key => Ok((3, key)),
        Ok(found) => {
            schedule_orphan(aws, region, &key).await;
            found.map(|found| (0, found.arn)).ok_or(error.into())
        }
        Err(unknown) => {
            tracing::error!(key, error = %unknown, "a key may be without its alias; look for it, and schedule its deletion by hand");
            Err(error.into())
        }
    }
}

/// Takes a key back that is about to be deleted. Where it cannot be enabled it is left to be deleted, so
/// that the next request finds it as this one did.
pub(super) async fn restore_key<A: Aws>(
    aws: &A,
    region: &str,
    key_arn: &str,
) -> Result<Done, Failed> {
    match aws.cancel_key_deletion(region, key_arn).await {
        // Another request was faster.
        Err(error) if error.kind == ErrorKind::Conflict => {}
        other => other?,
    }
    if let Err(error) = once_known(|| aws.enable_key(region, key_arn)).await {
        if let Err(left) = aws
            .schedule_key_deletion(region, key_arn, LONGEST_WAIT_DAYS)
            .await
        {
            tracing::error!(key_arn, error = %left, "a key whose deletion was taken back is still disabled; enable it by hand");
        }
        return Err(error.into());
    }
    Ok(Done::writes(2))
}

/// Without its alias no later request would find the key again.
async fn schedule_orphan<A: Aws>(aws: &A, region: &str, key: &str) {
    const SHORTEST_WAIT_DAYS: i32 = 7;
    if let Err(left) = aws
        .schedule_key_deletion(region, key, SHORTEST_WAIT_DAYS)
        .await
    {
        tracing::error!(key, error = %left, "a key without alias could not be removed; schedule its deletion by hand");
    }
}

pub(super) async fn create_role<A: Aws>(aws: &A, new: NewRole<'_>) -> Result<Done, Failed> {
    let role = new.name;
    match aws.create_role(new).await {
        // Another resource on the same bucket was faster, or somebody else has the name.
        Err(error) if error.kind == ErrorKind::AlreadyExists => {
            let ours = |found: RoleDescription| found.arn.contains(&format!(":role{ROLE_PATH}"));
            if aws.role(role).await?.is_some_and(ours) {
                return Ok(Done::default());
            }
            let words = format!(
                "there is a role `{role}` outside the path {ROLE_PATH}, and role names are unique in an account; \
                 give a role as `Role`, or rename that one"
            );
            Err(Failed::Fault(Fault::new(
                About::Role(role.to_owned()),
                FaultKind::Occupied,
                words,
            )))
        }
        other => {
            other?;
            Ok(Done::writes(1))
        }
    }
}

/// Starts the jobs, and notes their ids where later requests find them. A request that comes between the two
/// starts no others, as it has the same token.
pub(super) async fn start_job<A: Aws>(
    aws: &A,
    (owner, role): (&Owner, &str),
    order: Order<'_>,
    covers: &str,
) -> Result<Done, Failed> {
    let ids = start(aws, owner, order).await?;
    let tag = Tag {
        key: JOB_TAG.into(),
        value: tag_value(&ids, covers),
    };
    aws.tag_role(role, &tag).await?;
    // Each job and its note, and the tag.
    let started = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    Ok(Done::writes(started.saturating_mul(2).saturating_add(1)))
}
