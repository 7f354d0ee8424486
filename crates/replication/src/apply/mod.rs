//! Carries out steps. Each one may be repeated: what is already so is left so.

mod create;
mod delete;
mod merge;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use custom_resource::Deadline;
use futures_util::future::join_all;

use crate::accounts::Accounts;
use crate::configuration::{AsRead, DefaultEncryption};
use crate::error::{AwsError, ReplicationError};
use crate::fault::{About, Fault, FaultKind};
use crate::jobs::Order;
use crate::owner::{Owner, ROLE_PATH};
use crate::patience::{Backoff, retrying};
use crate::ports::{Aws, BucketRef, NewRole};
use crate::step::{Plan, Step};
use create::{create_bucket, create_key, create_role, owner_tag, restore_key, start_job};
use delete::{delete_bucket, delete_role, gone, schedule_key_deletion};
use merge::{
    KeyRef, NotificationChange, Ours, change_bucket_policy, change_encryption, change_key_policy,
    change_notifications, change_replication, remove_failure_events,
};

/// What parameters are for, for people who find them.
const EXPECTATION: &str = "What replicas in the bucket are to be encrypted with";
const RECORD: &str = "What a resource of a stack was asked for, to look for drift by";

/// How many writes a request has made, what failed half-way counted too; and the keys that it made, by the
/// ARNs of their aliases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Writes(pub u32, pub(crate) BTreeMap<String, String>);

/// What S3 answers where another setting of the same bucket is being changed, by another step or by somebody
/// else. See <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>.
const BUSY: &str = "OperationAborted";
const NOT_BUSY_WITHIN: Duration = Duration::from_secs(10);
const PAUSES: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(2));

/// Carries out `plan`, phase by phase, the steps of a phase at once, but for those on one role. A phase is
/// always finished, so that one failure leaves as little as possible undone; no later phase is begun after it.
///
/// # Errors
/// The first failure, with the step it belongs to.
pub async fn apply<A: Aws>(
    accounts: &Accounts<'_, A>,
    plan: &Plan,
    owner: &Owner,
    writes: &mut Writes,
) -> Result<(), ReplicationError> {
    let mut keys = BTreeMap::new();
    if !plan.is_empty() {
        accounts.begin();
    }
    for phase in &plan.0 {
        let steps: Vec<Step> = phase
            .iter()
            .map(|step| step.clone().with_keys(&keys))
            .collect();
        for step in &steps {
            tracing::info!(step = %step, "applying");
        }
        let lanes = lanes(&steps).into_iter().map(async |lane| {
            let mut outcomes = Vec::new();
            for step in lane {
                let outcome = Box::pin(carry_out_in(accounts, step, owner)).await;
                let goes_on = outcome.is_ok();
                outcomes.push((step, outcome));
                if !goes_on {
                    break;
                }
            }
            outcomes
        });
        let mut failed = None;
        for (step, outcome) in join_all(lanes).await.into_iter().flatten() {
            match outcome {
                Ok(done) => {
                    writes.0 += done.writes;
                    keys.extend(done.new_key.clone());
                    writes.1.extend(done.new_key);
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

/// The steps of a phase, those together that are taken one after another.
fn lanes(steps: &[Step]) -> Vec<Vec<&Step>> {
    let mut lanes = Vec::new();
    let mut on_roles: BTreeMap<&str, Vec<&Step>> = BTreeMap::new();
    for step in steps {
        match step.role() {
            Some(role) => on_roles.entry(role).or_default().push(step),
            None => lanes.push(vec![step]),
        }
    }
    lanes.extend(on_roles.into_values());
    lanes
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
    Fault(Fault),
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws(error) => error.fmt(f),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl Failed {
    fn at(self, step: &Step) -> ReplicationError {
        match self {
            Self::Aws(source) => ReplicationError::Aws {
                step: Some(Box::new(step.clone())),
                source,
            },
            Self::Fault(fault) => ReplicationError::Refused(fault.into()),
        }
    }
}

impl From<AwsError> for Failed {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

/// Carries out a step in the account that it belongs to.
async fn carry_out_in<A: Aws>(
    accounts: &Accounts<'_, A>,
    step: &Step,
    owner: &Owner,
) -> Result<Done, Failed> {
    let aws = step
        .bucket()
        .map_or(Some(accounts.home()), |bucket| accounts.at(bucket));
    let Some(aws) = aws else {
        let bucket = step.bucket().unwrap_or_default();
        let words = format!("to {step} needs a role in the bucket's account; give `AssumeRoleArn`");
        let fault = Fault::new(About::bucket(bucket), FaultKind::Unreachable, words);
        return Err(Failed::Fault(fault));
    };
    let is_busy = |error: &Failed, _| matches!(error, Failed::Aws(error) if error.code == BUSY);
    let until = Deadline::after(NOT_BUSY_WITHIN);
    retrying(until, PAUSES, is_busy, || carry_out(aws, step, owner)).await
}

#[expect(clippy::too_many_lines, reason = "one arm for each step")]
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
        } => create_key(aws, at(bucket, region), alias, owner)
            .await
            .map(|(writes, key)| Done {
                writes,
                new_key: Some((alias_arn.clone(), key)),
            }),
        Step::RestoreKey {
            region, key_arn, ..
        } => restore_key(aws, region, key_arn).await,
        Step::CreateRole {
            role,
            description,
            trust_policy,
            permissions_boundary,
        } => {
            let new = NewRole {
                name: role,
                path: ROLE_PATH,
                trust_policy,
                permissions_boundary: permissions_boundary.as_deref(),
                description,
                // All resources on a source bucket share its role, so the tag names the bucket.
                tags: &[owner_tag(role)],
            };
            create_role(aws, new).await
        }
        Step::PutTrustPolicy { role, trust_policy } => {
            aws.put_trust_policy(role, trust_policy).await?;
            Ok(Done::writes(1))
        }
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
            // Somebody else may have given it a key since it was looked at.
            let is_free = |present: &DefaultEncryption| !present.is_kms();
            change_encryption(aws, at(bucket, region), encryption.clone(), is_free).await
        }
        Step::PutRolePolicy {
            role,
            policy,
            document,
        } => {
            aws.put_role_policy(role, policy, document).await?;
            Ok(Done::writes(1))
        }
        Step::MergeBucketPolicy {
            bucket,
            region,
            statements,
        } => change_bucket_policy(aws, at(bucket, region), statements, owner).await,
        Step::MergeKeyPolicy {
            region,
            key_arn,
            statements,
            ..
        } => {
            let key = KeyRef {
                region,
                arn: key_arn,
            };
            change_key_policy(aws, key, statements, owner).await
        }
        Step::PutParameter {
            region,
            name,
            value,
            ..
        } => {
            aws.put_parameter(region, name, value, EXPECTATION).await?;
            Ok(Done::writes(1))
        }
        Step::PutRecord {
            region,
            name,
            value,
        } => {
            aws.put_parameter(region, name, value, RECORD).await?;
            Ok(Done::writes(1))
        }
        Step::Wait { seconds } => {
            tokio::time::sleep(Duration::from_secs(*seconds)).await;
            Ok(Done::default())
        }
        Step::EnableEventBridge { bucket, region } => {
            let change = NotificationChange::ToEventBridge;
            change_notifications(aws, at(bucket, region), change, owner).await
        }
        Step::AddFailureEvents {
            bucket,
            region,
            queue_arn,
        } => {
            let change = NotificationChange::AddFailureEvents(queue_arn);
            change_notifications(aws, at(bucket, region), change, owner).await
        }
        Step::RemoveFailureEvents {
            bucket,
            region,
            watcher,
        } => {
            let watcher = watcher.as_deref().and_then(Owner::at_start_of);
            remove_failure_events(aws, at(bucket, region), watcher, owner).await
        }
        Step::MergeReplication {
            bucket,
            region,
            role_arn,
            rules,
        } => {
            let rules = Ours { role_arn, rules };
            change_replication(aws, at(bucket, region), rules, owner).await
        }
        Step::RemoveReplication { bucket, region } => {
            change_replication(aws, at(bucket, region), Ours::default(), owner).await
        }
        Step::StartReplicationJob {
            bucket,
            region,
            role,
            role_arn,
            selections,
            report_bucket,
            token,
            covers,
            noted_in,
        } => {
            let order = Order {
                source: at(bucket, region),
                selections,
                report_bucket,
                role_arn,
                description: &format!("Existing objects of {bucket}, for {owner}"),
                token,
                noted_in,
            };
            start_job(aws, (owner, role), order, covers).await
        }
        Step::ResetDefaultEncryption {
            bucket,
            region,
            key_arn,
        } => {
            let sse_s3 = DefaultEncryption {
                algorithm: "AES256".into(),
                kms_key: None,
                bucket_key_enabled: false,
                blocked: Vec::new(),
                as_read: AsRead::default(),
            };
            let is_ours = |present: &DefaultEncryption| present.kms_key.as_deref() == Some(key_arn);
            change_encryption(aws, at(bucket, region), sse_s3, is_ours).await
        }
        Step::DeleteParameter { region, name, .. } | Step::DeleteRecord { region, name } => {
            gone(aws.delete_parameter(region, name).await)
        }
        Step::DeleteRolePolicy { role, policy } => gone(aws.delete_role_policy(role, policy).await),
        Step::DeleteRoleIfUnused { role } => delete_role(aws, role).await,
        Step::DeleteBucketIfEmpty { bucket, region } => {
            delete_bucket(aws, at(bucket, region)).await
        }
        Step::ScheduleKeyDeletion {
            bucket,
            region,
            key_arn,
            days,
        } => schedule_key_deletion(aws, at(bucket, region), key_arn, *days).await,
    }
}
