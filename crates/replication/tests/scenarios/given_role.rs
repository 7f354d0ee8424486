//! A role that `Role` names is looked at where the bucket's rules do not go by it yet: a probe does not tell by
//! which role it came.

use std::time::Duration;

use replication::error::ErrorKind;
use serde_json::{Value, json};

use crate::aws::faults::{When, Which};
use crate::harness::cloudformation::Resource;
use crate::harness::{EAST, Stack, WEST, bucket_with_key, our_role};

const ROLE: &str = "arn:aws:iam::111122223333:role/carrier";

fn setting() -> (Stack, Resource) {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "copies", WEST);
    let resource = Resource::new(&stack, "tax", "Replication");
    (stack, resource)
}

fn ours() -> Value {
    json!({"SourceBucket": "source", "Rules": [
        {"Id": "all", "Destination": {"Bucket": "arn:aws:s3:::copies", "Region": WEST}}]})
}

fn given(role: &str, verification: &str) -> Value {
    let mut properties = ours();
    properties["Role"] = json!(role);
    properties["Verification"] = json!(verification);
    properties
}

fn allowing(action: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": "*"}]})
    .to_string()
}

fn role_of_rules(stack: &Stack) -> String {
    let found = stack.world.snapshot().buckets["source"].replication.clone();
    found.unwrap().role
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_there_is_refused_before_anything_is_written() {
    for verification in ["None", "BestEffort", "Required"] {
        let (stack, mut resource) = setting();
        resource.create(&ours()).await.unwrap();
        stack.world.in_force_after(Duration::from_mins(30));
        let before = stack.world.snapshot();
        let asked = given(ROLE, verification);
        let question = json!({"Action": "Plan", "ResourceProperties": asked, "PhysicalResourceId": resource.id()});
        let plan = stack.ask(question).await.unwrap();
        let fault = format!(
            "role `{ROLE}` does not exist; create it first, or leave `Role` out to get one made"
        );
        assert!(plan["Faults"].to_string().contains(&fault), "{plan:#}");
        let [failed, back] = resource.update(&asked).await.unwrap_err();
        assert!(failed.reason().contains(&fault), "{failed:?}");
        assert!(back.ok(), "{back:?}");
        assert_eq!(stack.world.snapshot(), before);
    }
    let (stack, mut resource) = setting();
    let before = stack.world.snapshot();
    let [failed, back] = resource.create(&given(ROLE, "None")).await.unwrap_err();
    assert!(
        failed.reason().contains("does not exist") && back.ok(),
        "{failed:?}"
    );
    assert_eq!(stack.world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn a_role_of_that_name_under_another_path_is_named() {
    let (stack, mut resource) = setting();
    let there = stack
        .world
        .state()
        .add_role("carrier", "/teams/", &[("all", &allowing("*"))]);
    let [failed, _] = resource.create(&given(ROLE, "None")).await.unwrap_err();
    let told = format!("the one of that name is `{there}`: give its ARN as `Role`");
    assert!(failed.reason().contains(&told), "{failed:?}");
    resource.create(&given(&there, "Required")).await.unwrap();
}

/// The template that names it may have made it a moment ago.
#[tokio::test(start_paused = true)]
async fn a_role_that_iam_does_not_know_yet_is_waited_for() {
    let (stack, mut resource) = setting();
    let world = stack.world.clone();
    let made = async {
        tokio::time::sleep(Duration::from_secs(8)).await;
        world
            .state()
            .add_role("carrier", "/", &[("all", &allowing("*"))]);
    };
    let asked = given(ROLE, "Required");
    let (created, ()) = tokio::join!(resource.create(&asked), made);
    assert_eq!(created.unwrap().0["Data"]["Verification"], "COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_cannot_be_looked_at_is_not_refused() {
    let (stack, mut resource) = setting();
    stack
        .world
        .state()
        .add_role("carrier", "/", &[("all", &allowing("*"))]);
    stack.aws.fail(
        Which::Every("simulate"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    resource.create(&given(ROLE, "Required")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_the_checks_find_of_a_new_role_outweighs_a_probe_that_came_by_the_old_one() {
    for verification in ["BestEffort", "Required"] {
        for trusted in [false, true] {
            let (stack, mut resource) = setting();
            resource.create(&ours()).await.unwrap();
            let lacks = allowing("s3:*");
            {
                let mut state = stack.world.state();
                state.add_role("carrier", "/", &[("some", &lacks)]);
                if !trusted {
                    let role = state.roles.get_mut("carrier").unwrap();
                    role.trust_policy = role
                        .trust_policy
                        .replace("s3.amazonaws.com", "ec2.amazonaws.com");
                }
            }
            tokio::time::sleep(Duration::from_hours(1)).await;
            // Longer than any probe takes, and where the checks leave no doubt as long as S3 likes.
            let lag = if trusted { 100 } else { 1_800 };
            stack.world.in_force_after(Duration::from_secs(lag));
            let [failed, back] = resource
                .update(&given(ROLE, verification))
                .await
                .unwrap_err();
            let told = if trusted {
                "may not use kms:"
            } else {
                "trust policy"
            };
            let reason = failed.reason();
            assert!(reason.contains(told), "{reason}");
            assert_eq!(reason.contains("perhaps by role"), !trusted, "{reason}");
            assert!(back.ok(), "{back:?}");
            assert_eq!(role_of_rules(&stack), our_role("source"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_does_is_gone_over_to_and_back() {
    let (stack, mut resource) = setting();
    resource.create(&ours()).await.unwrap();
    stack
        .world
        .state()
        .add_role("carrier", "/", &[("all", &allowing("*"))]);
    stack.world.in_force_after(Duration::from_secs(20));
    for (properties, role) in [
        (given(ROLE, "Required"), ROLE.to_owned()),
        (ours(), our_role("source")),
    ] {
        let answer = resource.update(&properties).await.unwrap();
        assert_eq!(answer.0["Data"]["Verification"], "COMPLETED", "{answer:?}");
        assert_eq!(role_of_rules(&stack), role);
    }
}
