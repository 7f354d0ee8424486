//! What never succeeded takes away what it made, and nothing else.

use replication::configuration::ObjectLock;
use replication::error::ErrorKind;
use serde_json::{Value, json};

use crate::aws::faults::{When, Which};
use crate::harness::cloudformation::Resource;
use crate::harness::{EAST, Stack, WEST, bucket_with_key, plain_bucket};

fn properties(source: &str) -> Value {
    json!({
        "SourceBucket": source,
        "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::copies", "Region": WEST}}],
    })
}

/// S3 does not take the rules, for a role that may not be passed.
fn refusing_rules(stack: &Stack) {
    let every = Which::Every("put_replication");
    stack.aws.fail(every, ErrorKind::AccessDenied, When::Before);
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_thrice_leaves_no_bucket_and_no_key() {
    for operation in [
        "put_replication",
        "put_role_policy",
        "put_parameter",
        "put_notifications",
        "enable_versioning",
        "put_default_encryption",
        "create_role",
        "create_alias",
    ] {
        let stack = Stack::new();
        for name in ["first", "second", "third"] {
            // The marker that is left of the failure is a parameter too.
            let which = if operation == "put_parameter" {
                Which::First(1, operation)
            } else {
                Which::Every(operation)
            };
            stack.aws.fail(which, ErrorKind::AccessDenied, When::Before);
            let mut resource = Resource::new(&stack, name, "Replication");
            let [failed, back] = resource.create(&properties("source")).await.unwrap_err();
            assert!(back.ok(), "{operation} {failed:?} {back:?}");
            let now = stack.world.snapshot();
            let left = (now.buckets.len(), now.roles.len(), now.parameters.len());
            assert_eq!(left, (0, 0, 0), "{operation} {name}");
            assert!(now.keys.values().all(|key| key.state == "PendingDeletion"));
            stack.aws.reset();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_adopted_stays_as_it_was() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    plain_bucket(&stack.world, "copies", WEST);
    let before = stack.world.snapshot();
    refusing_rules(&stack);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    let [_, back] = resource.create(&properties("source")).await.unwrap_err();
    assert!(back.ok(), "{back:?}");
    let now = stack.world.snapshot();
    for name in ["source", "copies"] {
        let (was, is) = (&before.buckets[name], &now.buckets[name]);
        assert_eq!((&was.encryption, &was.tags), (&is.encryption, &is.tags));
    }
    assert!(now.keys.values().all(|key| key.state == "PendingDeletion"));
}

#[tokio::test(start_paused = true)]
async fn what_somebody_uploaded_meanwhile_stays_with_its_key() {
    let stack = Stack::new();
    refusing_rules(&stack);
    let resource = Resource::new(&stack, "tax", "Replication");
    let failed = resource
        .send(
            custom_resource::RequestType::Create,
            None,
            &properties("source"),
            None,
        )
        .await;
    stack.world.upload("source", "meanwhile").unwrap();
    let id = failed.id();
    let back = resource
        .send(
            custom_resource::RequestType::Delete,
            Some(&id),
            &properties("source"),
            None,
        )
        .await;
    assert!(back.ok(), "{back:?}");
    assert_eq!(
        stack.world.snapshot().buckets.keys().collect::<Vec<_>>(),
        ["source"]
    );
    stack.world.upload("source", "after").unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_succeeded_once_keeps_its_buckets_however_often_it_is_deleted() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&properties("source")).await.unwrap();
    for _ in 0..3 {
        resource.deleted().await;
        let now = stack.world.snapshot();
        assert_eq!(now.buckets.len(), 2);
        assert!(now.keys.values().all(|key| key.state == "Enabled"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_fails_and_then_succeeds_is_like_one_that_succeeded() {
    let stack = Stack::new();
    stack.aws.fail(
        Which::Every("put_replication"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    let mut resource = Resource::new(&stack, "tax", "Replication");
    let failed = resource
        .send(
            custom_resource::RequestType::Create,
            None,
            &properties("source"),
            None,
        )
        .await;
    assert!(!failed.ok());
    // With --disable-rollback the same is tried again.
    stack.aws.reset();
    resource.create(&properties("source")).await.unwrap();
    assert_eq!(stack.world.snapshot().parameters.len(), 1);
    resource.deleted().await;
    assert_eq!(stack.world.snapshot().buckets.len(), 2);
    assert!(stack.world.snapshot().parameters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_update_that_fails_takes_nothing_of_what_is_in_use() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&properties("source")).await.unwrap();
    let mut changed = properties("source");
    changed["Rules"][0]["Filter"] = json!({"Prefix": "a/"});
    refusing_rules(&stack);
    let [_, back] = resource.update(&changed).await.unwrap_err();
    // Nothing had been put, so that nothing is to be put back.
    assert!(back.ok(), "{back:?}");
    stack.aws.reset();
    resource.deleted().await;
    assert_eq!(stack.world.snapshot().buckets.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn half_a_replacement_is_taken_away_by_its_roll_back() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&properties("source")).await.unwrap();
    let before = stack.world.snapshot();
    stack.aws.fail(
        Which::First(1, "put_replication"),
        ErrorKind::AccessDenied,
        When::Before,
    );
    stack.aws.reset();
    refusing_rules(&stack);
    let [failed, back] = resource.update(&properties("ledger")).await.unwrap_err();
    assert_eq!(failed.id(), resource.id());
    assert!(back.ok(), "{back:?}");
    let now = stack.world.snapshot();
    assert_eq!(now.buckets, before.buckets);
    assert_eq!(now.roles, before.roles);
    assert_eq!(now.parameters, before.parameters);
    let new_keys = now
        .keys
        .iter()
        .filter(|(arn, _)| !before.keys.contains_key(*arn));
    for (_, key) in new_keys {
        assert_eq!(key.state, "PendingDeletion");
    }
    stack.aws.reset();
    resource.deleted().await;
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_succeeded_is_deleted_by_its_own_id_when_the_stack_goes_back() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&properties("source")).await.unwrap();
    resource.update(&properties("ledger")).await.unwrap();
    // Another resource of the stack fails: back to the first, then the clean-up of the second.
    resource.update(&properties("source")).await.unwrap();
    let cleaned = resource.clean_up().await.unwrap();
    assert!(cleaned.ok());
    let now = stack.world.snapshot();
    assert!(now.buckets["source"].replication.is_some());
    assert!(now.buckets["ledger"].replication.is_none());
    // Its word, and what the other's replicas were right by.
    assert_eq!(now.parameters.len(), 2);
    assert_eq!(now.buckets.len(), 3);
    resource.deleted().await;
    assert!(stack.world.snapshot().parameters.is_empty());
}

/// What somebody did, and how.
type Change<'a> = (&'a str, &'a dyn Fn(&Stack));

/// A retention that somebody sets, or an alias that somebody deletes, stands in no way back.
#[tokio::test(start_paused = true)]
async fn what_somebody_changed_meanwhile_keeps_no_stack_from_going_back() {
    let locked = |bucket: &'static str| {
        move |stack: &Stack| {
            let mut state = stack.world.state();
            state.buckets.get_mut(bucket).unwrap().object_lock = ObjectLock::Retaining;
        }
    };
    let unnamed = |region: &'static str| {
        move |stack: &Stack| {
            let alias = (region.to_owned(), "alias/given".to_owned());
            stack.world.state().aliases.remove(&alias).unwrap();
        }
    };
    let changes: [Change; 4] = [
        ("destination locked", &locked("copies")),
        ("source locked", &locked("source")),
        ("replica key's alias gone", &unnamed(WEST)),
        ("source key's alias gone", &unnamed(EAST)),
    ];
    for (what, change) in changes {
        let stack = Stack::new();
        for (bucket, region) in [("source", EAST), ("copies", WEST)] {
            let key = bucket_with_key(&stack.world, bucket, region);
            let alias = (region.to_owned(), "alias/given".to_owned());
            let mut state = stack.world.state();
            state.aliases.insert(alias, key);
            state.buckets.get_mut(bucket).unwrap().object_lock = ObjectLock::On;
        }
        let mut given = properties("source");
        given["Verification"] = json!("Required");
        given["SourceKmsKeyArns"] = json!(["alias/given"]);
        let named = json!({"ReplicaKmsKeyID": "alias/given"});
        given["Rules"][0]["Destination"]["EncryptionConfiguration"] = named;
        let mut resource = Resource::new(&stack, "tax", "Replication");
        resource.create(&given).await.unwrap();
        let before = stack.world.snapshot();
        change(&stack);
        // A further rule cannot be: its key is not there.
        let mut more = given.clone();
        let mut further = given["Rules"][0].clone();
        further["Filter"] = json!({"Prefix": "further/"});
        further["Destination"]["EncryptionConfiguration"] =
            json!({"ReplicaKmsKeyID": "alias/none"});
        more["Rules"].as_array_mut().unwrap().push(further);
        let [failed, back] = resource.update(&more).await.unwrap_err();
        assert!(failed.reason().contains("alias/none"), "{what} {failed:?}");
        assert!(back.ok(), "{what} {back:?}");
        let now = stack.world.snapshot();
        let rules = |seen: &crate::aws::Snapshot| seen.buckets["source"].replication.clone();
        assert_eq!(rules(&now), rules(&before), "{what}");
        assert_eq!(now.roles, before.roles, "{what}");
    }
}

/// Nor does a default encryption that somebody gave the source.
#[tokio::test(start_paused = true)]
async fn a_default_key_that_cannot_be_used_keeps_no_stack_from_going_back() {
    let stack = Stack::new();
    for (bucket, region) in [("source", EAST), ("copies", WEST)] {
        bucket_with_key(&stack.world, bucket, region);
    }
    let given = properties("source");
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&given).await.unwrap();
    {
        let mut state = stack.world.state();
        let key = state.add_key(EAST, "CUSTOMER");
        "Disabled".clone_into(&mut state.keys.get_mut(&key).unwrap().state);
        let source = state.buckets.get_mut("source").unwrap();
        source.encryption.as_mut().unwrap().kms_key = Some(key);
    }
    let mut more = given.clone();
    let mut further = given["Rules"][0].clone();
    further["Filter"] = json!({"Prefix": "further/"});
    further["Destination"]["EncryptionConfiguration"] = json!({"ReplicaKmsKeyID": "alias/none"});
    more["Rules"].as_array_mut().unwrap().push(further);
    let [failed, back] = resource.update(&more).await.unwrap_err();
    assert!(failed.reason().contains("alias/none"), "{failed:?}");
    assert!(back.ok(), "{back:?}");
}
