//! A provisioner that may make no role without a certain permissions boundary.

use std::collections::BTreeSet;

use replication::configuration::ObjectLock;
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
async fn a_look_for_drift_knows_of_it() {
    let stack = setting();
    stack.create("Replication", &properties()).await.unwrap();
    let result = async || {
        let answer = stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
        answer["Resources"][0]["Result"].clone()
    };
    assert_eq!(result().await, "IN_SYNC");
    let wider = "arn:aws:iam::111122223333:policy/wider";
    {
        let mut state = stack.world.state();
        let role = state.roles.get_mut("source").unwrap();
        role.permissions_boundary = Some(wider.to_owned());
    }
    assert_eq!(result().await, "DRIFTED");
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

/// What the statements of a policy allow, whatever on.
fn actions(document: &Value) -> BTreeSet<String> {
    let statements = document["Statement"].as_array().unwrap().iter();
    statements
        .flat_map(|statement| match &statement["Action"] {
            Value::Array(many) => many.clone(),
            one => vec![one.clone()],
        })
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_templates_boundary_allows_what_our_roles_do_and_nothing_else() {
    let stack = setting();
    for bucket in stack.world.state().buckets.values_mut() {
        bucket.object_lock = ObjectLock::On;
    }
    let mut all = properties();
    all["Rules"][0]["Destination"]["Account"] = json!("111122223333");
    all["Rules"][0]["Destination"]["AccessControlTranslation"] = json!({"Owner": "Destination"});
    stack.create("Replication", &all).await.unwrap();
    let mut taken = BTreeSet::new();
    for role in stack.world.snapshot().roles.values() {
        for document in role.4.values() {
            taken.extend(actions(&serde_json::from_str(document).unwrap()));
        }
    }
    let path = "../../template.yaml";
    let text = std::fs::read_to_string(path).unwrap();
    let template: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    let policy = &template["Resources"]["ReplicationRoleBoundary"]["Properties"]["PolicyDocument"];
    let mut allowed = BTreeSet::new();
    for statement in policy["Statement"].as_sequence().unwrap() {
        let only_action =
            json!({"Statement": [{"Action": serde_json::to_value(&statement["Action"]).unwrap()}]});
        allowed.extend(actions(&only_action));
    }
    assert_eq!(allowed, taken);
}
