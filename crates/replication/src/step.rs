//! One write to AWS, as data: printable, comparable, and idempotent when carried out.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::configuration::{DefaultEncryption, ReplicationRule};
use crate::jobs::Selection;

/// A write. Where a key does not exist yet, its alias's ARN stands in its place until it does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "Step", rename_all_fields = "PascalCase")]
#[expect(
    missing_docs,
    reason = "the fields are the parameters of the AWS call that the step names"
)]
pub enum Step {
    /// Makes a bucket that bears the owner's tag.
    CreateBucket { bucket: String, region: String },
    /// Makes a key with KMS's default policy, rotation, the owner's tag and this alias.
    CreateKey {
        region: String,
        alias: String,
        alias_arn: String,
        bucket: String,
    },
    /// Takes back the deletion of a key of the owner's, and enables it.
    RestoreKey {
        bucket: String,
        region: String,
        key_arn: String,
    },
    /// Makes a role that S3 assumes.
    CreateRole {
        role: String,
        description: String,
        trust_policy: String,
        permissions_boundary: Option<String>,
    },
    /// Sets who may assume the role of ours.
    PutTrustPolicy { role: String, trust_policy: String },
    /// Sets the role's permissions boundary.
    PutPermissionsBoundary { role: String, policy_arn: String },
    /// Makes a bucket keep versions.
    EnableVersioning { bucket: String, region: String },
    /// Sets a bucket's default encryption.
    PutDefaultEncryption {
        bucket: String,
        region: String,
        encryption: DefaultEncryption,
    },
    /// Writes the owner's inline policy.
    PutRolePolicy {
        role: String,
        policy: String,
        document: String,
    },
    /// Puts exactly these statements of the owner's into a bucket's policy.
    MergeBucketPolicy {
        bucket: String,
        region: String,
        statements: Vec<Value>,
    },
    /// Puts exactly these statements of the owner's into a key's policy.
    MergeKeyPolicy {
        bucket: String,
        region: String,
        key_arn: String,
        statements: Vec<Value>,
    },
    /// Tells the checker what to expect.
    PutParameter {
        bucket: String,
        region: String,
        name: String,
        value: String,
    },
    /// Notes what the resource was asked for.
    PutRecord {
        region: String,
        name: String,
        value: String,
    },
    /// Sends a bucket's events to EventBridge too.
    EnableEventBridge { bucket: String, region: String },
    /// Sends a bucket's replication failures to a queue.
    AddFailureEvents {
        bucket: String,
        region: String,
        queue_arn: String,
    },
    /// Waits until what was allowed is known everywhere.
    Wait { seconds: u64 },
    /// Puts exactly these rules of the owner's into the bucket's replication configuration.
    MergeReplication {
        bucket: String,
        region: String,
        role_arn: String,
        rules: Vec<ReplicationRule>,
    },
    /// Starts an S3 Batch Replication job for each selection, and notes their ids on their role.
    StartReplicationJob {
        bucket: String,
        region: String,
        role: String,
        role_arn: String,
        selections: Vec<Selection>,
        report_bucket: String,
        token: String,
        /// Digest of the rules that are in force then.
        covers: String,
        /// The Region that the jobs are remembered in.
        noted_in: String,
    },
    /// Takes the owner's rules out of the bucket's replication configuration.
    RemoveReplication { bucket: String, region: String },
    /// Takes the owner's failure notification out, or hands it to another that has rules then, else to who
    /// watches the rules that are left.
    RemoveFailureEvents {
        bucket: String,
        region: String,
        watcher: Option<String>,
    },
    /// Removes an expectation.
    DeleteParameter {
        bucket: String,
        region: String,
        name: String,
    },
    /// Removes the note of what the resource was asked for, or of what no longer fits into it.
    DeleteRecord { region: String, name: String },
    /// Removes the owner's inline policy.
    DeleteRolePolicy { role: String, policy: String },
    /// Removes the role if no policy is left on it.
    DeleteRoleIfUnused { role: String },
    /// Sets a bucket's default encryption back to SSE-S3, which every bucket starts with.
    ResetDefaultEncryption {
        bucket: String,
        region: String,
        /// The key that is its default no more.
        key_arn: String,
    },
    /// Removes a bucket of the owner's if it holds no object version.
    DeleteBucketIfEmpty { bucket: String, region: String },
    /// Has KMS delete a key of the owner's.
    ScheduleKeyDeletion {
        bucket: String,
        region: String,
        key_arn: String,
        days: i32,
    },
}

/// What a step is on.
enum Place<'a> {
    Bucket(&'a str),
    Role(&'a str),
    /// Neither: the provisioner's own account.
    Account,
}

impl Step {
    /// The bucket that the step is on, or that the key or parameter is for: it says in which account
    /// the step is taken. Roles and records have none, and are the provisioner's own account's.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        match self.place() {
            Place::Bucket(bucket) => Some(bucket),
            Place::Role(_) | Place::Account => None,
        }
    }

    /// The role that the step is on: what is done to one is done in order.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        match self.place() {
            Place::Role(role) => Some(role),
            Place::Bucket(_) | Place::Account => None,
        }
    }

    fn place(&self) -> Place<'_> {
        match self {
            Self::CreateBucket { bucket, .. }
            | Self::CreateKey { bucket, .. }
            | Self::RestoreKey { bucket, .. }
            | Self::EnableVersioning { bucket, .. }
            | Self::PutDefaultEncryption { bucket, .. }
            | Self::MergeBucketPolicy { bucket, .. }
            | Self::MergeKeyPolicy { bucket, .. }
            | Self::PutParameter { bucket, .. }
            | Self::EnableEventBridge { bucket, .. }
            | Self::AddFailureEvents { bucket, .. }
            | Self::MergeReplication { bucket, .. }
            // It notes its jobs' ids on their role, in a phase of its own.
            | Self::StartReplicationJob { bucket, .. }
            | Self::RemoveReplication { bucket, .. }
            | Self::RemoveFailureEvents { bucket, .. }
            | Self::DeleteParameter { bucket, .. }
            | Self::ResetDefaultEncryption { bucket, .. }
            | Self::DeleteBucketIfEmpty { bucket, .. }
            | Self::ScheduleKeyDeletion { bucket, .. } => Place::Bucket(bucket),
            Self::CreateRole { role, .. }
            | Self::PutTrustPolicy { role, .. }
            | Self::PutPermissionsBoundary { role, .. }
            | Self::PutRolePolicy { role, .. }
            | Self::DeleteRolePolicy { role, .. }
            | Self::DeleteRoleIfUnused { role } => Place::Role(role),
            Self::Wait { .. } | Self::PutRecord { .. } | Self::DeleteRecord { .. } => {
                Place::Account
            }
        }
    }

    /// The step with the ARNs of keys in place of the ARNs of their aliases.
    #[must_use]
    pub fn with_keys(mut self, keys: &BTreeMap<String, String>) -> Self {
        // An alias's ARN is long and holds the owner's hash: it occurs nowhere by chance.
        let replace = |text: &mut String| {
            for (alias, key) in keys {
                if text.contains(alias.as_str()) {
                    *text = text.replace(alias.as_str(), key);
                }
            }
        };
        match &mut self {
            Self::PutDefaultEncryption { encryption, .. } => {
                encryption.kms_key.iter_mut().for_each(replace);
            }
            Self::PutRolePolicy { document, .. } => replace(document),
            Self::PutParameter { value, .. } => replace(value),
            Self::MergeKeyPolicy { key_arn, .. } => replace(key_arn),
            Self::MergeReplication { rules, .. } => {
                rules
                    .iter_mut()
                    .filter_map(|rule| rule.destination.replica_kms_key_id.as_mut())
                    .for_each(replace);
            }
            Self::CreateBucket { .. }
            | Self::Wait { .. }
            | Self::CreateKey { .. }
            | Self::RestoreKey { .. }
            | Self::CreateRole { .. }
            | Self::PutTrustPolicy { .. }
            | Self::PutPermissionsBoundary { .. }
            | Self::EnableVersioning { .. }
            | Self::MergeBucketPolicy { .. }
            | Self::PutRecord { .. }
            | Self::EnableEventBridge { .. }
            | Self::AddFailureEvents { .. }
            | Self::StartReplicationJob { .. }
            | Self::RemoveReplication { .. }
            | Self::RemoveFailureEvents { .. }
            | Self::DeleteParameter { .. }
            | Self::DeleteRecord { .. }
            | Self::DeleteRolePolicy { .. }
            | Self::DeleteRoleIfUnused { .. }
            | Self::ResetDefaultEncryption { .. }
            | Self::DeleteBucketIfEmpty { .. }
            | Self::ScheduleKeyDeletion { .. } => {}
        }
        self
    }
}

impl fmt::Display for Step {
    #[expect(clippy::too_many_lines, reason = "one arm for each step")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreateBucket { bucket, region } => {
                write!(f, "create bucket `{bucket}` in {region}")
            }
            Self::CreateKey { region, alias, .. } => write!(f, "create key `{alias}` in {region}"),
            Self::RestoreKey { key_arn, .. } => {
                write!(f, "take back the deletion of key `{key_arn}`")
            }
            Self::CreateRole { role, .. } => write!(f, "create role `{role}`"),
            Self::PutTrustPolicy { role, .. } => {
                write!(f, "have role `{role}` trust Amazon S3 alone")
            }
            Self::PutPermissionsBoundary { role, policy_arn } => {
                write!(
                    f,
                    "put permissions boundary `{policy_arn}` on role `{role}`"
                )
            }
            Self::EnableVersioning { bucket, .. } => {
                write!(f, "enable versioning of bucket `{bucket}`")
            }
            Self::PutDefaultEncryption {
                bucket, encryption, ..
            } => {
                let key = encryption
                    .kms_key
                    .as_deref()
                    .unwrap_or(&encryption.algorithm);
                write!(f, "set default encryption of bucket `{bucket}` to `{key}`")
            }
            Self::PutRolePolicy { role, policy, .. } => {
                write!(f, "put policy `{policy}` on role `{role}`")
            }
            Self::MergeBucketPolicy {
                bucket, statements, ..
            } => merge_policy(f, statements, &format!("bucket `{bucket}`")),
            Self::MergeKeyPolicy {
                key_arn,
                statements,
                ..
            } => merge_policy(f, statements, &format!("key `{key_arn}`")),
            Self::PutParameter { region, name, .. } => {
                write!(f, "put parameter `{name}` in {region}")
            }
            Self::PutRecord { region, name, .. } => write!(f, "put record `{name}` in {region}"),
            Self::EnableEventBridge { bucket, .. } => {
                write!(f, "send events of bucket `{bucket}` to EventBridge")
            }
            Self::AddFailureEvents {
                bucket, queue_arn, ..
            } => {
                write!(
                    f,
                    "send replication failures of bucket `{bucket}` to `{queue_arn}`"
                )
            }
            Self::Wait { seconds } => {
                write!(
                    f,
                    "wait {seconds} seconds, until what was allowed is known everywhere"
                )
            }
            Self::MergeReplication { bucket, rules, .. } => {
                write!(
                    f,
                    "put {} replication rule(s) on bucket `{bucket}`",
                    rules.len()
                )
            }
            Self::StartReplicationJob {
                bucket,
                report_bucket,
                ..
            } => {
                write!(
                    f,
                    "start an S3 Batch Replication job for the existing objects of bucket `{bucket}`, with its report in \
                     bucket `{report_bucket}`"
                )
            }
            Self::RemoveReplication { bucket, .. } => {
                write!(f, "remove our replication rules from bucket `{bucket}`")
            }
            Self::RemoveFailureEvents { bucket, .. } => {
                write!(f, "remove our notification from bucket `{bucket}`")
            }
            Self::DeleteParameter { region, name, .. } => {
                write!(f, "delete parameter `{name}` in {region}")
            }
            Self::DeleteRecord { region, name } => {
                write!(f, "delete record `{name}` in {region}")
            }
            Self::DeleteRolePolicy { role, policy } => {
                write!(f, "delete policy `{policy}` of role `{role}`")
            }
            Self::DeleteRoleIfUnused { role } => {
                write!(f, "delete role `{role}` if no policy is left on it")
            }
            Self::ResetDefaultEncryption { bucket, .. } => {
                write!(
                    f,
                    "set default encryption of bucket `{bucket}` back to SSE-S3"
                )
            }
            Self::DeleteBucketIfEmpty { bucket, .. } => {
                write!(f, "delete bucket `{bucket}` if it is empty")
            }
            Self::ScheduleKeyDeletion { key_arn, days, .. } => {
                write!(f, "schedule deletion of key `{key_arn}` in {days} days")
            }
        }
    }
}

fn merge_policy(f: &mut fmt::Formatter<'_>, statements: &[Value], on: &str) -> fmt::Result {
    match statements.len() {
        0 => write!(f, "remove our statements from the policy of {on}"),
        n => write!(f, "put {n} statement(s) into the policy of {on}"),
    }
}

/// Steps in order: those of one phase run at once, but for those on one role, which run in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Plan(pub Vec<Vec<Step>>);

impl Plan {
    /// The plan of these phases, without empty ones.
    #[must_use]
    pub fn of(phases: impl IntoIterator<Item = Vec<Step>>) -> Self {
        Self(
            phases
                .into_iter()
                .filter(|phase| !phase.is_empty())
                .collect(),
        )
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.0.iter().flatten()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut number = 0;
        for step in self.steps() {
            number += 1;
            writeln!(f, "{number}. {step}")?;
        }
        Ok(())
    }
}
