//! Looking for what was changed behind the stacks' backs.

use std::time::Duration;

use custom_resource::{Context, CustomResource, Deadline};
use replication::configuration::Versioning;
use replication::error::ErrorKind;
use replication::ports::Roles;
use serde_json::{Value, json};

use crate::aws::faults::{Delays, When, Which};
use crate::aws::{ACCOUNT, State};
use crate::harness::{
    EAST, FUNCTION, STACK, Stack, WEST, bucket_with_key, owner, physical_id, results, service_token,
};

const OTHER: &str = "444455556666";
const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destination";

fn properties(prefix: &str, destination: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": [
        {"Id": "tax", "Filter": {"Prefix": prefix},
         "Destination": {"Bucket": format!("arn:aws:s3:::{destination}"), "Region": WEST}}]})
}

async fn provisioned() -> Stack {
    Stack::provisioned(&properties("Tax/", "destination")).await
}

/// The answer to a look, which changes nothing.
async fn looked(stack: &Stack) -> Value {
    let before = stack.world.snapshot();
    let answer = stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
    assert_eq!(stack.aws.writes(), 0);
    assert_eq!(stack.world.snapshot(), before);
    answer
}

/// What was told on the bus.
fn told(stack: &Stack) -> Vec<Value> {
    stack.told("Replication Drift")
}

/// The metrics' last values.
fn counted(stack: &Stack) -> (usize, usize) {
    stack.counted(["DriftedResources", "UndeterminedResources"])
}

#[tokio::test(start_paused = true)]
async fn what_is_as_it_was_provisioned_is_in_sync_and_only_counted() {
    let stack = provisioned().await;
    let answer = looked(&stack).await;
    let id = physical_id("Replication", &properties("Tax/", "destination"));
    assert_eq!(
        answer,
        json!({"Action": "DetectDrift", "Drifted": 0, "Unknown": 0, "NotLookedAt": [], "Resources": [{
            "PhysicalResourceId": id, "StackId": STACK, "LogicalResourceId": "Replication",
            "SourceBucket": "source", "Result": "IN_SYNC", "Changes": [], "Reason": null, "Remedy": null}]})
    );
    assert_eq!(told(&stack), [] as [Value; 0]);
    assert_eq!(counted(&stack), (0, 0));
    // That it was looked at is evidence as well.
    let [line] = stack.logged().try_into().unwrap();
    for (member, expected) in [
        ("schema", json!("encrypted-replication/drift/1")),
        ("result", json!("IN_SYNC")),
        ("account", json!(ACCOUNT)),
        ("region", json!(EAST)),
        ("bucket", json!("source")),
        ("physicalResourceId", json!(id)),
        ("stackId", json!(STACK)),
    ] {
        assert_eq!(line[member], expected, "{member}");
    }
    let time = line["time"].as_str().unwrap();
    assert!(expectation::Time::parse(time).is_some(), "{time}");
    assert_eq!(line.get("sourceBucket"), None);
}

#[tokio::test(start_paused = true)]
async fn nothing_at_all_is_counted_too() {
    let stack = Stack::new();
    let answer = looked(&stack).await;
    assert_eq!(answer["Resources"], json!([]));
    assert_eq!(counted(&stack), (0, 0));
}

/// A step that an Update would take, and what makes it necessary.
type Kind<'a> = (&'a str, &'a dyn Fn(&mut State));

#[tokio::test(start_paused = true)]
async fn each_kind_of_drift_is_told_with_what_an_update_would_do() {
    let change_rule =
        |state: &mut State, change: &dyn Fn(&mut replication::configuration::ReplicationRule)| {
            let now = state.now;
            let source = state.buckets.get_mut("source").unwrap();
            let mut found = source.replication.written().clone().unwrap();
            change(&mut found.rules[0]);
            source.replication.write(Some(found), now);
        };
    let ours = owner("Replication", "source").policy_name();
    let change_policy = |state: &mut State, document: &str| {
        let now = state.now;
        let role = state.roles.get_mut("source").unwrap();
        let mut policies = role.policies.written().clone();
        policies.insert(ours.clone(), document.to_owned());
        role.policies.write(policies, now);
    };
    let kinds: [Kind; 9] = [
        ("put 1 replication rule(s) on bucket `source`", &|state| {
            let now = state.now;
            let source = state.buckets.get_mut("source").unwrap();
            source.replication.write(None, now);
        }),
        ("put 1 replication rule(s) on bucket `source`", &|state| {
            change_rule(state, &|rule| rule.sse_kms_encrypted_objects = None);
        }),
        ("-replication` on role `source`", &|state| {
            change_policy(state, r#"{"Version":"2012-10-17","Statement":[]}"#);
        }),
        ("create role `source`", &|state| state.roles.clear()),
        (
            "put parameter `/encrypted-replication/destination/",
            &|state| {
                state
                    .parameters
                    .retain(|(_, name), _| name.contains("/_resources/"));
            },
        ),
        ("enable versioning of bucket `destination`", &|state| {
            state.buckets.get_mut("destination").unwrap().versioning = Versioning::Suspended;
        }),
        ("send replication failures of bucket `source`", &|state| {
            let source = state.buckets.get_mut("source").unwrap();
            source.notifications.queues.clear();
        }),
        (
            "send events of bucket `destination` to EventBridge",
            &|state| {
                let destination = state.buckets.get_mut("destination").unwrap();
                destination.notifications.event_bridge = false;
            },
        ),
        ("create bucket `destination`", &|state| {
            state.buckets.remove("destination");
        }),
    ];
    for (step, change) in kinds {
        let stack = provisioned().await;
        change(&mut stack.world.state());
        let answer = looked(&stack).await;
        assert_eq!(results(&answer), ["DRIFTED"], "{step}");
        let changes = answer["Resources"][0]["Changes"].to_string();
        assert!(changes.contains(step), "{step} in {changes}");
        let reason = answer["Resources"][0]["Reason"].as_str().unwrap();
        assert!(reason.contains(step), "{reason}");
        assert_eq!(counted(&stack), (1, 0));
        let events = told(&stack);
        assert_eq!(events.len(), 1);
        assert_eq!(events[0]["schema"], "encrypted-replication/drift/1");
        assert_eq!(events[0]["result"], "DRIFTED");
        assert_eq!(events[0]["changes"], answer["Resources"][0]["Changes"]);
        assert_eq!(
            events[0]["resources"],
            json!([STACK, "arn:aws:s3:::source"])
        );
        let [line] = stack.logged().try_into().unwrap();
        for member in ["schema", "id", "result", "changes", "reason", "remedy"] {
            assert_eq!(line[member], events[0][member], "{member}");
        }
        let remedy = events[0]["remedy"].as_str().unwrap();
        assert!(remedy.contains("update the stack"), "{remedy}");

        // Told again, it is the same finding; repaired, it is none.
        looked(&stack).await;
        assert_eq!(told(&stack), events);
        counted(&stack);
        let given = properties("Tax/", "destination");
        stack.update("Replication", &given, &given).await.unwrap();
        stack.aws.reset();
        assert_eq!(results(&looked(&stack).await), ["IN_SYNC"], "{step}");
        assert_eq!(told(&stack), [] as [Value; 0]);
        assert_eq!(counted(&stack), (0, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_no_update_could_repair_is_drift_with_the_reason() {
    let stack = provisioned().await;
    {
        let mut state = stack.world.state();
        for key in state.keys.values_mut() {
            key.state = "Disabled".into();
        }
    }
    let answer = looked(&stack).await;
    assert_eq!(results(&answer), ["DRIFTED"]);
    let one = &answer["Resources"][0];
    let reason = one["Reason"].as_str().unwrap();
    assert!(
        reason.contains("does not work any more") && reason.contains("kms:EnableKey"),
        "{reason}"
    );
    assert_eq!(one["Changes"], json!([]));
    let first = told(&stack);
    looked(&stack).await;
    assert_eq!(told(&stack)[0]["id"], first[0]["id"]);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_trusts_others_is_drift_and_an_update_mends_it() {
    let stack = provisioned().await;
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}, "Action": "sts:AssumeRole"}]});
    let before = {
        let mut state = stack.world.state();
        let role = state.roles.get_mut("source").unwrap();
        std::mem::replace(&mut role.trust_policy, trust.to_string())
    };
    let answer = looked(&stack).await;
    assert_eq!(results(&answer), ["DRIFTED"]);
    assert_eq!(
        answer["Resources"][0]["Changes"],
        json!(["have role `source` trust Amazon S3 alone"])
    );
    let given = properties("Tax/", "destination");
    stack.update("Replication", &given, &given).await.unwrap();
    assert_eq!(stack.world.state().roles["source"].trust_policy, before);
    stack.aws.reset();
    assert_eq!(results(&looked(&stack).await), ["IN_SYNC"]);
}

/// No update takes it away, as it is somebody's; nor is it drift where it denies nothing of ours.
#[tokio::test(start_paused = true)]
async fn a_deny_beside_our_policy_is_drift() {
    for (resource, expected) in [
        ("arn:aws:s3:::destination/*", "DRIFTED"),
        ("arn:aws:s3:::destination/private/*", "IN_SYNC"),
    ] {
        let stack = provisioned().await;
        let deny = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Stop", "Effect": "Deny", "Action": "s3:Replicate*",
                          "Resource": resource}]});
        stack
            .world
            .put_role_policy("source", "somebodys", &deny.to_string())
            .await
            .unwrap();
        let answer = looked(&stack).await;
        assert_eq!(results(&answer), [expected], "{resource}");
        if expected == "DRIFTED" {
            let found = &answer["Resources"][0];
            let reason = found["Reason"].as_str().unwrap();
            assert!(
                reason.contains("policy `somebodys` of role `source`, which is none of ours, has a statement `Stop` that denies"),
                "{reason}"
            );
            assert_eq!(found["Changes"], json!([]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_for_existing_objects_is_no_drift() {
    let stack = provisioned().await;
    let old = properties("Tax/", "destination");
    let mut new = old.clone();
    new["ExistingObjects"] = json!("Replicate");
    stack.update("Replication", &old, &new).await.unwrap();
    let job = owner("Replication", "source").batch_role();
    stack.world.state().roles.remove(&job).unwrap();
    stack.aws.reset();
    assert_eq!(results(&looked(&stack).await), ["IN_SYNC"]);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_looked_at_is_unknown_and_stops_no_other() {
    let stack = provisioned().await;
    stack.world.state().assumable.insert(ASSUMED.into());
    let there = stack.world.of_account(OTHER);
    bucket_with_key(&there, "abroad", WEST);
    OTHER.clone_into(&mut there.state().buckets.get_mut("abroad").unwrap().account);
    let mut abroad = properties("Abroad/", "abroad");
    abroad["Rules"][0]["Destination"]["AssumeRoleArn"] = json!(ASSUMED);
    stack.create("Abroad", &abroad).await.unwrap();
    stack
        .create("Second", &properties("Receipts/", "second"))
        .await
        .unwrap();
    stack.aws.reset();
    assert_eq!(results(&looked(&stack).await), ["IN_SYNC"; 3]);
    counted(&stack);

    // A role that trusts us no more, and a record that is damaged.
    {
        let mut state = stack.world.state();
        state.assumable.clear();
        let name = owner("Second", "source").record_name(0);
        let value = state.parameters.get_mut(&(EAST.into(), name)).unwrap();
        value.truncate(value.len() - 1);
    }
    let answer = looked(&stack).await;
    assert_eq!(
        (&answer["Drifted"], &answer["Unknown"]),
        (&json!(0), &json!(2))
    );
    let with = |result: &str| {
        let all = answer["Resources"].as_array().unwrap().iter();
        all.filter(|one| one["Result"] == result)
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(with("IN_SYNC").len(), 1);
    let unknown = with("UNKNOWN");
    let reasons: Vec<_> = unknown
        .iter()
        .map(|one| one["Reason"].as_str().unwrap())
        .collect();
    assert!(
        reasons
            .iter()
            .any(|reason| reason.contains("AssumeRole on role")),
        "{reasons:?}"
    );
    let path = owner("Second", "source").record_path();
    assert!(
        reasons.iter().any(|reason| reason.contains(&path)),
        "{reasons:?}"
    );
    assert_eq!(counted(&stack), (0, 2));
    assert_eq!(told(&stack).len(), 2);
    // What has no bucket's name has no place among the evidence.
    stack.logged();
    looked(&stack).await;
    let lines = stack.logged();
    let seen: Vec<_> = lines.iter().map(|line| &line["result"]).collect();
    assert_eq!(seen, ["UNKNOWN", "IN_SYNC"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_makes_its_resource_unknown_and_properties_that_no_longer_parse_do() {
    let stack = provisioned().await;
    stack.aws.fail(
        Which::Every("role_policies"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    let answer = looked(&stack).await;
    assert_eq!(results(&answer), ["UNKNOWN"]);
    let reason = answer["Resources"][0]["Reason"].as_str().unwrap();
    assert!(
        reason.contains("role_policies") && reason.contains("injected"),
        "{reason}"
    );
    stack.aws.reset();
    {
        let mut state = stack.world.state();
        let name = owner("Replication", "source").record_name(0);
        let value = state.parameters.get_mut(&(EAST.into(), name)).unwrap();
        *value = value.replace("Verification", "Verifcation");
    }
    let answer = looked(&stack).await;
    assert_eq!(results(&answer), ["UNKNOWN"]);
    let reason = answer["Resources"][0]["Reason"].as_str().unwrap();
    assert!(reason.contains("did you mean `Verification`"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn records_that_cannot_be_listed_fail_the_look() {
    let stack = provisioned().await;
    stack
        .aws
        .fail(Which::Number(0), ErrorKind::AccessDenied, When::Before);
    let asked = stack.ask(json!({"Action": "DetectDrift"})).await;
    assert!(asked.unwrap_err().contains("parameters on something"));
    assert!(stack.world.state().counted.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_resource_may_be_asked_for_and_an_answer_alone() {
    let stack = provisioned().await;
    stack
        .create("Second", &properties("Receipts/", "second"))
        .await
        .unwrap();
    {
        let mut state = stack.world.state();
        let source = state.buckets.get_mut("source").unwrap();
        source.notifications.queues.clear();
    }
    let id = physical_id("Second", &properties("Receipts/", "second"));
    let one = json!({"Action": "DetectDrift", "PhysicalResourceId": id});
    let answer = stack.ask(one).await.unwrap();
    assert_eq!(answer["Resources"][0]["LogicalResourceId"], "Second");
    assert_eq!(results(&answer), ["DRIFTED"]);
    assert_eq!(told(&stack).len(), 1);
    // It says nothing of the others, so it is not counted.
    assert!(stack.world.state().counted.is_empty());

    stack.logged();
    let quiet = json!({"Action": "DetectDrift", "Report": false});
    let answer = stack.ask(quiet).await.unwrap();
    assert_eq!(results(&answer), ["DRIFTED"; 2]);
    assert!(told(&stack).is_empty() && stack.world.state().counted.is_empty());
    assert_eq!(stack.logged(), [] as [Value; 0]);

    let nobody = "encrypted-replication/source/er00000000000000000000";
    for (question, expected) in [
        (
            json!({"PhysicalResourceId": nobody}),
            "there is no record of",
        ),
        (
            json!({"PhysicalResourceId": "source"}),
            "is not what `Ref` gives",
        ),
        (json!({"Resource": "source"}), "unknown field `Resource`"),
        (
            json!({"Report": "no"}),
            "write {\"Action\": \"DetectDrift\"}",
        ),
    ] {
        let mut question = question;
        question["Action"] = json!("DetectDrift");
        let reason = stack.ask(question).await.unwrap_err();
        assert!(reason.contains(expected), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_another_provisioner_looks_after_is_left_to_it() {
    let stack = provisioned().await;
    let (ours, theirs) = (service_token(FUNCTION), service_token("another"));
    for value in stack.world.state().parameters.values_mut() {
        *value = value.replace(&ours, &theirs);
    }
    stack.world.state().roles.clear();
    assert_eq!(looked(&stack).await["Resources"], json!([]));
    assert_eq!(counted(&stack), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_bus_it_is_counted_and_answered() {
    let stack = provisioned().await.without_bus();
    stack.world.state().roles.clear();
    assert_eq!(results(&looked(&stack).await), ["DRIFTED"]);
    assert_eq!(counted(&stack), (1, 0));
    assert!(told(&stack).is_empty());
}

/// A dozen resources, all of which lack their role.
async fn a_dozen() -> Stack {
    let stack = provisioned().await;
    for number in 1..12 {
        let mut given = properties("Tax/", "second");
        given["SourceBucket"] = json!(format!("source-{number}"));
        stack
            .create(&format!("Number{number}"), &given)
            .await
            .unwrap();
    }
    stack.world.state().roles.clear();
    stack.aws.reset();
    stack
}

#[tokio::test(start_paused = true)]
async fn findings_go_ten_to_a_request_and_what_the_bus_throttles_goes_again() {
    let stack = a_dozen().await;
    stack.world.state().untaken = vec!["ThrottlingException", "InternalFailure"];
    let answer = looked(&stack).await;
    assert_eq!(answer["Drifted"], 12);
    let calls = stack.aws.calls();
    let puts = calls.iter().filter(|made| made.operation == "put_events");
    assert_eq!(puts.count(), 3);
    let mut ids: Vec<_> = told(&stack)
        .iter()
        .map(|one| one["id"].to_string())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_finding_that_cannot_be_sent_fails_the_look_after_it_was_counted() {
    for (untaken, fails) in [
        (vec!["NotAuthorizedForSourceException"], false),
        (vec!["ThrottlingException"; 60], false),
        (vec![], true),
    ] {
        let stack = a_dozen().await;
        stack.world.state().untaken = untaken;
        if fails {
            let all = Which::Every("put_events");
            stack.aws.fail(all, ErrorKind::AccessDenied, When::Before);
        }
        let asked = stack.ask(json!({"Action": "DetectDrift"})).await;
        let reason = asked.unwrap_err();
        assert!(
            reason.contains("12 resources have drifted and 0 cannot be looked at, but ")
                && reason.contains(" of 12 findings could not be sent to event bus `default`: "),
            "{reason}"
        );
        assert_eq!(counted(&stack), (12, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_is_named_and_counted() {
    let stack = a_dozen().await;
    stack.aws.delay(Delays::Fixed(Duration::from_secs(8)));
    let mut context = Context::default();
    context.invoked_function_arn = service_token(FUNCTION);
    let deadline = Deadline::after(Duration::from_mins(1));
    let question = json!({"Action": "DetectDrift"});
    let answer = stack.resource().invoke(question, context, deadline).await;
    let answer = answer.unwrap();
    assert!(!deadline.has_passed());
    let missed = answer["NotLookedAt"].as_array().unwrap();
    let looked = answer["Resources"].as_array().unwrap();
    assert!(!missed.is_empty() && !looked.is_empty(), "{answer:#}");
    assert_eq!(missed.len() + looked.len(), 12);
    let id = missed[0].as_str().unwrap();
    assert!(id.starts_with("encrypted-replication/source"), "{id}");
    assert_eq!(counted(&stack), (looked.len(), missed.len()));
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_or_updated_meanwhile_is_not_told() {
    let stack = provisioned().await;
    let given = properties("Tax/", "destination");
    stack.aws.delay(Delays::Fixed(Duration::from_millis(100)));
    let look = || stack.ask(json!({"Action": "DetectDrift"}));
    let (answer, deleted) = tokio::join!(look(), stack.delete("Replication", &given));
    deleted.unwrap();
    let answer = answer.unwrap();
    assert!(
        results(&answer).iter().all(|result| *result == "IN_SYNC"),
        "{answer:#}"
    );
    assert!(told(&stack).is_empty());

    // The rules are new and the record is old when the look begins, both are new when it ends.
    let stack = provisioned().await;
    let changed = properties("Receipts/", "second");
    stack.update("Replication", &given, &changed).await.unwrap();
    let place = (
        EAST.to_owned(),
        owner("Replication", "source").record_name(0),
    );
    let new = stack.world.state().parameters[&place].clone();
    let old = new
        .replace("Receipts/", "Tax/")
        .replace("second", "destination");
    stack.world.state().parameters.insert(place.clone(), old);
    stack.aws.reset();
    stack.aws.delay(Delays::Fixed(Duration::from_millis(100)));
    let finish = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        stack.world.state().parameters.insert(place.clone(), new);
    };
    let (answer, ()) = tokio::join!(look_at(&stack), finish);
    assert_eq!(results(&answer), ["IN_SYNC"]);
}

async fn look_at(stack: &Stack) -> Value {
    stack.ask(json!({"Action": "DetectDrift"})).await.unwrap()
}
