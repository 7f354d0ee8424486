//! What S3's rules have had since November 2026: exclusions, and the source's multi-Region key.

use std::time::Duration;

use replication::ports::{BucketRef, Objects};
use serde_json::{Value, json};

use crate::harness::{EAST, Stack, WEST, bucket_with_key, owner};

const SOURCE: BucketRef<'_> = BucketRef {
    name: "source",
    region: EAST,
};

fn rule(filter: &Value, key: &str) -> Value {
    json!({"Filter": filter, "Destination": {"Bucket": "arn:aws:s3:::destination",
           "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}})
}

#[tokio::test(start_paused = true)]
async fn what_is_left_out_goes_by_the_next_rule_or_stays_and_both_keys_are_expected() {
    let stack = Stack::new();
    let source = bucket_with_key(&stack.world, "source", EAST);
    let wide = bucket_with_key(&stack.world, "destination", WEST);
    let narrow = stack.world.state().add_key(WEST, "CUSTOMER");
    let tag = json!({"Key": "secret", "Value": "yes"});
    let but = json!({"And": {"Prefix": "Tax/", "Not": {"Or": {"Prefixes": ["Tax/drafts/"], "Tags": [tag]}}}});
    let mut rules = [
        rule(&but, &narrow),
        rule(&json!({"Prefix": "Tax/dr"}), &wide),
    ];
    rules[0]["Priority"] = json!(2);
    rules[1]["Priority"] = json!(1);
    let properties = json!({"SourceBucket": "source", "Verification": "Required", "Rules": rules});
    let answer = stack.create("Replication", &properties).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");

    let secret = [crate::harness::tag("secret", "yes")];
    let uploads = [
        ("Tax/a", &[][..]),
        ("Tax/drafts/a", &[]),
        ("Tax/b", &secret),
        ("Tax/drift", &[]),
    ];
    for (key, tags) in uploads {
        stack
            .world
            .put_object(SOURCE, key, tags, Some(&source))
            .await
            .unwrap();
    }
    tokio::time::sleep(Duration::from_mins(1)).await;
    let state = stack.world.state();
    let replicas = state.buckets["destination"].versions.iter();
    let arrived: Vec<_> = replicas
        .map(|one| (one.key.as_str(), one.kms_key.as_deref().unwrap()))
        .collect();
    let expected = [
        ("Tax/a", narrow.as_str()),
        ("Tax/drafts/a", &wide),
        ("Tax/drift", &narrow),
    ];
    assert_eq!(arrived, expected);

    // What a key's name does not tell leaves room for the next rule.
    let name = owner("Replication", "source").parameter_name("destination", 0);
    let value: Value = serde_json::from_str(&state.parameters[&(WEST.to_owned(), name)]).unwrap();
    let lines = value["rules"].as_array().unwrap().iter();
    let keys: Vec<_> = lines
        .filter(|line| line["prefix"] == "Tax/dr")
        .map(|line| line["kmsKeyArn"].as_str().unwrap())
        .collect();
    assert!(keys.contains(&wide.as_str()), "{value}");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_leaves_out_what_a_probe_would_be_called_is_not_probed() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    let key = bucket_with_key(&stack.world, "destination", WEST);
    let but = json!({"And": {"Prefix": "Tax/", "Not": {"Prefix": "Tax/."}}});
    let properties = json!({"SourceBucket": "source", "Rules": [rule(&but, &key)]});
    let answer = stack.create("Replication", &properties).await.unwrap();
    assert_eq!(answer["Verification"], "SKIPPED");
}

/// A bucket and a multi-Region key in its Region.
fn bucket_with_multi_region_key(stack: &Stack, bucket: &str, region: &str) -> String {
    let single = bucket_with_key(&stack.world, bucket, region);
    let arn = format!("arn:aws:kms:{region}:111122223333:key/mrk-1");
    let mut state = stack.world.state();
    let key = state.keys.remove(&single).unwrap();
    state.keys.insert(arn.clone(), key);
    let bucket = state.buckets.get_mut(bucket).unwrap();
    bucket.encryption.as_mut().unwrap().kms_key = Some(arn.clone());
    arn
}

#[tokio::test(start_paused = true)]
async fn the_related_key_is_asked_for_where_all_source_keys_have_it() {
    let stack = Stack::new();
    let source = bucket_with_multi_region_key(&stack, "source", EAST);
    let replica = bucket_with_multi_region_key(&stack, "destination", WEST);
    let mut wanted = rule(&json!({"Prefix": "Tax/"}), &replica);
    wanted["Destination"]["EncryptionConfiguration"]["UseSourceMultiRegionKey"] =
        json!({"Status": "Enabled"});
    let mut properties =
        json!({"SourceBucket": "source", "Verification": "Required", "Rules": [wanted]});
    let answer = stack.create("Replication", &properties).await.unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["ReplicaKmsKeyArns"]),
        (&json!("COMPLETED"), &json!(replica))
    );
    let now = stack.world.snapshot();
    let rules = &now.buckets["source"].replication.as_ref().unwrap().rules;
    assert_eq!(
        rules[0].destination.use_source_multi_region_key,
        Some(replication::configuration::Status::Enabled)
    );
    let other = stack.world.state().add_key(EAST, "CUSTOMER");
    let before = properties.clone();
    properties["SourceKmsKeyArns"] = json!([source, other]);
    let reason = stack
        .update("Replication", &before, &properties)
        .await
        .unwrap_err();
    assert!(
        reason.contains(&format!(
            "source key `{other}` is not of one set of multi-Region keys"
        )),
        "{reason}"
    );
}
