//! No key goes that anything still names, or that an object may still be under.

use std::time::Duration;

use replication::configuration::{Status, Versioning};
use serde_json::{Value, json};

use crate::aws::{Bucket, World};
use crate::harness::cloudformation::Resource;
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, our_role, plain_bucket, somebodys_rule, somebodys_rules,
};

fn to(source: &str, destination: &str) -> Value {
    json!({
        "SourceBucket": source, "OnDelete": {"Keys": "ScheduleDeletion"},
        "Rules": [{"Destination": {"Bucket": format!("arn:aws:s3:::{destination}"), "Region": WEST}}],
    })
}

fn all_gone(source: &str, destination: &str) -> Value {
    let mut properties = to(source, destination);
    properties["OnDelete"]["Buckets"] = json!("DeleteWhenEmpty");
    properties
}

/// State of the key that a bucket's default encryption names.
fn default_key(world: &World, bucket: &str) -> Option<String> {
    let state = world.state();
    let key = state.buckets[bucket].encryption.as_ref()?.kms_key.clone()?;
    Some(state.keys[&key].state.clone())
}

/// State of the key that a resource made for a bucket.
fn own_key(world: &World, resource: &Resource, bucket: &str) -> String {
    let state = world.state();
    let alias = format!("alias/encrypted-replication/{}/{bucket}", resource.owner());
    let mut aliases = state.aliases.iter();
    let (_, arn) = aliases.find(|((_, name), _)| *name == alias).unwrap();
    state.keys[arn].state.clone()
}

async fn arrives(world: &World, bucket: &str, key: &str) -> Option<&'static str> {
    world.upload(bucket, key).unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    world.replicated(bucket, key)
}

#[tokio::test(start_paused = true)]
async fn the_second_resource_on_a_bucket_lives_on_the_key_that_the_first_made() {
    for adopted in [true, false] {
        let stack = Stack::new();
        if adopted {
            plain_bucket(&stack.world, "source", EAST);
        }
        let (mut a, mut b) = (
            Resource::new(&stack, "first", "A"),
            Resource::new(&stack, "second", "B"),
        );
        a.create(&to("source", "one")).await.unwrap();
        b.create(&to("source", "two")).await.unwrap();
        a.deleted().await;
        assert_eq!(own_key(&stack.world, &a, "source"), "Enabled");
        // Twice, as Lambda may deliver it.
        a.deleted().await;
        assert_eq!(
            default_key(&stack.world, "source").as_deref(),
            Some("Enabled")
        );
        let status = arrives(&stack.world, "source", "after").await;
        assert_eq!(status, Some("COMPLETED"), "adopted: {adopted}");
        b.deleted().await;
        stack.world.upload("source", "at last").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_stays_keeps_the_key_that_its_default_names() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&to("source", "one")).await.unwrap();
    resource.deleted().await;
    for bucket in ["source", "one"] {
        assert_eq!(
            default_key(&stack.world, bucket).as_deref(),
            Some("Enabled")
        );
        stack.world.upload(bucket, "after").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_adopted_bucket_that_holds_nothing_gets_its_default_back_before_the_key_goes() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "one", WEST);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&to("source", "one")).await.unwrap();
    stack.aws.reset();
    resource.deleted().await;
    assert_eq!(default_key(&stack.world, "source"), None);
    for bucket in ["source", "one"] {
        assert_eq!(own_key(&stack.world, &resource, bucket), "PendingDeletion");
        stack.world.upload(bucket, "after").unwrap();
    }
    let order: Vec<_> = stack
        .aws
        .calls()
        .iter()
        .map(|made| made.operation)
        .collect();
    let at = |name| order.iter().position(|made| *made == name).unwrap();
    assert!(at("put_default_encryption") < at("schedule_key_deletion"));
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_holds_anything_keeps_its_key_whoever_made_the_bucket() {
    for adopted in [true, false] {
        let stack = Stack::new();
        if adopted {
            for (name, region) in [("source", EAST), ("one", WEST)] {
                plain_bucket(&stack.world, name, region);
            }
        }
        let mut resource = Resource::new(&stack, "tax", "Replication");
        resource.create(&all_gone("source", "one")).await.unwrap();
        assert_eq!(
            arrives(&stack.world, "source", "kept").await,
            Some("COMPLETED")
        );
        resource.deleted().await;
        for bucket in ["source", "one"] {
            assert_eq!(own_key(&stack.world, &resource, bucket), "Enabled");
            assert_eq!(stack.world.state().buckets[bucket].versions.len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_goes_with_its_bucket_also_where_the_other_one_stays() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&all_gone("source", "one")).await.unwrap();
    stack.world.upload("one", "straight").unwrap();
    resource.deleted().await;
    assert!(!stack.world.state().buckets.contains_key("source"));
    assert_eq!(
        own_key(&stack.world, &resource, "source"),
        "PendingDeletion"
    );
    assert_eq!(own_key(&stack.world, &resource, "one"), "Enabled");
    stack.world.upload("one", "again").unwrap();
    // Once it is emptied, the same Delete takes it along.
    stack
        .world
        .state()
        .buckets
        .get_mut("one")
        .unwrap()
        .versions
        .clear();
    resource.deleted().await;
    assert!(!stack.world.state().buckets.contains_key("one"));
    assert_eq!(own_key(&stack.world, &resource, "one"), "PendingDeletion");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_comes_while_the_resource_is_deleted_stays_readable() {
    for (call, most) in [
        ("delete_bucket", 2),
        ("holds_versions", 6),
        ("put_default_encryption", 1),
        ("default_encryption", 6),
        ("schedule_key_deletion", 2),
    ] {
        for (number, adopted) in (0..most).flat_map(|number| [(number, true), (number, false)]) {
            let stack = Stack::new();
            if adopted {
                plain_bucket(&stack.world, "source", EAST);
            }
            let mut resource = Resource::new(&stack, "tax", "Replication");
            resource.create(&all_gone("source", "one")).await.unwrap();
            stack.aws.just_before(call, number, |world| {
                let _ = world.upload("one", "late");
                let _ = world.upload("source", "late");
            });
            resource.deleted().await;
            let state = stack.world.state();
            for bucket in state.buckets.values() {
                for version in &bucket.versions {
                    let Some(key) = &version.kms_key else {
                        continue;
                    };
                    let seen = format!("{call} {number} {adopted} {version:?}");
                    assert_eq!(state.keys[key].state, "Enabled", "{seen}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_anybodys_that_needs_a_key_keeps_it() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "archive", WEST);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&all_gone("source", "one")).await.unwrap();
    let replica_key = {
        let state = stack.world.state();
        let alias = format!("alias/encrypted-replication/{}/one", resource.owner());
        state.aliases[&(WEST.to_owned(), alias)].clone()
    };
    // By hand: a rule among ours, under our role, to a bucket of theirs under our key.
    let mut rules = {
        let state = stack.world.state();
        let found = state.buckets["source"].replication.written().clone();
        found.unwrap().rules
    };
    let mut by_hand = somebodys_rule("archive", 9, "archive");
    by_hand.sse_kms_encrypted_objects = Some(Status::Enabled);
    by_hand.destination.replica_kms_key_id = Some(replica_key);
    rules.push(by_hand);
    somebodys_rules(&stack.world, "source", &our_role("source"), rules);

    resource.deleted().await;
    assert_eq!(own_key(&stack.world, &resource, "source"), "Enabled");
    assert_eq!(own_key(&stack.world, &resource, "one"), "Enabled");
    // It goes on with encrypted objects, as they were.
    assert_eq!(
        default_key(&stack.world, "source").as_deref(),
        Some("Enabled")
    );
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_leaves_encrypted_objects_out_gets_the_default_that_it_came_with() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    plain_bucket(&stack.world, "archive", WEST);
    for name in ["source", "archive"] {
        let mut state = stack.world.state();
        state.buckets.get_mut(name).unwrap().versioning = Versioning::Enabled;
    }
    stack.world.state().add_role(
        "source",
        "/encrypted-replication/",
        &[("theirs", r#"{"Statement":[]}"#)],
    );
    let theirs = vec![somebodys_rule("theirs", 3, "archive")];
    somebodys_rules(&stack.world, "source", &our_role("source"), theirs);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&to("source", "one")).await.unwrap();
    resource.deleted().await;
    assert_eq!(default_key(&stack.world, "source"), None);
    assert_eq!(
        own_key(&stack.world, &resource, "source"),
        "PendingDeletion"
    );
}

#[tokio::test(start_paused = true)]
async fn a_resource_on_another_bucket_that_was_given_our_keys_keeps_them() {
    let stack = Stack::new();
    let mut a = Resource::new(&stack, "first", "A");
    let made = a.create(&all_gone("source", "one")).await.unwrap();
    let (source_key, replica_key) = (
        made.0["Data"]["SourceKmsKeyArns"].clone(),
        made.0["Data"]["ReplicaKmsKeyArns"].clone(),
    );
    let mut b = Resource::new(&stack, "second", "B");
    let given = json!({
        "SourceBucket": "ledger", "SourceKmsKeyArns": [source_key],
        "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::copies", "Region": WEST,
                   "EncryptionConfiguration": {"ReplicaKmsKeyID": replica_key}}}],
    });
    b.create(&given).await.unwrap();
    a.deleted().await;
    assert_eq!(own_key(&stack.world, &a, "source"), "Enabled");
    assert_eq!(own_key(&stack.world, &a, "one"), "Enabled");
    let arrived = arrives(&stack.world, "ledger", "after").await;
    assert_eq!(arrived, Some("COMPLETED"));
    // Theirs were given: whatever they asked for, the keys are not theirs to take.
    b.deleted().await;
    assert_eq!(own_key(&stack.world, &a, "source"), "Enabled");
}

#[tokio::test(start_paused = true)]
async fn another_buckets_default_keeps_the_key_that_was_made_for_one() {
    let stack = Stack::new();
    let mut properties = all_gone("source", "one");
    properties["Rules"] = json!([
        {"Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::one", "Region": WEST}},
        {"Filter": {"Prefix": "b/"}, "Destination": {"Bucket": "arn:aws:s3:::two", "Region": WEST}},
    ]);
    bucket_with_key(&stack.world, "two", WEST);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&properties).await.unwrap();
    {
        let mut state = stack.world.state();
        let key = state.buckets["one"].encryption.clone();
        state.buckets.get_mut("two").unwrap().encryption = key;
    }
    resource.deleted().await;
    assert!(!stack.world.state().buckets.contains_key("one"));
    assert_eq!(default_key(&stack.world, "two").as_deref(), Some("Enabled"));
    stack.world.upload("two", "after").unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_was_put_on_somebodys_key_does_not_make_it_ours() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&all_gone("source", "one")).await.unwrap();
    let theirs = {
        let mut state = stack.world.state();
        let theirs = state.add_key(EAST, "CUSTOMER");
        let alias = format!("alias/encrypted-replication/{}/source", resource.owner());
        state
            .aliases
            .insert((EAST.to_owned(), alias), theirs.clone());
        theirs
    };
    resource.deleted().await;
    assert_eq!(stack.world.state().keys[&theirs].state, "Enabled");
}

#[tokio::test(start_paused = true)]
async fn our_own_key_about_to_go_is_taken_back() {
    for adopted in [true, false] {
        let stack = Stack::new();
        if adopted {
            plain_bucket(&stack.world, "source", EAST);
            plain_bucket(&stack.world, "one", WEST);
        }
        let given = all_gone("source", "one");
        let mut resource = Resource::new(&stack, "tax", "Replication");
        resource.create(&given).await.unwrap();
        resource.deleted().await;
        assert_eq!(own_key(&stack.world, &resource, "one"), "PendingDeletion");
        resource.create(&given).await.unwrap();
        assert_eq!(own_key(&stack.world, &resource, "one"), "Enabled");
        assert_eq!(own_key(&stack.world, &resource, "source"), "Enabled");
        assert_eq!(stack.world.state().keys.len(), 2);
        let arrived = arrives(&stack.world, "source", "after").await;
        assert_eq!(arrived, Some("COMPLETED"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_somebody_else_has_scheduled_is_theirs_to_take_back() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    let key = bucket_with_key(&stack.world, "one", WEST);
    let mut given = to("source", "one");
    given["Rules"][0]["Destination"]["EncryptionConfiguration"] = json!({"ReplicaKmsKeyID": key});
    stack.world.state().keys.get_mut(&key).unwrap().state = "PendingDeletion".into();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    let [failed, back] = resource.create(&given).await.unwrap_err();
    assert!(
        failed.reason().contains("kms:CancelKeyDeletion"),
        "{failed:?}"
    );
    assert!(back.ok(), "{back:?}");
    assert_eq!(stack.world.state().keys[&key].state, "PendingDeletion");
}

#[tokio::test(start_paused = true)]
async fn an_empty_bucket_of_somebodys_is_no_reason_to_schedule_a_key_that_was_given() {
    let stack = Stack::new();
    let source_key = bucket_with_key(&stack.world, "source", EAST);
    let replica_key = bucket_with_key(&stack.world, "one", WEST);
    let mut given = all_gone("source", "one");
    given["SourceKmsKeyArns"] = json!([source_key]);
    given["Rules"][0]["Destination"]["EncryptionConfiguration"] =
        json!({"ReplicaKmsKeyID": replica_key});
    let before = stack.world.snapshot().keys;
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&given).await.unwrap();
    resource.deleted().await;
    assert_eq!(stack.world.snapshot().keys, before);
    let state = stack.world.state();
    let kept = |name: &str| {
        state
            .buckets
            .get(name)
            .map(|found: &Bucket| found.region.clone())
    };
    assert_eq!(
        (kept("source").as_deref(), kept("one").as_deref()),
        (Some(EAST), Some(WEST))
    );
}
