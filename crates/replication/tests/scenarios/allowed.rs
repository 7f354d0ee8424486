//! Where the installation lets replicas go.

use serde_json::{Value, json};

use crate::harness::{EAST, Stack, WEST, bucket_with_key};

const OTHER: &str = "444455556666";

fn to(destination: &Value) -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": [{"Id": "tax", "Destination": destination}]})
}

fn at(region: &str) -> Value {
    to(&json!({"Bucket": "arn:aws:s3:::destination", "Region": region}))
}

/// In another account, with what must be said of it.
fn abroad() -> Value {
    to(
        &json!({"Bucket": "arn:aws:s3:::theirs", "Account": OTHER, "Region": WEST, "EncryptionConfiguration": {
        "ReplicaKmsKeyID": format!("arn:aws:kms:{WEST}:{OTHER}:key/00000000-0000-4000-8000-000000000009")}}),
    )
}

async fn faults(stack: &Stack, properties: &Value) -> Vec<String> {
    let question = json!({"Action": "Plan", "ResourceProperties": properties});
    let plan = stack.ask(question).await.unwrap();
    let faults = plan["Faults"].as_array().unwrap().iter();
    faults
        .map(|fault| fault.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_not_allowed_is_refused_by_name_in_plan_and_create_before_anything_is_made() {
    let stack = Stack::new().allowing(&["777788889999"], &[EAST, WEST]);
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "copies-in-europe", "eu-west-1");
    let before = stack.world.snapshot();
    let looked_up = to(&json!({"Bucket": "arn:aws:s3:::copies-in-europe"}));
    let of_key = to(
        &json!({"Bucket": "arn:aws:s3:::copies-in-europe", "EncryptionConfiguration": {
        "ReplicaKmsKeyID": "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-4000-8000-000000000009"}}),
    );
    let mut source = at(WEST);
    source["SourceRegion"] = json!("eu-west-1");
    for (properties, place, why) in [
        (
            &abroad(),
            "`Rules[0].Destination.Account`: account 444455556666",
            "`AllowedDestinationAccounts` says 777788889999",
        ),
        (
            &at("eu-west-1"),
            "`Rules[0].Destination.Region`: Region eu-west-1",
            "`AllowedRegions` says us-east-1, us-west-2",
        ),
        (
            &of_key,
            "`Rules[0].Destination.EncryptionConfiguration.ReplicaKmsKeyID`: Region eu-west-1",
            "`AllowedRegions`",
        ),
        (
            &looked_up,
            "bucket `copies-in-europe`: Region eu-west-1",
            "`AllowedRegions`",
        ),
        (
            &source,
            "`SourceRegion`: Region eu-west-1",
            "`AllowedRegions`",
        ),
    ] {
        let planned = faults(&stack, properties).await;
        assert!(
            planned.len() == 1 && planned[0].starts_with(place) && planned[0].contains(why),
            "{planned:?}"
        );
        let refused = stack.create("Replication", properties).await.unwrap_err();
        assert!(
            refused.contains(place) && refused.contains(why),
            "{refused}"
        );
        stack.delete("Replication", properties).await.unwrap();
        assert_eq!(stack.world.snapshot(), before);
    }
    assert_eq!(faults(&stack, &at(WEST)).await, [] as [String; 0]);
    stack.create("Replication", &at(WEST)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_there_before_is_not_refused_and_nothing_new_joins_it() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "looked-up", "eu-west-1");
    let old = to(&json!({"Bucket": "arn:aws:s3:::looked-up"}));
    stack.create("Replication", &old).await.unwrap();
    let narrowed = stack.clone().allowing(&[], &[EAST]);
    let mut new = old.clone();
    new["Revision"] = json!("2");
    narrowed.update("Replication", &old, &new).await.unwrap();
    let answer = narrowed
        .ask(json!({"Action": "DetectDrift"}))
        .await
        .unwrap();
    assert_eq!(answer["Resources"][0]["Result"], "IN_SYNC");
    let mut wider = new.clone();
    wider["Rules"]
        .as_array_mut()
        .unwrap()
        .push(json!({"Id": "more", "Filter": {"Prefix": "more/"},
        "Destination": {"Bucket": "arn:aws:s3:::more", "Region": WEST}}));
    let refused = narrowed
        .update("Replication", &new, &wider)
        .await
        .unwrap_err();
    assert!(
        refused.contains("`Rules[1].Destination.Region`: Region us-west-2"),
        "{refused}"
    );
    narrowed.update("Replication", &wider, &new).await.unwrap();
    narrowed.delete("Replication", &new).await.unwrap();
}
