//! Whom the policies that the provisioner writes let in.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::aws::World;
use crate::harness::{EAST, Stack, WEST, bucket_with_key, our_role, owner};

const OTHER: &str = "444455556666";
const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destination";

/// Every principal that a policy with a principal allows something, with what bears the policy.
fn let_in(world: &World) -> BTreeSet<(String, String)> {
    let state = world.state();
    let mut documents = Vec::new();
    for (name, role) in &state.roles {
        documents.push((format!("role {name}"), role.trust_policy.clone()));
    }
    for (name, bucket) in &state.buckets {
        documents.extend(
            bucket
                .policy
                .clone()
                .map(|policy| (format!("bucket {name}"), policy)),
        );
    }
    for (arn, key) in &state.keys {
        let account = arn.split(':').nth(4).unwrap();
        documents.push((format!("key of {account}"), key.policy.clone()));
    }
    let mut found = BTreeSet::new();
    for (whose, document) in documents {
        let document: Value = serde_json::from_str(&document).unwrap();
        for statement in document["Statement"].as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow", "{statement}");
            for (kind, principals) in statement["Principal"].as_object().unwrap() {
                let principal = principals.as_str().unwrap();
                found.insert((whose.clone(), format!("{kind} {principal}")));
            }
        }
    }
    found
}

/// S3 is not documented to send `aws:SourceAccount` or `aws:SourceArn` when it assumes a role, neither
/// to replicate nor for a batch job, see <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html>
/// and <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-iam-role-policies.html>; so these
/// two trust policies, and no others, let a service in without a condition.
#[tokio::test(start_paused = true)]
async fn s3_into_its_roles_the_replication_role_into_the_other_account_and_nobody_else() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    stack.world.state().assumable.insert(ASSUMED.into());
    let properties = json!({"SourceBucket": "source", "ExistingObjects": "Replicate", "Rules": [
        {"Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::here", "Region": WEST}},
        {"Filter": {"Prefix": "b/"}, "Destination":
            {"Bucket": "arn:aws:s3:::there", "Region": WEST, "AssumeRoleArn": ASSUMED}}]});
    stack.create("Replication", &properties).await.unwrap();
    let job = owner("Replication", "source").batch_role();
    let expected = [
        (
            "role source".to_owned(),
            "Service s3.amazonaws.com".to_owned(),
        ),
        (
            format!("role {job}"),
            "Service batchoperations.s3.amazonaws.com".to_owned(),
        ),
        (
            "bucket there".to_owned(),
            format!("AWS {}", our_role("source")),
        ),
        (
            format!("key of {OTHER}"),
            format!("AWS {}", our_role("source")),
        ),
        (
            format!("key of {OTHER}"),
            format!("AWS arn:aws:iam::{OTHER}:root"),
        ),
        (
            "key of 111122223333".to_owned(),
            "AWS arn:aws:iam::111122223333:root".to_owned(),
        ),
    ];
    assert_eq!(let_in(&stack.world), BTreeSet::from(expected));
}
