//! Changing what others write to as well: read, change, write.

use futures_util::future::try_join;
use serde_json::Value;

use super::{Done, Failed};
use crate::configuration::{DefaultEncryption, ReplicationRule};
use crate::error::ErrorKind;
use crate::fault::About;
use crate::merge;
use crate::owner::Owner;
use crate::plan::Among;
use crate::ports::{Aws, BucketRef, Targets};

/// What is to be added to a bucket's notifications.
#[derive(Clone, Copy, Debug)]
pub(super) enum NotificationChange<'a> {
    /// Its events go to EventBridge too.
    ToEventBridge,
    /// Its replication failures go to this queue too.
    AddFailureEvents(&'a str),
}

pub(super) async fn change_notifications<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    change: NotificationChange<'_>,
    owner: &Owner,
) -> Result<Done, Failed> {
    let existing = aws.notifications(bucket).await?;
    let (changed, targets) = match change {
        NotificationChange::ToEventBridge => {
            let mut changed = existing.clone();
            changed.event_bridge = true;
            (changed, Targets::AsTheyAre)
        }
        NotificationChange::AddFailureEvents(queue_arn) => {
            let changed = merge::with_failure_events(&existing, owner, queue_arn);
            (changed, Targets::Checked)
        }
    };
    if changed == existing {
        return Ok(Done::default());
    }
    aws.put_notifications(bucket, &changed, targets).await?;
    Ok(Done::writes(1))
}

/// Takes the owner's notification out. Another that has rules in the bucket inherits it, or else `watcher`,
/// where rules are left to be watched: by what the bucket says now, as whoever had some may have gone since,
/// and would leave what it inherits for ever.
pub(super) async fn remove_failure_events<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    watcher: Option<Owner>,
    leaving: &Owner,
) -> Result<Done, Failed> {
    let read = try_join(aws.notifications(bucket), aws.replication(bucket)).await;
    let (existing, replication) = match read {
        Err(error) if error.kind == ErrorKind::NotFound => return Ok(Done::default()),
        read => read?,
    };
    let mut rules = replication.map_or_else(Vec::new, |found| found.rules);
    rules.retain(|rule| !leaving.owns(&rule.id));
    let heir = merge::heir(&rules, leaving).or(watcher.filter(|_| !rules.is_empty()));
    let changed = merge::without_failure_events(&existing, leaving, heir.as_ref());
    if changed == existing {
        return Ok(Done::default());
    }
    // A target of somebody else's that is gone is no reason to leave our own out.
    aws.put_notifications(bucket, &changed, Targets::AsTheyAre)
        .await?;
    Ok(Done::writes(1))
}

/// The owner's rules and their role.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ours<'a> {
    pub(super) role_arn: &'a str,
    pub(super) rules: &'a [ReplicationRule],
}

/// Puts exactly `ours` as the owner's into the bucket's configuration; none are to go.
pub(super) async fn change_replication<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    ours: Ours<'_>,
    owner: &Owner,
) -> Result<Done, Failed> {
    let Ours { role_arn, rules } = ours;
    let existing = match aws.replication(bucket).await {
        Err(error) if error.kind == ErrorKind::NotFound && rules.is_empty() => {
            return Ok(Done::default());
        }
        other => other?,
    };
    let merged = merge::replication(existing.as_ref(), owner, role_arn, rules)
        .map_err(|error| Failed::Fault(error.fault(About::bucket(bucket.name))))?;
    if let Some(merged) = &merged {
        // Whose rules came since the plan was made is asked no less than whose were there.
        let present = existing.as_ref();
        let ranks = Among { present, merged }.ranks_of(rules, owner);
        if let Some(fault) = ranks.faults.into_iter().next() {
            return Err(Failed::Fault(fault));
        }
    }
    match merged {
        merged if merged == existing => return Ok(Done::default()),
        Some(merged) => aws.put_replication(bucket, &merged).await?,
        None => aws.delete_replication(bucket).await?,
    }
    Ok(Done::writes(1))
}

/// Sets a bucket's default encryption, where the present one may be changed. What else is in the same
/// configuration, such as which kinds of encryption uploads may not ask for, stays as it is.
pub(super) async fn change_encryption<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    to: DefaultEncryption,
    may_change: impl Fn(&DefaultEncryption) -> bool,
) -> Result<Done, Failed> {
    let present = aws.default_encryption(bucket).await?;
    if present.as_ref().is_some_and(|present| !may_change(present)) {
        return Ok(Done::default());
    }
    let to = to.in_place_of(present);
    aws.put_default_encryption(bucket, &to).await?;
    Ok(Done::writes(1))
}

pub(super) async fn change_bucket_policy<A: Aws>(
    aws: &A,
    bucket: BucketRef<'_>,
    statements: &[Value],
    owner: &Owner,
) -> Result<Done, Failed> {
    let present = match aws.bucket_policy(bucket).await {
        // The bucket is gone, and its policy with it.
        Err(error) if error.kind == ErrorKind::NotFound && statements.is_empty() => {
            return Ok(Done::default());
        }
        other => other?,
    };
    let merged = merge::with_statements(present.as_deref(), owner, statements)
        .map_err(|error| Failed::Fault(error.fault(About::bucket(bucket.name))))?;
    match merged {
        merged if merged == present => return Ok(Done::default()),
        Some(merged) => aws.put_bucket_policy(bucket, &merged).await?,
        None => aws.delete_bucket_policy(bucket).await?,
    }
    Ok(Done::writes(1))
}

/// A key and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyRef<'a> {
    pub(super) region: &'a str,
    pub(super) arn: &'a str,
}

pub(super) async fn change_key_policy<A: Aws>(
    aws: &A,
    key: KeyRef<'_>,
    statements: &[Value],
    owner: &Owner,
) -> Result<Done, Failed> {
    let (region, key_arn) = (key.region, key.arn);
    let present = aws.key_policy(region, key_arn).await?;
    if present.is_none() && statements.is_empty() {
        return Ok(Done::default());
    }
    let merged = merge::with_statements(present.as_deref(), owner, statements)
        .map_err(|error| Failed::Fault(error.fault(About::key(key_arn))))?;
    match merged {
        merged if merged == present => return Ok(Done::default()),
        Some(merged) => match aws.put_key_policy(region, key_arn, &merged).await {
            Err(error) if error.kind == ErrorKind::Conflict && statements.is_empty() => {
                // A key about to be deleted lets nobody in any more.
                let key = aws.describe_key(region, key_arn).await?;
                if key.is_none_or(|key| key.is_about_to_go()) {
                    return Ok(Done::default());
                }
                return Err(error.into());
            }
            other => other?,
        },
        // A key without a policy could never be used or changed again; KMS refuses that too.
        None => return Ok(Done::default()),
    }
    Ok(Done::writes(1))
}
