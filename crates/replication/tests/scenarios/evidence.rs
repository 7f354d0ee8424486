//! What is logged of drift and proofs fits into the evidence's table: `evidence.yaml` keeps it as it comes.

use std::collections::BTreeSet;

use evidence::{LOOKS, PARTITIONS};
use serde_json::{Value, json};

use crate::harness::{Stack, WEST};

/// What is in the line and no column, on purpose: what Diagnose finds stands in the reason.
const LEFT_OUT: [&str; 1] = ["findings"];

fn properties() -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": [
        {"Id": "tax", "Filter": {"Prefix": "Tax/"},
         "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}]})
}

/// Lines of looks and proofs, good and bad.
async fn lines() -> Vec<Value> {
    let stack = Stack::provisioned(&properties()).await;
    let prove = json!({"Action": "Prove", "SourceBucket": "source"});
    stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
    stack.ask(prove.clone()).await.unwrap();
    {
        let mut state = stack.world.state();
        let destination = state.buckets.get_mut("destination").unwrap();
        destination.notifications.event_bridge = false;
        for key in state.keys.values_mut() {
            key.state = "Disabled".into();
        }
    }
    stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
    stack.ask(prove).await.unwrap();
    let lines = stack.logged();
    let seen: Vec<_> = lines.iter().map(|line| &line["result"]).collect();
    assert_eq!(seen, ["IN_SYNC", "COMPLETED", "DRIFTED", "FAILED"]);
    lines
}

/// Data Firehose drops a member that is no column without a word, and a column that is no member is empty.
#[tokio::test(start_paused = true)]
async fn the_table_has_every_member_and_no_other() {
    let found = lines().await.into_iter().flat_map(|line| {
        let members = line.as_object().unwrap().clone();
        members.into_iter().map(|(name, _)| name)
    });
    let found: BTreeSet<_> = found.collect();
    let parted = PARTITIONS.into_iter().filter(|name| *name != "day");
    let known = LOOKS.into_iter().map(|member| member.name);
    let known: BTreeSet<_> = known
        .chain(parted)
        .chain(LEFT_OUT)
        .map(str::to_owned)
        .collect();
    assert_eq!(found, known);
}

/// A value of another type than its column's fails the whole record.
#[tokio::test(start_paused = true)]
async fn the_members_are_of_their_columns_types() {
    for line in lines().await {
        for member in LOOKS {
            let fits = match (member.kind, &line[member.name]) {
                (_, Value::Null) | ("string", Value::String(_)) | ("double", Value::Number(_)) => {
                    true
                }
                ("bigint", Value::Number(number)) => number.is_i64(),
                ("array<string>", Value::Array(values)) => values.iter().all(Value::is_string),
                (kind, Value::Array(rules)) if kind.starts_with("array<struct<id:string,") => {
                    rules.iter().all(is_rule)
                }
                _ => false,
            };
            assert!(fits, "{} is no {} in {line}", member.name, member.kind);
        }
    }
}

/// `struct<id:string,result:string,seconds:double,reason:string>`
fn is_rule(rule: &Value) -> bool {
    let text = |name: &str| rule[name].is_null() || rule[name].is_string();
    let members = rule.as_object().unwrap().len();
    let seconds = &rule["seconds"];
    members == 4
        && (seconds.is_null() || seconds.is_number())
        && ["id", "result", "reason"].into_iter().all(text)
}
