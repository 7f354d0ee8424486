//! The AWS walkthrough's `replication.json`, pasted.

use serde_json::{Value, json};

use crate::harness::{EAST, Stack, WEST, bucket_with_key, owner};

/// As in <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-walkthrough-4.html>.
fn replication_json(role: &str, key: &str) -> Value {
    json!({
        "Role": role,
        "Rules": [{
            "Status": "Enabled",
            "Priority": 1,
            "DeleteMarkerReplication": {"Status": "Disabled"},
            "Filter": {"Prefix": "Tax"},
            "Destination": {
                "Bucket": "arn:aws:s3:::destination",
                "EncryptionConfiguration": {"ReplicaKmsKeyID": key},
            },
            "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        }],
    })
}

/// The walkthrough's role policy: the encryption context of objects only.
fn policy(source_key: &str, replica_key: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Action": ["s3:ListBucket", "s3:GetReplicationConfiguration",
                    "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"],
         "Effect": "Allow", "Resource": ["arn:aws:s3:::source", "arn:aws:s3:::source/*"]},
        {"Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", "s3:GetObjectVersionTagging"],
         "Effect": "Allow",
         "Condition": {"StringLikeIfExists": {
            "s3:x-amz-server-side-encryption": ["aws:kms", "AES256"],
            "s3:x-amz-server-side-encryption-aws-kms-key-id": [replica_key]}},
         "Resource": "arn:aws:s3:::destination/*"},
        {"Action": ["kms:Decrypt"], "Effect": "Allow",
         "Condition": {"StringLike": {"kms:ViaService": "s3.us-east-1.amazonaws.com",
                                      "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::source/*"]}},
         "Resource": [source_key]},
        {"Action": ["kms:Encrypt"], "Effect": "Allow",
         "Condition": {"StringLike": {"kms:ViaService": "s3.us-west-2.amazonaws.com",
                                      "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::destination/*"]}},
         "Resource": [replica_key]},
    ]})
    .to_string()
}

fn setting(bucket_key: bool) -> (Stack, Value, String) {
    let stack = Stack::new();
    let source_key = bucket_with_key(&stack.world, "source", EAST);
    let replica_key = bucket_with_key(&stack.world, "destination", WEST);
    let mut state = stack.world.state();
    let policy = policy(&source_key, &replica_key);
    let role = state.add_role(
        "replicationRolekmsobj",
        "/",
        &[("replicationRolechangeownerPolicy", &policy)],
    );
    let source = state.buckets.get_mut("source").unwrap();
    source.encryption.as_mut().unwrap().bucket_key_enabled = bucket_key;
    drop(state);
    let pasted = json!({"SourceBucket": "source", "Rules": replication_json(&role, &replica_key)});
    (stack, pasted, role)
}

#[tokio::test(start_paused = true)]
async fn pasted_whole_it_works_and_its_role_stays_untouched() {
    let (stack, properties, role) = setting(false);
    let before = stack.world.snapshot();
    let answer = stack.create("Replication", &properties).await.unwrap();
    assert_eq!(answer["RoleArn"], role);
    assert_eq!(answer["Verification"], "COMPLETED");
    let now = stack.world.snapshot();
    assert_eq!(now.roles, before.roles);
    let replication = now.buckets["source"].replication.as_ref().unwrap();
    assert_eq!(replication.role, role);
    let first = &replication.rules[0];
    assert_eq!(first.id, format!("{}-1", owner("Replication", "source")));
    assert_eq!(
        (
            first.priority,
            first.filter.as_ref().unwrap().prefix.as_str()
        ),
        (Some(1), "Tax")
    );
    stack.delete("Replication", &properties).await.unwrap();
    assert_eq!(stack.world.snapshot().roles, before.roles);
    assert_eq!(
        stack.world.snapshot().buckets["source"],
        before.buckets["source"]
    );
}

#[tokio::test(start_paused = true)]
async fn its_role_fails_as_soon_as_the_bucket_has_a_bucket_key_and_we_say_why() {
    let (stack, properties, role) = setting(true);
    let before = stack.world.snapshot();
    let reason = stack.create("Replication", &properties).await.unwrap_err();
    assert!(
        reason.starts_with("verification failed: S3 reports FAILED for probe object"),
        "{reason}"
    );
    assert!(
        reason.contains(&format!("role `{role}` may not use kms:Decrypt on")),
        "{reason}"
    );
    assert!(
        reason.contains("with encryption context `arn:aws:s3:::source`: no statement allows it"),
        "{reason}"
    );
    // CloudFormation rolls back.
    stack.delete("Replication", &properties).await.unwrap();
    assert_eq!(
        stack.world.snapshot().buckets["source"],
        before.buckets["source"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_role_of_ours_does_what_the_walkthroughs_does_not() {
    let (stack, mut properties, _) = setting(true);
    properties["Rules"].as_object_mut().unwrap().remove("Role");
    let answer = stack.create("Replication", &properties).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn giving_a_role_by_update_removes_our_policy_and_delete_the_role_of_ours() {
    let (stack, given, role) = setting(false);
    let mut ours = given.clone();
    ours["Rules"].as_object_mut().unwrap().remove("Role");
    stack.create("Replication", &ours).await.unwrap();
    let answer = stack.update("Replication", &ours, &given).await.unwrap();
    assert_eq!(answer["RoleArn"], role);
    let now = stack.world.snapshot();
    assert_eq!(
        now.buckets["source"].replication.as_ref().unwrap().role,
        role
    );
    assert!(now.roles.get("source").is_none_or(|role| role.4.is_empty()));
    stack.delete("Replication", &given).await.unwrap();
    assert_eq!(
        stack.world.snapshot().roles.keys().collect::<Vec<_>>(),
        ["replicationRolekmsobj"]
    );
}
