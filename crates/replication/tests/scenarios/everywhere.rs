//! Replication under KMS keys that nobody watches, in a whole Region.

use custom_resource::RequestType;
use replication::configuration::{ReplicationRule, Status};
use replication::error::ErrorKind;
use replication::ports::Parameters;
use serde_json::{Value, json};

use crate::aws::faults::{When, Which};
use crate::harness::{
    BUS, EAST, FUNCTION, Stack, WEST, bucket_with_key, plain_bucket, request, somebodys_rule,
    somebodys_rules,
};

const ROLE: &str = "arn:aws:iam::111122223333:role/somebodys";
const OTHER: &str = "444455556666";

fn rule(id: &str, bucket: &str) -> ReplicationRule {
    let mut rule = somebodys_rule(id, 1, bucket);
    rule.destination.account = None;
    rule.sse_kms_encrypted_objects = Some(Status::Enabled);
    rule.destination.replica_kms_key_id =
        Some("arn:aws:kms:us-west-2:111122223333:key/1".to_owned());
    rule
}

/// Sources of somebody's with one destination.
fn setting(sources: &[&str]) -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "copies", WEST);
    for source in sources {
        bucket_with_key(&stack.world, source, EAST);
        somebodys_rules(&stack.world, source, ROLE, vec![rule("tax", "copies")]);
    }
    stack
}

async fn looked(stack: &Stack) -> Value {
    let before = stack.world.snapshot();
    stack.aws.reset();
    let answer = stack.ask(json!({"Action": "WatchAll"})).await.unwrap();
    assert_eq!(stack.aws.writes(), 0);
    assert_eq!(stack.world.snapshot(), before);
    answer
}

fn sources(answer: &Value) -> Vec<&str> {
    let found = answer["Unwatched"].as_array().unwrap().iter();
    found
        .map(|one| one["SourceBucket"].as_str().unwrap())
        .collect()
}

async fn watch(stack: &Stack, properties: Value) {
    let mut request = request(RequestType::Create, "Watch", &properties);
    request.resource_type = "Custom::WatchedReplication".into();
    stack.deliver(&request).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_nobody_watches_is_told_by_answer_event_and_metric_until_somebody_does() {
    let stack = setting(&["one", "two"]);
    plain_bucket(&stack.world, "plain", EAST);
    // In another Region, to nobody's surprise.
    bucket_with_key(&stack.world, "elsewhere", WEST);
    somebodys_rules(&stack.world, "elsewhere", ROLE, vec![rule("tax", "copies")]);
    watch(&stack, json!({"SourceBucket": "one"})).await;
    let answer = looked(&stack).await;
    assert_eq!(
        (
            &answer["Region"],
            &answer["Buckets"],
            &answer["Replicating"]
        ),
        (&json!(EAST), &json!(3), &json!(2))
    );
    assert_eq!(sources(&answer), ["two"]);
    assert_eq!(
        (&answer["Unknown"], &answer["NotLookedAt"]),
        (&json!([]), &json!([]))
    );
    let finding = &answer["Unwatched"][0];
    assert_eq!(
        finding["Rules"],
        json!([{"RuleId": "tax", "DestinationBucket": "copies"}])
    );
    {
        let mut state = stack.world.state();
        let (bus, event) = state.events.pop().unwrap();
        assert_eq!(
            (bus.as_str(), event.detail_type, state.events.len()),
            (BUS, "Unwatched Replication", 0)
        );
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        assert_eq!(
            (&detail["sourceBucket"], &detail["sourceRegion"]),
            (&json!("two"), &json!(EAST))
        );
        assert_eq!(detail["reason"], finding["Reason"]);
        assert_eq!(event.resources, ["arn:aws:s3:::two"]);
        let (function, counts) = state.counted.pop().unwrap();
        assert_eq!(
            (function.as_str(), counts["UnwatchedBuckets"]),
            (FUNCTION, 1)
        );
    }
    let question = json!({"Action": "WatchAll", "Region": WEST, "Report": false});
    let answer = stack.ask(question).await.unwrap();
    assert_eq!(sources(&answer), ["elsewhere"]);
    assert_eq!(stack.world.state().events.len(), 0);
    // It says nothing of this Region, whose alarm goes by the metric.
    let question = json!({"Action": "WatchAll", "Region": WEST});
    stack.ask(question).await.unwrap();
    assert_eq!(stack.told("Unwatched Replication").len(), 1);
    assert!(stack.world.state().counted.is_empty());
    watch(&stack, json!({"SourceBucket": "two"})).await;
    assert_eq!(sources(&looked(&stack).await), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn each_rule_counts_by_itself_and_only_what_is_in_force_under_kms_keys() {
    let stack = setting(&["one"]);
    let mut plain = rule("plain", "copies");
    plain.sse_kms_encrypted_objects = None;
    let mut off = rule("off", "copies");
    off.status = Status::Disabled;
    somebodys_rules(&stack.world, "one", ROLE, vec![plain, off]);
    assert_eq!(looked(&stack).await["Replicating"], 0);
    somebodys_rules(
        &stack.world,
        "one",
        ROLE,
        vec![rule("tax", "copies"), rule("pay", "copies")],
    );
    watch(&stack, json!({"SourceBucket": "one", "RuleIds": ["tax"]})).await;
    let answer = looked(&stack).await;
    assert_eq!(
        answer["Unwatched"][0]["Rules"],
        json!([{"RuleId": "pay", "DestinationBucket": "copies"}])
    );
    // An expectation that is not there any more watches nothing, whatever a record says.
    let names: Vec<_> = {
        let state = stack.world.state();
        state
            .parameters
            .keys()
            .map(|(_, name)| name.clone())
            .filter(|name| !name.contains("_resources"))
            .collect()
    };
    for name in names {
        stack.world.delete_parameter(WEST, &name).await.unwrap();
    }
    let answer = looked(&stack).await;
    assert_eq!(answer["Unwatched"][0]["Rules"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn in_another_account_the_records_tell_who_watches() {
    const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/watch";
    let stack = setting(&[]);
    bucket_with_key(&stack.world, "one", EAST);
    bucket_with_key(&stack.world, "two", EAST);
    let theirs = stack.world.of_account(OTHER);
    bucket_with_key(&theirs, "theirs", WEST);
    OTHER.clone_into(&mut theirs.state().buckets.get_mut("theirs").unwrap().account);
    stack.world.state().assumable.insert(ASSUMED.into());
    for source in ["one", "two"] {
        somebodys_rules(&stack.world, source, ROLE, vec![rule("tax", "theirs")]);
    }
    watch(
        &stack,
        json!({"SourceBucket": "one", "Destinations": [{"Bucket": "theirs", "AssumeRoleArn": ASSUMED}]}),
    )
    .await;
    assert_eq!(sources(&looked(&stack).await), ["two"]);
}

#[tokio::test(start_paused = true)]
async fn rules_of_the_other_type_are_watched_by_it() {
    let stack = setting(&[]);
    bucket_with_key(&stack.world, "source", EAST);
    let properties = json!({"SourceBucket": "source", "Verification": "None", "Rules": [
        {"Id": "tax", "Destination": {"Bucket": "arn:aws:s3:::copies", "Region": WEST}}]});
    stack.create("Replication", &properties).await.unwrap();
    let answer = looked(&stack).await;
    assert_eq!(
        (&answer["Replicating"], sources(&answer).len()),
        (&json!(1), 0)
    );
}

#[tokio::test(start_paused = true)]
async fn hundreds_of_buckets_are_looked_at_together_and_what_cannot_be_is_told() {
    let names: Vec<String> = (0..300)
        .map(|number| format!("bucket-{number:03}"))
        .collect();
    let stack = setting(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let answer = looked(&stack).await;
    assert_eq!(answer["Unwatched"].as_array().unwrap().len(), 300);
    stack.aws.reset();
    stack.aws.fail(
        Which::First(2, "replication"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    let answer = stack
        .ask(json!({"Action": "WatchAll", "Report": false}))
        .await
        .unwrap();
    assert_eq!(answer["Unknown"].as_array().unwrap().len(), 2);
    assert_eq!(answer["Unwatched"].as_array().unwrap().len(), 298);
    for (question, told) in [
        (
            json!({"Action": "WatchAll", "Region": "us-east-1a"}),
            "`us-east-1a` is no Region",
        ),
        (
            json!({"Action": "WatchAll", "Regions": []}),
            "unknown field `Regions`",
        ),
    ] {
        let refused = stack.ask(question).await.unwrap_err();
        assert!(refused.contains(told), "{refused}");
    }
}
