//! Proved once, and asked again: later, with more demanded, and by a request that is delivered twice.

use std::time::Duration;

use custom_resource::RequestType;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::aws::faults::Delays;
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, owner, probes_left, request, update_request,
};

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "one", WEST);
    stack
}

fn properties(verification: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": verification, "Rules": [
        {"Id": "tax", "Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::one"}}]})
}

fn rule() -> String {
    format!("{}-tax", owner("Replication", "source"))
}

fn uploads(stack: &Stack) -> usize {
    let calls = stack.aws.calls();
    let puts = calls.iter().filter(|made| made.operation == "put_object");
    puts.count()
}

#[tokio::test(start_paused = true)]
async fn what_was_pending_is_proved_as_soon_as_it_is_required() {
    let stack = setting();
    stack.world.replicates_after(None);
    let (before, required) = (properties("BestEffort"), properties("Required"));
    let answer = stack.create("Replication", &before).await.unwrap();
    assert_eq!(answer["Verification"], "PENDING");
    assert_eq!(answer["Unproved"], rule().as_str());
    // It still does not arrive: the Update must not pass for one that changes nothing.
    let reason = stack
        .update("Replication", &before, &required)
        .await
        .unwrap_err();
    assert!(
        reason.contains("had not been replicated when the time was up"),
        "{reason}"
    );
    // Back to where it was, without another proof.
    stack.aws.reset();
    let began = Instant::now();
    let answer = stack.update("Replication", &required, &before).await;
    assert_eq!(answer.unwrap()["Unproved"], rule().as_str());
    assert_eq!((uploads(&stack), began.elapsed()), (0, Duration::ZERO));
    stack.world.replicates_after(Some(Duration::from_secs(3)));
    let answer = stack
        .update("Replication", &before, &required)
        .await
        .unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["Unproved"]),
        (&json!("COMPLETED"), &json!(""))
    );
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn what_was_proved_already_is_not_proved_again() {
    let stack = setting();
    let (before, required) = (properties("BestEffort"), properties("Required"));
    stack.create("Replication", &before).await.unwrap();
    stack.aws.reset();
    let answer = stack
        .update("Replication", &before, &required)
        .await
        .unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["Unproved"]),
        (&json!("SKIPPED"), &json!(""))
    );
    assert_eq!(uploads(&stack), 0);
    // Without the proof, of other rules or before they were: it is.
    let none = properties("None");
    stack.update("Replication", &required, &none).await.unwrap();
    let mut changed = none.clone();
    changed["Rules"][0]["Filter"]["Prefix"] = json!("b/");
    let answer = stack.update("Replication", &none, &changed).await.unwrap();
    assert_eq!(answer["Unproved"], rule().as_str());
    let mut required = changed.clone();
    required["Verification"] = json!("Required");
    let answer = stack
        .update("Replication", &changed, &required)
        .await
        .unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn another_revision_looks_mends_and_proves() {
    let stack = setting();
    let mut given = properties("BestEffort");
    given["Revision"] = json!("1");
    stack.create("Replication", &given).await.unwrap();
    // Somebody switches off what only a look sees.
    {
        let mut state = stack.world.state();
        let one = state.buckets.get_mut("one").unwrap();
        one.notifications.event_bridge = false;
    }
    let mut changed = given.clone();
    changed["Revision"] = json!("2");
    stack.aws.reset();
    let answer = stack.update("Replication", &given, &changed).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(uploads(&stack), 1);
    let state = stack.world.snapshot();
    assert!(state.buckets["one"].notifications.event_bridge);
    // Also where nothing is to be mended.
    stack.aws.reset();
    let answer = stack.update("Replication", &changed, &given).await.unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["Changes"]),
        (&json!("COMPLETED"), &json!("1"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_request_delivered_twice_at_once_has_one_answer() {
    for verification in ["Required", "BestEffort"] {
        for arrives in [true, false] {
            for later in [0, 1, 20, 100] {
                let stack = setting();
                stack
                    .world
                    .replicates_after(arrives.then_some(Duration::from_secs(30)));
                let request = request(
                    RequestType::Create,
                    "Replication",
                    &properties(verification),
                );
                let second = async {
                    tokio::time::sleep(Duration::from_secs(later)).await;
                    stack.deliver(&request).await
                };
                let (first, second) = tokio::join!(stack.deliver(&request), second);
                let case = format!("{verification} {arrives} {later}");
                match (first, second) {
                    (Ok(first), Ok(second)) => {
                        assert!(arrives || verification == "BestEffort", "{case}");
                        let word = if arrives { "COMPLETED" } else { "PENDING" };
                        for answer in [&first, &second] {
                            assert_eq!(answer.data["Verification"], word, "{case}");
                        }
                        assert_eq!(first.data["Unproved"], second.data["Unproved"], "{case}");
                    }
                    (Err(first), Err(second)) => {
                        assert!(!arrives && verification == "Required", "{case}");
                        for reason in [first, second] {
                            assert!(
                                reason.contains("had not been replicated when the time was up"),
                                "{case}: {reason}"
                            );
                        }
                    }
                    (first, second) => panic!("{case}: {first:?} and {second:?}"),
                }
                assert_eq!(probes_left(&stack.world), [], "{case}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_rule_that_goes_is_fought_over_by_no_two_deliveries() {
    for seed in 1..=20 {
        let stack = setting();
        let key = stack.world.state().add_key(WEST, "CUSTOMER");
        let mut after = properties("Required");
        after["Rules"][0]["Destination"]["EncryptionConfiguration"] =
            json!({"ReplicaKmsKeyID": key});
        let mut before = after.clone();
        let disabled = json!({"Id": "old", "Status": "Disabled", "Filter": {"Prefix": "a/old/"},
            "Destination": {"Bucket": "arn:aws:s3:::one"}});
        before["Rules"].as_array_mut().unwrap().push(disabled);
        stack.create("Replication", &before).await.unwrap();
        stack.aws.reset();
        // The second begins while the first waits for its probe, and takes back what nothing needs.
        let delays = Delays::Drawn(seed, Duration::from_millis(50));
        stack.aws.delay(delays);
        let arrives = Duration::from_secs(3 + seed % 10);
        stack.world.replicates_after(Some(arrives));
        let update = update_request("Replication", &before, &after);
        let second = async {
            tokio::time::sleep(Duration::from_secs(5)).await;
            stack.deliver(&update).await
        };
        let (first, second) = tokio::join!(stack.deliver(&update), second);
        for answer in [first, second] {
            assert_eq!(answer.unwrap().data["Verification"], "COMPLETED", "{seed}");
        }
        let calls = stack.aws.calls();
        let written = calls
            .iter()
            .filter(|made| made.operation == "put_role_policy");
        assert_eq!(written.count(), 1, "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_delivered_again_after_its_end_is_answered_as_before() {
    let stack = setting();
    let create = request(RequestType::Create, "Replication", &properties("Required"));
    let mut changed = properties("Required");
    changed["Rules"][0]["Filter"]["Prefix"] = json!("b/");
    let update = update_request("Replication", &properties("Required"), &changed);
    for request in [create, update] {
        let first = stack.deliver(&request).await.unwrap();
        assert_eq!(first.data["Verification"], "COMPLETED");
        tokio::time::sleep(Duration::from_mins(10)).await;
        stack.aws.reset();
        let second = stack.deliver(&request).await.unwrap();
        assert_eq!(first, second);
        assert_eq!(stack.aws.writes(), 0);
    }
    // Another request that changes nothing is another one.
    let answer = stack.update("Replication", &changed, &changed).await;
    assert_eq!(answer.unwrap()["Verification"], "SKIPPED");
}

#[tokio::test(start_paused = true)]
async fn one_that_failed_to_prove_fails_again() {
    let stack = setting();
    stack
        .world
        .state()
        .refused_destinations
        .insert("one".into());
    let create = request(RequestType::Create, "Replication", &properties("Required"));
    let first = stack.deliver(&create).await.unwrap_err();
    let second = stack.deliver(&create).await.unwrap_err();
    assert_eq!(first, second);
    assert!(
        first.contains("S3 reports FAILED for probe object"),
        "{first}"
    );
}
