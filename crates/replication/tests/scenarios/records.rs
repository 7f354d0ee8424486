//! The record of what a resource was asked for.

use replication::error::ErrorKind;
use serde_json::{Value, json};

use crate::aws::faults::{When, Which};
use crate::harness::{
    EAST, FUNCTION, STACK, Stack, WEST, bucket_with_key, owner, physical_id, service_token,
};

fn properties(prefix: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": [
        {"Id": "tax", "Filter": {"Prefix": prefix}, "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}]})
}

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    stack
}

/// The records, whole.
fn records(stack: &Stack) -> Vec<Value> {
    let found = stack.world.snapshot().records;
    let found = found.into_values();
    found
        .map(|value| serde_json::from_str(&value).unwrap())
        .collect()
}

fn prefixes(stack: &Stack) -> Vec<Value> {
    let rule = |record: &Value| record["properties"]["Rules"][0]["Filter"]["Prefix"].clone();
    records(stack).iter().map(rule).collect()
}

#[tokio::test(start_paused = true)]
async fn it_says_what_was_asked_and_goes_with_the_resource() {
    let stack = setting();
    stack
        .create("Replication", &properties("a/"))
        .await
        .unwrap();
    let record = json!({
        "schema": "encrypted-replication/resource/1",
        "serviceToken": service_token(FUNCTION),
        "stackId": STACK,
        "logicalResourceId": "Replication",
        "physicalResourceId": physical_id("Replication", &properties("a/")),
        "properties": properties("a/"),
    });
    assert_eq!(records(&stack), [record]);
    let place = stack.world.snapshot().records.into_keys().next().unwrap();
    let name = owner("Replication", "source").record_name(0);
    assert_eq!(place, (EAST.to_owned(), name));

    let (old, new) = (properties("a/"), properties("b/"));
    stack.update("Replication", &old, &new).await.unwrap();
    assert_eq!(prefixes(&stack), ["b/"]);
    stack.delete("Replication", &new).await.unwrap();
    assert!(records(&stack).is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_leaves_the_one_of_what_it_will_be_rolled_back_to() {
    let stack = setting();
    let (old, mut new) = (properties("a/"), properties("b/"));
    stack.create("Replication", &old).await.unwrap();
    new["Verification"] = json!("Required");
    stack.world.replicates_after(None);
    stack.update("Replication", &old, &new).await.unwrap_err();
    assert_eq!(prefixes(&stack), ["a/"]);
    stack.update("Replication", &new, &old).await.unwrap();
    assert_eq!(prefixes(&stack), ["a/"]);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_leaves_none() {
    let stack = setting();
    let mut given = properties("a/");
    given["Verification"] = json!("Required");
    stack.world.replicates_after(None);
    stack.create("Replication", &given).await.unwrap_err();
    assert!(records(&stack).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_resource_of_an_earlier_version_gets_one_at_its_next_update_and_is_deleted_without() {
    let stack = setting();
    let given = properties("a/");
    for again in [true, false] {
        stack.create("Replication", &given).await.unwrap();
        let names: Vec<_> = stack.world.snapshot().records.into_keys().collect();
        for name in &names {
            stack.world.state().parameters.remove(name);
        }
        if again {
            let answer = stack.update("Replication", &given, &given).await.unwrap();
            assert_eq!(answer["Changes"], "1");
            assert_eq!(answer["Verification"], "SKIPPED");
            assert_eq!(prefixes(&stack), ["a/"]);
        }
        stack.delete("Replication", &given).await.unwrap();
        assert!(records(&stack).is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_written_fails_the_request_and_is_written_by_the_next() {
    let stack = setting();
    let given = properties("a/");
    stack.create("Replication", &given).await.unwrap();
    let changed = properties("b/");
    let put = Which::First(9, "put_parameter");
    stack.aws.fail(put, ErrorKind::AccessDenied, When::Before);
    let same_expectation = {
        let mut same = given.clone();
        same["OnDelete"] = json!({"Keys": "ScheduleDeletion"});
        same
    };
    let refused = stack
        .update("Replication", &given, &same_expectation)
        .await
        .unwrap_err();
    assert!(
        refused.contains("put record `/encrypted-replication/_resources/"),
        "{refused}"
    );
    stack.aws.reset();
    stack.update("Replication", &given, &changed).await.unwrap();
    assert_eq!(prefixes(&stack), ["b/"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_one_goes_on_in_further_parameters_and_is_read_back_whole() {
    let stack = setting();
    let many = |rules: usize| {
        let mut given = properties("");
        given["Rules"] = (0..rules)
            .map(|number| {
                json!({"Filter": {"Prefix": format!("{{{{ä}}}}{number:04}/")},
                       "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}})
            })
            .collect();
        given
    };
    stack.create("Replication", &many(300)).await.unwrap();
    let parts = stack.world.snapshot().records;
    assert!(parts.len() > 3, "{}", parts.len());
    let answer = stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
    assert_eq!(answer["Resources"][0]["Result"], "IN_SYNC", "{answer:#}");
    stack
        .update("Replication", &many(300), &many(3))
        .await
        .unwrap();
    assert_eq!(records(&stack).len(), 1);
    let answer = stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
    assert_eq!(answer["Resources"][0]["Result"], "IN_SYNC", "{answer:#}");
}
