//! What the probe shows, and what is said about it.

use std::time::Duration;

use replication::error::ErrorKind;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::aws::faults::{When, Which};
use crate::harness::{EAST, Stack, WEST, bucket_with_key, probes_left};

fn properties(verification: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": verification, "Rules": [
        {"Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::one"}},
        {"Filter": {"And": {"Prefix": "b/", "TagFilters": [{"Key": "k", "Value": "v"}]}},
         "Destination": {"Bucket": "arn:aws:s3:::one"}},
        {"Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::two"}}]})
}

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "one", WEST);
    bucket_with_key(&stack.world, "two", EAST);
    stack
}

#[tokio::test(start_paused = true)]
async fn every_filter_is_probed_once_at_all_its_destinations() {
    let stack = setting();
    let answer = stack
        .create("Replication", &properties("Required"))
        .await
        .unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    let mut arrivals = stack.world.state().arrivals.clone();
    arrivals.sort();
    let seen: Vec<_> = arrivals
        .iter()
        .map(|(bucket, key)| (bucket.as_str(), key.get(..2).unwrap()))
        .collect();
    assert_eq!(seen, [("one", "a/"), ("one", "b/"), ("two", "a/")]);
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn none_writes_no_probe() {
    let stack = setting();
    let answer = stack
        .create("Replication", &properties("None"))
        .await
        .unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["VerificationSeconds"]),
        (&json!("SKIPPED"), &json!(""))
    );
    assert!(
        stack
            .aws
            .calls()
            .iter()
            .all(|made| made.operation != "put_object")
    );
}

#[tokio::test(start_paused = true)]
async fn rules_that_are_all_disabled_prove_nothing_and_the_others_are_left_out() {
    let stack = setting();
    let mut properties = properties("Required");
    for number in 0..3 {
        properties["Rules"][number]["Status"] = json!("Disabled");
    }
    let answer = stack.create("Replication", &properties).await.unwrap();
    assert_eq!(answer["Verification"], "SKIPPED");
    let mut one = properties.clone();
    one["Rules"][1]["Status"] = json!("Enabled");
    let answer = stack
        .update("Replication", &properties, &one)
        .await
        .unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(stack.world.state().arrivals.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn best_effort_reports_pending_after_minutes_and_required_fails_before_the_deadline() {
    let stack = setting();
    stack.world.replicates_after(None);
    let started = Instant::now();
    let answer = stack
        .create("Replication", &properties("BestEffort"))
        .await
        .unwrap();
    assert_eq!(answer["Verification"], "PENDING");
    assert!(
        started.elapsed() <= Duration::from_mins(5),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(probes_left(&stack.world), []);

    let stack = setting();
    stack.world.replicates_after(None);
    let started = Instant::now();
    let reason = stack
        .create("Replication", &properties("Required"))
        .await
        .unwrap_err();
    assert!(
        reason.contains("had not been replicated when the time was up"),
        "{reason}"
    );
    assert!(
        started.elapsed() < Duration::from_secs(15 * 60 - 6),
        "{:?}",
        started.elapsed()
    );
    assert!(
        started.elapsed() > Duration::from_mins(13),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn what_is_seconds_old_gets_another_try_before_it_is_believed() {
    for lag in [5, 12, 20] {
        let stack = setting();
        stack.world.in_force_after(Duration::from_secs(lag));
        let answer = stack.create("Replication", &properties("Required")).await;
        assert_eq!(answer.unwrap()["Verification"], "COMPLETED", "{lag} s");
        assert_eq!(probes_left(&stack.world), [], "{lag} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_names_the_object_and_what_was_found() {
    let stack = setting();
    let properties = properties("BestEffort");
    stack.create("Replication", &properties).await.unwrap();
    // Someone breaks it while a changed template is on its way.
    let mut changed = properties.clone();
    changed["Rules"][0]["Filter"]["Prefix"] = json!("c/");
    let world = stack.world.clone();
    let sabotage = async move {
        // What the rules need is known by then, and the rules are there.
        tokio::time::sleep(Duration::from_secs(16)).await;
        let key = {
            let state = world.state();
            let rules = state.buckets["source"]
                .replication
                .written()
                .clone()
                .unwrap()
                .rules;
            rules[0].destination.replica_kms_key_id.clone().unwrap()
        };
        world.state().keys.get_mut(&key).unwrap().state = "Disabled".into();
        key
    };
    let (answer, key) = tokio::join!(stack.update("Replication", &properties, &changed), sabotage);
    let reason = answer.unwrap_err();
    assert!(
        reason.contains("verification failed: S3 reports FAILED for probe object `"),
        "{reason}"
    );
    assert!(
        reason.contains(&format!("found: key `{key}` is in state Disabled")),
        "{reason}"
    );
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn a_deny_that_nobody_sees_is_said_to_be_looked_for() {
    let stack = setting();
    let deny =
        json!({"Statement": [{"Effect": "Deny", "Action": "kms:*", "Resource": "*"}]}).to_string();
    stack
        .world
        .state()
        .add_role("source", "/encrypted-replication/", &[("theirs", &deny)]);
    let reason = stack
        .create("Replication", &properties("BestEffort"))
        .await
        .unwrap_err();
    assert!(
        reason.contains("a statement denies it: find the Deny in the role's policies"),
        "{reason}"
    );
    // Where the simulator does not answer, nothing is known but that it does not work yet.
    stack.aws.fail(
        Which::Every("simulate"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    let mut changed = properties("BestEffort");
    changed["Rules"][0]["Filter"]["Prefix"] = json!("c/");
    let answer = stack
        .update("Replication", &properties("BestEffort"), &changed)
        .await
        .unwrap();
    assert_eq!(answer["Verification"], "PENDING");
    let mut required = changed.clone();
    required["Verification"] = json!("Required");
    let reason = stack
        .update("Replication", &changed, &required)
        .await
        .unwrap_err();
    assert!(
        reason.contains("so look for a Deny: in the policies of the keys"),
        "{reason}"
    );
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn rules_that_another_writer_overwrites_while_we_prove_them_are_put_back_and_proved() {
    for verification in ["Required", "BestEffort"] {
        let stack = setting();
        let world = stack.world.clone();
        stack.world.replicates_after(None);
        let other_writer = async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let mut state = world.state();
            let now = state.now;
            state.replicates_after = Some(Duration::from_secs(2));
            let source = state.buckets.get_mut("source").unwrap();
            source.replication.write(None, now);
        };
        let properties = properties(verification);
        let (answer, ()) = tokio::join!(stack.create("Replication", &properties), other_writer);
        assert_eq!(answer.unwrap()["Verification"], "COMPLETED");
        let now = stack.world.snapshot();
        let replication = now.buckets["source"].replication.as_ref().unwrap();
        assert_eq!(replication.rules.len(), 3);
        assert_eq!(probes_left(&stack.world), []);
    }
}

#[tokio::test(start_paused = true)]
async fn no_probe_stays_even_where_calls_of_the_proof_fail() {
    for operation in [
        "put_object",
        "head_object",
        "object_versions",
        "delete_object_version",
    ] {
        for when in [When::Before, When::After] {
            let stack = setting();
            stack
                .aws
                .fail(Which::First(2, operation), ErrorKind::Transient, when);
            let _ = stack.create("Replication", &properties("Required")).await;
            assert_eq!(probes_left(&stack.world), [], "{operation} {when:?}");
        }
    }
}
