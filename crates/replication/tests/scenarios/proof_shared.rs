//! Probes on a bucket that others replicate from too: every copy goes again, and each destination is judged by
//! what arrived there.

use replication::configuration::{Filter, Status};
use serde_json::{Value, json};

use crate::aws::World;
use crate::aws::faults::{When, Which};
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, our_role, owner, probes_left, somebodys_rule,
    somebodys_rules,
};
use replication::error::ErrorKind;

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    for name in ["one", "two", "three"] {
        bucket_with_key(&stack.world, name, WEST);
    }
    stack
}

fn to(destination: &str, prefix: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": "Required", "Rules": [
        {"Filter": {"Prefix": prefix}, "Destination": {"Bucket": format!("arn:aws:s3:::{destination}")}}]})
}

/// Breaks everything that replicates to the destination of a resource.
fn break_key_of(stack: &Stack, logical_id: &str, destination: &str) {
    let mut state = stack.world.state();
    let alias = owner(logical_id, "source").key_alias(destination);
    let key = state.aliases[&(WEST.to_owned(), alias)].clone();
    state.keys.get_mut(&key).unwrap().state = "Disabled".into();
}

fn arrived(stack: &Stack) -> Vec<String> {
    let mut arrived: Vec<_> = stack
        .world
        .state()
        .arrivals
        .iter()
        .map(|(bucket, _)| bucket.clone())
        .collect();
    arrived.sort();
    arrived
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_another_stacks_rule_takes_is_removed_too() {
    let stack = setting();
    stack.create("A", &to("one", "")).await.unwrap();
    stack.world.state().arrivals.clear();
    let answer = stack.create("B", &to("two", "b/")).await.unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["Unproved"]),
        (&json!("COMPLETED"), &json!(""))
    );
    // It did go to both.
    assert_eq!(arrived(&stack), ["one", "two"]);
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn ours_is_proved_where_another_stacks_destination_is_broken() {
    let stack = setting();
    stack.create("A", &to("one", "")).await.unwrap();
    break_key_of(&stack, "A", "one");
    stack.world.state().arrivals.clear();
    let answer = stack.create("B", &to("two", "b/")).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(arrived(&stack), ["two"]);
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn ours_fails_where_ours_is_broken_however_well_the_others_fare() {
    let stack = setting();
    stack.create("A", &to("one", "")).await.unwrap();
    let mut given = to("two", "b/");
    given["Verification"] = json!("None");
    stack.create("B", &given).await.unwrap();
    stack
        .world
        .state()
        .refused_destinations
        .insert("two".into());
    let mut changed = given.clone();
    changed["Verification"] = json!("Required");
    changed["Revision"] = json!("1");
    let reason = stack.update("B", &given, &changed).await.unwrap_err();
    assert!(
        reason.contains("and it did not arrive in bucket `two`"),
        "{reason}"
    );
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn a_copy_in_another_accounts_bucket_is_left_alone_and_fails_nothing() {
    let stack = setting();
    stack.create("A", &to("one", "a/")).await.unwrap();
    // Somebody's rule, of the same role, to another account.
    let key = bucket_with_key(&stack.world, "abroad", WEST);
    stack
        .world
        .state()
        .buckets
        .get_mut("abroad")
        .unwrap()
        .account = "444455556666".into();
    let mut rule = somebodys_rule("theirs", 7, "abroad");
    rule.filter = Some(Filter::default());
    rule.sse_kms_encrypted_objects = Some(Status::Enabled);
    rule.destination.account = Some("444455556666".into());
    rule.destination.replica_kms_key_id = Some(key);
    let rules = {
        let state = stack.world.state();
        let mut rules = state.buckets["source"]
            .replication
            .written()
            .clone()
            .unwrap()
            .rules;
        rules.push(rule);
        rules
    };
    somebodys_rules(&stack.world, "source", &our_role("source"), rules);
    stack.aws.reset();
    let answer = stack.create("B", &to("two", "b/")).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_may_not_be_removed_fails_nothing() {
    let stack = setting();
    stack.create("A", &to("one", "")).await.unwrap();
    stack.aws.reset();
    // The Region of `one` is asked for by nobody else.
    stack.aws.fail(
        Which::Every("object_versions"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    let answer = stack.create("B", &to("two", "b/")).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_others_to_a_destination_of_ours_takes_nothing_that_is_not_ours() {
    let stack = setting();
    // A has everything to `one`; B has `a/` to `one` above it, and `b/` to `two`.
    stack.create("A", &to("one", "")).await.unwrap();
    let given = json!({"SourceBucket": "source", "Verification": "Required", "Rules": [
        {"Filter": {"Prefix": "a/"}, "Priority": 50, "Destination": {"Bucket": "arn:aws:s3:::one"}},
        {"Filter": {"Prefix": "b/"}, "Priority": 51, "Destination": {"Bucket": "arn:aws:s3:::two"}}]});
    let answer = stack.create("B", &given).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn stacks_that_are_made_at_once_prove_their_own_and_leave_nothing() {
    let stack = setting();
    let given = [
        ("A", to("one", "")),
        ("B", to("two", "b/")),
        ("C", to("three", "b/c/")),
    ];
    let all = given.iter().map(|(name, given)| stack.create(name, given));
    for answer in futures_util::future::join_all(all).await {
        let answer = answer.unwrap();
        assert_eq!(answer["Verification"], "COMPLETED");
        assert_eq!(answer["Unproved"], "");
    }
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_the_rule_of_before_still_takes_is_removed_from_the_former_destination() {
    let stack = setting();
    let role = stack.their_role();
    let (mut old, mut new) = (to("one", "a/"), to("two", "a/"));
    for given in [&mut old, &mut new] {
        given["Role"] = json!(role);
    }
    stack.create("A", &old).await.unwrap();
    stack.world.state().arrivals.clear();
    tokio::time::sleep(std::time::Duration::from_hours(1)).await;
    stack.world.weather(crate::aws::Weather {
        rules: std::time::Duration::from_secs(20),
        ..Default::default()
    });
    let answer = stack.update("A", &old, &new).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    let arrived = arrived(&stack);
    assert!(arrived.contains(&"one".to_owned()), "{arrived:?}");
    assert_eq!(arrived.last().unwrap(), "two");
    assert_eq!(probes_left(&stack.world), []);
}

/// Somebody's rule to bucket `two`, for what ours takes, under the role that is there.
fn joins_in(world: &World) {
    let mut state = world.state();
    let now = state.now;
    let default = state.buckets["two"].encryption.clone().unwrap();
    let mut rule = somebodys_rule("a", 99, "two");
    rule.sse_kms_encrypted_objects = Some(Status::Enabled);
    rule.destination.replica_kms_key_id = default.kms_key;
    let source = state.buckets.get_mut("source").unwrap();
    let mut rules = source.replication.written().clone().unwrap();
    rules.rules.push(rule);
    source.replication.write(Some(rules), now);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_a_rule_takes_which_came_while_the_probe_was_under_way_is_removed_too() {
    let stack = setting();
    let role = stack.their_role();
    let mut given = to("one", "a/");
    given["Role"] = json!(role);
    stack.aws.just_before("put_object", 0, joins_in);
    let answer = stack.create("A", &given).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    // It did go to both.
    assert_eq!(arrived(&stack), ["one", "two"]);
    assert_eq!(probes_left(&stack.world), []);
}
