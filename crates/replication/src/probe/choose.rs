//! Which probes show that every rule of ours works. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Doubt;
use crate::configuration::{Filter, ReplicationConfiguration, ReplicationRule, Status};
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
    /// The key that it is uploaded under; `None`: as people upload, without naming one.
    pub(super) source_key: Option<String>,
    /// By destination bucket.
    pub(super) replicas: BTreeMap<String, Replica>,
    /// Buckets that a rule of somebody else's sends a copy to, with the account where the rule says one.
    pub(super) strays: Strays,
}

/// What must arrive at one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Replica {
    /// `Id` of the rule of ours that sends it.
    pub(super) rule: String,
    /// ARN of the key that it must have.
    pub(super) key: String,
}

/// Buckets that copies go to and that are none of our destinations, with their account where a rule says
/// one.
pub(super) type Strays = BTreeMap<String, Option<String>>;

/// What is to be written, and why the rest cannot be proved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) probes: Vec<Probe>,
    /// By rule `Id`.
    pub(super) unprovable: BTreeMap<String, Doubt>,
}

impl Chosen {
    /// Says why rules cannot be proved, where nothing says it yet.
    fn doubt<'a>(&mut self, rules: impl Iterator<Item = &'a ReplicationRule>, why: &Doubt) {
        for rule in rules {
            let known = self.unprovable.entry(rule.id.clone());
            known.or_insert_with(|| why.clone());
        }
    }
}

/// One ordinary upload for each filter of our enabled rules, and one for each further source key.
pub(super) fn probes(
    configuration: &ReplicationConfiguration,
    desired: &Desired,
    owner: &Owner,
    source_bucket: &str,
) -> Result<Chosen, ReplicationError> {
    let enabled = |rule: &&ReplicationRule| rule.status == Status::Enabled;
    let all = || configuration.rules.iter().filter(enabled);
    let ours = || all().filter(|rule| owner.owns(&rule.id));
    let mut chosen = Chosen::default();
    let filters: BTreeSet<Filter> = ours().filter_map(|rule| rule.filter.clone()).collect();
    for filter in filters {
        let key = owner.probe_key(&filter.prefix);
        let covering = || all().filter(|rule| rule.covers(&key, &filter.tags));
        let winners = deciding(&configuration.rules, &key, &filter.tags);
        // Where none of our rules leads, another's takes nothing from us.
        let sent: BTreeSet<&str> = covering()
            .filter(|rule| owner.owns(&rule.id))
            .map(|rule| rule.destination.bucket_name())
            .collect();
        let (mut at_ours, elsewhere): (BTreeMap<_, _>, BTreeMap<_, _>) = winners
            .into_values()
            .map(|rule| (rule.destination.bucket_name(), rule))
            .partition(|(bucket, _)| sent.contains(bucket));
        let of_filter = || ours().filter(|rule| rule.filter.as_ref() == Some(&filter));
        let others: Vec<_> = at_ours
            .values()
            .copied()
            .filter(|rule| !owner.owns(&rule.id))
            .collect();
        for by in others {
            let bucket = by.destination.bucket_name();
            // What was so before is told by rule, and refused by nobody.
            let mut known = of_filter().filter(|rule| {
                desired.outranked.contains(&rule.id) && rule.destination.bucket_name() == bucket
            });
            let Some(rule) = known.next() else {
                return Err(outranked(&filter, by));
            };
            let why = format!(
                "rule `{}`, which is not ours, has the higher priority",
                by.id
            );
            chosen.unprovable.insert(rule.id.clone(), Doubt::Idle(why));
            at_ours.remove(bucket);
        }
        if let Some(why) = unprovable(&key, at_ours.keys().copied(), desired, source_bucket) {
            chosen.doubt(of_filter(), &Doubt::Unprovable(why));
            continue;
        }
        // The rules leave out what a probe would be called.
        if at_ours.is_empty() {
            let why = "it leaves out the key that a probe would have";
            chosen.doubt(of_filter(), &Doubt::Unprovable(why.to_owned()));
            continue;
        }
        // What needs a key that S3 cannot use is told, and cannot be shown.
        let keys = source_keys(desired, chosen.probes.is_empty());
        let broken = |rule: &&ReplicationRule| {
            let key = rule.destination.replica_kms_key_id.as_ref();
            key.is_some_and(|key| desired.unusable.contains(key))
        };
        if keys.is_empty() || at_ours.values().any(broken) {
            let why = "it needs a key that S3 cannot use";
            chosen.doubt(of_filter(), &Doubt::Idle(why.to_owned()));
            continue;
        }
        let replicas: BTreeMap<_, _> = at_ours
            .into_iter()
            .map(|(bucket, rule)| {
                let key = rule.destination.replica_kms_key_id.clone();
                let replica = Replica {
                    rule: rule.id.clone(),
                    key: key.unwrap_or_default(),
                };
                (bucket.to_owned(), replica)
            })
            .collect();
        let strays: Strays = elsewhere
            .into_iter()
            .map(|(bucket, rule)| (bucket.to_owned(), rule.destination.account.clone()))
            .collect();
        chosen
            .probes
            .extend(keys.into_iter().map(|source_key| Probe {
                filter: filter.clone(),
                source_key,
                replicas: replicas.clone(),
                strays: strays.clone(),
            }));
    }
    let wins = |id: &String| {
        let mut replicas = chosen
            .probes
            .iter()
            .flat_map(|probe| probe.replicas.values());
        replicas.any(|replica| replica.rule == *id)
    };
    let never: Vec<_> = ours()
        .map(|rule| rule.id.clone())
        .filter(|id| !wins(id) && !chosen.unprovable.contains_key(id))
        .collect();
    chosen.unprovable.extend(never.into_iter().map(|id| {
        let why = "another rule of higher priority takes its objects to the same bucket";
        (id, Doubt::Idle(why.to_owned()))
    }));
    Ok(chosen)
}

/// The keys that probes of one filter are uploaded under: of the first filter each that there is, of
/// others the one that people's uploads have.
fn source_keys(desired: &Desired, first: bool) -> Vec<Option<String>> {
    let ordinary = desired.ordinary_key.as_ref();
    let named = desired
        .source_keys
        .iter()
        .filter(|key| Some(*key) != ordinary && !desired.unusable.contains(*key));
    let usable = ordinary.filter(|key| !desired.unusable.contains(*key));
    let mut keys: Vec<_> = usable.map(|_| None).into_iter().collect();
    keys.extend(named.cloned().map(Some));
    keys.truncate(if first { keys.len() } else { 1 });
    keys
}

/// Why no probe can be written under a filter: it could not be removed again.
fn unprovable<'a>(
    key: &str,
    mut destinations: impl Iterator<Item = &'a str>,
    desired: &Desired,
    source_bucket: &str,
) -> Option<String> {
    if key.len() > LONGEST_KEY {
        return Some("its prefix leaves no room for the key of a probe".to_owned());
    }
    if desired.retaining.contains(source_bucket) {
        return Some(retains(source_bucket));
    }
    destinations.find_map(|bucket| {
        if desired.unseen.contains(bucket) {
            return Some(format!(
                "bucket `{bucket}` is in another account, where we may not look: give `AssumeRoleArn`"
            ));
        }
        let retaining = desired.retaining.contains(bucket);
        retaining.then(|| retains(bucket))
    })
}

fn retains(bucket: &str) -> String {
    format!(
        "bucket `{bucket}` has a default retention, by which a probe could not be removed again"
    )
}

fn outranked(filter: &Filter, by: &ReplicationRule) -> ReplicationError {
    ReplicationError::Unproven(format!(
        "objects under `{}` for bucket `{}` fall to rule `{}`, which is not ours and has the higher priority {}; \
         give our rule a higher `Priority`",
        filter.prefix,
        by.destination.bucket_name(),
        by.id,
        by.priority.unwrap_or_default()
    ))
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
        desired.ordinary_key = None;
        let configuration = ReplicationConfiguration {
            role: desired.role_arn.clone(),
            rules: desired.rules.clone(),
            others: Vec::new(),
        };
        (configuration, desired)
    }

    fn chosen(configuration: &ReplicationConfiguration, desired: &Desired) -> Chosen {
        probes(configuration, desired, &owner(), "source").unwrap()
    }

    /// Prefix, named key and destinations of each probe.
    fn made(configuration: &ReplicationConfiguration, desired: &Desired) -> Vec<String> {
        let probes = chosen(configuration, desired).probes.into_iter();
        let row = |probe: Probe| {
            let key = probe.source_key.unwrap_or_else(|| "-".into());
            let replicas: Vec<_> = probe.replicas.into_keys().collect();
            format!("{} {key} {}", probe.filter.prefix, replicas.join(","))
        };
        probes.map(row).collect()
    }

    const RULES: [(&str, &str, i32); 3] = [("a/", "one", 1), ("a/", "two", 2), ("b/", "one", 3)];

    #[test]
    fn each_filter_is_probed_as_people_upload_and_the_first_under_each_further_key() {
        let (configuration, mut desired) = setting(&RULES, &["k1", "k2"]);
        desired.ordinary_key = Some("k1".into());
        assert_eq!(
            made(&configuration, &desired),
            ["a/ - one,two", "a/ k2 one,two", "b/ - one"]
        );
        // A default that is none of the keys is tried all the same.
        desired.ordinary_key = Some("k0".into());
        assert_eq!(
            made(&configuration, &desired),
            ["a/ - one,two", "a/ k1 one,two", "a/ k2 one,two", "b/ - one"]
        );
        // Uploads that name no key are not encrypted with KMS, so that each must name one.
        desired.ordinary_key = None;
        assert_eq!(
            made(&configuration, &desired),
            ["a/ k1 one,two", "a/ k2 one,two", "b/ k1 one"]
        );
    }

    #[test]
    fn a_wider_rule_to_another_destination_takes_the_probe_too() {
        let (configuration, desired) = setting(&[("a/", "one", 1), ("", "two", 2)], &["k"]);
        assert_eq!(made(&configuration, &desired), [" k two", "a/ k one,two"]);
    }

    #[test]
    fn a_copy_by_somebody_elses_rule_is_nobodys_replica_wherever_it_goes() {
        let (mut configuration, desired) = setting(&[("a/", "one", 1), ("b/", "two", 2)], &["k"]);
        let mut theirs = configuration.rules[1].clone();
        theirs.id = "theirs".into();
        theirs.priority = Some(9);
        theirs.filter = Some(Filter::default());
        theirs.destination.bucket = "arn:aws:s3:::three".into();
        theirs.destination.account = Some("444455556666".into());
        configuration.rules.push(theirs.clone());
        // To a destination of ours, where no rule of ours leads from `b/`.
        theirs.destination.bucket = "arn:aws:s3:::one".into();
        theirs.destination.account = None;
        theirs.priority = Some(0);
        configuration.rules.push(theirs);
        let strays: Vec<_> = chosen(&configuration, &desired)
            .probes
            .into_iter()
            .map(|probe| (probe.filter.prefix, probe.strays))
            .collect();
        let abroad = ("three".to_owned(), Some("444455556666".to_owned()));
        assert_eq!(
            strays,
            [
                ("a/".to_owned(), Strays::from([abroad.clone()])),
                (
                    "b/".to_owned(),
                    Strays::from([abroad, ("one".to_owned(), None)])
                ),
            ]
        );
    }

    #[test]
    fn what_cannot_be_probed_is_told_by_rule() {
        let long = "p".repeat(1000);
        let rules = [
            ("a/", "one", 1),
            (long.as_str(), "one", 2),
            ("c/", "unseen", 3),
            ("d/", "locked", 4),
            // Taken whole by the next.
            ("e/", "one", 5),
            ("e/", "one", 6),
        ];
        let (configuration, mut desired) = setting(&rules, &["k"]);
        desired.unseen.insert("unseen".into());
        desired.retaining.insert("locked".into());
        let chosen = chosen(&configuration, &desired);
        let prefixes: Vec<_> = chosen
            .probes
            .iter()
            .map(|probe| probe.filter.prefix.as_str())
            .collect();
        assert_eq!(prefixes, ["a/", "e/"]);
        let why: Vec<_> = chosen.unprovable.into_iter().collect();
        let rule = |number: usize| configuration.rules[number].id.clone();
        for ((id, why), (number, expected)) in why.iter().zip([
            (1, "its prefix leaves no room"),
            (2, "bucket `unseen` is in another account"),
            (3, "bucket `locked` has a default retention"),
            (4, "another rule of higher priority"),
        ]) {
            assert_eq!(*id, rule(number));
            assert!(why.why().contains(expected), "{why:?}");
        }
        assert_eq!(why.len(), 4);
        desired.retaining.insert("source".into());
        let none = probes(&configuration, &desired, &owner(), "source").unwrap();
        assert_eq!((none.probes.len(), none.unprovable.len()), (0, 6));
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
        let found = chosen(&configuration, &desired).probes;
        assert_eq!(found[1].filter.prefix, "a/");
        assert_eq!(found[1].replicas["one"].key, "high");
        configuration.rules[1].id = "theirs".into();
        let error = probes(&configuration, &desired, &owner(), "source").unwrap_err();
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
            chosen(&configuration, &desired).probes[0].replicas["one"].key,
            "low"
        );
    }
}
