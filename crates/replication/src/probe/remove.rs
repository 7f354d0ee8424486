//! What we put into people's buckets goes again: on both sides, and wherever a rule of somebody else's
//! took a copy.

use std::time::Duration;

use futures_util::future::join;

use super::Trial;
use super::choose::{Probe, Strays};
use crate::configuration::{ReplicationRule, Status};
use crate::error::AwsError;
use crate::ports::{Aws, BucketRef};

/// Looks at what is left of a probe, where removing it fails.
const CLEAN_UP_ATTEMPTS: u32 = 3;
/// How long copies that others' rules make are waited for, before the original goes.
const STRAYS_WITHIN: Duration = Duration::from_secs(30);
/// What was on its way when the original went has arrived by then.
const ON_ITS_WAY: Duration = Duration::from_secs(3);

/// Removes every version of a probe, and says in the log what could not be.
pub(super) async fn remove<A: Aws>(trial: &Trial<'_, A>, probe: &Probe, key: &str) {
    let strays = trial.strays(probe);
    let under_way = !strays.is_empty() && !settled(trial, key).await;
    // The source first: what is gone is replicated nowhere any more.
    let source = trial.source();
    let home = trial.accounts.home();
    note(source.name, key, remove_from(home, source, key).await);
    if under_way {
        tokio::time::sleep(ON_ITS_WAY).await;
    }
    let at_ours = remove_replicas(trial, probe, key);
    let (mut late, ()) = join(trial.late_strays(probe), at_ours).await;
    late.retain(|bucket, _| !strays.contains_key(bucket));
    if !late.is_empty() && !under_way {
        tokio::time::sleep(ON_ITS_WAY).await;
    }
    for (bucket, account) in strays.iter().chain(&late) {
        remove_stray(trial, bucket, account.as_deref(), key).await;
    }
    if under_way {
        tracing::warn!(
            key,
            buckets = ?strays.keys().collect::<Vec<_>>(),
            "S3 had not finished with the probe object when it was removed; a copy may still arrive in these buckets"
        );
    }
}

/// Removes what arrived where ours lead to.
async fn remove_replicas<A: Aws>(trial: &Trial<'_, A>, probe: &Probe, key: &str) {
    for bucket in probe.replicas.keys() {
        if let (Some(region), Some(aws)) =
            (trial.desired.regions.get(bucket), trial.accounts.at(bucket))
        {
            let at = BucketRef {
                name: bucket,
                region,
            };
            note(bucket, key, remove_from(aws, at, key).await);
        }
    }
}

/// Waits until S3 is done with every version of the probe, as a copy may be on its way to a bucket of
/// others when ours has arrived.
async fn settled<A: Aws>(trial: &Trial<'_, A>, key: &str) -> bool {
    let (source, aws) = (trial.source(), trial.accounts.home());
    let Ok(versions) = aws.object_versions(source, key).await else {
        return false;
    };
    let until = trial
        .patience
        .min(custom_resource::Deadline::after(STRAYS_WITHIN));
    for version in versions {
        loop {
            let head = aws.head_object(source, key, &version).await;
            let pending = match head {
                Ok(head) => {
                    head.is_some_and(|head| head.replication_status.as_deref() == Some("PENDING"))
                }
                Err(_) => true,
            };
            if !pending {
                break;
            }
            if until.has_passed() {
                return false;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
    true
}

/// Removes the copy that another's rule made. In another account we may not look; there, and wherever
/// it is denied, a person is told where to look.
async fn remove_stray<A: Aws>(
    trial: &Trial<'_, A>,
    bucket: &str,
    account: Option<&str>,
    key: &str,
) {
    let home = &trial.replication.home.account;
    let elsewhere = account.is_some_and(|account| account != home);
    let aws = match trial.accounts.at(bucket) {
        Some(aws) if trial.accounts.is_foreign(bucket) || !elsewhere => aws,
        _ => {
            tracing::warn!(
                bucket,
                key,
                "a copy of the probe object may have gone to a bucket of another account, by a rule of somebody else's; \
                 have its versions deleted there"
            );
            return;
        }
    };
    let region = match aws.bucket_region(bucket).await {
        Ok(Some(region)) => region,
        Ok(None) => return,
        Err(error) => return note(bucket, key, Err(error)),
    };
    let at = BucketRef {
        name: bucket,
        region: &region,
    };
    note(bucket, key, remove_from(aws, at, key).await);
}

fn note(bucket: &str, key: &str, outcome: Result<(), AwsError>) {
    if let Err(error) = outcome {
        tracing::warn!(bucket, key, %error, "the probe object could not be removed; delete its versions by hand");
    }
}

async fn remove_from<A: Aws>(aws: &A, bucket: BucketRef<'_>, key: &str) -> Result<(), AwsError> {
    let mut attempt = 1;
    loop {
        let once = async {
            for version in aws.object_versions(bucket, key).await? {
                aws.delete_object_version(bucket, key, &version).await?;
            }
            Ok(())
        };
        match once.await {
            Err(error) if attempt < CLEAN_UP_ATTEMPTS => {
                tracing::info!(key, bucket = bucket.name, %error, "removing the probe object again");
                tokio::time::sleep(Duration::from_millis(500)).await;
                attempt += 1;
            }
            outcome => return outcome,
        }
    }
}

impl<A: Aws> Trial<'_, A> {
    /// Buckets besides our destinations that copies of a probe may have gone to: by rules of others, and by
    /// rules of ours that were replaced and are still in force.
    fn strays(&self, probe: &Probe) -> Strays {
        let mut strays = self.elsewhere(probe, self.former.iter());
        strays.extend(probe.strays.clone());
        strays.retain(|bucket, _| !probe.replicas.contains_key(bucket));
        strays
    }

    /// The same by the rules that are there when the probe is gone: another resource may have put its own
    /// while the probe was under way.
    async fn late_strays(&self, probe: &Probe) -> Strays {
        let source = self.source();
        match self.accounts.home().replication(source).await {
            Ok(found) => {
                let rules = found.iter().flat_map(|found| &found.rules);
                let in_force = rules.filter(|rule| rule.status == Status::Enabled);
                self.elsewhere(probe, in_force)
            }
            Err(error) => {
                tracing::warn!(bucket = source.name, %error, "a rule that came meanwhile may have taken a copy of the probe object");
                Strays::new()
            }
        }
    }

    /// Where rules take a probe, besides our destinations.
    fn elsewhere<'a>(
        &self,
        probe: &Probe,
        rules: impl Iterator<Item = &'a ReplicationRule>,
    ) -> Strays {
        let key = self.replication.owner.probe_key(&probe.filter.prefix);
        let covering = rules.filter(|rule| rule.covers(&key, &probe.filter.tags));
        let elsewhere = covering.map(|rule| {
            let bucket = rule.destination.bucket_name().to_owned();
            (bucket, rule.destination.account.clone())
        });
        elsewhere
            .filter(|(bucket, _)| !probe.replicas.contains_key(bucket))
            .collect()
    }
}
