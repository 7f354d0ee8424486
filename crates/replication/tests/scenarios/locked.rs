//! Buckets with Object Lock, and those whose requesters pay.

use replication::configuration::ObjectLock;
use serde_json::{Value, json};

use crate::harness::{EAST, Stack, WEST, bucket_with_key, owner};

fn properties(verification: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": verification, "Rules": [
        {"Filter": {"Prefix": "Tax/"}, "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}]})
}

fn setting(source: ObjectLock, destination: ObjectLock) -> Stack {
    let stack = Stack::new();
    for (name, region, lock) in [("source", EAST, source), ("destination", WEST, destination)] {
        bucket_with_key(&stack.world, name, region);
        stack
            .world
            .state()
            .buckets
            .get_mut(name)
            .unwrap()
            .object_lock = lock;
    }
    stack
}

#[tokio::test(start_paused = true)]
async fn locks_are_replicated_with_the_objects() {
    let stack = setting(ObjectLock::On, ObjectLock::On);
    let answer = stack
        .create("Replication", &properties("Required"))
        .await
        .unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    let name = owner("Replication", "source").policy_name();
    let policy = stack.world.state().roles["source"].policies.written()[&name].clone();
    assert!(policy.contains("s3:GetObjectLegalHold") && policy.contains("s3:PutObjectRetention"));
    let stack = setting(ObjectLock::Off, ObjectLock::On);
    stack
        .create("Replication", &properties("Required"))
        .await
        .unwrap();
    let policy = stack.world.state().roles["source"].policies.written()[&name].clone();
    assert!(!policy.contains("LegalHold"), "{policy}");
}

#[tokio::test(start_paused = true)]
async fn a_destination_without_locks_is_refused() {
    for stack in [setting(ObjectLock::On, ObjectLock::Off), {
        let stack = setting(ObjectLock::On, ObjectLock::On);
        stack.world.state().buckets.remove("destination");
        stack
    }] {
        let reason = stack
            .create("Replication", &properties("None"))
            .await
            .unwrap_err();
        assert!(
            reason.contains("has Object Lock and bucket `destination` has not"),
            "{reason}"
        );
        assert_eq!(stack.aws.writes(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn no_probe_is_written_where_it_could_not_be_removed() {
    for stack in [
        setting(ObjectLock::Retaining, ObjectLock::On),
        setting(ObjectLock::Off, ObjectLock::Retaining),
    ] {
        let reason = stack
            .create("Replication", &properties("Required"))
            .await
            .unwrap_err();
        assert!(
            reason.contains("has a default retention, by which a probe could not be removed"),
            "{reason}"
        );
        let answer = stack
            .create("Replication", &properties("BestEffort"))
            .await
            .unwrap();
        assert_eq!(answer["Verification"], "SKIPPED");
        let calls = stack.aws.calls();
        assert!(calls.iter().all(|made| made.operation != "put_object"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_destination_whose_requesters_pay_is_refused() {
    let stack = setting(ObjectLock::Off, ObjectLock::Off);
    stack
        .world
        .state()
        .buckets
        .get_mut("destination")
        .unwrap()
        .requester_pays = true;
    let reason = stack
        .create("Replication", &properties("None"))
        .await
        .unwrap_err();
    assert!(reason.contains("is a Requester Pays bucket"), "{reason}");
    assert_eq!(stack.aws.writes(), 0);
}
