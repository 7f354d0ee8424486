//! No bucket, role or policy goes that anything still names.

use std::time::Duration;

use replication::configuration::{ReplicationRule, Status};
use replication::ports::{BucketRef, Objects};
use serde_json::{Value, json};

use crate::aws::World;
use crate::harness::cloudformation::Resource;
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, our_role, somebodys_rule, somebodys_rules, tag,
};

fn to(source: &str, destination: &str) -> Value {
    json!({
        "SourceBucket": source,
        "OnDelete": {"Buckets": "DeleteWhenEmpty", "Keys": "ScheduleDeletion"},
        "Rules": [{"Destination": {"Bucket": format!("arn:aws:s3:::{destination}"), "Region": WEST}}],
    })
}

fn buckets(world: &World) -> Vec<String> {
    world.state().buckets.keys().cloned().collect()
}

async fn arrives(world: &World, bucket: &str, key: &str) {
    world.upload(bucket, key).unwrap();
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(world.replicated(bucket, key), Some("COMPLETED"));
}

#[tokio::test(start_paused = true)]
async fn the_clean_up_of_a_replacement_leaves_what_the_new_one_was_proved_on() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&to("source", "copies")).await.unwrap();
    resource.update(&to("ledger", "copies")).await.unwrap();
    for _ in 0..2 {
        let replaced = resource.clone().clean_up().await.unwrap();
        assert!(replaced.ok(), "{replaced:?}");
        assert_eq!(buckets(&stack.world), ["copies", "ledger"]);
    }
    resource.clean_up().await;
    arrives(&stack.world, "ledger", "after").await;
}

#[tokio::test(start_paused = true)]
async fn a_destination_of_two_stacks_stays_with_the_second() {
    let stack = Stack::new();
    let (mut a, mut b) = (
        Resource::new(&stack, "first", "A"),
        Resource::new(&stack, "second", "B"),
    );
    a.create(&to("source", "copies")).await.unwrap();
    b.create(&to("ledger", "copies")).await.unwrap();
    let told = a.deleted().await.reason();
    assert!(
        told.contains("What a Delete keeps") && told.contains("`copies` stays: "),
        "{told}"
    );
    assert_eq!(buckets(&stack.world), ["copies", "ledger"]);
    arrives(&stack.world, "ledger", "after").await;
}

#[tokio::test(start_paused = true)]
async fn an_expectation_of_anybodys_keeps_the_bucket() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&to("source", "copies")).await.unwrap();
    let name = "/encrypted-replication/copies/audit".to_owned();
    let place = (WEST.to_owned(), name);
    stack
        .world
        .state()
        .parameters
        .insert(place.clone(), "{}".into());
    resource.deleted().await;
    assert_eq!(buckets(&stack.world), ["copies"]);
    assert!(stack.world.state().parameters.contains_key(&place));
    stack.world.upload("copies", "after").unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_source_bucket_with_rules_of_others_stays_though_it_is_empty() {
    let stack = Stack::new();
    let (mut a, mut b) = (
        Resource::new(&stack, "first", "A"),
        Resource::new(&stack, "second", "B"),
    );
    let below = |prefix: &str, destination: &str| {
        let mut properties = to("source", destination);
        properties["Rules"][0]["Filter"] = json!({"Prefix": prefix});
        properties
    };
    a.create(&below("a/", "one")).await.unwrap();
    b.create(&below("b/", "two")).await.unwrap();
    a.deleted().await;
    assert_eq!(buckets(&stack.world), ["source", "two"]);
    arrives(&stack.world, "source", "b/after").await;
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_anothers_source_stays_and_so_does_the_other_direction() {
    let stack = Stack::new();
    let (mut a, mut b) = (
        Resource::new(&stack, "first", "A"),
        Resource::new(&stack, "second", "B"),
    );
    a.create(&to("east", "west")).await.unwrap();
    let mut back = to("west", "east");
    back["SourceRegion"] = json!(WEST);
    back["Rules"][0]["Destination"]["Region"] = json!(EAST);
    b.create(&back).await.unwrap();
    a.deleted().await;
    assert_eq!(buckets(&stack.world), ["east", "west"]);
    arrives(&stack.world, "west", "after").await;
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_a_stack_took_over_is_the_stacks() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&to("source", "copies")).await.unwrap();
    {
        let mut state = stack.world.state();
        let tags = &mut state.buckets.get_mut("copies").unwrap().tags;
        tags.push(tag("aws:cloudformation:stack-name", "theirs"));
    }
    resource.deleted().await;
    assert_eq!(buckets(&stack.world), ["copies"]);
    stack.world.upload("copies", "after").unwrap();
}

fn rules_of_source(stack: &Stack) -> Vec<ReplicationRule> {
    let state = stack.world.state();
    let found = state.buckets["source"].replication.written().clone();
    found.unwrap().rules
}

/// Somebody adds a rule under our role.
fn add_by_hand(stack: &Stack, replica_key: String) {
    let mut by_hand = somebodys_rule("byhand", 9, "copies");
    by_hand.sse_kms_encrypted_objects = Some(Status::Enabled);
    by_hand.destination.replica_kms_key_id = Some(replica_key);
    let with_theirs = [rules_of_source(stack), vec![by_hand]].concat();
    somebodys_rules(&stack.world, "source", &our_role("source"), with_theirs);
}

#[tokio::test(start_paused = true)]
async fn a_rule_by_hand_goes_on_under_the_role_when_the_resource_is_gone() {
    let stack = Stack::new();
    let key = bucket_with_key(&stack.world, "source", EAST);
    let replica_key = bucket_with_key(&stack.world, "copies", WEST);
    let mut properties = to("source", "copies");
    properties["Rules"][0]["Destination"]["EncryptionConfiguration"] =
        json!({"ReplicaKmsKeyID": replica_key});
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&properties).await.unwrap();
    add_by_hand(&stack, replica_key);
    arrives(&stack.world, "source", "byhand/before").await;
    for time in ["once", "twice"] {
        resource.deleted().await;
        let now = stack.world.snapshot();
        let left = now.buckets["source"].replication.clone().unwrap();
        assert_eq!(left.rules.len(), 1);
        assert!(now.roles.contains_key("source"));
        arrives(&stack.world, "source", &format!("byhand/{time}")).await;
    }
    assert_eq!(stack.world.state().keys[&key].state, "Enabled");
    // Once the rule is gone, the same Delete takes the rest along.
    {
        let now = stack.world.state().now;
        let mut state = stack.world.state();
        let source = state.buckets.get_mut("source").unwrap();
        source.replication.write(None, now);
    }
    resource.deleted().await;
    assert!(stack.world.snapshot().roles.is_empty());
}

/// A rule by hand under our role, for what our first rules were for too; the resource leaves it behind.
async fn left_by_an_update(leave: impl Fn(&mut Value)) {
    let stack = Stack::new();
    let source_key = bucket_with_key(&stack.world, "source", EAST);
    let other_key = stack.world.state().add_key(EAST, "CUSTOMER");
    let replica_key = bucket_with_key(&stack.world, "copies", WEST);
    bucket_with_key(&stack.world, "elsewhere", WEST);
    let mut properties = to("source", "copies");
    properties["SourceKmsKeyArns"] = json!([source_key, other_key]);
    properties["Rules"][0]["Destination"]["EncryptionConfiguration"] =
        json!({"ReplicaKmsKeyID": replica_key});
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&properties).await.unwrap();
    add_by_hand(&stack, replica_key);
    leave(&mut properties);
    let told = resource.update(&properties).await.unwrap().0["Data"].clone();
    assert!(
        told["Warnings"]
            .as_str()
            .unwrap()
            .contains("keeps what `byhand`"),
        "{told}"
    );
    let policy = |stack: &Stack| {
        let now = stack.world.snapshot();
        now.roles["source"].4.values().next().unwrap().clone()
    };
    let kept = policy(&stack);
    assert!(!kept.contains(":::copies/*"), "{kept}");
    for key in [&source_key, &other_key] {
        let at = format!("byhand/{}", key.len());
        let source = BucketRef {
            name: "source",
            region: EAST,
        };
        stack
            .world
            .put_object(source, &at, &[], Some(key))
            .await
            .unwrap();
        tokio::time::sleep(std::time::Duration::from_mins(10)).await;
        let state = stack.world.state();
        let version = state.buckets["source"]
            .versions
            .iter()
            .rfind(|version| version.key == at);
        assert_eq!(
            version.unwrap().replication_status,
            Some("COMPLETED"),
            "{kept}"
        );
    }
    let drift = stack.ask(json!({"Action": "DetectDrift"})).await.unwrap();
    assert_eq!(drift["Resources"][0]["Result"], "IN_SYNC", "{drift:#}");
    // Whatever is asked next does not narrow it either, until the rule is gone.
    properties["Revision"] = json!("2");
    resource.update(&properties).await.unwrap();
    assert_eq!(policy(&stack), kept);
    let ours = rules_of_source(&stack)
        .into_iter()
        .filter(|rule| rule.id != "byhand");
    somebodys_rules(&stack.world, "source", &our_role("source"), ours.collect());
    properties["Revision"] = json!("3");
    let told = resource.update(&properties).await.unwrap().0["Data"].clone();
    assert_eq!(told["Warnings"], "");
    assert!(!policy(&stack).contains("byhand"), "{}", policy(&stack));
    resource.deleted().await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_by_hand_outlives_another_prefix_of_ours() {
    left_by_an_update(|properties| {
        properties["Rules"][0]["Filter"] = json!({"Prefix": "ours/"});
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_rule_by_hand_outlives_another_destination_of_ours() {
    left_by_an_update(|properties| {
        properties["Rules"][0]["Destination"] =
            to("source", "elsewhere")["Rules"][0]["Destination"].clone();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_role_of_that_name_elsewhere_is_never_touched() {
    let stack = Stack::new();
    stack.world.state().add_role("source", "/", &[]);
    let mut resource = Resource::new(&stack, "tax", "Replication");
    let [_, back] = resource.create(&to("source", "copies")).await.unwrap_err();
    assert!(back.ok(), "{back:?}");
    assert!(stack.world.snapshot().roles.contains_key("source"));
    assert_eq!(buckets(&stack.world), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_leaves_the_template_stays_with_its_content() {
    let stack = Stack::new();
    let mut resource = Resource::new(&stack, "tax", "Replication");
    resource.create(&to("source", "one")).await.unwrap();
    arrives(&stack.world, "source", "before").await;
    resource.update(&to("source", "two")).await.unwrap();
    let held = |name: &str| stack.world.state().buckets[name].versions.len();
    assert_eq!(held("one"), 1);
    arrives(&stack.world, "source", "after").await;
    assert_eq!((held("one"), held("two")), (1, 1));
    resource.deleted().await;
    assert_eq!(buckets(&stack.world), ["one", "source", "two"]);
    for bucket in ["one", "source", "two"] {
        stack.world.upload(bucket, "still").unwrap();
    }
}
