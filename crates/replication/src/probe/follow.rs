//! A probe's way from its upload to its replica.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custom_resource::Deadline;
use tokio::time::Instant;

use super::choose::Probe;
use super::patience::patiently;
use crate::accounts::Accounts;
use crate::error::{AwsError, ReplicationError};
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};

/// A role or rule seconds old may not be known everywhere yet, and a failed replication is final,
/// so a new object is tried before a failure is believed.
const MOST_ATTEMPTS: u32 = 4;
/// An object that no rule has picked up after this long was not eligible when it was written.
const UNNOTICED_AFTER: Duration = Duration::from_secs(15);

enum Fate {
    Arrived(String),
    Failed,
    Unnoticed,
    Waiting,
}

pub(super) async fn follow<A: Aws>(
    accounts: &Accounts<'_, A>,
    source: BucketRef<'_>,
    desired: &Desired,
    probe: &Probe,
    key: &str,
    patience: Deadline,
    given_up: &AtomicBool,
) -> Result<bool, ReplicationError> {
    let aws = accounts.home();
    for attempt in 1..=MOST_ATTEMPTS {
        let put = || aws.put_object(source, key, &probe.filter.tags, &probe.source_key);
        let version = patiently(patience, put).await?;
        match fate(aws, source, key, version, patience, given_up).await? {
            Fate::Arrived(version) => {
                inspect(accounts, desired, probe, key, &version, patience).await?;
                return Ok(true);
            }
            Fate::Waiting => return Ok(false),
            Fate::Failed | Fate::Unnoticed if attempt < MOST_ATTEMPTS && !patience.has_passed() => {
                tracing::info!(
                    key,
                    attempt,
                    "the probe was not replicated; trying a new one"
                );
                let wait = Duration::from_secs(u64::from(attempt) * 5);
                tokio::time::sleep(wait.min(patience.remaining())).await;
            }
            Fate::Failed => {
                return Err(ReplicationError::Unproven(format!(
                    "S3 reports FAILED for probe object `{key}` in bucket `{}`, under key `{}`",
                    source.name, probe.source_key
                )));
            }
            Fate::Unnoticed => {
                return Err(ReplicationError::Unproven(format!(
                    "S3 did not pick up probe object `{key}` in bucket `{}`: no replication rule applies to it",
                    source.name
                )));
            }
        }
    }
    Ok(false)
}

async fn fate<A: Aws>(
    aws: &A,
    source: BucketRef<'_>,
    key: &str,
    version: String,
    patience: Deadline,
    given_up: &AtomicBool,
) -> Result<Fate, AwsError> {
    let written = Instant::now();
    let mut wait = Duration::from_millis(200);
    loop {
        let head = patiently(patience, || aws.head_object(source, key, &version)).await?;
        let status = head.and_then(|head| head.replication_status);
        match status.as_deref() {
            Some("COMPLETED" | "COMPLETE") => return Ok(Fate::Arrived(version)),
            Some("FAILED") => return Ok(Fate::Failed),
            None if written.elapsed() >= UNNOTICED_AFTER => return Ok(Fate::Unnoticed),
            _ if patience.has_passed() || given_up.load(Ordering::Relaxed) => {
                return Ok(Fate::Waiting);
            }
            _ => {}
        }
        tokio::time::sleep(wait.min(patience.remaining())).await;
        wait = (wait * 3 / 2).min(Duration::from_secs(5));
    }
}

async fn inspect<A: Aws>(
    accounts: &Accounts<'_, A>,
    desired: &Desired,
    probe: &Probe,
    key: &str,
    version: &str,
    patience: Deadline,
) -> Result<(), ReplicationError> {
    for (bucket, expected) in &probe.replicas {
        let (Some(region), Some(aws)) = (desired.regions.get(bucket), accounts.at(bucket)) else {
            continue;
        };
        let at = BucketRef {
            name: bucket,
            region,
        };
        let found = patiently(patience, || aws.head_object(at, key, version)).await?;
        let Some(head) = found else {
            return Err(ReplicationError::Unproven(format!(
                "S3 reports probe object `{key}` as replicated, but bucket `{bucket}` has no version `{version}` of it"
            )));
        };
        let algorithm = head.algorithm.unwrap_or_default();
        let kms_key = head.kms_key.unwrap_or_default();
        if !algorithm.starts_with("aws:kms") || kms_key != *expected {
            return Err(ReplicationError::Unproven(format!(
                "the replica of probe object `{key}` in bucket `{bucket}` is encrypted with {algorithm} under \
                 `{kms_key}` instead of `{expected}`"
            )));
        }
    }
    Ok(())
}
