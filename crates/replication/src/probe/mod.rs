//! Proof: a small object under each rule, followed to its replica, whose key is looked at.

mod choose;
mod follow;
mod remove;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custom_resource::Deadline;
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::configuration::Status;
use crate::error::ReplicationError;
use crate::owner::Owner;
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};
use choose::{Probe, probes};
use follow::follow;
use remove::remove;

/// Kept free before the deadline, to remove the probes and answer.
const CLEAN_UP_RESERVE: Duration = Duration::from_secs(15);
/// Probes under way at once.
const CONCURRENCY: usize = 16;
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
    let Some(configuration) = accounts.home().replication(source).await? else {
        let why = format!(
            "bucket `{}` has no replication configuration any more",
            source.name
        );
        return Err(ReplicationError::Unproven(why));
    };
    // Another writer may have overwritten them since; nothing would then be probed, and nothing fail.
    let enabled = desired
        .rules
        .iter()
        .filter(|rule| rule.status == Status::Enabled);
    let there: BTreeSet<_> = configuration.rules.iter().map(|rule| &rule.id).collect();
    if let Some(gone) = enabled.map(|rule| &rule.id).find(|id| !there.contains(id)) {
        return Err(ReplicationError::Unproven(format!(
            "rule `{gone}` is not in the replication configuration of bucket `{}` any more",
            source.name
        )));
    }
    let started = Instant::now();
    let patience = patience.earlier_by(CLEAN_UP_RESERVE);
    let probes = probes(&configuration, desired, owner)?;
    if probes.is_empty() {
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
    let outcome = follow(accounts, source, desired, probe, &key, patience, given_up).await;
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
