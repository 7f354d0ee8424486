//! As many rules as S3 takes.

use serde_json::{Value, json};

use crate::harness::{EAST, Stack, WEST, bucket_with_key, owner};

fn properties(key: &str, rules: usize) -> Value {
    let rules: Vec<Value> = (0..rules)
        .map(|number| {
            json!({"Filter": {"Prefix": format!("a-rather-long-prefix-{number:04}/")},
                   "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST,
                                   "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}})
        })
        .collect();
    json!({"SourceBucket": "source", "Rules": rules, "Verification": "None"})
}

#[tokio::test(start_paused = true)]
async fn a_thousand_rules_fit_and_go_again() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    let key = bucket_with_key(&stack.world, "destination", WEST);
    let before = stack.world.snapshot();
    let (few, many) = (properties(&key, 40), properties(&key, 1000));
    let owner = owner("Replication", "source");

    // Few prefixes are named in the policy, one by one.
    stack.create("Replication", &few).await.unwrap();
    let policy = |stack: &Stack| {
        let state = stack.world.state();
        state.roles["source"].policies.written()[&owner.policy_name()].clone()
    };
    assert!(policy(&stack).contains("arn:aws:s3:::source/a-rather-long-prefix-0039/*"));
    assert_eq!(stack.world.snapshot().parameters.len(), 1);

    // More than that are covered by their buckets.
    let answer = stack.update("Replication", &few, &many).await.unwrap();
    assert!(policy(&stack).contains("\"arn:aws:s3:::source/*\""));
    assert!(!policy(&stack).contains("a-rather-long-prefix"));
    assert!(answer["RuleIds"].as_str().unwrap().ends_with(" more)"));
    let now = stack.world.snapshot();
    assert_eq!(
        now.buckets["source"]
            .replication
            .as_ref()
            .unwrap()
            .rules
            .len(),
        1000
    );
    let mut expected: Vec<String> = Vec::new();
    for ((_, name), value) in &now.parameters {
        assert!(owner.owns_parameter(name), "{name}");
        let value: Value = serde_json::from_str(value).unwrap();
        let rules = value["rules"].as_array().unwrap().iter();
        expected.extend(rules.map(|rule| rule["prefix"].as_str().unwrap().to_owned()));
    }
    assert!(now.parameters.len() > 10);
    assert_eq!(expected.len(), 1000);

    // Fewer again: the parameters that are no longer needed go.
    let answer = stack.update("Replication", &many, &many).await.unwrap();
    assert_eq!(answer["Changes"], "0");
    stack.update("Replication", &many, &few).await.unwrap();
    // As many of the former lines stay as there are rules.
    assert_eq!(stack.world.snapshot().parameters.len(), 2);
    stack.update("Replication", &few, &many).await.unwrap();
    stack.delete("Replication", &many).await.unwrap();
    let now = stack.world.snapshot();
    assert!(now.parameters.is_empty() && now.roles.is_empty());
    assert_eq!(now.keys, before.keys);
}
