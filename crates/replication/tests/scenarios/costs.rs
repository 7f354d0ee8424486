//! What the walkthrough's case costs in calls, and how many of them wait for each other.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::faults::Delays;
use crate::harness::{EAST, Stack, WEST, bucket_with_key};

struct Cost {
    calls: usize,
    writes: usize,
    round_trips: usize,
}

fn cost(stack: &Stack, name: &str) -> Cost {
    let mut by_operation: BTreeMap<&str, usize> = BTreeMap::new();
    let calls = stack.aws.calls();
    for made in &calls {
        *by_operation.entry(made.operation).or_default() += 1;
    }
    let cost = Cost {
        calls: calls.len(),
        writes: stack.aws.writes(),
        round_trips: stack.aws.round_trips(),
    };
    println!(
        "{name}: {} calls, {} writes, {} round trips: {by_operation:?}",
        cost.calls, cost.writes, cost.round_trips
    );
    stack.aws.reset();
    cost
}

async fn costs(stack: &Stack, properties: &Value) -> [Cost; 3] {
    stack.aws.delay(Delays::Fixed(Duration::from_millis(20)));
    stack.create("Replication", properties).await.unwrap();
    let create = cost(stack, "Create");
    stack
        .update("Replication", properties, properties)
        .await
        .unwrap();
    let update = cost(stack, "unchanged Update");
    stack.delete("Replication", properties).await.unwrap();
    [create, update, cost(stack, "Delete")]
}

#[tokio::test(start_paused = true)]
async fn the_walkthroughs_case_with_existing_buckets_and_keys() {
    let stack = Stack::new();
    let source_key = bucket_with_key(&stack.world, "source", EAST);
    let replica_key = bucket_with_key(&stack.world, "destination", WEST);
    let properties = json!({
        "SourceBucket": "source", "SourceKmsKeyArns": [source_key], "Verification": "None",
        "Rules": [{"Filter": {"Prefix": "Tax"}, "Destination": {"Bucket": "arn:aws:s3:::destination",
                   "EncryptionConfiguration": {"ReplicaKmsKeyID": replica_key}}}],
    });
    let [create, update, delete] = costs(&stack, &properties).await;
    // Role, policy, EventBridge, failure events, parameter, rules.
    assert_eq!(create.writes, 6);
    assert_eq!((update.writes, delete.writes), (0, 5));
    assert_eq!((create.calls, update.calls, delete.calls), (39, 15, 36));
    assert_eq!(
        (create.round_trips, update.round_trips, delete.round_trips),
        (7, 1, 17)
    );
}

#[tokio::test(start_paused = true)]
async fn the_walkthroughs_case_from_nothing() {
    let stack = Stack::new();
    let properties = json!({
        "SourceBucket": "source", "Verification": "None",
        "Rules": [{"Filter": {"Prefix": "Tax"}, "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}],
    });
    let [create, update, delete] = costs(&stack, &properties).await;
    assert_eq!(create.writes, 20);
    assert_eq!((update.writes, delete.writes), (0, 5));
    assert_eq!((create.calls, update.calls, delete.calls), (57, 15, 36));
    assert_eq!(
        (create.round_trips, update.round_trips, delete.round_trips),
        (11, 2, 17)
    );
}
