//! Destinations in another account, with a role to assume there and without.

use custom_resource::{Context, CustomResource, RequestType};
use replication::configuration::Versioning;
use replication::error::ErrorKind;
use replication::owner::Owner;
use serde_json::{Value, json};

use crate::aws::Bucket;
use crate::aws::faults::{When, Which};
use crate::harness::cloudformation::Resource;
use crate::harness::{EAST, Stack, WEST, bucket_with_key, deadline, our_role, owner, probes_left};

const OTHER: &str = "444455556666";
const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destination";

/// In the policy that KMS gives a key made without one. See
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
const DEFAULT_STATEMENT: &str = "Enable IAM User Permissions";

fn properties(destination: &Value) -> Value {
    let mut whole = json!({"Bucket": "arn:aws:s3:::destination", "Region": WEST});
    whole
        .as_object_mut()
        .unwrap()
        .extend(destination.as_object().unwrap().clone());
    json!({"SourceBucket": "source", "Verification": "Required",
           "Rules": [{"Filter": {"Prefix": "Tax/"}, "Destination": whole}]})
}

/// A source of ours, and a role that we may assume in the other account.
fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    stack.world.state().assumable.insert(ASSUMED.into());
    stack
}

/// A versioned bucket of the other account and a key of it.
fn their_bucket(stack: &Stack, name: &str) -> String {
    let world = stack.world.of_account(OTHER);
    let key = bucket_with_key(&world, name, WEST);
    let mut state = world.state();
    OTHER.clone_into(&mut state.buckets.get_mut(name).unwrap().account);
    key
}

fn their_policy() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::destination/*", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}}]})
}

fn sids(policy: &str) -> Vec<String> {
    let policy: Value = serde_json::from_str(policy).unwrap();
    let statements = policy["Statement"].as_array().unwrap().iter();
    statements
        .map(|one| one["Sid"].as_str().unwrap().to_owned())
        .collect()
}

fn of(owner: &Owner, purposes: &[&str]) -> Vec<String> {
    purposes.iter().map(|purpose| owner.sid(purpose)).collect()
}

#[tokio::test(start_paused = true)]
async fn all_of_it_is_made_there_and_proved_and_removed_again() {
    let stack = setting();
    let given = properties(&json!({"AssumeRoleArn": ASSUMED}));
    let answer = stack.create("Replication", &given).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(answer["DestinationStatements"], "");
    assert!(
        answer["ReplicaKmsKeyArns"]
            .as_str()
            .unwrap()
            .starts_with("arn:aws:kms:us-west-2:444455556666:key/")
    );
    assert_eq!(probes_left(&stack.world), []);
    let owner = owner("Replication", "source");
    {
        let state = stack.world.state();
        let bucket = &state.buckets["destination"];
        assert_eq!(
            (bucket.account.as_str(), bucket.versioning),
            (OTHER, Versioning::Enabled)
        );
        assert!(bucket.notifications.event_bridge);
        let policy = bucket.policy.as_deref().unwrap();
        assert_eq!(
            sids(policy),
            of(&owner, &["DestinationBucket", "ReplicaObjects"])
        );
        assert!(policy.contains(&our_role("source")));
        let key = &state.keys[answer["ReplicaKmsKeyArns"].as_str().unwrap()];
        assert_eq!(
            sids(&key.policy),
            [DEFAULT_STATEMENT.to_owned(), owner.sid("ReplicaKey1")]
        );
        let rule = &state.buckets["source"]
            .replication
            .written()
            .as_ref()
            .unwrap()
            .rules[0];
        assert_eq!(rule.destination.account.as_deref(), Some(OTHER));
        // What the checker of the other account goes by.
        let name = owner.parameter_name("destination", 0);
        assert!(state.foreign_parameters[OTHER].contains_key(&(WEST.to_owned(), name)));
        // What the resource was asked for is noted at home.
        let noted: Vec<_> = state.parameters.keys().cloned().collect();
        assert_eq!(noted, [(EAST.to_owned(), owner.record_name(0))]);
    }
    let writes = stack.aws.writes();
    let answer = stack.update("Replication", &given, &given).await.unwrap();
    assert_eq!(
        (&answer["Changes"], stack.aws.writes()),
        (&json!("0"), writes)
    );

    stack.delete("Replication", &given).await.unwrap();
    let state = stack.world.state();
    assert_eq!(state.buckets["destination"].policy, None);
    assert!(state.roles.is_empty() && state.foreign_parameters[OTHER].is_empty());
    let theirs = state.keys.iter().filter(|(arn, _)| arn.contains(OTHER));
    for (_, key) in theirs {
        assert_eq!(sids(&key.policy), [DEFAULT_STATEMENT]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_there_already_gets_our_statements_beside_its_own_and_loses_them_again() {
    let stack = setting();
    let key = their_bucket(&stack, "destination");
    stack
        .world
        .state()
        .buckets
        .get_mut("destination")
        .unwrap()
        .policy = Some(their_policy().to_string());
    let given = properties(&json!({"AssumeRoleArn": ASSUMED,
        "AccessControlTranslation": {"Owner": "Destination"}, "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}));
    let before = stack.world.snapshot();
    let answer = stack.create("Replication", &given).await.unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["ReplicaKmsKeyArns"]),
        (&json!("COMPLETED"), &json!(key))
    );
    let owner = owner("Replication", "source");
    {
        let state = stack.world.state();
        let mut expected = vec!["Theirs".to_owned()];
        expected.extend(of(
            &owner,
            &["DestinationBucket", "ReplicaObjects", "ReplicaOwner"],
        ));
        assert_eq!(
            sids(state.buckets["destination"].policy.as_deref().unwrap()),
            expected
        );
        assert_eq!(
            sids(&state.keys[&key].policy),
            [DEFAULT_STATEMENT.to_owned(), owner.sid("ReplicaKey1")]
        );
    }
    stack.delete("Replication", &given).await.unwrap();
    let now = stack.world.snapshot();
    let policy = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(
        policy(now.buckets["destination"].policy.as_deref().unwrap()),
        their_policy()
    );
    assert_eq!(
        policy(&now.keys[&key].policy),
        policy(&before.keys[&key].policy)
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_that_would_lock_us_out_is_refused_with_what_kms_says() {
    let stack = setting();
    let key = their_bucket(&stack, "destination");
    // Its administrators are named one by one, and the role that is assumed is none of them.
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Sid": "Admin", "Effect": "Allow", "Action": "kms:*",
        "Resource": "*", "Principal": {"AWS": "arn:aws:iam::444455556666:role/admin"}}]});
    stack.world.state().keys.get_mut(&key).unwrap().policy = policy.to_string();
    let given = properties(
        &json!({"AssumeRoleArn": ASSUMED, "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}),
    );
    let error = stack.create("Replication", &given).await.unwrap_err();
    assert!(
        error.contains("update the key policy in the future"),
        "{error}"
    );
    assert_eq!(sids(&stack.world.state().keys[&key].policy), ["Admin"]);
}

#[tokio::test(start_paused = true)]
async fn another_key_and_another_destination_take_the_statements_with_them() {
    let stack = setting();
    let (first, second) = (
        their_bucket(&stack, "destination"),
        their_bucket(&stack, "second"),
    );
    let with_key = |bucket: &str, key: &str| {
        properties(
            &json!({"Bucket": format!("arn:aws:s3:::{bucket}"), "AssumeRoleArn": ASSUMED,
                           "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}),
        )
    };
    let granted = |key: &str| sids(&stack.world.state().keys[key].policy).len() == 2;
    stack
        .create("Replication", &with_key("destination", &first))
        .await
        .unwrap();
    assert!(granted(&first) && !granted(&second));
    stack
        .update(
            "Replication",
            &with_key("destination", &first),
            &with_key("destination", &second),
        )
        .await
        .unwrap();
    assert!(!granted(&first) && granted(&second));
    stack
        .update(
            "Replication",
            &with_key("destination", &second),
            &with_key("second", &second),
        )
        .await
        .unwrap();
    let state = stack.world.state();
    assert_eq!(state.buckets["destination"].policy, None);
    assert!(state.buckets["second"].policy.is_some());
    assert_eq!(state.foreign_parameters[OTHER].len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_role_for_many_destinations_is_assumed_once() {
    let stack = setting();
    let rules: Vec<_> = (1..=3)
        .map(|number| {
            json!({"Filter": {"Prefix": format!("{number}/")}, "Priority": number,
                   "Destination": {"Bucket": format!("arn:aws:s3:::destination-{number}"), "Region": WEST,
                                   "AssumeRoleArn": ASSUMED}})
        })
        .collect();
    let given = json!({"SourceBucket": "source", "Verification": "Required", "Rules": rules});
    let answer = stack.create("Replication", &given).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    let calls = stack.aws.calls();
    let assumed = calls.iter().filter(|made| made.operation == "assuming");
    assert_eq!(assumed.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_cannot_be_assumed_changes_nothing() {
    let stack = setting();
    stack.world.state().assumable.clear();
    let before = stack.world.snapshot();
    let reason = stack
        .create(
            "Replication",
            &properties(&json!({"AssumeRoleArn": ASSUMED})),
        )
        .await
        .unwrap_err();
    assert!(
        reason.contains("not authorized to perform: sts:AssumeRole"),
        "{reason}"
    );
    assert_eq!(
        (stack.world.snapshot(), stack.aws.writes()),
        (before.clone(), 0)
    );
    // Nothing was made, so the rollback has nothing to remove.
    stack
        .delete(
            "Replication",
            &properties(&json!({"AssumeRoleArn": ASSUMED})),
        )
        .await
        .unwrap();
    assert_eq!(stack.world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_can_no_longer_be_assumed_keeps_what_is_there_from_being_forgotten() {
    let stack = setting();
    let given = properties(&json!({"AssumeRoleArn": ASSUMED}));
    stack.create("Replication", &given).await.unwrap();
    stack.world.state().assumable.clear();
    let reason = stack.delete("Replication", &given).await.unwrap_err();
    assert!(reason.starts_with("AssumeRole on role"), "{reason}");
    stack.world.state().assumable.insert(ASSUMED.into());
    stack.delete("Replication", &given).await.unwrap();
    assert_eq!(stack.world.state().buckets["destination"].policy, None);
}

/// Something else than `given` asks for, at the same destination.
fn changed(given: &Value) -> Value {
    let mut changed = given.clone();
    changed["Rules"][0]["Filter"] = json!({"Prefix": "Other/"});
    changed
}

#[tokio::test(start_paused = true)]
async fn an_update_after_the_role_is_gone_is_refused_and_rolled_back() {
    for verification in ["Required", "BestEffort", "None"] {
        // With its Region, and by the key's.
        for region in [json!(WEST), Value::Null] {
            let stack = setting();
            let mut given = properties(&json!({"AssumeRoleArn": ASSUMED}));
            given["Verification"] = json!(verification);
            let mut resource = Resource::new(&stack, "tax", "Replication");
            their_bucket(&stack, "destination");
            if region.is_null() {
                let destination = given["Rules"][0]["Destination"].as_object_mut();
                destination.unwrap().remove("Region");
            }
            let created = resource.create(&given).await.unwrap();
            stack.world.state().assumable.clear();
            let before = stack.world.snapshot();
            let [failed, back] = resource.update(&changed(&given)).await.unwrap_err();
            assert!(failed.reason().contains("AssumeRole on role"), "{failed:?}");
            assert!(back.ok(), "{verification}, {region}: {back:?}");
            assert_eq!(stack.world.snapshot(), before);
            let (told, data) = (&back.0["Data"]["Warnings"], &back.0["Data"]);
            assert!(told.as_str().unwrap().contains(ASSUMED), "{back:?}");
            for same in ["ReplicaKmsKeyArns", "DestinationStatements", "RuleIds"] {
                assert_eq!(data[same], created.0["Data"][same], "{same}");
            }
            // Nothing is forgotten of what waits for the role.
            stack.world.state().assumable.insert(ASSUMED.into());
            resource.update(&changed(&given)).await.unwrap();
            resource.deleted().await;
            assert_eq!(stack.world.state().buckets["destination"].policy, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_roll_back_asks_for_each_role_once() {
    let given = properties(&json!({"AssumeRoleArn": ASSUMED}));
    let mut replaced = given.clone();
    replaced["SourceBucket"] = json!("ledger");
    for (what, refused, denied) in [
        ("a role that is gone", changed(&given), true),
        ("half a replacement", replaced, false),
    ] {
        let stack = setting();
        let mut resource = Resource::new(&stack, "tax", "Replication");
        resource.create(&given).await.unwrap();
        let id = resource.id().to_owned();
        if denied {
            stack.world.state().assumable.clear();
        }
        let every = Which::Every("put_replication");
        stack.aws.fail(every, ErrorKind::AccessDenied, When::Before);
        let update = RequestType::Update;
        let failed = resource.send(update, Some(&id), &refused, Some(&given));
        assert!(!failed.await.ok(), "{what}");
        stack.aws.reset();
        let update = RequestType::Update;
        let back = resource.send(update, Some(&id), &given, Some(&refused));
        let back = back.await;
        assert!(back.ok(), "{what}: {back:?}");
        let calls = stack.aws.calls();
        let assumed = calls.iter().filter(|made| made.operation == "assuming");
        assert_eq!(assumed.count(), 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_loses_the_role_half_way_is_rolled_back_in_our_account() {
    let stack = setting();
    let given = properties(&json!({"AssumeRoleArn": ASSUMED}));
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&given).await.unwrap();
    let rules = || {
        let state = stack.world.state();
        state.buckets["source"].replication.written().clone()
    };
    let (before, id) = (rules(), resource.id().to_owned());
    // The rules are put; what comes after, the record, is refused.
    let every = Which::Every("put_parameter");
    stack.aws.fail(every, ErrorKind::AccessDenied, When::Before);
    let other = changed(&given);
    let update = RequestType::Update;
    let failed = resource.send(update, Some(&id), &other, Some(&given)).await;
    assert!(!failed.ok());
    stack.aws.reset();
    stack.world.state().assumable.clear();
    let update = RequestType::Update;
    let back = resource.send(update, Some(&id), &given, Some(&other)).await;
    assert!(back.ok(), "{back:?}");
    assert_eq!(rules(), before);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_gone_refuses_what_is_no_roll_back() {
    let stack = setting();
    let given = properties(&json!({"AssumeRoleArn": ASSUMED}));
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&given).await.unwrap();
    resource.update(&changed(&given)).await.unwrap();
    stack.world.state().assumable.clear();
    // What was asked for before is not what is there.
    let id = resource.id().to_owned();
    let update = RequestType::Update;
    let other = changed(&given);
    let answer = resource.send(update, Some(&id), &given, Some(&other)).await;
    assert!(answer.reason().contains("AssumeRole on role"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn without_properties_to_read_a_delete_removes_what_is_in_our_own_account() {
    let stack = setting();
    let given = properties(&json!({"AssumeRoleArn": ASSUMED}));
    stack.create("Replication", &given).await.unwrap();
    let unreadable = json!({"SourceBucket": "source", "Rules": "none"});
    stack.delete("Replication", &unreadable).await.unwrap();
    let state = stack.world.state();
    assert!(state.roles.is_empty());
    assert_eq!(*state.buckets["source"].replication.written(), None);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_leaves_the_other_account_is_made_all_the_same() {
    let stack = setting();
    bucket_with_key(&stack.world, "near", WEST);
    stack
        .create(
            "Replication",
            &properties(&json!({"AssumeRoleArn": ASSUMED})),
        )
        .await
        .unwrap();
    let question = json!({"Action": "Plan", "ResourceProperties": properties(&json!({"Bucket": "arn:aws:s3:::near"}))});
    let answer = stack
        .resource()
        .invoke(question, Context::default(), deadline())
        .await
        .unwrap();
    assert_eq!(answer["Faults"], json!([]));
    assert_ne!(answer["Phases"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn a_key_of_our_own_account_serves_their_bucket() {
    let stack = setting();
    their_bucket(&stack, "destination");
    let key = stack.world.state().add_key(WEST, "CUSTOMER");
    let given = properties(
        &json!({"AssumeRoleArn": ASSUMED, "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}),
    );
    let answer = stack.create("Replication", &given).await.unwrap();
    assert_eq!(
        (&answer["Verification"], &answer["ReplicaKmsKeyArns"]),
        (&json!("COMPLETED"), &json!(key))
    );
    let question = json!({"Action": "Diagnose", "ResourceProperties": given});
    let answer = stack
        .resource()
        .invoke(question, Context::default(), deadline())
        .await
        .unwrap();
    assert_eq!(answer["Healthy"], true, "{answer:#}");
    stack.delete("Replication", &given).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_a_role_to_assume_the_statements_are_told_and_nothing_is_touched_there() {
    let stack = setting();
    let key = their_bucket(&stack, "destination");
    let before = stack.world.snapshot();
    let mut given =
        properties(&json!({"Account": OTHER, "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}));
    // Nothing can be proved there.
    let refused = stack.create("Replication", &given).await.unwrap_err();
    assert!(
        refused.contains("of another account, where we may not look for a probe"),
        "{refused}"
    );
    assert_eq!(stack.aws.writes(), 0);
    given["Verification"] = json!("BestEffort");
    let answer = stack.create("Replication", &given).await.unwrap();
    assert_eq!(answer["Verification"], "SKIPPED");
    let told: Value =
        serde_json::from_str(answer["DestinationStatements"].as_str().unwrap()).unwrap();
    let statements =
        |value: &Value| json!({"Version": "2012-10-17", "Statement": value.clone()}).to_string();
    let (bucket, of_key) = (
        &told["BucketPolicies"]["destination"],
        &told["KeyPolicies"][&key],
    );
    assert_eq!(bucket[1]["Principal"]["AWS"], our_role("source"));
    assert_eq!(
        of_key[0]["Action"],
        json!(["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"])
    );
    assert_eq!(
        stack.world.snapshot().buckets["destination"],
        before.buckets["destination"]
    );
    // The other owner adds what was told, and objects arrive.
    {
        let mut state = stack.world.state();
        state.buckets.get_mut("destination").unwrap().policy = Some(statements(bucket));
        state.keys.get_mut(&key).unwrap().policy = statements(of_key);
    }
    let source_key = stack.world.snapshot().buckets["source"]
        .encryption
        .clone()
        .unwrap()
        .kms_key
        .unwrap();
    let at = replication::ports::BucketRef {
        name: "source",
        region: EAST,
    };
    replication::ports::Objects::put_object(&stack.world, at, "Tax/1", &[], Some(&source_key))
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(10)).await;
    assert_eq!(
        stack.world.state().arrivals,
        [("destination".to_owned(), "Tax/1".to_owned())]
    );
    // The plan says the same, and there is nothing left to do.
    let question = json!({"Action": "Plan", "ResourceProperties": given});
    let plan = stack
        .resource()
        .invoke(question, Context::default(), deadline())
        .await
        .unwrap();
    assert_eq!((&plan["Phases"], &plan["Faults"]), (&json!([]), &json!([])));
    assert_eq!(
        plan["Policies"]["BucketPolicyStatements"],
        told["BucketPolicies"]
    );
    assert_eq!(plan["Policies"]["KeyPolicyStatements"], told["KeyPolicies"]);
    let question = json!({"Action": "Diagnose", "ResourceProperties": given});
    let diagnosis = stack
        .resource()
        .invoke(question, Context::default(), deadline())
        .await
        .unwrap();
    assert_eq!(diagnosis["Healthy"], true, "{diagnosis:#}");
    stack.delete("Replication", &given).await.unwrap();
    assert!(stack.world.state().roles.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_theirs_that_lacks_the_role_is_found_where_we_may_look() {
    let stack = setting();
    let given = properties(&json!({"AssumeRoleArn": ASSUMED}));
    stack.create("Replication", &given).await.unwrap();
    stack
        .world
        .state()
        .buckets
        .get_mut("destination")
        .unwrap()
        .policy = Some(their_policy().to_string());
    let question = json!({"Action": "Diagnose", "ResourceProperties": given});
    let answer = stack
        .resource()
        .invoke(question, Context::default(), deadline())
        .await
        .unwrap();
    assert_eq!(answer["Healthy"], false);
    let checks = answer["Checks"].as_array().unwrap();
    let failed = checks
        .iter()
        .find(|check| check["Check"] == "BucketPolicy" && check["Result"] == "FAIL")
        .unwrap();
    assert!(
        failed["Finding"]
            .as_str()
            .unwrap()
            .contains("no policy that allows s3:ReplicateObject"),
        "{failed}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_somebody_else_has_is_refused_and_the_rollback_finds_nothing_to_do() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "destination", WEST);
    let mut theirs = Bucket::new(EAST, stack.world.state().now);
    OTHER.clone_into(&mut theirs.account);
    stack.world.state().buckets.insert("source".into(), theirs);
    let given = properties(&json!({}));
    let reason = stack.create("Replication", &given).await.unwrap_err();
    assert!(reason.contains("failed with AccessDenied"), "{reason}");
    let before = stack.world.snapshot();
    stack.delete("Replication", &given).await.unwrap();
    assert_eq!(stack.world.snapshot(), before);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_aws_manages_serves_no_other_account() {
    let stack = setting();
    their_bucket(&stack, "destination");
    let given = properties(
        &json!({"AssumeRoleArn": ASSUMED, "EncryptionConfiguration": {"ReplicaKmsKeyID": "alias/aws/s3"}}),
    );
    let reason = stack.create("Replication", &given).await.unwrap_err();
    assert!(
        reason.contains("is an AWS managed key, which no other account can use"),
        "{reason}"
    );
    assert_eq!(stack.aws.writes(), 0);
}

/// What stands in another account and in our own where rules led while their successors were not proved.
fn left_at(stack: &Stack, bucket: &str) -> (bool, bool) {
    let state = stack.world.state();
    let of_bucket = format!("/encrypted-replication/{bucket}/");
    let theirs = state.foreign_parameters.values().flatten();
    let mut expected = state.parameters.iter().chain(theirs);
    let expected = expected.any(|((_, name), _)| name.starts_with(&of_bucket));
    let owner = owner("Replication", "source");
    let policy = state.buckets[bucket].policy.clone().unwrap_or_default();
    (expected, policy.contains(owner.as_str()))
}

#[tokio::test(start_paused = true)]
async fn what_was_left_without_proof_is_found_again_by_whatever_comes_next() {
    let rule = |bucket: &str, more: &Value| {
        let mut to = json!({"Bucket": format!("arn:aws:s3:::{bucket}"), "Region": WEST});
        to.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        json!({"SourceBucket": "source", "Rules": [{"Destination": to}]})
    };
    for next in ["Update", "twice", "Delete", "Delete twice"] {
        let stack = setting();
        let world = &stack.world;
        their_bucket(&stack, "destination");
        for name in ["home", "last"] {
            bucket_with_key(world, name, WEST);
        }
        let abroad = rule("destination", &json!({"AssumeRoleArn": ASSUMED}));
        let (home, last) = (rule("home", &json!({})), rule("last", &json!({})));
        let before = world.snapshot().buckets["destination"].policy.clone();
        stack.create("Replication", &abroad).await.unwrap();
        world.replicates_after(None);
        let answer = stack.update("Replication", &abroad, &home).await.unwrap();
        assert_eq!(answer["Verification"], "PENDING");
        assert_eq!(left_at(&stack, "destination"), (true, true));
        let answer = stack.update("Replication", &home, &last).await.unwrap();
        assert_eq!(answer["Verification"], "PENDING", "{next}");
        assert_eq!(left_at(&stack, "destination"), (true, true), "{next}");
        assert_eq!(left_at(&stack, "home"), (true, false), "{next}");
        if next.starts_with("Delete") {
            if next.ends_with("twice") {
                stack.delete("Replication", &last).await.unwrap();
            }
            stack.delete("Replication", &last).await.unwrap();
            assert!(world.state().parameters.is_empty(), "{next}");
        } else {
            world.replicates_after(Some(std::time::Duration::from_secs(3)));
            let answer = stack.update("Replication", &last, &last).await.unwrap();
            assert_eq!(answer["Verification"], "COMPLETED", "{next}");
            if next == "twice" {
                let again = stack.update("Replication", &last, &last).await.unwrap();
                assert_eq!(again["Changes"], "0");
            }
            let record = world
                .state()
                .parameters
                .iter()
                .any(|(_, value)| value.contains("\"left\""));
            assert!(!record);
        }
        assert_eq!(left_at(&stack, "destination"), (false, false), "{next}");
        assert_eq!(left_at(&stack, "home"), (false, false), "{next}");
        assert_eq!(
            world.snapshot().buckets["destination"].policy,
            before,
            "{next}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_left_and_cannot_be_reached_keeps_nothing_from_being_done_and_is_not_forgotten() {
    let stack = setting();
    let world = &stack.world;
    their_bucket(&stack, "destination");
    bucket_with_key(world, "home", WEST);
    let abroad = json!({"SourceBucket": "source", "Rules": [{"Destination": {
        "Bucket": "arn:aws:s3:::destination", "Region": WEST, "AssumeRoleArn": ASSUMED}}]});
    let home = json!({"SourceBucket": "source", "Rules": [{"Destination": {
        "Bucket": "arn:aws:s3:::home", "Region": WEST}}]});
    stack.create("Replication", &abroad).await.unwrap();
    world.replicates_after(None);
    stack.update("Replication", &abroad, &home).await.unwrap();
    world.replicates_after(Some(std::time::Duration::from_secs(3)));
    world.state().assumable.clear();
    let answer = stack.update("Replication", &home, &home).await.unwrap();
    assert_eq!(answer["Verification"], "COMPLETED");
    assert_eq!(left_at(&stack, "destination"), (true, true));
    world.state().assumable.insert(ASSUMED.into());
    stack.update("Replication", &home, &home).await.unwrap();
    assert_eq!(left_at(&stack, "destination"), (false, false));
}
