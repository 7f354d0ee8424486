//! What is remembered may be out of date: no finding rests on it, and no repair.

use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use compliance::ports::{Inspection, KeyAnswer, KeyDescription};
use serde_json::{Value, json};

use crate::support::{Bench, Fake, KEY, OTHER, parameter, queue_batch, replica};

const ALIAS: &str = "arn:aws:kms:us-west-2:111122223333:alias/replicas";

fn key(arn: &str, state: &str) -> KeyAnswer {
    KeyAnswer::Found(KeyDescription {
        arn: arn.to_owned(),
        state: state.to_owned(),
        aws_managed: false,
    })
}

/// Replicas under `before` in the first batch of ten, and under `after` since.
fn replicas(before: &'static str, after: &'static str) -> Fake {
    let mut fake = Fake {
        head: Box::new(move |n, _| {
            Ok(Inspection::Object(replica(if n < 10 {
                before
            } else {
                after
            })))
        }),
        ..Fake::default()
    };
    for arn in [KEY, OTHER] {
        fake.keys.insert(arn.to_owned(), Ok(key(arn, "Enabled")));
    }
    fake
}

/// The verdicts of two batches of ten, the second some time after the first.
async fn two_batches(bench: &Bench) -> [Vec<Value>; 2] {
    let mut verdicts = Vec::new();
    for _ in 0..2 {
        bench.send(&queue_batch(10)).await.unwrap();
        let lines = bench.lines().0;
        assert_eq!(lines.len(), 10);
        verdicts.push(lines.iter().map(|line| line["verdict"].clone()).collect());
        tokio::time::advance(Duration::from_secs(30)).await;
    }
    verdicts.try_into().unwrap()
}

fn all(verdict: &str) -> Vec<Value> {
    vec![json!(verdict); 10]
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_changed_a_moment_ago_is_no_finding() {
    let bench = Bench::new(
        Fake {
            registry_later: Some(vec![parameter("owner", "", OTHER)]),
            ..replicas(KEY, OTHER)
        },
        &[],
        8,
    );
    let [first, second] = two_batches(&bench).await;
    assert_eq!((first, second), (all("Compliant"), all("Compliant")));
    // Once for each batch, however many were wrong by what was remembered.
    assert_eq!(bench.fake.registry_calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_by_what_is_read_now_is_a_finding() {
    let bench = Bench::new(replicas(KEY, OTHER), &[], 8);
    let [first, second] = two_batches(&bench).await;
    assert_eq!((first, second), (all("Compliant"), all("WrongKey")));
    assert_eq!(bench.fake.registry_calls.load(Ordering::SeqCst), 2);
}

/// An AWS whose alias leads to `KEY` when it is asked for the first time, and to `OTHER` later.
fn moved_alias(before: &'static str, after: &'static str) -> Fake {
    let calls = Mutex::new(0);
    Fake {
        registry: Ok(vec![parameter("owner", "", ALIAS)]),
        describe: Some(Box::new(move |name| {
            (name == ALIAS).then(|| {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                Ok(key(if *calls == 1 { KEY } else { OTHER }, "Enabled"))
            })
        })),
        ..replicas(before, after)
    }
}

#[tokio::test(start_paused = true)]
async fn an_alias_that_was_moved_a_moment_ago_is_no_finding_and_nothing_is_repaired_by_it() {
    for environment in [&[][..], &[ALIAS]] {
        let bench = Bench::new(moved_alias(KEY, OTHER), environment, 8);
        let [first, second] = two_batches(&bench).await;
        assert_eq!((first, second), (all("Compliant"), all("Compliant")));

        let bench = Bench::repairing(moved_alias(KEY, OTHER), environment);
        two_batches(&bench).await;
        assert!(bench.fake.repairs.lock().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_enabled_a_moment_ago_is_no_finding() {
    let calls = Mutex::new(0);
    let fake = Fake {
        describe: Some(Box::new(move |name| {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            let state = if *calls == 1 { "Disabled" } else { "Enabled" };
            Some(Ok(key(name, state)))
        })),
        ..replicas(KEY, KEY)
    };
    let bench = Bench::new(fake, &[], 8);
    let [first, second] = two_batches(&bench).await;
    assert_eq!((first, second), (all("KeyUnusable"), all("Compliant")));
}
