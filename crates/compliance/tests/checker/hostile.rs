//! Events that nobody sends: every sample, changed at random. Whatever comes, the function answers, and
//! a queue's messages are judged or returned under their own ids.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use compliance::ports::VersionPage;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::support::{Bench, Fake};

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

fn samples() -> Vec<Value> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events");
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let events = files.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    let mut events: Vec<_> = events.collect();
    events.sort();
    let read = |path: &PathBuf| serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    events.iter().map(read).collect()
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
