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
fn where_somebody_elses_rule_takes_the_objects_of_ours_its_copy_of_the_probe_goes_too() {
    let (mut configuration, mut desired) = setting(&[("a/", "one", 1), ("a/", "two", 2)], &["k"]);
    let ours = configuration.rules[0].clone();
    desired.outranked.insert(ours.id.clone());
    let mut theirs = ours;
    theirs.id = "theirs".into();
    theirs.priority = Some(9);
    configuration.rules.push(theirs);
    assert_eq!(made(&configuration, &desired), ["a/ k two"]);
    let probes = chosen(&configuration, &desired).probes;
    assert_eq!(probes[0].strays, Strays::from([("one".to_owned(), None)]));
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
fn a_probe_is_written_as_long_as_s3_takes_its_key_with_the_longest_number() {
    for (length, written) in [(1019, true), (1020, false)] {
        assert_eq!(length + "-1000".len() <= 1024, written);
        let prefix = "p".repeat(length - owner().probe_key("").len());
        let (configuration, desired) = setting(&[(&prefix, "one", 1)], &["k"]);
        let chosen = chosen(&configuration, &desired);
        assert_eq!(chosen.probes.len(), usize::from(written), "{length}");
        assert_eq!(chosen.unprovable.is_empty(), written, "{length}");
    }
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
