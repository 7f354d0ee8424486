//! From nothing, and back.

use replication::configuration::{Status, Versioning};
use serde_json::{Value, json};

use crate::harness::{
    EAST, QUEUE, Stack, WEST, our_role, owner, probes_left, somebodys_object, tag,
};

fn properties() -> Value {
    json!({
        "SourceBucket": "source",
        "Rules": [{"Id": "tax", "Filter": {"Prefix": "Tax/"},
                   "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}],
    })
}

#[tokio::test(start_paused = true)]
async fn a_create_makes_buckets_keys_role_rules_and_proves_them() {
    let stack = Stack::new();
    let answer = stack.create("Replication", &properties()).await.unwrap();

    let owner = owner("Replication", "source");
    let now = stack.world.snapshot();
    let source = &now.buckets["source"];
    let destination = &now.buckets["destination"];
    assert_eq!(
        (source.region.as_str(), destination.region.as_str()),
        (EAST, WEST)
    );
    let ours = [tag("encrypted-replication:owner", owner.as_str())];
    for bucket in [source, destination] {
        assert_eq!(bucket.versioning, Versioning::Enabled);
        assert_eq!(bucket.tags, ours);
        let encryption = bucket.encryption.as_ref().unwrap();
        let key = &now.keys[encryption.kms_key.as_ref().unwrap()];
        assert_eq!(key.region, bucket.region);
        assert!(key.rotates && encryption.bucket_key_enabled);
        assert_eq!(key.tags, ours);
    }
    assert_eq!(now.keys.len(), 2);
    let key =
        |name: &str, region: &str| now.aliases[&(region.to_owned(), owner.key_alias(name))].clone();
    let (source_key, replica_key) = (key("source", EAST), key("destination", WEST));
    assert_eq!(
        source.encryption.as_ref().unwrap().kms_key.as_ref(),
        Some(&source_key)
    );
    let replication = source.replication.as_ref().unwrap();
    assert_eq!(replication.role, our_role("source"));
    let rule = &replication.rules[0];
    assert_eq!(rule.id, format!("{owner}-tax"));
    assert_eq!(rule.priority, Some(1));
    assert_eq!(rule.sse_kms_encrypted_objects, Some(Status::Enabled));
    assert_eq!(
        rule.destination.replica_kms_key_id.as_ref(),
        Some(&replica_key)
    );
    assert!(destination.notifications.event_bridge && !source.notifications.event_bridge);
    assert_eq!(source.notifications.queues[0].target_arn, QUEUE);
    let expectation = &now.parameters[&(WEST.to_owned(), owner.parameter_name("destination", 0))];
    let expectation: Value = serde_json::from_str(expectation).unwrap();
    assert_eq!(
        expectation,
        json!({"schema": "encrypted-replication/expectation/1", "source": "arn:aws:s3:::source",
               "rules": [{"id": format!("{owner}-tax"), "prefix": "Tax/", "priority": 1, "kmsKeyArn": replica_key}]})
    );
    let (arn, trust, boundary, _, policies) = &now.roles["source"];
    assert_eq!((arn, boundary), (&our_role("source"), &None));
    assert!(trust.contains("s3.amazonaws.com"));
    assert!(policies.len() == 1 && policies.contains_key(&owner.policy_name()));
    assert!(!policies[&owner.policy_name()].contains("alias/"));

    assert_eq!(answer["RoleArn"], our_role("source"));
    assert_eq!(answer["SourceBucketArn"], "arn:aws:s3:::source");
    assert_eq!(answer["SourceKmsKeyArns"], source_key);
    assert_eq!(answer["ReplicaKmsKeyArns"], replica_key);
    assert_eq!(answer["DestinationBucketArns"], "arn:aws:s3:::destination");
    assert_eq!(answer["RuleIds"], format!("{owner}-tax"));
    assert_eq!(answer["Verification"], "COMPLETED");
    assert!(
        answer["VerificationSeconds"]
            .as_str()
            .unwrap()
            .parse::<f64>()
            .unwrap()
            >= 3.0
    );
    // Both buckets, two keys of three calls each, role and policy, twice versioning and
    // encryption, EventBridge, queue, parameter, rules, parameter, record.
    assert_eq!(answer["Changes"], "20");
    assert_eq!(stack.world.state().arrivals.len(), 1);
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_update_writes_nothing_and_skips_the_proof() {
    let stack = Stack::new();
    let first = stack.create("Replication", &properties()).await.unwrap();
    let before = stack.world.snapshot();
    stack.aws.reset();
    let second = stack
        .update("Replication", &properties(), &properties())
        .await
        .unwrap();
    assert_eq!(second["Changes"], "0");
    assert_eq!(second["Verification"], "SKIPPED");
    assert_eq!(stack.aws.writes(), 0);
    assert_eq!(stack.world.snapshot(), before);
    for name in [
        "RoleArn",
        "SourceKmsKeyArns",
        "ReplicaKmsKeyArns",
        "RuleIds",
    ] {
        assert_eq!(first[name], second[name]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_keeps_buckets_and_keys_and_removes_what_grants() {
    let stack = Stack::new();
    stack.create("Replication", &properties()).await.unwrap();
    stack.delete("Replication", &properties()).await.unwrap();
    let now = stack.world.snapshot();
    assert_eq!(now.buckets.len(), 2);
    assert_eq!(now.buckets["source"].replication, None);
    assert!(now.buckets["source"].notifications.queues.is_empty());
    // The bucket that we made stays under its key, and the key stays usable.
    assert!(now.buckets["source"].encryption.as_ref().unwrap().is_kms());
    assert!(now.keys.values().all(|key| key.state == "Enabled"));
    assert!(now.roles.is_empty() && now.parameters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn on_delete_removes_empty_buckets_and_schedules_keys_where_asked() {
    let stack = Stack::new();
    let mut properties = properties();
    properties["OnDelete"] = json!({"Buckets": "DeleteWhenEmpty", "Keys": "ScheduleDeletion"});
    stack.create("Replication", &properties).await.unwrap();
    somebodys_object(&stack.world, "destination", "Tax/kept");
    stack.delete("Replication", &properties).await.unwrap();
    let now = stack.world.snapshot();
    assert_eq!(now.buckets.keys().collect::<Vec<_>>(), ["destination"]);
    assert_eq!(now.buckets["destination"].objects.len(), 1);
    let owner = owner("Replication", "source");
    let key = |name: &str, region: &str| {
        let key = &now.keys[&now.aliases[&(region.to_owned(), owner.key_alias(name))]];
        (key.state.clone(), key.deletion_days)
    };
    // A key goes with the bucket that it encrypts.
    assert_eq!(key("source", EAST), ("PendingDeletion".into(), Some(30)));
    assert_eq!(key("destination", WEST), ("Enabled".into(), None));
    // CloudFormation may ask again.
    stack.delete("Replication", &properties).await.unwrap();
    assert_eq!(stack.world.snapshot(), now);
}

#[tokio::test(start_paused = true)]
async fn a_delete_of_something_never_created_succeeds_and_writes_nothing() {
    let stack = Stack::new();
    stack.delete("Replication", &properties()).await.unwrap();
    stack
        .delete(
            "Replication",
            &json!({"SourceBucket": "source", "Bogus": 1}),
        )
        .await
        .unwrap();
    stack.delete("Replication", &json!({})).await.unwrap();
    assert_eq!(stack.aws.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_unreadable_properties_goes_by_the_physical_id() {
    let stack = Stack::new();
    stack.create("Replication", &properties()).await.unwrap();
    let unreadable = json!({"SourceBucket": "source", "Rules": "gone"});
    stack.delete("Replication", &unreadable).await.unwrap();
    let now = stack.world.snapshot();
    assert_eq!(now.buckets["source"].replication, None);
    assert!(now.roles.is_empty() && now.parameters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn when_missing_fail_names_everything_that_is_missing_and_makes_nothing() {
    let stack = Stack::new();
    let mut properties = properties();
    properties["WhenMissing"] = json!("Fail");
    let reason = stack.create("Replication", &properties).await.unwrap_err();
    for part in [
        "bucket `source` does not exist, and `WhenMissing` is Fail",
        "bucket `destination` does not exist, and `WhenMissing` is Fail",
        "no key is given for bucket `source`, and `WhenMissing` is Fail",
        "no key is given for bucket `destination`, and `WhenMissing` is Fail",
    ] {
        assert!(reason.contains(part), "{part} not in {reason}");
    }
    assert_eq!(stack.aws.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_the_source_buckets_notifications_are_left_alone() {
    let stack = Stack::new().without_queue();
    stack.create("Replication", &properties()).await.unwrap();
    assert!(
        stack.world.snapshot().buckets["source"]
            .notifications
            .queues
            .is_empty()
    );
}
