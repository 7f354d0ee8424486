//! A proof is about what people do: they name no key, and each rule counts by itself.

use serde_json::{Value, json};

use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, owner, plain_bucket, probes_left, request,
};
use custom_resource::RequestType;

const OTHER: &str = "444455556666";

fn rules() -> Value {
    json!([{"Id": "home", "Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::one"}}])
}

fn properties(source_keys: &[&String], verification: &str) -> Value {
    json!({"SourceBucket": "source", "SourceKmsKeyArns": source_keys, "Verification": verification, "Rules": rules()})
}

/// A source under its own default key, and another key there.
fn setting() -> (Stack, String, String) {
    let stack = Stack::new();
    let default = bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "one", WEST);
    let other = stack.world.state().add_key(EAST, "CUSTOMER");
    (stack, default, other)
}

#[tokio::test(start_paused = true)]
async fn keys_without_the_buckets_own_default_are_refused_before_anything_is_made() {
    for verification in ["Required", "BestEffort", "None"] {
        let (stack, default, other) = setting();
        let reason = stack
            .create("Replication", &properties(&[&other], verification))
            .await
            .unwrap_err();
        assert!(
            reason.contains(&format!(
                "bucket `source` encrypts uploads that name no key with `{default}`, its default, which \
                 `SourceKmsKeyArns` does not have"
            )),
            "{reason}"
        );
        assert_eq!(stack.aws.writes(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_counts_by_whatever_name_the_bucket_and_the_template_have_for_it() {
    let (stack, default, other) = setting();
    {
        let mut state = stack.world.state();
        state
            .aliases
            .insert((EAST.into(), "alias/tax".into()), default.clone());
        let source = state.buckets.get_mut("source").unwrap();
        source.encryption.as_mut().unwrap().kms_key = Some("alias/tax".into());
    }
    let given = properties(&[&default, &other], "Required");
    let answer = stack.create("Replication", &given).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    // One as people upload, and one under the further key.
    assert_eq!(stack.world.state().arrivals.len(), 2);
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn a_default_that_somebody_changed_since_is_found_by_an_ordinary_upload() {
    let (stack, default, other) = setting();
    let given = properties(&[&default], "Required");
    stack.create("Replication", &given).await.unwrap();
    {
        let mut state = stack.world.state();
        let source = state.buckets.get_mut("source").unwrap();
        source.encryption.as_mut().unwrap().kms_key = Some(other);
    }
    let mut changed = given.clone();
    changed["Revision"] = json!("look again");
    let reason = stack
        .update("Replication", &given, &changed)
        .await
        .unwrap_err();
    assert!(
        reason.contains("S3 reports FAILED for probe object `a/.encrypted-replication-probe-")
            && reason.contains("uploaded without naming a key"),
        "{reason}"
    );
    assert_eq!(probes_left(&stack.world), []);
    // The stack gets back to where it was: a refusal would leave it where nothing helps any more.
    let answer = stack.update("Replication", &changed, &given).await.unwrap();
    assert_eq!(answer["Verification"], "SKIPPED");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_whose_uploads_are_not_encrypted_with_kms_is_proved_under_the_keys_that_are_named()
{
    let (stack, _, other) = setting();
    plain_bucket(&stack.world, "source", EAST);
    let answer = stack
        .create("Replication", &properties(&[&other], "Required"))
        .await
        .unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(stack.world.state().arrivals.len(), 1);
    // Ordinary uploads arrive as they are, which no proof under a named key shows.
    let told = answer["Warnings"].as_str().unwrap();
    assert!(
        told.contains("encrypts uploads that name no key with SSE-S3"),
        "{told}"
    );
}

/// One rule at home, one to another account where nobody may look.
fn with_abroad(stack: &Stack, verification: &str) -> Value {
    let there = stack.world.of_account(OTHER);
    let key = bucket_with_key(&there, "abroad", WEST);
    there.state().buckets.get_mut("abroad").unwrap().account = OTHER.into();
    let mut given =
        json!({"SourceBucket": "source", "Verification": verification, "Rules": rules()});
    given["Rules"]
        .as_array_mut()
        .unwrap()
        .push(json!({"Id": "abroad", "Filter": {"Prefix": "b/"},
        "Destination": {"Bucket": "arn:aws:s3:::abroad", "Account": OTHER,
                        "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}}));
    given
}

#[tokio::test(start_paused = true)]
async fn what_was_not_proved_is_told_by_rule() {
    let (stack, ..) = setting();
    let given = with_abroad(&stack, "BestEffort");
    let request = request(RequestType::Create, "Replication", &given);
    let answer = stack.deliver(&request).await.unwrap();
    let abroad = format!("{}-abroad", owner("Replication", "source"));
    assert_eq!(answer.data["Verification"], "COMPLETED");
    assert_eq!(answer.data["Unproved"], abroad.as_str());
    let reason = answer.reason.unwrap();
    assert!(
        reason.starts_with("not proved: bucket `abroad` is in another account")
            && reason.contains(&abroad),
        "{reason}"
    );
    // Nothing went there.
    assert_eq!(probes_left(&stack.world), []);
    assert!(
        stack
            .world
            .state()
            .arrivals
            .iter()
            .all(|(bucket, _)| bucket == "one")
    );
    // It is so still.
    let answer = stack.update("Replication", &given, &given).await.unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["Changes"]),
        (&json!("SKIPPED"), &json!("0"))
    );
    assert_eq!(answer["Unproved"], abroad.as_str());
}

#[tokio::test(start_paused = true)]
async fn required_refuses_a_rule_that_nothing_can_prove() {
    let (stack, ..) = setting();
    let given = with_abroad(&stack, "Required");
    let reason = stack.create("Replication", &given).await.unwrap_err();
    assert!(
        reason.contains("`Verification` is Required, but rule `")
            && reason.contains("-abroad` leads to bucket `abroad`"),
        "{reason}"
    );
    assert_eq!(stack.aws.writes(), 0);

    // Where it is there already, it is refused all the same, and the way back is open.
    let (stack, ..) = setting();
    let before = with_abroad(&stack, "BestEffort");
    stack.create("Replication", &before).await.unwrap();
    let mut given = before.clone();
    given["Verification"] = json!("Required");
    let reason = stack
        .update("Replication", &before, &given)
        .await
        .unwrap_err();
    assert!(reason.contains("where we may not look"), "{reason}");
    stack.update("Replication", &given, &before).await.unwrap();
    assert_eq!(probes_left(&stack.world), []);
}

#[tokio::test(start_paused = true)]
async fn without_a_probe_no_rule_is_proved() {
    let (stack, ..) = setting();
    let given = json!({"SourceBucket": "source", "Verification": "None", "Rules": rules()});
    let answer = stack.create("Replication", &given).await.unwrap();
    let home = format!("{}-home", owner("Replication", "source"));
    assert_eq!(answer["Unproved"], home.as_str());
    // A disabled one has nothing to prove.
    let mut off = given.clone();
    off["Rules"][0]["Status"] = json!("Disabled");
    let answer = stack.update("Replication", &given, &off).await.unwrap();
    assert_eq!(answer["Unproved"], "");
}

#[tokio::test(start_paused = true)]
async fn one_rule_that_fails_leaves_the_others_proved() {
    let (stack, ..) = setting();
    bucket_with_key(&stack.world, "two", WEST);
    let mut given = json!({"SourceBucket": "source", "Verification": "None", "Rules": rules()});
    given["Rules"].as_array_mut().unwrap().push(
        json!({"Id": "second", "Filter": {"Prefix": "b/"}, "Destination": {"Bucket": "arn:aws:s3:::two"}}),
    );
    stack.create("Replication", &given).await.unwrap();
    // Nobody sees why: the destination takes no versions, but says so nowhere that we look.
    stack
        .world
        .state()
        .refused_destinations
        .insert("two".into());
    let mut changed = given.clone();
    changed["Verification"] = json!("BestEffort");
    let answer = stack.update("Replication", &given, &changed).await.unwrap();
    let second = format!("{}-second", owner("Replication", "source"));
    assert_eq!(answer["Verification"], "PENDING");
    assert_eq!(answer["Unproved"], second.as_str());
    assert_eq!(probes_left(&stack.world), []);
    // Required says which.
    let mut required = changed.clone();
    required["Verification"] = json!("Required");
    let reason = stack
        .update("Replication", &changed, &required)
        .await
        .unwrap_err();
    assert!(reason.contains(&format!("(rule `{second}`)")), "{reason}");
    assert!(!reason.contains("-home`"), "{reason}");
}
