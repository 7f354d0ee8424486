//! Proof: a small object under each rule, followed to its replica, whose key is looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use custom_resource::Deadline;
use futures_util::stream::{self, StreamExt};
use tokio::time::Instant;

use crate::configuration::{Filter, ReplicationConfiguration, Status};
use crate::error::{AwsError, ReplicationError};
use crate::owner::Owner;
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};

/// Kept free before the deadline, to remove the probes and answer.
const CLEAN_UP_RESERVE: Duration = Duration::from_secs(15);
/// A role or rule seconds old may not be known everywhere yet, and a failed replication is final,
/// so a new object is tried before a failure is believed.
const MOST_ATTEMPTS: u32 = 4;
/// An object that no rule has picked up after this long was not eligible when it was written.
const UNNOTICED_AFTER: Duration = Duration::from_secs(15);
/// Probes under way at once.
const CONCURRENCY: usize = 16;
/// Looks at what is left of a probe, where removing it fails.
const CLEAN_UP_ATTEMPTS: u32 = 3;

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

/// One object to write, and where its replicas must show up.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Probe {
    filter: Filter,
    source_key: String,
    /// Destination bucket, and ARN of the key its replica must have.
    replicas: BTreeMap<String, String>,
}

/// Writes, follows and removes the probes for all rules of ours.
///
/// # Errors
/// [`ReplicationError::Unproven`] where a replica failed, was not made, or has another key.
pub async fn prove<A: Aws>(
    aws: &A,
    source: BucketRef<'_>,
    desired: &Desired,
    owner: &Owner,
    patience: Deadline,
) -> Result<Proof, ReplicationError> {
    let Some(configuration) = aws.replication(source).await? else {
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
    let numbered = probes.iter().enumerate();
    let given_up = AtomicBool::new(false);
    let ways: Vec<_> = numbered
        .map(|(number, probe)| {
            let key = format!("{}-{}", owner.probe_key(&probe.filter.prefix), number + 1);
            one(aws, source, desired, probe, key, patience, &given_up)
        })
        .collect();
    // All are heard to their end, also after one failed: each removes its object last.
    let ends: Vec<_> = stream::iter(ways)
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let arrived: Result<Vec<bool>, _> = ends.into_iter().collect();
    if arrived?.into_iter().all(|arrived| arrived) {
        Ok(Proof::Completed {
            took: started.elapsed(),
        })
    } else {
        Ok(Proof::Pending)
    }
}

async fn one<A: Aws>(
    aws: &A,
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
    let outcome = follow(aws, source, desired, probe, &key, patience, given_up).await;
    if outcome.is_err() {
        // The others need not wait for what no longer matters.
        given_up.store(true, Ordering::Relaxed);
    }
    // Also after a failure: what we put into people's buckets goes again.
    if let Err(error) = remove(aws, source, desired, probe, &key).await {
        tracing::warn!(key, %error, "the probe object could not be removed; delete its versions by hand");
    }
    outcome
}

/// One probe for each filter of our enabled rules, and for each further source key.
fn probes(
    configuration: &ReplicationConfiguration,
    desired: &Desired,
    owner: &Owner,
) -> Result<Vec<Probe>, ReplicationError> {
    let enabled = |rule: &&crate::configuration::ReplicationRule| rule.status == Status::Enabled;
    let ours = configuration
        .rules
        .iter()
        .filter(enabled)
        .filter(|rule| owner.owns(&rule.id));
    let filters: BTreeSet<Filter> = ours.filter_map(|rule| rule.filter.clone()).collect();
    let mut probes = Vec::new();
    for filter in filters {
        let key = owner.probe_key(&filter.prefix);
        // For each destination the rule of highest priority decides, be it ours or not.
        let mut winners = BTreeMap::new();
        for rule in configuration
            .rules
            .iter()
            .filter(enabled)
            .filter(|rule| rule.covers(&key, &filter.tags))
        {
            let winner = winners
                .entry(rule.destination.bucket.as_str())
                .or_insert(rule);
            if rule.priority > winner.priority {
                *winner = rule;
            }
        }
        let mut replicas = BTreeMap::new();
        for (bucket_arn, rule) in winners {
            let bucket = bucket_arn.rsplit(':').next().unwrap_or(bucket_arn);
            if !desired.regions.contains_key(bucket) {
                continue;
            }
            if !owner.owns(&rule.id) {
                return Err(ReplicationError::Unproven(format!(
                    "objects under `{}` for bucket `{bucket}` fall to rule `{}`, which is not ours and has the \
                     higher priority {}; give our rule a higher `Priority`",
                    filter.prefix,
                    rule.id,
                    rule.priority.unwrap_or_default()
                )));
            }
            replicas.insert(
                bucket.to_owned(),
                rule.destination
                    .replica_kms_key_id
                    .clone()
                    .unwrap_or_default(),
            );
        }
        let keys = if probes.is_empty() {
            desired.source_keys.len()
        } else {
            1
        };
        probes.extend(
            desired
                .source_keys
                .iter()
                .take(keys)
                .map(|source_key| Probe {
                    filter: filter.clone(),
                    source_key: source_key.clone(),
                    replicas: replicas.clone(),
                }),
        );
    }
    Ok(probes)
}

enum Fate {
    Arrived(String),
    Failed,
    Unnoticed,
    Waiting,
}

async fn follow<A: Aws>(
    aws: &A,
    source: BucketRef<'_>,
    desired: &Desired,
    probe: &Probe,
    key: &str,
    patience: Deadline,
    given_up: &AtomicBool,
) -> Result<bool, ReplicationError> {
    for attempt in 1..=MOST_ATTEMPTS {
        let version = aws
            .put_object(source, key, &probe.filter.tags, &probe.source_key)
            .await?;
        match fate(aws, source, key, version, patience, given_up).await? {
            Fate::Arrived(version) => {
                inspect(aws, desired, probe, key, &version).await?;
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
        let head = aws.head_object(source, key, &version).await?;
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
    aws: &A,
    desired: &Desired,
    probe: &Probe,
    key: &str,
    version: &str,
) -> Result<(), ReplicationError> {
    for (bucket, expected) in &probe.replicas {
        let Some(region) = desired.regions.get(bucket) else {
            continue;
        };
        let found = aws
            .head_object(
                BucketRef {
                    name: bucket,
                    region,
                },
                key,
                version,
            )
            .await?;
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

async fn remove<A: Aws>(
    aws: &A,
    source: BucketRef<'_>,
    desired: &Desired,
    probe: &Probe,
    key: &str,
) -> Result<(), AwsError> {
    let replicas = probe.replicas.keys().filter_map(|bucket| {
        Some(BucketRef {
            name: bucket,
            region: desired.regions.get(bucket)?,
        })
    });
    let mut trouble = None;
    for bucket in std::iter::once(source).chain(replicas) {
        if let Err(error) = remove_from(aws, bucket, key).await {
            trouble = Some(error);
        }
    }
    trouble.map_or(Ok(()), Err)
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::arn::Home;
    use crate::configuration::ReplicationRule;
    use crate::observed::{Observed, ObservedDestination};
    use crate::properties;

    fn owner() -> Owner {
        Owner::new("stack", "Replication", "source")
    }

    /// What rules (prefix, destination, priority) and source keys make, and the rules as in S3.
    fn setting(rules: &[(&str, &str, i32)], keys: &[&str]) -> (ReplicationConfiguration, Desired) {
        let home = Home {
            partition: "aws".into(),
            region: "us-east-1".into(),
            account: "111122223333".into(),
        };
        let rules: Vec<_> = rules
            .iter()
            .map(|(prefix, bucket, priority)| {
                json!({"Filter": {"Prefix": prefix}, "Priority": priority,
                       "Destination": {"Bucket": format!("arn:aws:s3:::{bucket}"), "Region": "us-west-2"}})
            })
            .collect();
        let properties = json!({"SourceBucket": "source", "Rules": rules});
        let spec = properties::read(properties.as_object().unwrap(), &home, &owner()).unwrap();
        let destinations = spec.rules.iter().map(|rule| {
            let found = ObservedDestination {
                region: Some("us-west-2".into()),
                bucket: None,
                parameter: None,
            };
            (rule.destination_bucket.clone(), found)
        });
        let observed = Observed {
            source: None,
            replication: None,
            destinations: destinations.collect(),
            abandoned: BTreeMap::new(),
            keys: BTreeMap::new(),
            role: None,
            role_policy: None,
            shared: false,
        };
        let mut desired = crate::plan::desired(&spec, &observed, &home, &owner()).unwrap();
        desired.source_keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let configuration = ReplicationConfiguration {
            role: desired.role_arn.clone(),
            rules: desired.rules.clone(),
        };
        (configuration, desired)
    }

    fn made(rules: &[(&str, &str, i32)], keys: &[&str]) -> Vec<(String, String, Vec<String>)> {
        let (configuration, desired) = setting(rules, keys);
        let probes = probes(&configuration, &desired, &owner()).unwrap();
        probes
            .into_iter()
            .map(|probe| {
                let replicas = probe.replicas.into_keys().collect();
                (probe.filter.prefix, probe.source_key, replicas)
            })
            .collect()
    }

    #[test]
    fn a_filter_is_probed_once_for_all_its_destinations_and_once_more_for_each_further_key() {
        let row = |prefix: &str, key: &str, replicas: &[&str]| {
            let replicas: Vec<_> = replicas.iter().map(|one| (*one).to_owned()).collect();
            (prefix.to_owned(), key.to_owned(), replicas)
        };
        assert_eq!(
            made(
                &[("a/", "one", 1), ("a/", "two", 2), ("b/", "one", 3)],
                &["k1", "k2"]
            ),
            [
                row("a/", "k1", &["one", "two"]),
                row("a/", "k2", &["one", "two"]),
                row("b/", "k1", &["one"]),
            ]
        );
    }

    #[test]
    fn a_wider_rule_to_another_destination_takes_the_probe_too() {
        let replicas: Vec<_> = made(&[("a/", "one", 1), ("", "two", 2)], &["k"])
            .into_iter()
            .map(|(prefix, _, replicas)| (prefix, replicas.join(",")))
            .collect();
        assert_eq!(
            replicas,
            [
                (String::new(), "two".into()),
                ("a/".into(), "one,two".into())
            ]
        );
    }

    #[test]
    fn the_highest_priority_decides_the_key_and_one_of_others_is_told() {
        let (mut configuration, desired) = setting(&[("a/", "one", 1), ("", "one", 5)], &["k"]);
        let rules = &mut configuration.rules;
        let keyed = |rule: &mut ReplicationRule, key: &str| {
            rule.destination.replica_kms_key_id = Some(key.to_owned());
        };
        keyed(&mut rules[0], "low");
        keyed(&mut rules[1], "high");
        let found = probes(&configuration, &desired, &owner()).unwrap();
        assert_eq!(found[1].filter.prefix, "a/");
        assert_eq!(found[1].replicas["one"], "high");
        configuration.rules[1].id = "theirs".into();
        let error = probes(&configuration, &desired, &owner()).unwrap_err();
        assert!(
            error.to_string().contains(
                "objects under `a/` for bucket `one` fall to rule `theirs`, which is not ours and has the higher \
                 priority 5"
            ),
            "{error}"
        );
        // Switched off, it decides nothing.
        configuration.rules[1].status = Status::Disabled;
        assert_eq!(
            probes(&configuration, &desired, &owner()).unwrap()[0].replicas["one"],
            "low"
        );
    }
}
