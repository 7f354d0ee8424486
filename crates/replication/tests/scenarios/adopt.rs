//! Buckets that exist, with what people have put on them.

use replication::configuration::{AsRead, DefaultEncryption, Versioning};
use serde_json::{Value, json};

use crate::aws::Snapshot;
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, our_role, owner, plain_bucket, somebodys_notification,
    somebodys_object, somebodys_rule, somebodys_rules, tag,
};

fn properties() -> Value {
    json!({
        "SourceBucket": "source",
        "Rules": [{"Filter": {"Prefix": "Tax/"}, "Destination": {"Bucket": "arn:aws:s3:::destination"}}],
    })
}

/// The account without what the documentation says stays after a Delete: versioning, the EventBridge
/// switch and keys of ours.
fn but_for_what_stays(mut snapshot: Snapshot, before: &Snapshot) -> Snapshot {
    for (name, bucket) in &mut snapshot.buckets {
        if let Some(earlier) = before.buckets.get(name) {
            bucket.versioning = earlier.versioning;
            bucket.notifications.event_bridge = earlier.notifications.event_bridge;
        }
    }
    snapshot.keys.retain(|arn, _| before.keys.contains_key(arn));
    snapshot
        .aliases
        .retain(|place, _| before.aliases.contains_key(place));
    snapshot
}

#[tokio::test(start_paused = true)]
async fn existing_buckets_keep_their_content_and_get_what_replication_needs() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    plain_bucket(&stack.world, "destination", WEST);
    for bucket in ["source", "destination"] {
        somebodys_object(&stack.world, bucket, "Tax/old");
    }
    stack
        .world
        .suspend_versioning(replication::ports::BucketRef {
            name: "destination",
            region: WEST,
        })
        .unwrap();
    let before = stack.world.snapshot();
    let answer = stack.create("Replication", &properties()).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    let now = stack.world.snapshot();
    for name in ["source", "destination"] {
        assert_eq!(now.buckets[name].objects, before.buckets[name].objects);
        assert_eq!(now.buckets[name].versioning, Versioning::Enabled);
        assert!(now.buckets[name].tags.is_empty());
    }
    // Replicas get the rule's key whatever the destination's default is: it stays as it was.
    assert_eq!(
        now.buckets["destination"].encryption,
        before.buckets["destination"].encryption
    );
    let key = answer["SourceKmsKeyArns"].as_str().unwrap();
    assert_eq!(
        now.buckets["source"].encryption,
        Some(DefaultEncryption {
            algorithm: "aws:kms".into(),
            kms_key: Some(key.into()),
            bucket_key_enabled: true,
            blocked: vec!["SSE-C".into()],
            as_read: AsRead::default(),
        })
    );
    stack.delete("Replication", &properties()).await.unwrap();
    assert_eq!(but_for_what_stays(stack.world.snapshot(), &before), before);
}

#[tokio::test(start_paused = true)]
async fn the_key_of_the_sources_default_encryption_is_used_and_no_other_made() {
    let stack = Stack::new();
    let key = bucket_with_key(&stack.world, "source", EAST);
    let replica_key = bucket_with_key(&stack.world, "destination", WEST);
    let before = stack.world.snapshot();
    let mut properties = properties();
    properties["Rules"][0]["Destination"]["EncryptionConfiguration"] =
        json!({"ReplicaKmsKeyID": replica_key});
    let answer = stack.create("Replication", &properties).await.unwrap();
    assert_eq!(answer["SourceKmsKeyArns"], key);
    assert_eq!(answer["ReplicaKmsKeyArns"], replica_key);
    let now = stack.world.snapshot();
    assert_eq!(now.keys, before.keys);
    assert_eq!(
        now.buckets["source"].encryption,
        before.buckets["source"].encryption
    );
    stack.delete("Replication", &properties).await.unwrap();
    assert_eq!(but_for_what_stays(stack.world.snapshot(), &before), before);
}

#[tokio::test(start_paused = true)]
async fn the_aws_managed_key_is_used_where_the_default_names_none() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    plain_bucket(&stack.world, "destination", WEST);
    let managed = DefaultEncryption {
        algorithm: "aws:kms".into(),
        kms_key: None,
        bucket_key_enabled: false,
        blocked: Vec::new(),
        as_read: AsRead::default(),
    };
    stack
        .world
        .state()
        .buckets
        .get_mut("source")
        .unwrap()
        .encryption = Some(managed.clone());
    let answer = stack.create("Replication", &properties()).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    let now = stack.world.snapshot();
    let key = answer["SourceKmsKeyArns"].as_str().unwrap();
    assert_eq!(now.keys[key].manager, "AWS");
    assert_eq!(now.buckets["source"].encryption, Some(managed));
}

#[tokio::test(start_paused = true)]
async fn what_others_have_on_the_buckets_survives_create_update_and_delete() {
    let stack = Stack::new();
    let world = &stack.world;
    for (name, region) in [("source", EAST), ("destination", WEST), ("backup", WEST)] {
        bucket_with_key(world, name, region);
        let mut state = world.state();
        let bucket = state.buckets.get_mut(name).unwrap();
        bucket.tags = vec![
            tag("team", "finance"),
            tag("encrypted-replication:owner", "somebody"),
        ];
        if region == EAST {
            bucket.notifications.queues = vec![somebodys_notification("q", "s3:ObjectCreated:*")];
            bucket.notifications.functions = vec![{
                let mut one = somebodys_notification("f", "s3:ObjectRemoved:*");
                one.target_arn = "arn:aws:lambda:us-east-1:111122223333:function:f".into();
                one
            }];
        }
    }
    // The role that the other rules use is the one named after the bucket, as from an older stack.
    let role = our_role("source");
    world.state().add_role(
        "source",
        "/encrypted-replication/",
        &[("theirs", "{\"Statement\":[]}")],
    );
    let theirs = vec![
        somebodys_rule("one", 7, "backup"),
        somebodys_rule("two", 2, "destination"),
    ];
    somebodys_rules(world, "source", &role, theirs.clone());
    let before = world.snapshot();

    let old = properties();
    stack.create("Replication", &old).await.unwrap();
    let mut new = old.clone();
    new["Rules"][0]["Filter"]["Prefix"] = json!("Audit/");
    new["Rules"][0]["Destination"]["Bucket"] = json!("arn:aws:s3:::backup");
    for step in ["created", "updated"] {
        if step == "updated" {
            stack.update("Replication", &old, &new).await.unwrap();
        }
        let now = world.snapshot();
        let owner = owner("Replication", "source");
        let rules = &now.buckets["source"].replication.as_ref().unwrap().rules;
        let kept: Vec<_> = rules
            .iter()
            .filter(|rule| !owner.owns(&rule.id))
            .cloned()
            .collect();
        assert_eq!(kept, theirs, "{step}");
        assert_eq!(rules.len(), 3, "{step}");
        for name in ["source", "destination", "backup"] {
            assert_eq!(now.buckets[name].tags, before.buckets[name].tags);
            assert_eq!(
                now.buckets[name].encryption,
                before.buckets[name].encryption
            );
        }
        let (now, before) = (
            &now.buckets["source"].notifications,
            &before.buckets["source"].notifications,
        );
        assert_eq!(now.queues[0], before.queues[0], "{step}");
        assert_eq!(now.functions, before.functions, "{step}");
        assert_eq!(now.queues.len(), 2, "{step}");
    }
    stack.delete("Replication", &new).await.unwrap();
    assert_eq!(but_for_what_stays(world.snapshot(), &before), before);
}

#[tokio::test(start_paused = true)]
async fn failure_events_that_somebody_takes_already_are_left_to_them() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    let theirs = somebodys_notification("q", "s3:Replication:*");
    stack
        .world
        .state()
        .buckets
        .get_mut("source")
        .unwrap()
        .notifications
        .queues = vec![theirs.clone()];
    stack.create("Replication", &properties()).await.unwrap();
    assert_eq!(
        stack.world.snapshot().buckets["source"]
            .notifications
            .queues,
        [theirs]
    );
}
