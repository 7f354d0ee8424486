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
    EAST, FUNCTION, STACK, Stack, WEST, bucket_with_key, owner, physical_id, probes_left, results,
    service_token,
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
    let [line] = stack.logged().try_into().unwrap();
    for member in [
        "schema",
        "id",
        "result",
        "physicalResourceId",
        "seconds",
        "rules",
    ] {
        assert_eq!(line[member], events[0][member], "{member}");
    }
    assert_eq!(
        (&line["bucket"], &line["region"]),
        (&json!("source"), &json!(EAST))
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
    let ways: [Break; 9] = [
        (
            "send events of bucket `destination` to EventBridge",
            &|stack| {
                let mut state = stack.world.state();
                let destination = state.buckets.get_mut("destination").unwrap();
                destination.notifications.event_bridge = false;
            },
        ),
        ("send replication failures of bucket `source`", &|stack| {
            let mut state = stack.world.state();
            let source = state.buckets.get_mut("source").unwrap();
            source.notifications.queues.clear();
        }),
        (
            "put parameter `/encrypted-replication/destination/",
            &|stack| {
                let mut state = stack.world.state();
                let name = owner("Replication", "source").parameter_name("destination", 0);
                state.parameters.remove(&(WEST.into(), name)).unwrap();
            },
        ),
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

/// Thirty resources, more than there is time for.
async fn thirty() -> Stack {
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
    stack
}

async fn asked_within(stack: &Stack, question: Value, seconds: u64) -> Value {
    let deadline = Deadline::after(Duration::from_secs(seconds));
    stack.ask_until(question, deadline).await.unwrap()
}

/// Whether the round goes on, by its event, which goes before all others.
fn goes_on(stack: &Stack) -> bool {
    let mut state = stack.world.state();
    let first = state.events.first();
    if first.is_none_or(|(_, first)| first.detail_type != "Replication Proof Continues") {
        return false;
    }
    let (_, event) = state.events.remove(0);
    assert_eq!(event.resources, [service_token(FUNCTION)]);
    true
}

/// What is kept of a round meanwhile.
fn round(stack: &Stack) -> Option<String> {
    let name = format!("/encrypted-replication/_resources/_proofs/{FUNCTION}");
    let mut state = stack.world.state();
    state.parameters.remove(&(EAST.into(), name))
}

fn names(list: &Value) -> BTreeSet<String> {
    let list = list.as_array().unwrap().iter();
    list.map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_is_told_and_nothing_is_left() {
    let mut stack = thirty().await;
    for (seconds, all) in [(10, false), (60, false), (150, false), (890, true)] {
        let before = stack.world.snapshot();
        let started = Instant::now();
        let answer = asked_within(&stack, json!({"Action": "Prove"}), seconds).await;
        let within = Duration::from_secs(seconds);
        assert!(started.elapsed() <= within, "{:?}", started.elapsed());
        assert_eq!(probes_left(&stack.world), [], "{seconds}");
        let kept = round(&stack);
        assert_eq!(stack.world.snapshot(), before, "{seconds}");
        let missed = names(&answer["NotReached"]).len();
        let continued = answer["Continued"].as_u64().unwrap_or_default();
        let reached = results(&answer).len() + missed;
        assert_eq!(reached as u64 + continued, 30, "{seconds}");
        assert_eq!(
            missed == 0 && continued == 0,
            all,
            "{seconds}: {missed}, {continued}"
        );
        assert_eq!((goes_on(&stack), kept.is_some()), (!all, !all));
        let (failed, undetermined) = counted(&stack);
        assert_eq!(failed, 0, "{seconds}: {answer:#}");
        let pending = answer["Pending"].as_u64().unwrap() + answer["Unknown"].as_u64().unwrap();
        assert_eq!(undetermined as u64, missed as u64 + pending);
        assert_eq!(told(&stack).len(), results(&answer).len());
    }
    // Where nobody hears of it nobody goes on. Each round begins with another one: nobody is left out for ever.
    stack.bus = None;
    let mut never: BTreeSet<String> = BTreeSet::new();
    for round in 0..24 {
        let answer = asked_within(&stack, json!({"Action": "Prove"}), 150).await;
        assert_eq!(answer["Continued"], Value::Null);
        let missed = names(&answer["NotReached"]);
        assert!(!missed.is_empty());
        assert_eq!(counted(&stack).1, missed.len());
        never = if round == 0 {
            missed
        } else {
            never.intersection(&missed).cloned().collect()
        };
        tokio::time::sleep(Duration::from_hours(1)).await;
    }
    assert_eq!(never, BTreeSet::new());
}

#[tokio::test(start_paused = true)]
async fn a_round_that_has_no_time_for_all_goes_on_until_each_had_its_turn() {
    let stack = thirty().await;
    {
        let mut state = stack.world.state();
        let now = state.now;
        let broken = state.buckets.get_mut("source-7").unwrap();
        broken.replication.write(None, now);
    }
    let mut question = json!({"Action": "Prove", "BatchWindowSeconds": 1});
    let (mut had, mut failed) = (Vec::new(), Vec::new());
    let mut left = u64::MAX;
    let before = stack.world.snapshot();
    loop {
        let answer = asked_within(&stack, question.clone(), 150).await;
        assert_eq!(probes_left(&stack.world), []);
        let seen = answer["Resources"].as_array().unwrap();
        had.extend(
            seen.iter()
                .map(|one| text(one, "PhysicalResourceId").to_owned()),
        );
        had.extend(names(&answer["NotReached"]));
        let here = answer["Failed"].as_u64().unwrap();
        failed.push((here, counted(&stack).0 as u64));
        if !goes_on(&stack) {
            assert_eq!(answer["Continued"], Value::Null);
            break;
        }
        assert_eq!(told(&stack).len(), seen.len());
        // As the template's rule asks.
        question["Continues"] = json!(true);
        let now = answer["Continued"].as_u64().unwrap();
        assert!(now < left, "{now} of {left}");
        left = now;
    }
    assert!(failed.len() > 1, "{failed:?}");
    assert_eq!(stack.world.snapshot(), before);
    let once: BTreeSet<_> = had.iter().collect();
    assert_eq!((once.len(), had.len()), (30, 30));
    // What failed is counted to the end, or the alarm would be over before the round is.
    let mut so_far = 0;
    for (here, counted) in failed {
        so_far += here;
        assert_eq!(counted, so_far);
    }
    assert_eq!(so_far, 1);

    // Whoever sends the event once more has nothing from it.
    stack.aws.reset();
    let answer = stack.ask(question.clone()).await.unwrap();
    assert_eq!((&answer["Resources"], stack.aws.writes()), (&json!([]), 0));
    assert!(stack.world.state().counted.is_empty());
    for other in [json!({"SourceBucket": "source"}), json!({"Report": false})] {
        let mut question = question.clone();
        let members = other.as_object().unwrap().clone();
        question.as_object_mut().unwrap().extend(members);
        let refused = stack.ask(question).await.unwrap_err();
        assert!(refused.contains("is about all there are"), "{refused}");
    }
}

/// Where it cannot be kept how far a round has come, those that there was no time for are told.
#[tokio::test(start_paused = true)]
async fn what_nobody_can_go_on_with_is_told() {
    let stack = thirty().await;
    let denied = Which::Every("put_parameter");
    stack
        .aws
        .fail(denied, ErrorKind::AccessDenied, When::Before);
    let answer = asked_within(&stack, json!({"Action": "Prove"}), 150).await;
    assert_eq!(answer["Continued"], Value::Null);
    let missed = names(&answer["NotReached"]).len();
    assert_eq!(
        (results(&answer).len() + missed, goes_on(&stack)),
        (30, false)
    );
    assert_eq!(counted(&stack).1, missed);
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
