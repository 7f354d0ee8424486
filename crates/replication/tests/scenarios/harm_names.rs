//! No key goes that anybody names, by whatever name and wherever.

use replication::configuration::{AsRead, DefaultEncryption, Status};
use serde_json::{Value, json};

use crate::aws::World;
use crate::harness::cloudformation::Resource;
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, plain_bucket, somebodys_rule, somebodys_rules,
};

fn keys_go(source: &str, destination: &str) -> Value {
    json!({
        "SourceBucket": source, "OnDelete": {"Keys": "ScheduleDeletion"},
        "Rules": [{"Destination": {"Bucket": format!("arn:aws:s3:::{destination}"), "Region": WEST}}],
    })
}

/// ARN of the key that a resource made for a bucket.
fn key_for(world: &World, resource: &Resource, bucket: &str) -> String {
    let state = world.state();
    let alias = format!("alias/encrypted-replication/{}/{bucket}", resource.owner());
    let mut aliases = state.aliases.iter();
    let (_, arn) = aliases.find(|((_, name), _)| *name == alias).unwrap();
    arn.clone()
}

fn states(world: &World, keys: [&str; 2]) -> [String; 2] {
    let state = world.state();
    keys.map(|key| state.keys[key].state.clone())
}

/// A resource between two buckets that hold nothing, with an alias of somebody's for each of its keys.
async fn with_aliases() -> (Stack, Resource, [String; 2]) {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    plain_bucket(&stack.world, "one", WEST);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&keys_go("source", "one")).await.unwrap();
    let keys = ["source", "one"].map(|bucket| key_for(&stack.world, &resource, bucket));
    {
        let mut state = stack.world.state();
        for (region, key) in [EAST, WEST].into_iter().zip(&keys) {
            let alias = (region.to_owned(), "alias/tax".to_owned());
            state.aliases.insert(alias, key.clone());
        }
    }
    (stack, resource, keys)
}

#[tokio::test(start_paused = true)]
async fn a_default_encryption_that_names_the_key_by_somebodys_alias_keeps_it() {
    for by_arn in [false, true] {
        let (stack, resource, keys) = with_aliases().await;
        {
            let mut state = stack.world.state();
            for (bucket, region) in [("source", EAST), ("one", WEST)] {
                let arn = format!("arn:aws:kms:{region}:111122223333:alias/tax");
                let name = if by_arn { arn } else { "alias/tax".to_owned() };
                state.buckets.get_mut(bucket).unwrap().encryption = Some(DefaultEncryption {
                    algorithm: "aws:kms".into(),
                    kms_key: Some(name),
                    bucket_key_enabled: true,
                    blocked: Vec::new(),
                    as_read: AsRead::default(),
                });
            }
        }
        let deleted = resource.deleted().await;
        let kept = states(&stack.world, [&keys[0], &keys[1]]);
        assert_eq!(kept, ["Enabled", "Enabled"]);
        let told = deleted.reason();
        assert!(
            told.contains("the default encryption of bucket `one` names it"),
            "{told}"
        );
        for bucket in ["source", "one"] {
            stack.world.upload(bucket, "after").unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_resource_that_names_the_keys_by_somebodys_alias_keeps_them() {
    let (stack, resource, keys) = with_aliases().await;
    let given = json!({
        "SourceBucket": "ledger", "SourceKmsKeyArns": ["alias/tax"],
        "Rules": [{"Destination": {"Bucket": "arn:aws:s3:::copies", "Region": WEST,
                   "EncryptionConfiguration": {"ReplicaKmsKeyID": "alias/tax"}}}],
    });
    let mut other = Resource::new(&stack, "second", "Other");
    other.create(&given).await.unwrap();
    resource.deleted().await;
    let kept = states(&stack.world, [&keys[0], &keys[1]]);
    assert_eq!(kept, ["Enabled", "Enabled"]);
    // An alias that nobody names keeps nothing.
    other.deleted().await;
    resource.deleted().await;
    let gone = states(&stack.world, [&keys[0], &keys[1]]);
    assert_eq!(gone, ["PendingDeletion", "PendingDeletion"]);
}

#[tokio::test(start_paused = true)]
async fn an_alias_of_that_name_that_leads_elsewhere_keeps_nothing() {
    let (stack, resource, keys) = with_aliases().await;
    let theirs = bucket_with_key(&stack.world, "two", WEST);
    {
        let mut state = stack.world.state();
        let alias = (WEST.to_owned(), "alias/tax".to_owned());
        state.aliases.insert(alias, theirs.clone());
        let mut default = state.buckets["two"].encryption.clone();
        default.as_mut().unwrap().kms_key = Some("alias/tax".into());
        state.buckets.get_mut("one").unwrap().encryption = default;
    }
    resource.deleted().await;
    assert_eq!(
        states(&stack.world, [&keys[1], &theirs]),
        ["PendingDeletion", "Enabled"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_leads_on_from_a_destination_keeps_the_key_that_it_names() {
    let (stack, resource, keys) = with_aliases().await;
    bucket_with_key(&stack.world, "further", WEST);
    for name in [keys[1].as_str(), "alias/tax"] {
        let mut rule = somebodys_rule("further", 1, "further");
        rule.sse_kms_encrypted_objects = Some(Status::Enabled);
        rule.destination.replica_kms_key_id = Some(name.to_owned());
        let theirs = stack.world.state().add_role("theirs", "/", &[]);
        somebodys_rules(&stack.world, "one", &theirs, vec![rule]);
        let deleted = resource.deleted().await;
        assert_eq!(states(&stack.world, [&keys[1], &keys[1]])[0], "Enabled");
        let told = deleted.reason();
        assert!(
            told.contains("rule `further` of bucket `one` needs it"),
            "{told}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_made_for_one_bucket_stays_while_another_of_the_resources_holds_anything() {
    for by_alias in [false, true] {
        let (stack, mut resource, keys) = with_aliases().await;
        bucket_with_key(&stack.world, "two", WEST);
        let name = if by_alias { "alias/tax" } else { &keys[1] };
        let mut given = keys_go("source", "one");
        given["Rules"][0]["Filter"] = json!({"Prefix": "a/"});
        let further = json!({"Filter": {"Prefix": "b/"}, "Destination": {"Bucket": "arn:aws:s3:::two",
            "Region": WEST, "EncryptionConfiguration": {"ReplicaKmsKeyID": name}}});
        given["Rules"].as_array_mut().unwrap().push(further);
        resource.update(&given).await.unwrap();
        stack.world.upload("source", "b/kept").unwrap();
        tokio::time::sleep(std::time::Duration::from_secs(10)).await;
        assert_eq!(
            stack.world.state().buckets["two"].versions[0].kms_key,
            Some(keys[1].clone())
        );
        let deleted = resource.deleted().await;
        // Twice, as Lambda may deliver it: the rules are gone by then.
        resource.deleted().await;
        assert_eq!(states(&stack.world, [&keys[1], &keys[1]])[0], "Enabled");
        let told = deleted.reason();
        assert!(
            told.contains("bucket `two` holds object versions"),
            "{told}"
        );
    }
}
