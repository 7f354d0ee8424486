//! Prefixes that try to break out of a policy: whatever they are made of, the policies let the role at
//! the objects under them, and at no other.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::aws::evaluate::{Access, allowed, lets_in};
use crate::harness::{EAST, Stack, WEST, bucket_with_key, our_role};

const OTHER: &str = "444455556666";
const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destination";

/// Wildcards, policy variables and escapes, what ends a JSON text or an ARN, and plain letters.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "[ab/]{1,3}",
        4 => prop::sample::select(&["*", "?", "$", "{", "}", "${*}", "${?}", "${$}", "${", "**", "\\", "\"", ":"])
            .prop_map(str::to_owned),
        1 => prop::sample::select(&["${aws:username}", "${aws:PrincipalTag/x}", "${x, 'a'}", "\"],\"Effect\":\"Allow"])
            .prop_map(str::to_owned),
    ]
}

fn text(pieces: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), pieces).prop_map(|pieces| pieces.concat())
}

/// Keys under the prefixes, keys that a wildcard in them would reach, and any others.
fn keys(prefixes: &[String], others: &[String]) -> Vec<String> {
    let mut keys = others.to_vec();
    for prefix in prefixes {
        keys.push(format!("{prefix}x"));
        keys.push(prefix.replace('*', "anything"));
        keys.push(prefix.replace('?', "x"));
        keys.push(prefix.replace("${", "").replace('}', ""));
        keys.push(prefix.replace("${aws:username}", "somebody"));
        keys.push(prefix.chars().skip(1).collect());
    }
    keys.retain(|key| !key.is_empty());
    keys
}

fn properties(prefixes: &[String], key: &str, key_there: &str) -> Value {
    let rule = |prefix: &String, destination: Value| json!({"Filter": {"Prefix": prefix}, "Destination": destination});
    let mut rules = Vec::new();
    for prefix in prefixes {
        rules.push(rule(
            prefix,
            json!({"Bucket": "arn:aws:s3:::here", "Region": WEST,
            "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}),
        ));
        rules.push(rule(
            prefix,
            json!({"Bucket": "arn:aws:s3:::there", "Region": WEST, "AssumeRoleArn": ASSUMED,
            "EncryptionConfiguration": {"ReplicaKmsKeyID": key_there}}),
        ));
    }
    json!({"SourceBucket": "source", "Verification": "None", "Rules": rules})
}

async fn reaches_no_further(prefixes: &[String], others: &[String]) -> Result<(), TestCaseError> {
    let stack = Stack::new();
    let source_key = bucket_with_key(&stack.world, "source", EAST);
    let key = bucket_with_key(&stack.world, "here", WEST);
    let abroad = stack.world.of_account(OTHER);
    let key_there = bucket_with_key(&abroad, "there", WEST);
    OTHER.clone_into(&mut abroad.state().buckets.get_mut("there").unwrap().account);
    stack.world.state().assumable.insert(ASSUMED.into());
    let properties = properties(prefixes, &key, &key_there);
    stack.create("Replication", &properties).await.unwrap();
    let state = stack.world.state();
    let policies: Vec<String> = state.roles["source"]
        .policies
        .written()
        .values()
        .cloned()
        .collect();
    let bucket_policy = state.buckets["there"].policy.as_deref().unwrap();
    let key_policy = &state.keys[&key_there].policy;
    let role = our_role("source");
    for name in keys(prefixes, others) {
        let expected = prefixes
            .iter()
            .any(|prefix| name.starts_with(prefix.as_str()));
        let at = |bucket: &str| format!("arn:aws:s3:::{bucket}/{name}");
        let (source, here, there) = (at("source"), at("here"), at("there"));
        let own = [
            Access::s3("s3:GetObjectVersionForReplication", &source),
            Access::kms("kms:Decrypt", &source_key, EAST, &source),
            Access::s3("s3:ReplicateObject", &here),
            Access::kms("kms:Encrypt", &key, WEST, &here),
            Access::s3("s3:ReplicateDelete", &there),
            Access::kms("kms:GenerateDataKey", &key_there, WEST, &there),
        ];
        for access in &own {
            prop_assert_eq!(
                allowed(&policies, access),
                expected,
                "{:?} for {:?}",
                access,
                prefixes
            );
        }
        let replicate = Access::s3("s3:ReplicateObject", &there);
        prop_assert_eq!(
            lets_in(bucket_policy, &role, &replicate),
            expected,
            "{}",
            &name
        );
        let encrypt = Access::kms("kms:Encrypt", &key_there, WEST, &there);
        prop_assert_eq!(lets_in(key_policy, &role, &encrypt), expected, "{}", &name);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_prefix_reaches_an_object_outside_itself(
        prefixes in prop::collection::btree_set(text(1..5), 1..4),
        others in prop::collection::vec(text(1..6), 0..6),
    ) {
        let prefixes: Vec<String> = prefixes.into_iter().collect();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(reaches_no_further(&prefixes, &others))?;
    }
}
