//! A provisioner that may make no role without a certain permissions boundary.

use serde_json::{Value, json};

use crate::harness::{EAST, Stack, WEST, bucket_with_key, owner};

const REQUIRED: &str = "arn:aws:iam::111122223333:policy/required";

fn properties() -> Value {
    json!({"SourceBucket": "source", "ExistingObjects": "Replicate", "Rules": [
        {"Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}]})
}

/// Two buckets, in an account where IAM refuses the provisioner any other role.
fn setting() -> Stack {
    let stack = Stack::new().requiring(REQUIRED);
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    stack.world.state().required_boundary = Some(REQUIRED.into());
    stack
}

fn boundaries(stack: &Stack) -> Vec<(String, Option<String>)> {
    let roles = stack.world.snapshot().roles;
    let bounded = roles.into_iter().map(|(name, role)| (name, role.2));
    bounded.collect()
}

fn both_bounded() -> Vec<(String, Option<String>)> {
    let job = owner("Replication", "source").batch_role();
    let mut both = vec![
        (job, Some(REQUIRED.to_owned())),
        ("source".to_owned(), Some(REQUIRED.to_owned())),
    ];
    both.sort();
    both
}

#[tokio::test(start_paused = true)]
async fn both_roles_are_made_with_it_though_no_property_names_it() {
    let stack = setting();
    let answer = stack.create("Replication", &properties()).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(boundaries(&stack), both_bounded());
    stack.delete("Replication", &properties()).await.unwrap();
    assert_eq!(boundaries(&stack), []);
}

#[tokio::test(start_paused = true)]
async fn another_one_is_refused_before_anything_is_made() {
    let stack = setting();
    let mut other = properties();
    other["PermissionsBoundary"] = json!("arn:aws:iam::111122223333:policy/wider");
    let reason = stack.create("Replication", &other).await.unwrap_err();
    assert!(
        reason.contains(REQUIRED) && reason.contains("leave the property out"),
        "{reason}"
    );
    assert_eq!(stack.aws.writes(), 0);
    // It can go all the same: what a resource was made with may be older than the installation.
    stack.delete("Replication", &other).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_role_from_before_gets_it_ahead_of_its_policy() {
    let stack = setting();
    stack.world.state().required_boundary = None;
    let earlier = Stack {
        boundary: None,
        ..stack.clone()
    };
    let mut old = properties();
    old["Rules"][0]["Filter"] = json!({"Prefix": "a/"});
    earlier.create("Replication", &old).await.unwrap();
    stack.world.state().required_boundary = Some(REQUIRED.into());
    stack
        .update("Replication", &old, &properties())
        .await
        .unwrap();
    let source = ("source".to_owned(), Some(REQUIRED.to_owned()));
    assert!(
        boundaries(&stack).contains(&source),
        "{:?}",
        boundaries(&stack)
    );
}

#[tokio::test(start_paused = true)]
async fn a_jobs_role_from_before_gets_it_ahead_of_its_policy() {
    let stack = setting();
    stack.create("Replication", &properties()).await.unwrap();
    {
        let mut state = stack.world.state();
        let now = state.now;
        let role = owner("Replication", "source").batch_role();
        let role = state.roles.get_mut(&role).unwrap();
        // As after a request that stopped between the role and its policy.
        role.permissions_boundary = None;
        role.tags.clear();
        role.policies.write(std::collections::BTreeMap::new(), now);
    }
    stack
        .update("Replication", &properties(), &properties())
        .await
        .unwrap();
    assert_eq!(boundaries(&stack), both_bounded());
}

#[tokio::test(start_paused = true)]
async fn without_the_installations_word_iam_refuses_the_role() {
    let stack = Stack {
        boundary: None,
        ..setting()
    };
    let reason = stack
        .create("Replication", &properties())
        .await
        .unwrap_err();
    assert!(
        reason.contains("CreateRole") && reason.contains("AccessDenied"),
        "{reason}"
    );
}
