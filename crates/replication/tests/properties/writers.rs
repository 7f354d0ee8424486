//! Several writers on one bucket at once.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::World;
use crate::aws::faults::Delays;
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, owner, somebodys_notification, somebodys_rule,
};

fn setting() -> World {
    let world = World::default();
    bucket_with_key(&world, "source", EAST);
    bucket_with_key(&world, "one", WEST);
    bucket_with_key(&world, "two", WEST);
    world
}

fn to(destination: &str, verification: &str) -> Value {
    json!({"SourceBucket": "source", "Verification": verification,
           "Rules": [{"Destination": {"Bucket": format!("arn:aws:s3:::{destination}")}}]})
}

/// A caller whose calls take up to `most`, drawn from `seed`.
fn writer(world: &World, seed: u64, most: u64) -> Stack {
    let stack = Stack::in_world(world);
    stack
        .aws
        .delay(Delays::Drawn(seed, Duration::from_millis(most)));
    stack
}

/// What of the two resources is not there that should be.
fn lost(world: &World, names: &[&str]) -> Vec<String> {
    let now = world.snapshot();
    let source = &now.buckets["source"];
    let rules = source
        .replication
        .clone()
        .map_or_else(Vec::new, |found| found.rules);
    let mut lost = Vec::new();
    for name in names {
        let owner = owner(name, "source");
        if !rules.iter().any(|rule| owner.owns(&rule.id)) {
            lost.push(format!("rule of {name}"));
        }
        if !now.roles["source"].4.contains_key(&owner.policy_name()) {
            lost.push(format!("policy of {name}"));
        }
        if !now
            .parameters
            .keys()
            .any(|(_, path)| path.ends_with(owner.as_str()))
        {
            lost.push(format!("parameter of {name}"));
        }
    }
    let priorities: BTreeSet<_> = rules.iter().map(|rule| rule.priority).collect();
    assert_eq!(priorities.len(), rules.len());
    let notified = source.notifications.queues.len();
    if notified != usize::from(!names.is_empty()) {
        lost.push(format!("{notified} failure notifications"));
    }
    lost
}

#[derive(Debug, Default)]
struct Tally {
    runs: u32,
    failed: Vec<(u64, String)>,
    lost: Vec<(u64, Vec<String>)>,
}

impl Tally {
    fn told(&self, what: &str) {
        println!(
            "{what}: {} runs, {} requests failed {:?}, {} runs lost something {:?}",
            self.runs,
            self.failed.len(),
            self.failed.first(),
            self.lost.len(),
            self.lost.iter().take(5).collect::<Vec<_>>(),
        );
    }
}

async fn two_creates(seeds: u64, verification: &str) -> Tally {
    let mut tally = Tally::default();
    for seed in 0..seeds {
        let world = setting();
        let (a, b) = (
            writer(&world, seed, 100),
            writer(&world, seed + 1_000_000, 100),
        );
        let (one, two) = (to("one", verification), to("two", verification));
        let (first, second) = tokio::join!(a.create("A", &one), b.create("B", &two));
        tally.runs += 1;
        for reason in [first, second].into_iter().filter_map(Result::err) {
            tally.failed.push((seed, reason));
        }
        let lost = lost(&world, &["A", "B"]);
        if !lost.is_empty() {
            tally.lost.push((seed, lost));
        }
    }
    tally
}

#[tokio::test(start_paused = true)]
async fn two_creates_at_once_bring_both_through() {
    for verification in ["None", "BestEffort"] {
        let tally = two_creates(100, verification).await;
        tally.told(verification);
        assert!(tally.failed.is_empty() && tally.lost.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_beside_a_delete_keeps_the_one_and_removes_the_other() {
    let mut tally = Tally::default();
    for seed in 0..100 {
        let world = setting();
        let (a, b) = (
            writer(&world, seed, 100),
            writer(&world, seed + 1_000_000, 100),
        );
        let (one, two) = (to("one", "None"), to("two", "None"));
        a.create("A", &one).await.unwrap();
        let (first, second) = tokio::join!(a.delete("A", &one), b.create("B", &two));
        tally.runs += 1;
        for reason in [first, second].into_iter().filter_map(Result::err) {
            tally.failed.push((seed, reason));
        }
        let mut lost = lost(&world, &["B"]);
        let now = world.snapshot();
        let gone = owner("A", "source");
        let rules = now.buckets["source"]
            .replication
            .clone()
            .map_or_else(Vec::new, |found| found.rules);
        if rules.iter().any(|rule| gone.owns(&rule.id)) {
            lost.push("the removal of A's rule".into());
        }
        if now.roles["source"].4.contains_key(&gone.policy_name()) {
            lost.push("the removal of A's policy".into());
        }
        let queues = &now.buckets["source"].notifications.queues;
        if queues.iter().any(|one| gone.owns(&one.id)) {
            lost.push("the hand-over of the notification".into());
        }
        if !lost.is_empty() {
            tally.lost.push((seed, lost));
        }
    }
    tally.told("create beside delete");
    assert!(tally.failed.is_empty() && tally.lost.is_empty());
}

#[tokio::test(start_paused = true)]
async fn two_deletes_at_once_leave_nothing() {
    let mut tally = Tally::default();
    for seed in 0..100 {
        let world = setting();
        let (a, b) = (
            writer(&world, seed, 100),
            writer(&world, seed + 1_000_000, 100),
        );
        let (one, two) = (to("one", "None"), to("two", "None"));
        a.create("A", &one).await.unwrap();
        b.create("B", &two).await.unwrap();
        let (first, second) = tokio::join!(a.delete("A", &one), b.delete("B", &two));
        tally.runs += 1;
        for reason in [first, second].into_iter().filter_map(Result::err) {
            tally.failed.push((seed, reason));
        }
        let now = world.snapshot();
        let source = &now.buckets["source"];
        let mut left = Vec::new();
        if source.replication.is_some() {
            left.push("rules".to_owned());
        }
        if !source.notifications.queues.is_empty() {
            left.push("a notification".to_owned());
        }
        if !now.roles.is_empty() {
            left.push("the role".to_owned());
        }
        if !now.parameters.is_empty() {
            left.push("parameters".to_owned());
        }
        if !left.is_empty() {
            tally.lost.push((seed, left));
        }
    }
    tally.told("two deletes");
    assert!(tally.failed.is_empty());
    // The one that hands its notification to the other may do so after the other has gone. It then
    // stays, for failures of rules that are no more: nobody is left to take it away.
    assert!(
        tally
            .lost
            .iter()
            .all(|(_, left)| left == &["a notification"])
    );
    assert!(
        tally.lost.len() <= 3,
        "{} of {}",
        tally.lost.len(),
        tally.runs
    );
}

/// A stack operation on several resources of one source bucket, beside rules and a notification of
/// somebody's: one is updated to another destination, one deleted, two are created.
#[tokio::test(start_paused = true)]
async fn updates_deletes_and_creates_at_once_lose_nothing_of_anyone() {
    let mut tally = Tally::default();
    for seed in 0..100 {
        let world = setting();
        for name in ["three", "four", "five", "six"] {
            bucket_with_key(&world, name, WEST);
        }
        let writers: Vec<Stack> = (0..4)
            .map(|number| writer(&world, seed + number * 1_000_000, 100))
            .collect();
        let [a, b, c, d] = &writers[..] else {
            unreachable!("four were made")
        };
        let properties = |destination| to(destination, "None");
        a.create("A", &properties("one")).await.unwrap();
        b.create("B", &properties("two")).await.unwrap();
        let theirs = somebodys_rule("theirs", 500, "five");
        {
            let mut state = world.state();
            let now = state.now;
            let source = state.buckets.get_mut("source").unwrap();
            let mut configuration = source.replication.written().clone().unwrap();
            configuration.rules.push(theirs.clone());
            source.replication.write(Some(configuration), now);
            let created = somebodys_notification("theirs", "s3:ObjectCreated:*");
            source.notifications.queues.push(created);
        }
        let (old, new) = (properties("one"), properties("three"));
        let (two, six, four) = (properties("two"), properties("six"), properties("four"));
        let (updated, deleted, first, second) = tokio::join!(
            a.update("A", &old, &new),
            b.delete("B", &two),
            c.create("C", &six),
            d.create("D", &four),
        );
        tally.runs += 1;
        for reason in [updated, deleted, first, second]
            .into_iter()
            .filter_map(Result::err)
        {
            tally.failed.push((seed, reason));
        }
        let queues = {
            let mut state = world.state();
            let source = state.buckets.get_mut("source").unwrap();
            let queues = &mut source.notifications.queues;
            let at = queues.iter().position(|one| one.id == "theirs");
            at.map(|at| queues.remove(at))
        };
        let mut lost = lost(&world, &["A", "C", "D"]);
        if queues.is_none() {
            lost.push("somebody's notification".into());
        }
        let now = world.snapshot();
        let rules = now.buckets["source"].replication.clone().unwrap().rules;
        if !rules.contains(&theirs) {
            lost.push("somebody's rule".into());
        }
        let mut destinations: Vec<&str> = rules
            .iter()
            .map(|rule| rule.destination.bucket.as_str())
            .collect();
        destinations.sort_unstable();
        let wanted = ["five", "four", "six", "three"].map(|name| format!("arn:aws:s3:::{name}"));
        if destinations != wanted {
            lost.push(format!("rules lead to {destinations:?}"));
        }
        let gone = owner("B", "source");
        if now.roles["source"].4.contains_key(&gone.policy_name()) {
            lost.push("the removal of B's policy".into());
        }
        let queues = &now.buckets["source"].notifications.queues;
        if queues.iter().any(|one| gone.owns(&one.id)) {
            lost.push("the hand-over of the notification".into());
        }
        if !lost.is_empty() {
            tally.lost.push((seed, lost));
        }
    }
    tally.told("updates, deletes and creates");
    assert!(tally.failed.is_empty() && tally.lost.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_request_delivered_twice_makes_everything_once() {
    let mut tally = Tally::default();
    for seed in 0..60 {
        let world = World::default();
        let (a, b) = (
            writer(&world, seed, 100),
            writer(&world, seed + 1_000_000, 100),
        );
        let properties = json!({"SourceBucket": "source", "Verification": "None", "Rules": [
            {"Destination": {"Bucket": "arn:aws:s3:::one", "Region": WEST}}]});
        let (first, second) = tokio::join!(a.create("A", &properties), b.create("A", &properties));
        tally.runs += 1;
        for reason in [first, second].into_iter().filter_map(Result::err) {
            tally.failed.push((seed, reason));
        }
        let mut lost = lost(&world, &["A"]);
        let alive = world
            .snapshot()
            .keys
            .values()
            .filter(|key| key.state == "Enabled")
            .count();
        if alive != 2 {
            lost.push(format!("{alive} keys"));
        }
        if !lost.is_empty() {
            tally.lost.push((seed, lost));
        }
    }
    tally.told("delivered twice");
    assert!(tally.failed.is_empty() && tally.lost.is_empty());
}
