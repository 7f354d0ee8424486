//! Proof: a small object under each rule, followed to its replicas, whose keys are looked at.

mod choose;
mod follow;
mod patience;
mod remove;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custom_resource::Deadline;
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use crate::accounts::Accounts;
use crate::configuration::{ReplicationConfiguration, ReplicationRule};
use crate::error::ReplicationError;
use crate::made::Made;
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};
use crate::replication::Replication;
use choose::{Probe, probes};
use follow::{End, Way};
use patience::patiently;
use remove::remove;

/// Kept free before the deadline, to remove the probes and answer.
pub(crate) const CLEAN_UP_RESERVE: Duration = Duration::from_secs(15);
/// Probes under way at once.
const CONCURRENCY: usize = 16;
/// Looks at a configuration that does not show what was written, and the time between two.
const MOST_LOOKS: u32 = 3;
const SHOWN_WITHIN: Duration = Duration::from_secs(1);

/// What is to be proved, and for how long it is tried.
#[derive(Debug)]
pub struct Trial<'a, A> {
    /// What is asked, by whom.
    pub replication: &'a Replication,
    /// AWS, bucket by bucket.
    pub accounts: &'a Accounts<'a, A>,
    /// What was provisioned.
    pub desired: &'a Desired,
    /// When to stop; probes are removed after it.
    pub patience: Deadline,
    /// So many objects of a probe may come to nothing before it is given up.
    pub most_attempts: u32,
    /// How long replicas stay where they arrived, for others to see them too.
    pub keep: Duration,
    /// What this request made, which may not be known everywhere yet.
    pub made: &'a Made,
    /// Rules that the bucket had before; they may be in force for a while.
    pub former: &'a [ReplicationRule],
    /// Set from outside where it is known why nothing can arrive.
    pub given_up: AtomicBool,
    /// Whether an object came to nothing.
    pub troubled: AtomicBool,
}

/// What the probes showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProbeReport {
    /// How many probes were chosen.
    pub probes: usize,
    /// From the first write to the last look.
    pub took: Duration,
    /// The enabled rules that nothing was shown of, by `Id`, and why.
    pub unproved: BTreeMap<String, Doubt>,
    /// Those of which S3 failed the last object, passed it over, or encrypted it otherwise.
    pub failed: BTreeSet<String>,
    /// How long the slowest object of each proved rule was under way.
    pub arrived: BTreeMap<String, Duration>,
}

/// Why nothing is known of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No probe could be looked at or removed again.
    Unprovable(String),
    /// No object goes by it, for a reason that is told elsewhere too: there is nothing to prove.
    Idle(String),
    /// It needs a key that S3 cannot use, so that no object goes by it.
    KeyUnusable(String),
    /// The probe may not be written.
    Unwritten(String),
    /// It had not arrived under the right key when the time was up.
    Missing(String),
}

impl Doubt {
    /// Why, in words.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Unprovable(why)
            | Self::Idle(why)
            | Self::KeyUnusable(why)
            | Self::Unwritten(why)
            | Self::Missing(why) => why,
        }
    }
}

impl<A: Aws> Trial<'_, A> {
    fn source(&self) -> BucketRef<'_> {
        self.replication.source()
    }

    /// Writes, follows and removes the probes for all enabled rules of ours.
    ///
    /// # Errors
    /// [`ReplicationError::Unproven`] where the bucket does not have our rules, or one of others outranks
    /// them.
    pub async fn run(&self) -> Result<ProbeReport, ReplicationError> {
        let configuration = self.with_our_rules().await?;
        let started = Instant::now();
        let owner = &self.replication.owner;
        let chosen = probes(&configuration, self.desired, owner, self.source().name)?;
        let numbered = chosen.probes.iter().enumerate();
        let ways: Vec<_> = numbered
            .map(|(number, probe)| {
                let key = format!("{}-{}", owner.probe_key(&probe.filter.prefix), number + 1);
                self.one(probe, key)
            })
            .collect();
        // All are heard to their end, also after one failed: each removes its object last.
        let ends: Vec<_> = stream::iter(ways)
            .buffer_unordered(CONCURRENCY)
            .collect()
            .await;
        let mut shown = ProbeReport {
            probes: chosen.probes.len(),
            took: started.elapsed(),
            unproved: chosen.unprovable,
            ..ProbeReport::default()
        };
        for end in ends {
            shown.unproved.extend(end.unproved);
            shown.failed.extend(end.failed);
            for (rule, took) in end.arrived {
                let slowest = shown.arrived.entry(rule).or_default();
                *slowest = took.max(*slowest);
            }
        }
        // A rule is proved by all of its probes.
        let unproved = &shown.unproved;
        shown.arrived.retain(|rule, _| !unproved.contains_key(rule));
        Ok(shown)
    }

    /// The source's configuration, once it shows our rules as they were written. S3 may show an earlier
    /// one for a while, which would send the probe to a destination that nobody looks at any more:
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>.
    async fn with_our_rules(&self) -> Result<ReplicationConfiguration, ReplicationError> {
        let aws = self.accounts.home();
        let mut missing = String::new();
        for look in 1..=MOST_LOOKS {
            if look > 1 {
                tokio::time::sleep(SHOWN_WITHIN).await;
            }
            // Another writer may have overwritten them since; nothing would then be probed, and nothing fail.
            missing = match patiently(self.patience, || aws.replication(self.source())).await? {
                None => "has no replication configuration any more".to_owned(),
                Some(found) => match self.desired.rules.iter().find(|rule| !found.has(rule)) {
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
            self.source().name
        )))
    }

    /// What one probe showed, by rule.
    async fn one(&self, probe: &Probe, key: String) -> ProbeReport {
        let sent_by = |bucket: &String| {
            probe
                .replicas
                .get(bucket)
                .map(|replica| replica.rule.clone())
        };
        let mut shown = ProbeReport::default();
        if self.given_up.load(Ordering::Relaxed) || self.patience.has_passed() {
            let why = "no probe was written before the time was up";
            let rules = probe.replicas.keys().filter_map(sent_by);
            let missing = rules.map(|rule| (rule, Doubt::Missing(why.to_owned())));
            shown.unproved.extend(missing);
            return shown;
        }
        let end = Way::new(self, probe, &key).follow().await;
        if matches!(&end, End::Followed(trail) if !trail.arrived.is_empty()) {
            tokio::time::sleep(self.keep.min(self.patience.remaining())).await;
        }
        // Also after a failure: what we put into people's buckets goes again.
        remove(self, probe, &key).await;
        match end {
            End::Followed(trail) => {
                if trail.lost {
                    let failed = trail.missing.keys().filter_map(sent_by);
                    shown.failed.extend(failed);
                }
                let doubts = trail.missing.into_iter().filter_map(|(bucket, why)| {
                    let rule = sent_by(&bucket)?;
                    Some((rule, Doubt::Missing(why)))
                });
                shown.unproved.extend(doubts);
                let arrived = trail.arrived.into_iter();
                let arrived = arrived.filter_map(|(bucket, took)| Some((sent_by(&bucket)?, took)));
                shown.arrived.extend(arrived);
            }
            End::Unwritten(error) => {
                let rules = probe.replicas.keys().filter_map(sent_by);
                let unwritten = rules.map(|rule| (rule, Doubt::Unwritten(error.to_string())));
                shown.unproved.extend(unwritten);
            }
        }
        shown
    }
}
