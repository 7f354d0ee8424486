//! Proved again, long after a stack was.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use custom_resource::Deadline;
use replication::configuration::{ObjectLock, Versioning};
use replication::error::ErrorKind;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::aws::faults::{Delays, When, Which};
use crate::harness::{
    EAST, STACK, Stack, WEST, bucket_with_key, owner, physical_id, probes_left, results,
};

fn properties(prefix: &str, destination: &str) -> Value {
    json!({"SourceBucket": "source", "Rules": [
        {"Id": "tax", "Filter": {"Prefix": prefix},
         "Destination": {"Bucket": format!("arn:aws:s3:::{destination}"), "Region": WEST}}]})
}

async fn provisioned() -> Stack {
    Stack::provisioned(&properties("Tax/", "destination")).await
}

/// The answer to a proof, which changes nothing that stays.
async fn proved(stack: &Stack) -> Value {
    let before = stack.world.snapshot();
    let answer = stack.ask(json!({"Action": "Prove"})).await.unwrap();
    assert_eq!(stack.world.snapshot(), before);
    assert_eq!(probes_left(&stack.world), []);
    answer
}

/// What was told on the bus.
fn told(stack: &Stack) -> Vec<Value> {
    stack.told("Replication Proof")
}

/// The last round's counts: failed, undetermined.
fn counted(stack: &Stack) -> (usize, usize) {
    stack.counted(["FailedProofs", "UndeterminedProofs"])
}

fn measured(stack: &Stack) -> Vec<(String, BTreeMap<&'static str, f64>)> {
    std::mem::take(&mut stack.world.state().measured)
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

fn disable(stack: &Stack, region: &str) {
    let mut state = stack.world.state();
    let keys = state.keys.values_mut();
    for key in keys.filter(|key| key.region == region) {
        key.state = "Disabled".into();
    }
}

#[tokio::test(start_paused = true)]
async fn what_works_is_proved_measured_told_and_leaves_nothing() {
    let stack = provisioned().await;
    stack.world.replicates_after(Some(Duration::from_secs(3)));
    let arrivals = stack.world.state().arrivals.len();
    let answer = proved(&stack).await;
    let id = physical_id("Replication", &properties("Tax/", "destination"));
    let rule = owner("Replication", "source").rule_id(Some("tax"), 0);
    let seconds = answer["Resources"][0]["Seconds"].as_f64().unwrap();
    assert!((3.0..6.0).contains(&seconds), "{seconds}");
    assert_eq!(
        answer,
        json!({"Action": "Prove", "Completed": 1, "Failed": 0, "Pending": 0, "Unknown": 0, "NotReached": [], "Resources": [{
            "PhysicalResourceId": id, "StackId": STACK, "LogicalResourceId": "Replication",
            "SourceBucket": "source", "Result": "COMPLETED", "Seconds": seconds, "Findings": [], "Reason": null, "Remedy": null,
            "Rules": [{"Id": rule, "Result": "COMPLETED", "Seconds": seconds, "Reason": null}]}]})
    );
    let state = stack.world.state().arrivals.clone();
    assert_eq!(
        state.get(arrivals..).unwrap(),
        [(
            "destination".to_owned(),
            format!("{}-1", owner("Replication", "source").probe_key("Tax/"))
        )]
    );
    let events = told(&stack);
    assert_eq!(events.len(), 1);
    for (member, expected) in [
        ("schema", json!("encrypted-replication/proof/1")),
        ("result", json!("COMPLETED")),
        ("physicalResourceId", json!(id)),
        ("sourceBucket", json!("source")),
        ("seconds", json!(seconds)),
        (
            "rules",
            json!([{"id": rule, "result": "COMPLETED", "seconds": seconds, "reason": null}]),
        ),
        ("findings", json!([])),
        ("resources", json!([STACK, "arn:aws:s3:::source"])),
    ] {
        assert_eq!(events[0][member], expected, "{member}");
    }
    assert_eq!(counted(&stack), (0, 0));
    assert_eq!(
        measured(&stack),
        [(
            "source".to_owned(),
            [("ProofFailed", 0.0), ("ProofSeconds", seconds)].into()
        )]
    );
}

/// The checker needs a while until it looks.
#[tokio::test(start_paused = true)]
async fn replicas_stay_until_the_checkers_have_looked() {
    for (window, least) in [(0, 30), (120, 150)] {
        let stack = provisioned().await;
        stack.world.replicates_after(Some(Duration::from_secs(1)));
        let question = json!({"Action": "Prove", "BatchWindowSeconds": window});
        let world = stack.world.clone();
        let asked = tokio::spawn(async move { stack.ask(question).await });
        let there = || {
            let state = world.state();
            let versions = &state.buckets["destination"].versions;
            versions
                .iter()
                .any(|version| version.key.starts_with("Tax/"))
        };
        while !there() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let arrived = Instant::now();
        while there() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let stayed = arrived.elapsed().as_secs();
        assert!((least..least + 10).contains(&stayed), "{stayed} of {least}");
        let answer = asked.await.unwrap().unwrap();
        assert_eq!(results(&answer), ["COMPLETED"]);
        let seconds = answer["Resources"][0]["Seconds"].as_f64().unwrap();
        assert!(seconds < 4.0, "{seconds}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_disabled_fails_the_proof_with_what_to_do() {
    for region in [EAST, WEST] {
        let stack = provisioned().await;
        disable(&stack, region);
        let answer = proved(&stack).await;
        assert_eq!(results(&answer), ["FAILED"], "{answer:#}");
        assert_eq!(answer["Failed"], 1);
        let one = &answer["Resources"][0];
        assert!(
            text(one, "Reason").contains("it needs a key that S3 cannot use"),
            "{one:#}"
        );
        assert!(text(one, "Remedy").contains("kms:EnableKey"), "{one:#}");
        let first = &one["Findings"][0];
        assert_eq!(first["Result"], "FAIL", "{one:#}");
        assert_eq!(counted(&stack), (1, 0));
        assert_eq!(
            measured(&stack),
            [("source".to_owned(), [("ProofFailed", 1.0)].into())]
        );
        let events = told(&stack);
        assert_eq!(events[0]["result"], "FAILED");
        assert_eq!(events[0]["findings"][0]["result"], "FAIL");
        assert_eq!(events[0]["rules"][0]["result"], "FAILED");

        // The same again is the same finding; mended, the alarm ends.
        proved(&stack).await;
        assert_eq!(told(&stack)[0]["id"], events[0]["id"]);
        for key in stack.world.state().keys.values_mut() {
            key.state = "Enabled".into();
        }
        assert_eq!(results(&proved(&stack).await), ["COMPLETED"]);
        assert_eq!(counted(&stack), (0, 0));
        assert_ne!(told(&stack)[0]["id"], events[0]["id"]);
    }
}

/// What is broken, and a word of what is said about it.
type Break<'a> = (&'a str, &'a dyn Fn(&Stack));

#[tokio::test(start_paused = true)]
async fn each_way_of_breaking_fails_soon_and_leaves_nothing() {
    let ways: [Break; 6] = [
        ("has no replication configuration", &|stack| {
            let mut state = stack.world.state();
            let now = state.now;
            let source = state.buckets.get_mut("source").unwrap();
            source.replication.write(None, now);
        }),
        ("FAILED for probe object", &|stack| {
            stack.world.state().roles.clear();
        }),
        ("FAILED for probe object", &|stack| {
            let mut state = stack.world.state();
            let now = state.now;
            let role = state.roles.get_mut("source").unwrap();
            role.policies.write(BTreeMap::new(), now);
        }),
        ("FAILED for probe object", &|stack| {
            let mut state = stack.world.state();
            state.buckets.get_mut("destination").unwrap().versioning = Versioning::Suspended;
        }),
        ("FAILED for probe object", &|stack| {
            let mut state = stack.world.state();
            state.refused_destinations.insert("destination".into());
        }),
        ("destination", &|stack| {
            stack.world.state().buckets.remove("destination");
        }),
    ];
    for (number, (word, break_it)) in ways.into_iter().enumerate() {
        let stack = provisioned().await;
        stack.world.replicates_after(Some(Duration::from_secs(1)));
        break_it(&stack);
        let started = Instant::now();
        let answer = proved(&stack).await;
        let took = started.elapsed();
        assert_eq!(results(&answer), ["FAILED"], "{number}: {answer:#}");
        let one = &answer["Resources"][0];
        assert!(text(one, "Reason").contains(word), "{number}: {one:#}");
        assert_ne!(text(one, "Remedy"), "", "{number}: {one:#}");
        assert!(took < Duration::from_mins(2), "{number}: {took:?}");
        assert_eq!(counted(&stack), (1, 0), "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_still_under_way_is_pending_and_not_failed() {
    let stack = provisioned().await;
    stack.world.replicates_after(None);
    let started = Instant::now();
    let answer = proved(&stack).await;
    let took = started.elapsed().as_secs();
    assert!((300..360).contains(&took), "{took}");
    assert_eq!(results(&answer), ["PENDING"], "{answer:#}");
    assert_eq!(counted(&stack), (0, 1));
    assert_eq!(
        measured(&stack),
        [("source".to_owned(), [("ProofFailed", 0.0)].into())]
    );
    let event = told(&stack).remove(0);
    assert_eq!(event["result"], "PENDING");
    assert!(text(&event, "remedy").contains("next proof"), "{event:#}");
    // Four minutes are late, and time enough.
    stack.world.replicates_after(Some(Duration::from_mins(4)));
    let answer = proved(&stack).await;
    assert_eq!(results(&answer), ["COMPLETED"], "{answer:#}");
    let seconds = answer["Resources"][0]["Seconds"].as_f64().unwrap();
    assert!((240.0..250.0).contains(&seconds), "{seconds}");
}

/// Rule by rule: one broken destination says nothing of the other.
#[tokio::test(start_paused = true)]
async fn a_rule_that_works_is_told_beside_one_that_does_not() {
    let stack = Stack::new();
    for (bucket, region) in [("source", EAST), ("one", WEST), ("two", WEST)] {
        bucket_with_key(&stack.world, bucket, region);
    }
    let given = json!({"SourceBucket": "source", "Rules": [
        {"Id": "one", "Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::one"}},
        {"Id": "two", "Filter": {"Prefix": "b/"}, "Destination": {"Bucket": "arn:aws:s3:::two"}}]});
    stack.create("Replication", &given).await.unwrap();
    stack
        .world
        .state()
        .refused_destinations
        .insert("two".into());
    let answer = proved(&stack).await;
    assert_eq!(results(&answer), ["FAILED"]);
    let rules = answer["Resources"][0]["Rules"].as_array().unwrap();
    let seen: Vec<_> = rules.iter().map(|rule| text(rule, "Result")).collect();
    assert_eq!(seen, ["COMPLETED", "FAILED"]);
    assert!(rules[0]["Seconds"].is_number() && rules[1]["Seconds"].is_null());
    // The replica of the one that works got its time to be judged.
    let reason = text(&answer["Resources"][0], "Reason");
    assert!(
        reason.contains("-two`") && !reason.contains("-one`"),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn of_several_resources_one_with_a_broken_record_stops_no_other() {
    let stack = provisioned().await;
    for (name, prefix) in [("Second", "Receipts/"), ("Third", "Invoices/")] {
        stack
            .create(name, &properties(prefix, "second"))
            .await
            .unwrap();
    }
    {
        let mut state = stack.world.state();
        let name = owner("Second", "source").record_name(0);
        let value = state.parameters.get_mut(&(EAST.into(), name)).unwrap();
        value.truncate(value.len() - 1);
    }
    let answer = proved(&stack).await;
    assert_eq!(
        (&answer["Completed"], &answer["Unknown"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(counted(&stack), (0, 1));
    // Nothing is known of whose bucket it is.
    assert_eq!(measured(&stack).len(), 2);
    let events = told(&stack);
    let broken = events
        .iter()
        .find(|one| one["result"] == "UNKNOWN")
        .unwrap();
    let path = owner("Second", "source").record_path();
    assert!(text(broken, "reason").contains(&path), "{broken:#}");
    assert_eq!(broken["physicalResourceId"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_probe_gets_none_unless_asked_for_by_name() {
    let stack = Stack::new();
    for (bucket, region) in [("source", EAST), ("destination", WEST)] {
        bucket_with_key(&stack.world, bucket, region);
    }
    let mut given = properties("Tax/", "destination");
    given["Verification"] = json!("None");
    stack.create("Replication", &given).await.unwrap();
    stack.aws.reset();
    let answer = proved(&stack).await;
    assert_eq!(results(&answer), ["SKIPPED"]);
    assert_eq!(stack.aws.writes(), 0);
    assert_eq!(counted(&stack), (0, 0));
    assert!(told(&stack).is_empty() && measured(&stack).is_empty());

    for name in [
        json!({"SourceBucket": "source"}),
        json!({"StackName": "tax"}),
        json!({"StackName": STACK, "LogicalResourceId": "Replication"}),
        json!({"PhysicalResourceId": physical_id("Replication", &given)}),
    ] {
        let mut question = name.clone();
        question["Action"] = json!("Prove");
        let answer = stack.ask(question).await.unwrap();
        assert_eq!(results(&answer), ["COMPLETED"], "{name}");
        assert_eq!((told(&stack).len(), measured(&stack).len()), (1, 1));
        // It says nothing of the others.
        assert!(stack.world.state().counted.is_empty());
    }
    // Who only wants the answer has it at once.
    let question = json!({"Action": "Prove", "SourceBucket": "source", "Report": false});
    let started = Instant::now();
    stack.ask(question).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(told(&stack).is_empty() && measured(&stack).is_empty());
    for (question, why) in [
        (json!({"SourceBucket": "other"}), "`SourceBucket` `other`"),
        (json!({"StackName": "other"}), "`StackName` `other`"),
        (
            json!({"PhysicalResourceId": "x"}),
            "is not what `Ref` gives",
        ),
        (json!({"Bucket": "source"}), "unknown field `Bucket`"),
    ] {
        let mut question = question;
        question["Action"] = json!("Prove");
        let reason = stack.ask(question).await.unwrap_err();
        assert!(reason.contains(why), "{reason}");
    }
}

/// A probe could not be removed again.
#[tokio::test(start_paused = true)]
async fn under_a_default_retention_nothing_is_written_and_nothing_fails() {
    let stack = provisioned().await;
    {
        let mut state = stack.world.state();
        let destination = state.buckets.get_mut("destination").unwrap();
        destination.object_lock = ObjectLock::Retaining;
    }
    stack.aws.reset();
    let answer = proved(&stack).await;
    assert_eq!(results(&answer), ["SKIPPED"], "{answer:#}");
    let reason = text(&answer["Resources"][0], "Reason");
    assert!(reason.contains("default retention"), "{reason}");
    assert_eq!((stack.aws.writes(), counted(&stack)), (0, (0, 0)));
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_is_told_and_nothing_is_left() {
    let stack = provisioned().await;
    for number in 1..30 {
        let mut given = properties("Tax/", "second");
        given["SourceBucket"] = json!(format!("source-{number}"));
        stack
            .create(&format!("Number{number}"), &given)
            .await
            .unwrap();
    }
    stack.aws.reset();
    stack.aws.delay(Delays::Fixed(Duration::from_millis(150)));
    for (seconds, all) in [(10, false), (60, false), (150, false), (890, true)] {
        let before = stack.world.snapshot();
        let started = Instant::now();
        let within = Duration::from_secs(seconds);
        let question = json!({"Action": "Prove"});
        let answer = stack.ask_until(question, Deadline::after(within)).await;
        let answer = answer.unwrap();
        assert!(started.elapsed() <= within, "{:?}", started.elapsed());
        assert_eq!(probes_left(&stack.world), [], "{seconds}");
        assert_eq!(stack.world.snapshot(), before, "{seconds}");
        let missed = answer["NotReached"].as_array().unwrap().len();
        assert_eq!(results(&answer).len() + missed, 30, "{seconds}");
        assert_eq!(missed == 0, all, "{seconds}: {missed}");
        let (failed, undetermined) = counted(&stack);
        assert_eq!(failed, 0, "{seconds}: {answer:#}");
        let pending = answer["Pending"].as_u64().unwrap() + answer["Unknown"].as_u64().unwrap();
        assert_eq!(undetermined as u64, missed as u64 + pending);
        assert_eq!(told(&stack).len(), results(&answer).len());
    }
    // Each round begins with another one: nobody is left out for ever.
    let mut never: BTreeSet<String> = BTreeSet::new();
    for round in 0..24 {
        let deadline = Deadline::after(Duration::from_secs(150));
        let question = json!({"Action": "Prove"});
        let answer = stack.ask_until(question, deadline).await.unwrap();
        let missed = answer["NotReached"].as_array().unwrap().iter();
        let missed: BTreeSet<_> = missed.map(|id| id.as_str().unwrap().to_owned()).collect();
        assert!(!missed.is_empty());
        never = if round == 0 {
            missed
        } else {
            never.intersection(&missed).cloned().collect()
        };
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
    assert_eq!(never, BTreeSet::new());
}

/// Whatever AWS refuses, at whatever call, something is told, and no probe stays.
#[tokio::test(start_paused = true)]
async fn every_call_may_fail() {
    let stack = provisioned().await;
    proved(&stack).await;
    let calls = stack.aws.calls();
    assert!(calls.len() > 25, "{}", calls.len());
    for kind in [
        ErrorKind::AccessDenied,
        ErrorKind::Transient,
        ErrorKind::NotFound,
    ] {
        for when in [When::Before, When::After] {
            for (number, call) in calls.iter().enumerate() {
                let stack = provisioned().await;
                stack.aws.fail(Which::Number(number), kind, when);
                let before = stack.world.snapshot();
                let answer = stack.ask(json!({"Action": "Prove"})).await;
                let case = format!("{kind:?} {when:?} at call {number}, {}", call.operation);
                assert_eq!(probes_left(&stack.world), [], "{case}");
                assert_eq!(stack.world.snapshot(), before, "{case}");
                match answer {
                    Ok(answer) => assert_eq!(results(&answer).len(), 1, "{case}: {answer:#}"),
                    Err(why) => assert!(why.contains("injected"), "{case}: {why}"),
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_deleted_meanwhile_is_left_out() {
    let stack = provisioned().await;
    disable(&stack, WEST);
    stack.aws.just_before("simulate", 0, |world| {
        let mut state = world.state();
        state
            .parameters
            .retain(|(_, name), _| !name.contains("/_resources/"));
    });
    let answer = stack.ask(json!({"Action": "Prove"})).await.unwrap();
    assert_eq!(answer["Resources"], json!([]));
    assert_eq!(counted(&stack), (0, 0));
}
