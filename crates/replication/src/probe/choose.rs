//! Which probes show that every rule of ours works. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::configuration::{Filter, ReplicationConfiguration, Status};
use crate::error::ReplicationError;
use crate::owner::Owner;
use crate::plan::Desired;
use crate::ranking::deciding;

/// S3's limit of 1,024 bytes, less what numbers the probes. A prefix may be longer than leaves room.
const LONGEST_KEY: usize = 1024 - 5;

/// One object to write, and where its replicas must show up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) filter: Filter,
    pub(super) source_key: String,
    /// Destination bucket, and ARN of the key its replica must have.
    pub(super) replicas: BTreeMap<String, String>,
}

/// One probe for each filter of our enabled rules, and for each further source key.
pub(super) fn probes(
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
        if key.len() > LONGEST_KEY {
            continue;
        }
        let mut replicas = BTreeMap::new();
        // Be they ours or not.
        for rule in deciding(&configuration.rules, &key, &filter.tags).into_values() {
            let bucket = rule.destination.bucket_name();
            if !desired.regions.contains_key(bucket) {
                continue;
            }
            if !owner.owns(&rule.id) {
                let known = configuration.rules.iter().any(|ours| {
                    desired.outranked.contains(&ours.id)
                        && ours.destination.bucket == rule.destination.bucket
                        && ours.filter.as_ref() == Some(&filter)
                });
                if known {
                    continue;
                }
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
        // The rule leaves out what a probe would be called.
        if replicas.is_empty() {
            continue;
        }
        // A replica that we cannot look at we cannot remove either.
        let kept =
            |bucket: &String| desired.unseen.contains(bucket) || desired.retaining.contains(bucket);
        // What needs a key that S3 cannot use is told, and cannot be shown.
        let broken = |key: &String| desired.unusable.contains(key);
        if replicas.keys().any(kept) || replicas.values().any(broken) || replicas.is_empty() {
            continue;
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
                .filter(|key| !broken(key))
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

#[cfg(test)]
mod tests {

    use serde_json::json;

    use super::*;
    use crate::configuration::ReplicationRule;
    use crate::observed::{Observed, ObservedDestination};
    use crate::replication::Replication;

    fn owner() -> Owner {
        Owner::new("stack", "Replication", "source")
    }

    /// What rules (prefix, destination, priority) and source keys make, and the rules as in S3.
    fn setting(rules: &[(&str, &str, i32)], keys: &[&str]) -> (ReplicationConfiguration, Desired) {
        let rules: Vec<_> = rules
            .iter()
            .map(|(prefix, bucket, priority)| {
                json!({"Filter": {"Prefix": prefix}, "Priority": priority,
                       "Destination": {"Bucket": format!("arn:aws:s3:::{bucket}"), "Region": "us-west-2"}})
            })
            .collect();
        let properties = json!({"SourceBucket": "source", "Rules": rules});
        let replication = Replication::example(&properties);
        let destinations = replication.spec.rules.iter().map(|rule| {
            let found = ObservedDestination {
                region: Some("us-west-2".into()),
                seen: true,
                ..ObservedDestination::default()
            };
            (rule.destination_bucket.clone(), found)
        });
        let observed = Observed {
            destinations: destinations.collect(),
            ..Observed::default()
        };
        let mut desired = crate::plan::desired(&replication, &observed).unwrap();
        desired.source_keys = keys.iter().map(|key| (*key).to_owned()).collect();
        let configuration = ReplicationConfiguration {
            role: desired.role_arn.clone(),
            rules: desired.rules.clone(),
            others: Vec::new(),
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
