//! Carries out steps. Each one may be repeated: what is already so is left so.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;

use crate::configuration::{DefaultEncryption, Tag};
use crate::error::{AwsError, ErrorKind, ReplicationError};
use crate::merge;
use crate::owner::{OWNER_TAG, Owner, ROLE_PATH};
use crate::ports::{Aws, BucketRef, NewRole, RoleDescription};
use crate::step::{Plan, Step};

/// A bucket that was made this moment may not be known everywhere yet.
const TAGGING_ATTEMPTS: u32 = 3;

/// How many writes a request has made. What failed half-way is counted too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writes(pub u32);

/// Carries out `plan`, phase by phase, the steps of a phase at once. A phase is always finished,
/// so that one failure leaves as little as possible undone; no later phase is begun after it.
///
/// # Errors
/// The first failure, with the step it belongs to.
pub async fn apply<A: Aws>(
    aws: &A,
    plan: &Plan,
    owner: &Owner,
    writes: &mut Writes,
) -> Result<(), ReplicationError> {
    let mut keys = BTreeMap::new();
    for phase in &plan.0 {
        let steps: Vec<Step> = phase
            .iter()
            .map(|step| step.clone().with_keys(&keys))
            .collect();
        for step in &steps {
            tracing::info!(step = %step, "applying");
        }
        let outcomes = join_all(
            steps
                .iter()
                .map(|step| Box::pin(carry_out(aws, step, owner))),
        )
        .await;
        let mut failed = None;
        for (step, outcome) in steps.iter().zip(outcomes) {
            match outcome {
                Ok(done) => {
                    writes.0 += done.writes;
                    keys.extend(done.new_key);
                }
                Err(error) => drop(failed.get_or_insert((step, error))),
            }
        }
        if let Some((step, error)) = failed {
            return Err(error.at(step));
        }
    }
    Ok(())
}

/// What a step did.
#[derive(Debug, Default)]
struct Done {
    writes: u32,
    /// ARN of an alias, and of the key that was made for it.
    new_key: Option<(String, String)>,
}

impl Done {
    fn writes(writes: u32) -> Self {
        Self {
            writes,
            new_key: None,
        }
    }
}

enum Failed {
    Aws(AwsError),
    Merge(String),
}

impl Failed {
    fn at(self, step: &Step) -> ReplicationError {
        match self {
            Self::Aws(source) => ReplicationError::Aws {
                step: Some(step.to_string()),
                source,
            },
            Self::Merge(why) => ReplicationError::Refused(vec![why]),
        }
    }
}

impl From<AwsError> for Failed {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

async fn carry_out<A: Aws>(aws: &A, step: &Step, owner: &Owner) -> Result<Done, Failed> {
    let at = |bucket, region| BucketRef {
        name: bucket,
        region,
    };
    match step {
        Step::CreateBucket { bucket, region } => {
            create_bucket(aws, at(bucket, region), owner).await
        }
        Step::CreateKey {
            region,
            alias,
            alias_arn,
            bucket,
            policy,
        } => create_key(aws, region, alias, bucket, policy, owner)
            .await
            .map(|(writes, key)| Done {
                writes,
                new_key: Some((alias_arn.clone(), key)),
            }),
        Step::CreateRole {
            role,
            trust_policy,
            permissions_boundary,
        } => create_role(aws, role, trust_policy, permissions_boundary.as_deref()).await,
        Step::PutPermissionsBoundary { role, policy_arn } => {
            aws.put_permissions_boundary(role, policy_arn).await?;
            Ok(Done::writes(1))
        }
        Step::EnableVersioning { bucket, region } => {
            aws.enable_versioning(at(bucket, region)).await?;
            Ok(Done::writes(1))
        }
        Step::PutDefaultEncryption {
            bucket,
            region,
            encryption,
        } => {
            aws.put_default_encryption(at(bucket, region), encryption)
                .await?;
            Ok(Done::writes(1))
        }
        Step::ResetDefaultEncryption { bucket, region } => {
            let sse_s3 = DefaultEncryption {
                algorithm: "AES256".into(),
                kms_key: None,
                bucket_key_enabled: false,
            };
            aws.put_default_encryption(at(bucket, region), &sse_s3)
                .await?;
            Ok(Done::writes(1))
        }
        Step::PutRolePolicy {
            role,
            policy,
            document,
        } => {
            aws.put_role_policy(role, policy, document).await?;
            Ok(Done::writes(1))
        }
        Step::PutParameter {
            region,
            name,
            value,
        } => {
            aws.put_parameter(region, name, value).await?;
            Ok(Done::writes(1))
        }
        Step::EnableEventBridge { .. }
        | Step::AddFailureEvents { .. }
        | Step::RemoveFailureEvents { .. } => change_notifications(aws, step, owner).await,
        Step::MergeReplication { .. } | Step::RemoveReplication { .. } => {
            change_replication(aws, step, owner).await
        }
        Step::DeleteParameter { region, name } => gone(aws.delete_parameter(region, name).await),
        Step::DeleteRolePolicy { role, policy } => gone(aws.delete_role_policy(role, policy).await),
        Step::DeleteRoleIfUnused { role } => delete_role(aws, role).await,
        Step::DeleteBucketIfEmpty { bucket, region } => {
            delete_bucket(aws, at(bucket, region)).await
        }
        Step::ScheduleKeyDeletion {
            region,
            key_arn,
            days,
        } => {
            // A key whose deletion is already scheduled answers with an invalid state.
            match aws.schedule_key_deletion(region, key_arn, *days).await {
                Err(error) if error.kind == ErrorKind::Conflict => Ok(Done::default()),
                other => gone(other),
            }
        }
    }
}

/// Deleting what is not there has succeeded, without a write.
fn gone(outcome: Result<(), AwsError>) -> Result<Done, Failed> {
    match outcome {
        Ok(()) => Ok(Done::writes(1)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Done::default()),
        Err(error) => Err(error.into()),
    }
}

fn owner_tag(value: &str) -> Tag {
    Tag {
        key: OWNER_TAG.into(),
        value: value.into(),
    }
}

async fn create_bucket<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    owner: &Owner,
) -> Result<Done, Failed> {
    match aws.create_bucket(bucket).await {
        // Another resource of the stack was faster, and the bucket is that one's: what the plan
        // says of it was meant for a new one, so it is looked at again.
        Err(error) if error.kind == ErrorKind::AlreadyExists => {
            let kind = ErrorKind::Conflict;
            return Err(AwsError { kind, ..error }.into());
        }
        other => other?,
    }
    // Without the tag no later request would know that the bucket is ours.
    let tags = [owner_tag(owner.as_str())];
    let mut attempt = 1;
    while let Err(error) = aws.put_bucket_tags(bucket, &tags).await {
        if attempt == TAGGING_ATTEMPTS {
            return Err(error.into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        attempt += 1;
    }
    Ok(Done::writes(2))
}

async fn create_key<A: Aws>(
    aws: &A,
    region: &str,
    alias: &str,
    bucket: &str,
    policy: &str,
    owner: &Owner,
) -> Result<(u32, String), Failed> {
    let description = format!("Encrypts objects of bucket {bucket}, for replication");
    let key = aws
        .create_key(region, &description, policy, &[owner_tag(owner.as_str())])
        .await?;
    // The alias comes last: a key that has it is complete.
    let rest = async {
        aws.enable_key_rotation(region, &key).await?;
        aws.create_alias(region, alias, &key).await
    };
    let Err(error) = rest.await else {
        return Ok((3, key));
    };
    // The alias may have been made all the same, or by the same request delivered twice.
    match aws.describe_key(region, alias).await {
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

async fn create_role<A: Aws>(
    aws: &A,
    role: &str,
    trust_policy: &str,
    permissions_boundary: Option<&str>,
) -> Result<Done, Failed> {
    let description = format!("Assumed by Amazon S3 to replicate objects of bucket {role}");
    // All resources on a source bucket share its role, so the tag names the bucket.
    let tags = [owner_tag(role)];
    let new = NewRole {
        name: role,
        path: ROLE_PATH,
        trust_policy,
        permissions_boundary,
        description: &description,
        tags: &tags,
    };
    match aws.create_role(new).await {
        // Another resource on the same bucket was faster, or somebody else has the name.
        Err(error) if error.kind == ErrorKind::AlreadyExists => {
            let ours = |found: RoleDescription| found.arn.contains(&format!(":role{ROLE_PATH}"));
            if aws.role(role).await?.is_some_and(ours) {
                return Ok(Done::default());
            }
            Err(Failed::Merge(format!(
                "there is a role `{role}` outside the path {ROLE_PATH}, and role names are unique in an account; \
                 give a role as `Role`, or rename that one"
            )))
        }
        other => {
            other?;
            Ok(Done::writes(1))
        }
    }
}

async fn delete_role<A: Aws>(aws: &A, role: &str) -> Result<Done, Failed> {
    if aws.role(role).await?.is_none() || !aws.role_policies(role).await?.is_empty() {
        return Ok(Done::default());
    }
    match aws.delete_role(role).await {
        // Another resource put its policy on the role in between.
        Err(error) if error.kind == ErrorKind::Conflict => Ok(Done::default()),
        other => gone(other),
    }
}

async fn delete_bucket<A: Aws>(aws: &A, bucket: BucketRef<'_>) -> Result<Done, Failed> {
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

async fn change_notifications<A: Aws>(aws: &A, step: &Step, owner: &Owner) -> Result<Done, Failed> {
    let (Step::EnableEventBridge { bucket, region }
    | Step::AddFailureEvents { bucket, region, .. }
    | Step::RemoveFailureEvents { bucket, region, .. }) = step
    else {
        return Ok(Done::default());
    };
    let bucket = BucketRef {
        name: bucket,
        region,
    };
    let existing = match aws.notifications(bucket).await {
        Err(error)
            if error.kind == ErrorKind::NotFound
                && matches!(step, Step::RemoveFailureEvents { .. }) =>
        {
            return Ok(Done::default());
        }
        other => other?,
    };
    let changed = match step {
        Step::AddFailureEvents { queue_arn, .. } => {
            merge::with_failure_events(&existing, owner, queue_arn)
        }
        Step::RemoveFailureEvents { heir, .. } => {
            let heir = heir.as_deref().and_then(Owner::at_start_of);
            merge::without_failure_events(&existing, owner, heir.as_ref())
        }
        _ => {
            let mut changed = existing.clone();
            changed.event_bridge = true;
            changed
        }
    };
    if changed == existing {
        return Ok(Done::default());
    }
    aws.put_notifications(bucket, &changed).await?;
    Ok(Done::writes(1))
}

async fn change_replication<A: Aws>(aws: &A, step: &Step, owner: &Owner) -> Result<Done, Failed> {
    let (bucket, region, role_arn, rules) = match step {
        Step::MergeReplication {
            bucket,
            region,
            role_arn,
            rules,
        } => (bucket, region, role_arn.as_str(), rules.as_slice()),
        Step::RemoveReplication { bucket, region } => (bucket, region, "", &[][..]),
        _ => return Ok(Done::default()),
    };
    let bucket = BucketRef {
        name: bucket,
        region,
    };
    let existing = match aws.replication(bucket).await {
        Err(error) if error.kind == ErrorKind::NotFound && rules.is_empty() => {
            return Ok(Done::default());
        }
        other => other?,
    };
    let merged = merge::replication(existing.as_ref(), owner, role_arn, rules)
        .map_err(|error| Failed::Merge(format!("bucket `{}`: {error}", bucket.name)))?;
    match merged {
        merged if merged == existing => return Ok(Done::default()),
        Some(merged) => aws.put_replication(bucket, &merged).await?,
        None => aws.delete_replication(bucket).await?,
    }
    Ok(Done::writes(1))
}
