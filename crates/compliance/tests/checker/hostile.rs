//! Events that nobody sends: every sample, changed at random. Whatever comes, the function answers, and
//! a queue's messages are judged or returned under their own ids.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use compliance::ingest::{self, Content, Delivered, Payload};
use compliance::ports::VersionPage;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{Bench, Fake, failed_ids, queue_batch};

/// What is done to one node of an event.
#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove,
    Twice,
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!(1e308)),
        ".{0,24}".prop_map(Value::from),
        Just(json!("%")),
        Just(json!("%zz+%2")),
        Just(json!("${*}*?../\u{0}")),
        Just(json!("2026-13-45T99:99:99Z")),
        Just(json!("{\"Records\":[{}]}")),
        Just(json!("x".repeat(70_000))),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-zA-Z:-]{0,12}", inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => anything().prop_map(Change::Replace),
        2 => Just(Change::Remove),
        1 => Just(Change::Twice),
    ]
}

fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the node with number `at`, counted from 0 in depth-first order.
fn apply(value: &mut Value, at: &mut usize, change: &Change) {
    match value {
        Value::Array(items) => {
            let mut index = 0;
            while index < items.len() {
                if *at == 0 {
                    match change {
                        Change::Replace(with) => items[index] = with.clone(),
                        Change::Remove => drop(items.remove(index)),
                        Change::Twice => items.insert(index, items[index].clone()),
                    }
                    *at = usize::MAX;
                    return;
                }
                *at -= 1;
                apply(&mut items[index], at, change);
                if *at == usize::MAX {
                    return;
                }
                index += 1;
            }
        }
        Value::Object(members) => {
            let names: Vec<String> = members.keys().cloned().collect();
            for name in names {
                if *at == 0 {
                    match change {
                        Change::Replace(with) => drop(members.insert(name, with.clone())),
                        Change::Remove => drop(members.remove(&name)),
                        Change::Twice => {
                            let copy = members[&name].clone();
                            members.insert(format!("{name}2"), copy);
                        }
                    }
                    *at = usize::MAX;
                    return;
                }
                *at -= 1;
                apply(members.get_mut(&name).unwrap(), at, change);
                if *at == usize::MAX {
                    return;
                }
            }
        }
        _ => {}
    }
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = PathBuf::from(folder);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let events = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let mut events: Vec<_> = events.collect();
    events.sort();
    events
}

fn samples() -> Vec<Value> {
    let read = |path: &PathBuf| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    files("../../events").iter().map(read).collect()
}

/// A queue's batch: a sound message, and one with this body.
fn beside_a_sound_one(body: &str) -> Value {
    let mut batch = queue_batch(2);
    batch["Records"][1]["messageId"] = json!("trick");
    batch["Records"][1]["body"] = json!(body);
    batch
}

/// The other message is judged, and this one judged or returned.
fn costs_only_itself(name: &str, body: &str) {
    let batch = beside_a_sound_one(body);
    answered(&batch).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let bench = Bench::new(Fake::default(), &[], 8);
    let answer = runtime.block_on(bench.send(&batch)).unwrap();
    let failed = failed_ids(&answer);
    assert!(failed.iter().all(|id| id == "trick"), "{name}: {failed:?}");
    assert!(!bench.lines().0.is_empty(), "{name}");
}

#[test]
fn the_tricks_that_are_kept_are_answered_and_cost_no_other_message() {
    let tricks = files("../../events/hostile");
    assert!(tricks.len() > 20, "{} files", tricks.len());
    for path in tricks {
        let name = path.file_name().unwrap().to_string_lossy();
        let bytes = fs::read(&path).unwrap();
        // What is no JSON never comes to the function as a payload.
        if let Ok(event) = serde_json::from_slice(&bytes) {
            answered(&event).unwrap();
        }
        costs_only_itself(&name, &String::from_utf8_lossy(&bytes));
    }
}

/// As Lambda's runtime has it, read where it lies.
#[test]
fn a_payload_as_it_is_delivered_is_read_as_its_value_is() {
    let mut payloads: Vec<Vec<u8>> = Vec::new();
    for folder in ["../../events", "../../events/hostile"] {
        payloads.extend(files(folder).iter().map(|path| fs::read(path).unwrap()));
    }
    for bytes in payloads {
        let shown = String::from_utf8_lossy(&bytes);
        let delivered = serde_json::from_slice::<Delivered>(&bytes);
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(value) => assert_eq!(delivered.unwrap().0, ingest::read(&value), "{shown}"),
            Err(_) => assert!(delivered.is_err(), "{shown}"),
        }
    }
}

/// What a message of a megabyte is refused with.
fn refusal(body: &str) -> String {
    let batch = beside_a_sound_one(body);
    let Payload::Queue(messages) = ingest::read(&batch).unwrap() else {
        panic!("no queue");
    };
    let Content::Event(read) = &messages[1].content else {
        panic!("no event");
    };
    assert_eq!((read.subjects.len(), read.faults.len()), (0, 1));
    let error = read.faults[0].to_string();
    assert!(error.len() < 1_000, "{} bytes", error.len());
    error
}

#[test]
fn a_megabyte_is_refused_shortly_and_costs_no_other_message() {
    const MEGABYTE: usize = 1 << 20;
    let x = "x".repeat(MEGABYTE);
    let record = |key: &str| {
        json!({"Records": [{"eventSource": "aws:s3", "eventVersion": "2.1", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "destination"}, "object": {"key": key, "versionId": "v"}}}]})
        .to_string()
    };
    let mut many_fields = Map::new();
    for number in 0..50_000 {
        many_fields.insert(format!("field-{number}"), json!(number));
    }
    for (body, part) in [
        (
            record(&x),
            "the object key has 1048576 bytes, S3 takes at most 1024",
        ),
        (
            record(&"%41".repeat(MEGABYTE / 3)),
            "the object key has 349525 bytes, S3 takes at most 1024",
        ),
        (x.clone(), "a message of 1048576 bytes is not JSON"),
        (
            "[".repeat(MEGABYTE),
            "a message of 1048576 bytes is not JSON",
        ),
        ("{\"Records\":".repeat(MEGABYTE / 11), "is not JSON"),
        ("1".repeat(MEGABYTE), "is not JSON"),
        (json!(x).to_string(), "a string of 1048576 bytes"),
        (
            Value::Object(many_fields).to_string(),
            "an object with the fields field-0",
        ),
    ] {
        let told = refusal(&body);
        assert!(told.contains(part), "{told}");
        costs_only_itself(part, &body);
    }
}

#[test]
fn the_longest_key_is_judged_and_one_byte_more_is_refused() {
    for (length, judged) in [(1024, true), (1025, false)] {
        let key = "k".repeat(length);
        let event = json!({"source": "aws.s3", "detail-type": "Object Created", "detail":
            {"version": "0", "bucket": {"name": "destination"}, "object": {"key": key, "version-id": "v"}}});
        let read = ingest::read(&event);
        assert_eq!(read.is_ok(), judged, "{read:?}");
        if let Err(error) = read {
            let told = error.to_string();
            assert!(
                told.ends_with("the object key has 1025 bytes, S3 takes at most 1024"),
                "{told}"
            );
        }
    }
}

#[test]
fn as_many_messages_as_sqs_gives_at_once_are_answered() {
    // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    answered(&queue_batch(10_000)).unwrap();
}

/// Ids of an SQS batch's messages; none where it is no such batch.
fn message_ids(event: &Value) -> BTreeSet<String> {
    let records = event["Records"].as_array().cloned().unwrap_or_default();
    let ids = records
        .iter()
        .filter_map(|record| record["messageId"].as_str());
    ids.map(str::to_owned).collect()
}

/// The changed event is answered; what is returned to the queue came from it.
fn answered(event: &Value) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    let empty = VersionPage {
        versions: Vec::new(),
        next: None,
    };
    let fake = Fake {
        pages: vec![Ok(empty)],
        ..Fake::default()
    };
    let bench = Bench::new(fake, &[], 8);
    let Ok(answer) = runtime.block_on(bench.send(event)) else {
        return Ok(());
    };
    if let Some(failed) = answer["batchItemFailures"].as_array() {
        let known = message_ids(event);
        for failure in failed {
            let id = failure["itemIdentifier"].as_str().unwrap();
            // An empty id returns the whole batch.
            prop_assert!(
                id.is_empty() || known.contains(id),
                "{} is not of {}",
                id,
                event
            );
        }
    }
    for line in bench.lines().0 {
        prop_assert!(
            line["verdict"].is_string() && line["id"].is_string(),
            "{}",
            line
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn a_changed_event_is_answered(
        sample in prop::sample::select(samples()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..5),
    ) {
        let mut event = sample;
        for (at, change) in changes {
            let mut at = at.index(count(&event));
            apply(&mut event, &mut at, &change);
        }
        answered(&event)?;
    }

    #[test]
    fn anything_at_all_is_answered(event in anything()) {
        answered(&event)?;
    }
}
