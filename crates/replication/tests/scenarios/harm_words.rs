//! What an owner said of a bucket that it leaves is known for as long as others speak of the bucket.

use expectation::Document;
use serde_json::{Value, json};

use crate::aws::World;
use crate::harness::cloudformation::Resource;
use crate::harness::{Stack, WEST};

fn to(source: &str, destinations: &[&str]) -> Value {
    let rules = destinations.iter().map(|destination| {
        json!({"Id": destination, "Destination": {
            "Bucket": format!("arn:aws:s3:::{destination}"), "Region": WEST}})
    });
    json!({
        "SourceBucket": source,
        "OnDelete": {"Buckets": "DeleteWhenEmpty", "Keys": "ScheduleDeletion"},
        "Rules": rules.collect::<Vec<_>>(),
    })
}

/// The parameters about a bucket, by owner.
fn said(world: &World, bucket: &str) -> Vec<(String, Document)> {
    let path = format!("/encrypted-replication/{bucket}/");
    let state = world.state();
    let parameters = state.parameters.iter();
    let said = parameters.filter_map(|((_, name), text)| {
        let owner = name.strip_prefix(&path)?.to_owned();
        Some((owner, Document::read(text).unwrap()))
    });
    said.collect()
}

fn of(world: &World, bucket: &str, resource: &Resource) -> Document {
    let mut said = said(world, bucket).into_iter();
    let found = said.find(|(owner, _)| owner == resource.owner());
    found.unwrap().1
}

/// Two stacks whose rules lead to one bucket.
async fn two(destinations: &[&str]) -> (Stack, Resource, Resource) {
    let stack = Stack::new();
    let (mut a, mut b) = (
        Resource::new(&stack, "first", "A"),
        Resource::new(&stack, "second", "B"),
    );
    a.create(&to("source", destinations)).await.unwrap();
    b.create(&to("ledger", &["copies"])).await.unwrap();
    (stack, a, b)
}

const HOUR: i64 = 60 * 60;

#[tokio::test(start_paused = true)]
async fn what_was_right_is_known_while_another_stack_speaks_of_the_bucket() {
    let (stack, a, b) = two(&["copies"]).await;
    let world = &stack.world;
    let before = of(world, "copies", &a);
    let now = |world: &World| world.state().time_of(tokio::time::Instant::now()).secs();
    let began = now(world);
    a.deleted().await;
    let left = of(world, "copies", &a);
    assert_eq!(
        (left.source.as_str(), left.rules.len()),
        ("arn:aws:s3:::source", 1)
    );
    let line = &left.rules[0];
    assert_eq!(line.kms_key_arn, before.rules[0].kms_key_arn);
    let until = line.until.unwrap().secs();
    assert!(
        (began + HOUR..=now(world) + HOUR).contains(&until),
        "{until}"
    );
    assert!((began..=now(world)).contains(&left.left.unwrap().secs()));
    assert_eq!(of(world, "copies", &b).left, None);
    // However often and late it is deleted.
    tokio::time::sleep(std::time::Duration::from_hours(48)).await;
    a.deleted().await;
    assert_eq!(of(world, "copies", &a), left);
    // Whoever leaves last takes all of it away.
    b.deleted().await;
    assert_eq!(said(world, "copies"), []);
    assert!(world.state().parameters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_that_leave_at_once_leave_nothing() {
    for seed in 0..20 {
        let (stack, a, b) = two(&["copies"]).await;
        stack.aws.delay(crate::aws::faults::Delays::Drawn(
            seed,
            std::time::Duration::from_millis(400),
        ));
        let (first, second) = futures_util::future::join(a.deleted(), b.deleted()).await;
        assert!(first.ok() && second.ok());
        assert!(stack.world.state().parameters.is_empty(), "{seed}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_left_behind_keeps_no_bucket_and_no_key() {
    let (stack, a, b) = two(&["copies"]).await;
    b.deleted().await;
    assert_eq!(said(&stack.world, "copies").len(), 2);
    let told = a.deleted().await;
    assert_eq!(told.reason(), "");
    let state = stack.world.state();
    assert!(state.buckets.is_empty() && state.parameters.is_empty());
    let mut keys = state.keys.values().filter(|key| key.manager == "CUSTOMER");
    assert!(keys.all(|key| key.state == "PendingDeletion"));
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_left_and_come_back_to() {
    let (stack, mut a, b) = two(&["copies", "others"]).await;
    let world = &stack.world;
    let before = of(world, "copies", &a);
    a.update(&to("source", &["others"])).await.unwrap();
    let left = of(world, "copies", &a);
    assert!(left.left.is_some() && left.rules[0].until.is_some());
    // That is all that is to be done there.
    let drift = stack
        .ask(json!({"Action": "DetectDrift", "Report": false}))
        .await;
    let drift = drift.unwrap();
    for resource in drift["Resources"].as_array().unwrap() {
        assert_eq!(resource["Result"], "IN_SYNC", "{resource}");
    }
    a.update(&to("source", &["copies", "others"]))
        .await
        .unwrap();
    assert_eq!(of(world, "copies", &a), before);
    a.update(&to("source", &["others"])).await.unwrap();
    // It was left while another spoke, who takes it away as the last one.
    b.deleted().await;
    assert_eq!(said(world, "copies"), []);
    a.deleted().await;
    assert!(world.state().parameters.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_destination_that_is_left_by_the_only_one_who_speaks_of_it() {
    let stack = Stack::new();
    let mut a = Resource::new(&stack, "first", "A");
    a.create(&to("source", &["copies", "others"]))
        .await
        .unwrap();
    a.update(&to("source", &["others"])).await.unwrap();
    assert_eq!(said(&stack.world, "copies"), []);
    a.deleted().await;
    assert!(stack.world.state().parameters.is_empty());
}
