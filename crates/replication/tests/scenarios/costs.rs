//! What the walkthrough's case costs in calls, and how many of them wait for each other.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::aws::faults::Delays;
use crate::harness::{EAST, Stack, WEST, bucket_with_key};

/// What each call takes here; the paused clock makes no one wait for it.
const CALL: Duration = Duration::from_millis(50);

struct Cost {
    writes: usize,
    round_trips: usize,
}

/// Tells a request's cost, on a line that the bench reads: how many calls there may be is recorded
/// there, in `benches/recorded.json`.
fn cost(stack: &Stack, name: &str, began: Instant) -> Cost {
    let cost = Cost {
        writes: stack.aws.writes(),
        round_trips: stack.aws.round_trips(),
    };
    let told = json!([name, {
        "calls": stack.aws.calls().len(),
        "writes": cost.writes,
        "round_trips": cost.round_trips,
        "milliseconds": began.elapsed().as_millis(),
    }]);
    println!("provisioner-cost {told}");
    stack.aws.reset();
    cost
}

async fn costs(stack: &Stack, case: &str, properties: &Value) -> [Cost; 3] {
    stack.aws.delay(Delays::Fixed(CALL));
    let began = Instant::now();
    stack.create("Replication", properties).await.unwrap();
    let create = cost(stack, &format!("{case}, Create"), began);
    let began = Instant::now();
    stack
        .update("Replication", properties, properties)
        .await
        .unwrap();
    let update = cost(stack, &format!("{case}, unchanged Update"), began);
    let began = Instant::now();
    stack.delete("Replication", properties).await.unwrap();
    let delete = cost(stack, &format!("{case}, Delete"), began);
    [create, update, delete]
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
    let [create, update, delete] = costs(&stack, "existing buckets", &properties).await;
    // Role, policy, EventBridge, failure events, parameter, rules, parameter, record.
    assert_eq!(create.writes, 8);
    assert_eq!((update.writes, delete.writes), (0, 6));
    // A look, two for what rules need, two for the rules, their parameter, a look, the record.
    assert_eq!(create.round_trips, 8);
    assert_eq!((update.round_trips, delete.round_trips), (1, 8));
}

#[tokio::test(start_paused = true)]
async fn the_walkthroughs_case_from_nothing() {
    let stack = Stack::new();
    let properties = json!({
        "SourceBucket": "source", "Verification": "None",
        "Rules": [{"Filter": {"Prefix": "Tax"}, "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}],
    });
    let [create, update, delete] = costs(&stack, "from nothing", &properties).await;
    assert_eq!(create.writes, 20);
    assert_eq!((update.writes, delete.writes), (0, 6));
    // Three more for keys.
    assert_eq!(create.round_trips, 11);
    assert_eq!((update.round_trips, delete.round_trips), (1, 8));
}
