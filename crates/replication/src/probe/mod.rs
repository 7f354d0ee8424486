//! Proof: a small object under each rule, followed to its replica, whose key is looked at.

mod choose;
mod follow;
mod patience;
mod remove;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custom_resource::Deadline;
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::configuration::ReplicationConfiguration;
use crate::error::{ErrorKind, ReplicationError};
use crate::owner::Owner;
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};
use choose::{Probe, probes};
use follow::follow;
use patience::patiently;
use remove::remove;

/// Kept free before the deadline, to remove the probes and answer.
const CLEAN_UP_RESERVE: Duration = Duration::from_secs(15);
/// Probes under way at once.
const CONCURRENCY: usize = 16;
/// Looks at a configuration that does not show what was written, and the time between two.
const MOST_LOOKS: u32 = 3;
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// What the probes showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Proof {
    /// Every replica arrived, under the right key.
    Completed {
        /// From the first write to the last look.
        took: Duration,
    },
    /// Some had not arrived when the time was up.
    Pending,
}

/// Writes, follows and removes the probes for all rules of ours; `None` where there is none whose
/// replicas we could look at and remove again.
///
/// # Errors
/// [`ReplicationError::Unproven`] where a replica failed, was not made, or has another key.
pub async fn prove<A: Aws>(
    accounts: &Accounts<'_, A>,
    source: BucketRef<'_>,
    desired: &Desired,
    owner: &Owner,
    patience: Deadline,
) -> Result<Option<Proof>, ReplicationError> {
    let patience = patience.earlier_by(CLEAN_UP_RESERVE);
    let configuration = with_our_rules(accounts.home(), source, desired, patience).await?;
    let started = Instant::now();
    let probes = probes(&configuration, desired, owner)?;
    if probes.is_empty() || desired.retaining.contains(source.name) {
        return Ok(None);
    }
    let numbered = probes.iter().enumerate();
    let given_up = AtomicBool::new(false);
    let ways: Vec<_> = numbered
        .map(|(number, probe)| {
            let key = format!("{}-{}", owner.probe_key(&probe.filter.prefix), number + 1);
            one(accounts, source, desired, probe, key, patience, &given_up)
        })
        .collect();
    // All are heard to their end, also after one failed: each removes its object last.
    let ends: Vec<_> = stream::iter(ways)
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let arrived: Result<Vec<bool>, _> = ends.into_iter().collect();
    if arrived?.into_iter().all(|arrived| arrived) {
        Ok(Some(Proof::Completed {
            took: started.elapsed(),
        }))
    } else {
        Ok(Some(Proof::Pending))
    }
}

/// The source's configuration, once it shows our rules as they were written. S3 may show an earlier
/// one for a while, which would send the probe to a destination that nobody looks at any more:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>.
async fn with_our_rules<A: Aws>(
    aws: &A,
    source: BucketRef<'_>,
    desired: &Desired,
    patience: Deadline,
) -> Result<ReplicationConfiguration, ReplicationError> {
    let mut missing = String::new();
    for look in 1..=MOST_LOOKS {
        if look > 1 {
            tokio::time::sleep(SHOWN_WITHIN).await;
        }
        // Another writer may have overwritten them since; nothing would then be probed, and nothing fail.
        missing = match patiently(patience, || aws.replication(source)).await? {
            None => "has no replication configuration any more".to_owned(),
            Some(found) => match desired.rules.iter().find(|rule| !found.has(rule)) {
                None => return Ok(found),
                Some(rule) => format!(
                    "does not have rule `{}` as it was written any more",
                    rule.id
                ),
            },
        };
    }
    Err(ReplicationError::Unproven(format!(
        "bucket `{}` {missing}",
        source.name
    )))
}

async fn one<A: Aws>(
    accounts: &Accounts<'_, A>,
    source: BucketRef<'_>,
    desired: &Desired,
    probe: &Probe,
    key: String,
    patience: Deadline,
    given_up: &AtomicBool,
) -> Result<bool, ReplicationError> {
    if given_up.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let outcome = match follow(accounts, source, desired, probe, &key, patience, given_up).await {
        // Nothing was shown, neither way.
        Err(ReplicationError::Aws { source, .. }) if source.kind == ErrorKind::Transient => {
            tracing::warn!(key, error = %source, "the probe could not be followed");
            Ok(false)
        }
        outcome => outcome,
    };
    if outcome.is_err() {
        // The others need not wait for what no longer matters.
        given_up.store(true, Ordering::Relaxed);
    }
    // Also after a failure: what we put into people's buckets goes again.
    if let Err(error) = remove(accounts, source, desired, probe, &key).await {
        tracing::warn!(key, %error, "the probe object could not be removed; delete its versions by hand");
    }
    outcome
}
