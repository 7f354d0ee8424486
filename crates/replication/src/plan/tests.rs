//! Plans as text, and that a plan names keys only by what exists.

use std::collections::{BTreeMap, BTreeSet};

use expectation::Time;
use serde_json::json;

use super::{Desired, desired, plan, plan_delete};
use crate::claims::Others;
use crate::configuration::{
    AsRead, DefaultEncryption, NotificationConfiguration, ObjectLock, ReplicationConfiguration,
    Tag, Versioning,
};
use crate::merge;
use crate::observed::{
    KeyName, Observed, ObservedBucket, ObservedDestination, RemainingDestination, Remains,
};
use crate::owner::{OWNER_TAG, Owner};
use crate::ports::{KeyDescription, RoleDescription};
use crate::replication::Replication;
use crate::spec::Taking;
use crate::step::Step;
use aws_names::Home;

const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:q";

fn home() -> Home {
    crate::replication::example_home()
}

fn owner() -> Owner {
    Owner::new("stack", "Replication", "source")
}

fn replication(queue_arn: Option<&str>) -> Replication {
    let properties = json!({"SourceBucket": "source", "Rules": [
        {"Filter": {"Prefix": "Tax"}, "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": "us-west-2"}}]});
    Replication {
        queue_arn: queue_arn.map(str::to_owned),
        ..Replication::example(&properties)
    }
}

/// An account with nothing in it, as far as the spec looks.
fn nothing() -> Observed {
    let destination = ObservedDestination {
        region: Some("us-west-2".into()),
        seen: true,
        ..ObservedDestination::default()
    };
    Observed {
        destinations: BTreeMap::from([("destination".to_owned(), destination)]),
        ..Observed::default()
    }
}

fn bucket(tags: &[(&str, &str)], key: Option<&str>) -> ObservedBucket {
    ObservedBucket {
        versioning: Versioning::Enabled,
        encryption: Some(DefaultEncryption {
            algorithm: if key.is_some() { "aws:kms" } else { "AES256" }.into(),
            kms_key: key.map(str::to_owned),
            bucket_key_enabled: false,
            blocked: Vec::new(),
            as_read: AsRead::default(),
        }),
        tags: tags
            .iter()
            .map(|(key, value)| Tag {
                key: (*key).into(),
                value: (*value).into(),
            })
            .collect(),
        notifications: NotificationConfiguration::default(),
        object_lock: ObjectLock::Off,
    }
}

fn key(region: &str, id: &str) -> KeyDescription {
    KeyDescription {
        arn: format!("arn:aws:kms:{region}:111122223333:key/{id}"),
        state: "Enabled".into(),
        usage: "ENCRYPT_DECRYPT".into(),
        spec: "SYMMETRIC_DEFAULT".into(),
        manager: "CUSTOMER".into(),
    }
}

fn wanted(observed: &Observed) -> Desired {
    desired(&replication(None), observed).unwrap()
}

fn planned(observed: &Observed) -> String {
    let wanted = wanted(observed);
    let plan = plan(&replication(Some(QUEUE)), &wanted, observed);
    plan.unwrap().to_string().replace(owner().as_str(), "OWNER")
}

#[test]
fn the_plan_from_nothing_ends_with_the_rules_and_what_is_meant_by_them() {
    let alias = |region: &str, bucket: &str| {
        format!("arn:aws:kms:{region}:111122223333:alias/encrypted-replication/OWNER/{bucket}")
    };
    let expected = [
        "create bucket `source` in us-east-1".to_owned(),
        "create bucket `destination` in us-west-2".to_owned(),
        "create key `alias/encrypted-replication/OWNER/source` in us-east-1".to_owned(),
        "create key `alias/encrypted-replication/OWNER/destination` in us-west-2".to_owned(),
        "create role `source`".to_owned(),
        "send events of bucket `destination` to EventBridge".to_owned(),
        "enable versioning of bucket `source`".to_owned(),
        "enable versioning of bucket `destination`".to_owned(),
        format!(
            "set default encryption of bucket `source` to `{}`",
            alias("us-east-1", "source")
        ),
        format!(
            "set default encryption of bucket `destination` to `{}`",
            alias("us-west-2", "destination")
        ),
        "put policy `OWNER-replication` on role `source`".to_owned(),
        "put parameter `/encrypted-replication/destination/OWNER` in us-west-2".to_owned(),
        format!("send replication failures of bucket `source` to `{QUEUE}`"),
        "put 1 replication rule(s) on bucket `source`".to_owned(),
        "put parameter `/encrypted-replication/destination/OWNER` in us-west-2".to_owned(),
    ];
    let numbered: Vec<String> = (1..)
        .zip(expected)
        .map(|(number, step)| format!("{number}. {step}"))
        .collect();
    assert_eq!(planned(&nothing()).lines().collect::<Vec<_>>(), numbered);
}

#[test]
fn a_bucket_of_ours_that_got_no_further_gets_its_encryption_and_others_keep_theirs() {
    for (tags, key, set) in [
        (&[(OWNER_TAG, owner().as_str())][..], None, true),
        (&[(OWNER_TAG, owner().as_str())], Some("theirs"), false),
        (&[(OWNER_TAG, "another")], None, false),
        (&[], None, false),
    ] {
        let mut observed = nothing();
        let destination = observed.destinations.get_mut("destination").unwrap();
        destination.bucket = Some(bucket(tags, key));
        let text = planned(&observed);
        let found = text.contains("set default encryption of bucket `destination`");
        assert_eq!(found, set, "{tags:?} {key:?}");
    }
}

#[test]
fn a_queue_of_another_region_is_not_used() {
    let observed = nothing();
    let wanted = wanted(&observed);
    let far = "arn:aws:sqs:us-west-2:111122223333:q";
    let plan = plan(&replication(Some(far)), &wanted, &observed).unwrap();
    assert!(!plan.to_string().contains("send replication failures"));
}

#[test]
fn steps_name_the_keys_once_they_exist_and_their_aliases_nowhere() {
    let observed = nothing();
    let wanted = wanted(&observed);
    let plan = plan(&replication(None), &wanted, &observed).unwrap();
    let keys: BTreeMap<String, String> = [("us-east-1", "source"), ("us-west-2", "destination")]
        .into_iter()
        .map(|(region, bucket)| {
            (
                replication(None).alias_arn(region, bucket),
                key(region, bucket).arn,
            )
        })
        .collect();
    let later = plan.0.iter().skip(1).flatten();
    let mut named = BTreeSet::new();
    for step in later.map(|step| step.clone().with_keys(&keys)) {
        let text = serde_json::to_string(&step).unwrap();
        assert!(!text.contains("alias/"), "{text}");
        named.extend(keys.values().filter(|key| text.contains(*key)));
    }
    assert_eq!(named.len(), 2);
}

#[test]
fn keys_of_ours_that_exist_are_used_and_not_made_again() {
    let mut observed = nothing();
    for (region, bucket) in [("us-east-1", "source"), ("us-west-2", "destination")] {
        let place = KeyName {
            account: home().account,
            region: region.to_owned(),
            name: replication(None).alias_arn(region, bucket),
        };
        observed.keys.insert(place, Some(key(region, bucket)));
    }
    let wanted = wanted(&observed);
    assert_eq!(
        wanted.rules[0].destination.replica_kms_key_id,
        Some(key("us-west-2", "destination").arn)
    );
    assert_eq!(
        wanted.source_keys,
        BTreeSet::from([key("us-east-1", "source").arn])
    );
    assert!(!planned(&observed).contains("create key"));
}

fn key_named(arn: &str) -> KeyDescription {
    KeyDescription {
        arn: arn.into(),
        ..key("us-east-1", "")
    }
}

fn remains(tags: &[(&str, &str)], source_key: Option<&str>) -> Remains {
    let mut source = bucket(tags, source_key);
    source.notifications = merge::with_failure_events(&source.notifications, &owner(), QUEUE);
    let rules = wanted(&nothing()).rules;
    let destination = RemainingDestination {
        region: "us-west-2".into(),
        presence: crate::observed::Presence::There,
        parameters: BTreeMap::from([(owner().parameter_name("destination", 0), "{}".to_owned())]),
        expectations: BTreeMap::new(),
        made_by_us: true,
        stack: None,
        key: Some(key_named("replica-key")),
        alias_arn: "replica-alias".into(),
        has_policy: false,
        granted_keys: BTreeSet::new(),
        policies: BTreeMap::new(),
        unread: None,
    };
    Remains {
        left: Vec::new(),
        source_bucket: "source".into(),
        source_region: Some("us-east-1".into()),
        source_hidden: false,
        source: Some(source),
        replication: Some(ReplicationConfiguration {
            role: "r".into(),
            rules,
            others: Vec::new(),
        }),
        destinations: BTreeMap::from([("destination".to_owned(), destination)]),
        source_key: Some(key_named("source-key")),
        source_alias_arn: "source-alias".into(),
        role_arn: "r".into(),
        role_policy: Some("{}".into()),
        role: Some(RoleDescription {
            arn: "r".into(),
            permissions_boundary: None,
            trust_policy: "{}".into(),
            tags: Vec::new(),
        }),
        batch_role: None,
        record: ("us-east-1".into(), BTreeSet::from([owner().record_name(0)])),
        unfinished: BTreeSet::new(),
        taking: Taking::default(),
        others: Others::default(),
        now: Time::default(),
    }
}

#[test]
fn a_delete_stops_replication_first_and_lets_buckets_go_last() {
    let ours = [(OWNER_TAG, owner().as_str().to_owned())];
    let ours: Vec<_> = ours.iter().map(|(k, v)| (*k, v.as_str())).collect();
    let mut remains = remains(&ours, Some("source-key"));
    remains.taking = Taking::EVERYTHING;
    let plan = plan_delete(&remains, &owner()).plan;
    let phases: Vec<Vec<String>> = plan
        .0
        .iter()
        .map(|phase| {
            let steps = phase.iter().map(ToString::to_string);
            steps
                .map(|step| step.replace(owner().as_str(), "OWNER"))
                .collect()
        })
        .collect();
    assert_eq!(
        phases,
        [
            vec![
                "delete record `/encrypted-replication/_resources/OWNER/1` in us-east-1",
                "remove our replication rules from bucket `source`",
            ],
            vec![
                "remove our notification from bucket `source`",
                "delete parameter `/encrypted-replication/destination/OWNER` in us-west-2",
            ],
            vec!["delete policy `OWNER-replication` of role `source`",],
            vec![
                "delete bucket `source` if it is empty",
                "delete bucket `destination` if it is empty",
                "delete role `source` if no policy is left on it",
            ],
            // Each when its bucket is gone.
            vec![
                "schedule deletion of key `source-key` in 30 days",
                "schedule deletion of key `replica-key` in 30 days",
            ],
        ]
    );
}

#[test]
fn a_key_that_is_about_to_go_is_left_to_it() {
    let mut remains = remains(&[], None);
    for key in [
        &mut remains.source_key,
        &mut remains.destinations.get_mut("destination").unwrap().key,
    ] {
        key.as_mut().unwrap().state = "PendingDeletion".into();
    }
    remains.taking.keys = true;
    let plan = plan_delete(&remains, &owner()).plan;
    let scheduled = |step: &Step| matches!(step, Step::ScheduleKeyDeletion { .. });
    assert!(!plan.steps().any(scheduled));
}

#[test]
fn an_adopted_bucket_gets_its_encryption_back_only_where_it_has_our_key() {
    for (source_key, reset) in [
        (Some("source-key"), true),
        (Some("theirs"), false),
        (None, false),
    ] {
        let mut remains = remains(&[], source_key);
        remains.taking.buckets = true;
        let plan = plan_delete(&remains, &owner()).plan;
        let found = plan
            .steps()
            .any(|step| matches!(step, Step::ResetDefaultEncryption { .. }));
        assert_eq!(found, reset, "{source_key:?}");
        let deletes = |name: &str| {
            plan.steps().any(
                |step| matches!(step, Step::DeleteBucketIfEmpty { bucket, .. } if bucket == name),
            )
        };
        assert!(!deletes("source") && deletes("destination"));
    }
}
