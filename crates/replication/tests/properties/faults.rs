//! Every call failing, in every way, before and after its effect.

use std::collections::BTreeMap;

use replication::error::ErrorKind;
use serde_json::{Value, json};

use super::normal::Normal;
use crate::aws::World;
use crate::aws::faults::{When, Which};
use crate::harness::{Answer, EAST, Stack, WEST, bucket_with_key, plain_bucket, probes_left};

const KINDS: [ErrorKind; 7] = [
    ErrorKind::NotFound,
    ErrorKind::AlreadyExists,
    ErrorKind::AccessDenied,
    ErrorKind::WrongRegion,
    ErrorKind::Conflict,
    ErrorKind::Invalid,
    ErrorKind::Transient,
];

/// What the design cannot help, each with the reason.
const KNOWN: [(&str, &str); 4] = [
    // KMS names a key only in the answer. One whose answer got lost stays without alias, and costs, until
    // somebody finds it by its owner tag.
    ("create_key", "leaves a key without alias, After"),
    // S3 does not say whether a bucket that is there now was made by the call whose answer got lost.
    // Such a bucket is taken as somebody's: it keeps SSE-S3 as its default, and stays at Delete.
    ("create_bucket", "ends elsewhere"),
    // AWS says that the parameter is gone, and it is not.
    ("delete_parameter", "ends elsewhere"),
    // AWS says that there are no rules, and there are: nothing then leads to the old destination.
    ("replication", "ends elsewhere"),
];

const OTHER: &str = "444455556666";
const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destination";

/// A request, and what must have been done before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Create,
    Update,
    Delete,
}

#[derive(Clone, Copy, Debug)]
enum Start {
    Nothing,
    Adopted,
    /// The destinations are another account's.
    Abroad,
}

impl Start {
    fn world(self) -> World {
        let world = World::default();
        match self {
            Self::Nothing => {}
            Self::Adopted => {
                plain_bucket(&world, "source", EAST);
                bucket_with_key(&world, "one", WEST);
                bucket_with_key(&world, "two", WEST);
            }
            Self::Abroad => {
                plain_bucket(&world, "source", EAST);
                let there = world.of_account(OTHER);
                for name in ["one", "two"] {
                    bucket_with_key(&there, name, WEST);
                    let mut state = there.state();
                    let bucket = state.buckets.get_mut(name).unwrap();
                    OTHER.clone_into(&mut bucket.account);
                }
                world.state().assumable.insert(ASSUMED.into());
            }
        }
        world
    }
}

fn old(start: Start) -> Value {
    let mut old = json!({"SourceBucket": "source",
           "OnDelete": {"Buckets": "DeleteWhenEmpty", "Keys": "ScheduleDeletion"},
           "Rules": [{"Filter": {"Prefix": "a/"}, "Destination": {"Bucket": "arn:aws:s3:::one", "Region": WEST}}]});
    if let Start::Abroad = start {
        old["Rules"][0]["Destination"]["AssumeRoleArn"] = json!(ASSUMED);
    }
    old
}

fn new(start: Start) -> Value {
    let mut new = old(start);
    new["PermissionsBoundary"] = json!("arn:aws:iam::111122223333:policy/boundary");
    new["Rules"][0]["Destination"]["Bucket"] = json!("arn:aws:s3:::two");
    new
}

/// The world before the request.
async fn before(start: Start, ask: Ask) -> Stack {
    let stack = Stack::in_world(&start.world());
    if ask != Ask::Create {
        stack.create("Replication", &old(start)).await.unwrap();
    }
    stack.aws.reset();
    stack
}

async fn carry_out(stack: &Stack, start: Start, ask: Ask) -> Answer {
    match ask {
        Ask::Create => stack.create("Replication", &old(start)).await,
        Ask::Update => stack.update("Replication", &old(start), &new(start)).await,
        Ask::Delete => stack.delete("Replication", &old(start)).await,
    }
}

/// What was seen, and how often, with the first place.
type Seen = BTreeMap<String, (usize, String)>;

async fn every_fault(start: Start, ask: Ask, seen: &mut Seen) -> usize {
    let clean = before(start, ask).await;
    carry_out(&clean, start, ask).await.unwrap();
    let calls = clean.aws.calls();
    let expected = Normal::of(&clean.world);
    let origin = Normal::of(&start.world());
    let mut runs = 0;
    for (number, made) in calls.iter().enumerate() {
        for kind in KINDS {
            for when in [When::Before, When::After] {
                // A call that was refused has had no effect. One whose answer got lost has, and so
                // has one that the SDK repeated by itself, which then finds its own work.
                let repeated = match kind {
                    ErrorKind::AlreadyExists => {
                        made.operation.starts_with("create") && made.operation != "create_key"
                    }
                    ErrorKind::NotFound => made.operation.starts_with("delete"),
                    ErrorKind::Conflict => made.operation.starts_with("schedule"),
                    kind => kind == ErrorKind::Transient,
                };
                if when == When::After && !repeated {
                    continue;
                }
                runs += 1;
                let stack = before(start, ask).await;
                let place = format!(
                    "{start:?} {ask:?}, call {number} {} {kind:?} {when:?}",
                    made.operation
                );
                let mut note = |what: String| {
                    let known = |(operation, start): &(&str, &str)| {
                        made.operation == *operation && what.starts_with(start)
                    };
                    if KNOWN.iter().any(known) {
                        return;
                    }
                    let entry = seen.entry(format!("{ask:?} {} {what}", made.operation));
                    entry.or_insert((0, place.clone())).0 += 1;
                };
                stack.aws.fail(Which::Number(number), kind, when);
                let first = carry_out(&stack, start, ask).await;
                if !probes_left(&stack.world).is_empty() {
                    note(format!("leaves a probe object, {kind:?}"));
                }
                stack.aws.reset();
                let second = carry_out(&stack, start, ask).await;
                let after = Normal::of(&stack.world);
                if let Err(reason) = second {
                    note(format!("the next request fails too: {reason}"));
                } else if let Some(difference) = expected.difference(&after) {
                    note(format!("ends elsewhere: {difference}"));
                }
                if after.orphans > expected.orphans {
                    note(format!("leaves a key without alias, {when:?}"));
                }
                // A Create that failed is rolled back.
                if ask == Ask::Create && first.is_err() {
                    let stack = before(start, ask).await;
                    stack.aws.fail(Which::Number(number), kind, when);
                    carry_out(&stack, start, ask).await.unwrap_err();
                    stack.aws.reset();
                    if let Err(reason) = carry_out(&stack, start, Ask::Delete).await {
                        note(format!("its roll-back fails: {reason}"));
                    }
                    let after = without_what_stays(&stack.world, start);
                    if origin.lines != after.lines {
                        let difference = origin.difference(&Normal {
                            keys: origin.keys.clone(),
                            ..after.clone()
                        });
                        note(format!("its roll-back leaves something: {difference:?}"));
                    }
                    if after
                        .keys
                        .values()
                        .any(|key| key.state != "PendingDeletion")
                    {
                        note("its roll-back leaves a key".to_owned());
                    }
                }
            }
        }
    }
    runs
}

/// The account without what is documented to stay.
fn without_what_stays(world: &World, start: Start) -> Normal {
    let at_start = start.world().snapshot();
    {
        let mut state = world.state();
        for (name, bucket) in &mut state.buckets {
            if let Some(earlier) = at_start.buckets.get(name) {
                bucket.versioning = earlier.versioning;
                bucket.notifications.event_bridge = earlier.notifications.event_bridge;
            }
        }
    }
    Normal::of(world)
}

async fn no_fault_does_harm(start: Start, ask: Ask) {
    let mut seen = Seen::new();
    let runs = every_fault(start, ask, &mut seen).await;
    assert!(runs > 200, "only {runs} runs");
    let told: Vec<_> = seen
        .iter()
        .map(|(what, (times, place))| format!("{times} x {what}\n    first at {place}"))
        .collect();
    assert!(told.is_empty(), "of {runs} runs:\n{}", told.join("\n"));
}

#[tokio::test(start_paused = true)]
async fn a_create_from_nothing_goes_on_after_any_call_failed_and_is_rolled_back_whole() {
    no_fault_does_harm(Start::Nothing, Ask::Create).await;
}

#[tokio::test(start_paused = true)]
async fn a_create_on_existing_buckets_goes_on_after_any_call_failed_and_is_rolled_back_whole() {
    no_fault_does_harm(Start::Adopted, Ask::Create).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_goes_on_after_any_call_failed() {
    no_fault_does_harm(Start::Nothing, Ask::Update).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_on_existing_buckets_goes_on_after_any_call_failed() {
    no_fault_does_harm(Start::Adopted, Ask::Update).await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_goes_on_after_any_call_failed() {
    no_fault_does_harm(Start::Nothing, Ask::Delete).await;
    no_fault_does_harm(Start::Adopted, Ask::Delete).await;
}

#[tokio::test(start_paused = true)]
async fn a_create_abroad_goes_on_after_any_call_failed_and_is_rolled_back_whole() {
    no_fault_does_harm(Start::Abroad, Ask::Create).await;
}

#[tokio::test(start_paused = true)]
async fn an_update_abroad_goes_on_after_any_call_failed() {
    no_fault_does_harm(Start::Abroad, Ask::Update).await;
}

#[tokio::test(start_paused = true)]
async fn a_delete_abroad_goes_on_after_any_call_failed() {
    no_fault_does_harm(Start::Abroad, Ask::Delete).await;
}
