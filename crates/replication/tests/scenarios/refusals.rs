//! What cannot be, told before anything is written.

use serde_json::{Value, json};

use replication::error::ErrorKind;

use crate::aws::World;
use crate::aws::faults::{When, Which};
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, plain_bucket, somebodys_rule, somebodys_rules,
};

fn properties(source_key: &str, replica_key: &str) -> Value {
    json!({"SourceBucket": "source", "SourceKmsKeyArns": [source_key],
           "Rules": [{"Id": "tax", "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST,
                      "EncryptionConfiguration": {"ReplicaKmsKeyID": replica_key}}}]})
}

fn setting() -> (Stack, String, String) {
    let stack = Stack::new();
    let source_key = bucket_with_key(&stack.world, "source", EAST);
    let replica_key = bucket_with_key(&stack.world, "destination", WEST);
    (stack, source_key, replica_key)
}

async fn refused(stack: &Stack, properties: &Value) -> String {
    let before = stack.world.snapshot();
    let reason = stack.create("Replication", properties).await.unwrap_err();
    assert_eq!(stack.aws.writes(), 0, "{reason}");
    assert_eq!(stack.world.snapshot(), before);
    reason
}

#[tokio::test(start_paused = true)]
async fn a_foreign_role_on_the_bucket() {
    let (stack, source, replica) = setting();
    let role = "arn:aws:iam::111122223333:role/theirs";
    let theirs = vec![
        somebodys_rule("a", 1, "destination"),
        somebodys_rule("b", 2, "destination"),
    ];
    somebodys_rules(&stack.world, "source", role, theirs);
    assert_eq!(
        refused(&stack, &properties(&source, &replica)).await,
        "bucket `source`: the bucket's 2 other rule(s) use role `arn:aws:iam::111122223333:role/theirs`, and a bucket \
         has one replication role; give that role as `Role`, with the permissions our rules need, or move those rules \
         into this resource"
    );
}

#[tokio::test(start_paused = true)]
async fn a_v1_rule_on_the_bucket() {
    let (stack, source, replica) = setting();
    let mut v1 = somebodys_rule("old", 1, "destination");
    (v1.filter, v1.priority, v1.delete_marker_replication) = (None, None, None);
    v1.prefix = Some("old/".into());
    let role = "arn:aws:iam::111122223333:role/theirs";
    somebodys_rules(&stack.world, "source", role, vec![v1]);
    let mut properties = properties(&source, &replica);
    properties["Role"] = json!(role);
    assert_eq!(
        refused(&stack, &properties).await,
        "bucket `source`: the bucket's rule `old` is in S3's V1 schema, which allows one destination only and cannot \
         stand beside rules with a Filter; give it `Filter`, `Priority` and `DeleteMarkerReplication` first"
    );
}

#[tokio::test(start_paused = true)]
async fn keys_that_s3_could_not_use() {
    let named = |change: fn(&World, &str), expected: &'static str| (change, expected);
    for (change, expected) in [
        named(
            |world, key| world.state().keys.get_mut(key).unwrap().state = "Disabled".into(),
            "is in state Disabled: enable it (kms:EnableKey)",
        ),
        named(
            |world, key| world.state().keys.get_mut(key).unwrap().state = "PendingDeletion".into(),
            "is in state PendingDeletion: cancel its deletion (kms:CancelKeyDeletion) and enable it",
        ),
        named(
            |world, key| world.state().keys.get_mut(key).unwrap().state = "PendingImport".into(),
            "is in state PendingImport: it must be Enabled",
        ),
        named(
            |world, key| {
                let mut state = world.state();
                let key = state.keys.get_mut(key).unwrap();
                (key.spec, key.usage) = ("RSA_4096".into(), "ENCRYPT_DECRYPT".into());
            },
            "is a RSA_4096 key for ENCRYPT_DECRYPT; S3 uses symmetric encryption keys only",
        ),
        named(
            |world, key| {
                let mut state = world.state();
                let key = state.keys.get_mut(key).unwrap();
                (key.spec, key.usage) = ("HMAC_256".into(), "GENERATE_VERIFY_MAC".into());
            },
            "is a HMAC_256 key for GENERATE_VERIFY_MAC; S3 uses symmetric encryption keys only",
        ),
    ] {
        let (stack, source, replica) = setting();
        change(&stack.world, &replica);
        assert_eq!(
            refused(&stack, &properties(&source, &replica)).await,
            format!("replica key `{replica}` {expected}")
        );
        let (stack, source, replica) = setting();
        change(&stack.world, &source);
        assert_eq!(
            refused(&stack, &properties(&source, &replica)).await,
            format!("source key `{source}` {expected}")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn keys_that_do_not_exist_or_are_elsewhere() {
    let (stack, source, replica) = setting();
    let gone = "arn:aws:kms:us-west-2:111122223333:key/gone";
    assert_eq!(
        refused(&stack, &properties(&source, gone)).await,
        format!(
            "replica key `{gone}` does not exist in us-west-2; give an existing key, or leave it out to have one made"
        )
    );
    let reason = refused(&stack, &properties(&source, &source)).await;
    assert_eq!(
        reason,
        "1 fault in the properties: `Rules[0].Destination.EncryptionConfiguration.ReplicaKmsKeyID`: is in us-east-1, \
         its bucket in us-west-2; S3 uses keys of the bucket's Region only"
    );
    // Without a Region in the template the key's ARN says one, and the bucket is not there.
    let mut properties = properties(&source, &source);
    properties["Rules"][0]["Destination"]
        .as_object_mut()
        .unwrap()
        .remove("Region");
    let reason = refused(&stack, &properties).await;
    assert!(
        reason.contains("bucket `destination`") && reason.contains("us-east-1"),
        "{reason}"
    );
    drop(replica);
}

#[tokio::test(start_paused = true)]
async fn an_alias_is_resolved_once_and_the_rule_gets_the_key() {
    let (stack, source, replica) = setting();
    stack
        .world
        .state()
        .aliases
        .insert((WEST.into(), "alias/tax".into()), replica.clone());
    let answer = stack
        .create("Replication", &properties(&source, "alias/tax"))
        .await
        .unwrap();
    assert_eq!(answer["ReplicaKmsKeyArns"], replica);
    assert_eq!(answer["Verification"], "COMPLETED");
    let now = stack.world.snapshot();
    let rule = &now.buckets["source"].replication.as_ref().unwrap().rules[0];
    assert_eq!(
        rule.destination.replica_kms_key_id.as_deref(),
        Some(replica.as_str())
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_in_another_region_than_said() {
    let (stack, source, replica) = setting();
    let mut wrong = properties(&source, &replica);
    wrong["SourceRegion"] = json!(WEST);
    wrong.as_object_mut().unwrap().remove("SourceKmsKeyArns");
    let reason = refused(&stack, &wrong).await;
    assert!(
        reason.contains("bucket `source` in us-west-2 failed with PermanentRedirect"),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_another_account() {
    let (stack, source, replica) = setting();
    stack.world.state().buckets.remove("destination");
    stack.world.state().strangers.insert("destination".into());
    let reason = refused(&stack, &properties(&source, &replica)).await;
    assert!(
        reason.contains("bucket `destination`") && reason.contains("AccessDenied"),
        "{reason}"
    );
    assert!(
        reason.contains("allow it to the provisioner's role"),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_nothing_places() {
    let (stack, source, _) = setting();
    let nowhere = json!({"SourceBucket": "source", "SourceKmsKeyArns": [source], "Rules": [
        {"Filter": {"Prefix": "a"}, "Destination": {"Bucket": "arn:aws:s3:::nowhere"}},
        {"Filter": {"Prefix": "b"}, "Destination": {"Bucket": "arn:aws:s3:::nowhere"}}]});
    assert_eq!(
        refused(&stack, &nowhere).await,
        "bucket `nowhere` does not exist and nothing says its Region; give `Destination.Region`"
    );
}

#[tokio::test(start_paused = true)]
async fn more_than_the_inline_policies_of_a_role_hold_together() {
    let (stack, source, replica) = setting();
    let long = json!({"Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x".repeat(9_000)}]});
    stack.world.state().add_role(
        "source",
        "/encrypted-replication/",
        &[("another-replication", &long.to_string())],
    );
    let reason = refused(&stack, &properties(&source, &replica)).await;
    assert!(
        reason.contains("characters even without prefixes, beside 9"),
        "{reason}"
    );
    assert!(reason.contains("IAM takes at most 10240"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn what_the_provisioner_may_not_do_is_named_with_the_step_and_the_remedy() {
    for (operation, step) in [
        ("create_role", "while trying to create role `source`: "),
        ("put_role_policy", "while trying to put policy `"),
        (
            "put_parameter",
            "while trying to put parameter `/encrypted-replication/destination/",
        ),
        ("put_notifications", "while trying to send "),
        (
            "put_replication",
            "while trying to put 1 replication rule(s) on bucket `source`: ",
        ),
    ] {
        let (stack, source, replica) = setting();
        let properties = properties(&source, &replica);
        stack.aws.fail(
            Which::Every(operation),
            ErrorKind::AccessDenied,
            When::Before,
        );
        let reason = stack.create("Replication", &properties).await.unwrap_err();
        assert!(reason.starts_with(step), "{operation}: {reason}");
        assert!(
            reason.contains("allow it to the provisioner's role"),
            "{reason}"
        );
        // Rolled back, nothing of ours is left that grants.
        stack.aws.reset();
        stack.delete("Replication", &properties).await.unwrap();
        let now = stack.world.snapshot();
        assert!(now.roles.is_empty() && now.parameters.is_empty());
        assert_eq!(now.buckets["source"].replication, None);
        assert!(now.buckets["source"].notifications.queues.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_elsewhere_is_told_with_its_region() {
    let (stack, source, replica) = setting();
    let mut asked = properties(&source, &replica);
    asked["Rules"][0]["Destination"]["Region"] = json!("eu-west-1");
    asked["Rules"][0]["Destination"]["EncryptionConfiguration"] = json!({});
    let told = "the bucket is in us-west-2; set `Destination.Region` to that";
    let reason = refused(&stack, &asked).await;
    assert!(reason.contains(told), "{reason}");
    let question = |action: &str| json!({"Action": action, "ResourceProperties": asked});
    let plan = stack.ask(question("Plan")).await.unwrap();
    assert!(plan["Faults"].to_string().contains(told), "{plan}");
    let checks = stack.ask(question("Diagnose")).await.unwrap();
    assert!(checks["Checks"].to_string().contains(told), "{checks}");
    let mut elsewhere = properties(&source, &replica);
    elsewhere["SourceRegion"] = json!("eu-west-1");
    elsewhere["SourceKmsKeyArns"] = serde_json::Value::Null;
    let reason = refused(&stack, &elsewhere).await;
    assert!(
        reason.contains("the bucket is in us-east-1; set `SourceRegion` to that"),
        "{reason}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_name_that_s3_takes_no_more_is_taken_where_it_is() {
    let old = "ABCD_Central_1";
    let asked = json!({"SourceBucket": old, "Verification": "None", "Rules": [
        {"Destination": {"Bucket": "arn:aws:s3:::old_bucket", "Region": EAST}}]});
    let stack = Stack::new();
    bucket_with_key(&stack.world, "old_bucket", EAST);
    let reason = refused(&stack, &asked).await;
    assert!(
        reason.contains(&format!(
            "bucket `{old}` does not exist, and S3 makes none of that name any more"
        )),
        "{reason}"
    );
    bucket_with_key(&stack.world, old, EAST);
    stack.create("Replication", &asked).await.unwrap();
    stack.delete("Replication", &asked).await.unwrap();
}

/// Role names end at 64 characters, aliases at 256, old bucket names at 255.
#[tokio::test(start_paused = true)]
async fn the_longest_name_that_a_bucket_ever_had_is_taken_where_it_is() {
    let (source, replica) = ("S_".repeat(127) + "1", "D_".repeat(127) + "1");
    let asked = json!({"SourceBucket": source, "Rules": [
        {"Destination": {"Bucket": format!("arn:aws:s3:::{replica}"), "Region": EAST}}]});
    let stack = Stack::new();
    plain_bucket(&stack.world, &source, EAST);
    plain_bucket(&stack.world, &replica, EAST);
    let done = stack.create("Replication", &asked).await.unwrap();
    assert_eq!(done["Verification"], "COMPLETED", "{done:?}");
    let drift = stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
    assert_eq!(drift["Resources"][0]["Result"], "IN_SYNC", "{drift}");
    stack.delete("Replication", &asked).await.unwrap();
    assert!(stack.world.snapshot().roles.is_empty());
}

#[tokio::test(start_paused = true)]
async fn every_fault_of_the_properties_at_once() {
    let stack = Stack::new();
    let reason = refused(
        &stack,
        &json!({"SourceBucket": "UPPER CASE", "Verificaton": "None", "Rules": [
            {"Id": "a", "Priority": "1", "Destination": {"Bucket": "destination"}},
            {"Id": "a", "Priority": "1", "Destination": {"Bucket": "arn:aws:s3:::destination"}}]}),
    )
    .await;
    for part in [
        "5 faults in the properties",
        "`Verificaton`: is not a property here; did you mean `Verification`?",
        "`SourceBucket`: `UPPER CASE` is no bucket name",
        "`Rules[0].Destination.Bucket`: `destination` is not a bucket's ARN; write arn:aws:s3:::NAME",
        "`Rules[1].Id`: `a` is the Id of Rules[0] too",
        "`Rules[1].Priority`: 1 is the priority of Rules[0] too",
    ] {
        assert!(reason.contains(part), "{part} not in {reason}");
    }
    assert_eq!(stack.aws.calls(), []);
}
