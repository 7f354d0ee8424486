//! Findings on the event bus: which are sent, in what requests, and what comes back where they
//! cannot be.

use std::collections::BTreeSet;
use std::time::Duration;

use compliance::findings::{FINDING, RESOLVED};
use compliance::ports::{AskError, Inspection};
use compliance::subject::ObjectVersion;
use event_bus::{Event, Refusal};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    Bench, Fake, KEY, OTHER, ask_error, failed_ids, invocation, queue_batch, replica, sample,
};

fn refusal(code: &str) -> Refusal {
    Refusal {
        code: code.to_owned(),
        message: "m".to_owned(),
    }
}

/// The number at the end of the key that [`queue_batch`] gave.
fn number(version: &ObjectVersion) -> usize {
    let key = version.key.as_str();
    key.trim_start_matches("Tax/document").parse().unwrap()
}

/// Every `nth` replica is under another key.
fn wrong_every(
    nth: usize,
) -> impl Fn(usize, &ObjectVersion) -> Result<Inspection, AskError> + Send + Sync {
    move |_, version| {
        let wrong = number(version).is_multiple_of(nth);
        let key = if wrong { OTHER } else { KEY };
        Ok(Inspection::Object(replica(key)))
    }
}

fn all_wrong() -> Fake {
    Fake {
        head: Box::new(wrong_every(1)),
        ..Fake::default()
    }
}

#[tokio::test(start_paused = true)]
async fn only_findings_are_published_ten_in_a_request_as_their_verdict_lines() {
    let fake = Fake {
        head: Box::new(wrong_every(4)),
        ..Fake::default()
    };
    let bench = Bench::new(fake, &[], 8).publishing();
    let answer = bench.send(&queue_batch(100)).await.unwrap();
    assert_eq!(failed_ids(&answer), Vec::<String>::new());
    let mut sizes = bench.fake.puts.lock().unwrap().clone();
    sizes.sort_unstable();
    assert_eq!(sizes, [5, 10, 10]);
    let (lines, _) = bench.lines();
    let findings: Vec<_> = lines
        .iter()
        .filter(|line| line["compliant"] == false)
        .collect();
    assert_eq!((lines.len(), findings.len()), (100, 25));
    let published = bench.fake.published.lock().unwrap();
    assert_eq!(published.len(), 25);
    for (bus, event) in published.iter() {
        assert_eq!((bus.as_str(), event.detail_type), ("default", FINDING));
        let detail: Value = serde_json::from_str(&event.detail).unwrap();
        assert!(findings.contains(&&detail), "{detail}");
        let key = detail["key"].as_str().unwrap();
        let object = format!("arn:aws:s3:::destination/{key}");
        assert_eq!(
            event.resources,
            [object, "arn:aws:s3:::destination".to_owned()]
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_bus_and_without_findings_nothing_is_sent() {
    let bench = Bench::new(all_wrong(), &[], 8);
    bench.send(&queue_batch(3)).await.unwrap();
    let good = Bench::new(Fake::default(), &[], 8).publishing();
    good.send(&queue_batch(3)).await.unwrap();
    for bench in [bench, good] {
        assert_eq!(bench.lines().0.len(), 3);
        assert!(bench.fake.puts.lock().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_events_alone_are_sent_again_until_they_are_taken() {
    for code in [
        "ThrottlingException",
        "InternalFailure",
        "InternalException",
    ] {
        let fake = Fake {
            // Of the first ten, every third; then the second of those.
            put: Box::new(move |n, _| match n {
                0 | 3 | 6 | 9 | 11 => Err(refusal(code)),
                _ => Ok(()),
            }),
            ..all_wrong()
        };
        let bench = Bench::new(fake, &[], 8).publishing();
        let answer = bench.send(&queue_batch(10)).await.unwrap();
        assert_eq!(failed_ids(&answer), Vec::<String>::new(), "{code}");
        assert_eq!(*bench.fake.puts.lock().unwrap(), [10, 4, 1]);
        let distinct: BTreeSet<_> = bench.published().into_iter().collect();
        assert_eq!(distinct.len(), 10);
        assert_eq!(bench.published().len(), 10, "none of them twice");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_events_are_not_sent_again_and_bring_their_messages_back() {
    let fake = Fake {
        put: Box::new(|_, event| {
            if event.detail.contains("document3") {
                Err(refusal("NotAuthorizedForSourceException"))
            } else {
                Ok(())
            }
        }),
        ..all_wrong()
    };
    let bench = Bench::new(fake, &[], 8).publishing();
    let answer = bench.send(&queue_batch(10)).await.unwrap();
    assert_eq!(failed_ids(&answer), ["m3"]);
    assert_eq!(*bench.fake.puts.lock().unwrap(), [10]);
    assert_eq!(bench.published().len(), 9);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_fails_brings_back_its_ten_messages_and_they_tell_the_same_ids() {
    let fake = Fake {
        put_request: Box::new(|n| if n == 1 { Err(ask_error()) } else { Ok(()) }),
        ..all_wrong()
    };
    let bench = Bench::new(fake, &[], 1).publishing();
    let batch = queue_batch(30);
    let failed = failed_ids(&bench.send(&batch).await.unwrap());
    assert_eq!(failed.len(), 10);
    let first: BTreeSet<_> = bench.published().into_iter().collect();
    assert_eq!(first.len(), 20);
    assert_eq!(
        failed_ids(&bench.send(&batch).await.unwrap()),
        Vec::<String>::new()
    );
    let all: BTreeSet<_> = bench.published().into_iter().collect();
    assert_eq!(all.len(), 30, "twenty of them came again under their ids");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_throttles_for_ever_is_left_in_time_and_a_slow_one_too() {
    let throttling = Fake {
        put: Box::new(|_, _| Err(refusal("ThrottlingException"))),
        ..all_wrong()
    };
    let slow = Fake {
        put_takes: Duration::from_mins(1),
        ..all_wrong()
    };
    // All of the time that may go into HEADs goes into them.
    let slow_heads = Fake {
        head_takes: Duration::from_secs(7),
        ..all_wrong()
    };
    for (fake, returned) in [(throttling, 20), (slow, 20), (slow_heads, 10)] {
        let bench = Bench::new(fake, &[], 10).publishing();
        let start = Instant::now();
        let answer = bench
            .handler
            .handle(&queue_batch(20), &invocation(15))
            .await
            .unwrap();
        assert!(
            start.elapsed() <= Duration::from_secs(14),
            "{:?}",
            start.elapsed()
        );
        let failed = failed_ids(&answer);
        assert_eq!(failed.len(), returned);
        assert_eq!(bench.published().len() + failed.len(), 20);
    }
}

#[tokio::test(start_paused = true)]
async fn direct_events_and_tasks_say_that_a_finding_could_not_be_sent() {
    let fake = || Fake {
        put: Box::new(|_, _| Err(refusal("AccessDeniedException"))),
        head: Box::new(|_, _| Ok(Inspection::Object(replica(OTHER)))),
        ..Fake::default()
    };
    let bench = Bench::new(fake(), &[], 8).publishing();
    let error = bench.send(&sample("s3-object-created")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 of 1 records are not done, the first because events:PutEvents on event bus default \
         failed: AccessDeniedException: m; allow the checker's role events:PutEvents",
    );
    assert_eq!(bench.lines().0.len(), 1, "the log has it all the same");
    let bench = Bench::new(fake(), &[], 8).publishing();
    let answer = bench.send(&sample("batch-operations-1.0")).await.unwrap();
    assert_eq!(answer["results"][0]["resultCode"], "TemporaryFailure");
}

#[tokio::test(start_paused = true)]
async fn a_failed_replication_is_published_with_the_source_object() {
    let bench = Bench::new(Fake::default(), &[], 8).publishing();
    bench.send(&sample("sqs-replication-failed")).await.unwrap();
    let published = bench.fake.published.lock().unwrap();
    let (_, event) = &published[0];
    let detail: Value = serde_json::from_str(&event.detail).unwrap();
    assert_eq!(detail["verdict"], "ReplicationFailed");
    assert_eq!(event.resources[1], "arn:aws:s3:::source");
}

const PROBE: &str = ".encrypted-replication-probe-er0123456789abcdef0123-1";

/// The sample with the object's key replaced.
fn of_key(name: &str, key: &str) -> Value {
    let text = sample(name).to_string();
    assert!(text.contains("Tax/document1"), "{text}");
    serde_json::from_str(&text.replace("Tax/document1", &format!("Tax/{key}"))).unwrap()
}

/// Whoever waits for the probe tells it, with the cause; a name that only resembles a probe's hides nothing.
#[tokio::test(start_paused = true)]
async fn a_probe_that_did_not_arrive_is_in_the_log_and_told_to_nobody() {
    for (key, is_probe) in [(PROBE, true), (&*format!("{PROBE}.pdf"), false)] {
        let bench = Bench::new(Fake::default(), &[], 8).publishing();
        let failed = of_key("replication-failed", key);
        bench.send(&failed).await.unwrap();
        let (lines, metrics) = bench.lines();
        assert_eq!(lines[0]["verdict"], "ReplicationFailed");
        assert_eq!(lines[0]["compliant"], false);
        assert_eq!(
            lines[0].get("probe"),
            is_probe.then_some(&json!(true)),
            "{key}"
        );
        let counted = u64::from(!is_probe);
        assert_eq!(metrics[0]["ReplicationFailures"], counted, "{key}");
        assert_eq!(metrics[0]["NonCompliant"], counted, "{key}");
        assert_eq!(metrics[0].get("ProofVerdicts"), None);
        assert_eq!(bench.published().len(), usize::from(!is_probe), "{key}");
    }
}

/// What arrived is judged as anybody's: a probe's name is no place to hide.
#[tokio::test(start_paused = true)]
async fn the_verdict_on_a_probes_replica_is_counted_as_the_proof_of_the_way_to_it() {
    let inspected = |answer: Inspection| Fake {
        head: Box::new(move |_, _| Ok(answer.clone())),
        ..Fake::default()
    };
    let source = compliance::ports::Observed {
        replication_status: Some("COMPLETED".to_owned()),
        ..replica(KEY)
    };
    for (answer, allowed, key, proofs, published) in [
        (
            Inspection::Object(replica(KEY)),
            &[KEY][..],
            PROBE,
            Some(1),
            0,
        ),
        (
            Inspection::Object(replica(OTHER)),
            &[KEY][..],
            PROBE,
            Some(1),
            1,
        ),
        // Nobody says which key is right, nobody may look, or it was gone: the way does not work.
        (Inspection::Object(replica(KEY)), &[][..], PROBE, None, 0),
        (Inspection::AccessDenied, &[KEY][..], PROBE, None, 0),
        (Inspection::NotFound, &[KEY][..], PROBE, None, 0),
        (Inspection::Object(source), &[KEY][..], PROBE, None, 0),
        (
            Inspection::Object(replica(KEY)),
            &[KEY][..],
            "document1",
            None,
            0,
        ),
    ] {
        let fake = Fake {
            registry: Ok(Vec::new()),
            ..inspected(answer.clone())
        };
        let bench = Bench::new(fake, allowed, 8).publishing();
        bench
            .send(&of_key("eventbridge-object-created", key))
            .await
            .unwrap();
        let (_, metrics) = bench.lines();
        let counted = metrics[0].get("ProofVerdicts").and_then(Value::as_u64);
        assert_eq!(counted, proofs, "{answer:?} {key}");
        assert_eq!(bench.published().len(), published, "{answer:?} {key}");
    }
}

#[tokio::test(start_paused = true)]
async fn good_replicas_are_published_as_resolved_only_where_the_sender_asks() {
    let page = |version: &ObjectVersion| {
        Ok(compliance::ports::VersionPage {
            versions: vec![compliance::ports::ListedVersion {
                version: version.clone(),
                last_modified: None,
            }],
            next: None,
        })
    };
    let compliance::ingest::Payload::Direct(reading) =
        compliance::ingest::read(&sample("eventbridge-object-created")).unwrap()
    else {
        panic!("no event")
    };
    let with = |name: &str, pointer: &str, value: Value| {
        let mut payload = sample(name);
        let holder = payload.pointer_mut(pointer).unwrap();
        holder["PublishCompliant"] = value;
        payload
    };
    let arguments = "/job/userArguments";
    let table = [
        (sample("sweep"), 0),
        (with("sweep", "", json!("false")), 0),
        (with("sweep", "", json!(true)), 1),
        (with("sweep", "", json!("true")), 1),
        (sample("batch-operations-2.0"), 0),
        (with("batch-operations-2.0", arguments, json!("true")), 2),
    ];
    for (payload, count) in table {
        let fake = Fake {
            pages: vec![page(reading.subjects[0].version())],
            ..Fake::default()
        };
        let bench = Bench::new(fake, &[], 8).publishing();
        bench.send(&payload).await.unwrap();
        let published = bench.published();
        assert_eq!(published.len(), count, "{payload}");
        assert!(published.iter().all(|(kind, _)| *kind == RESOLVED));
    }
    for (payload, part) in [
        (with("sweep", "", json!("yes")), "PublishCompliant"),
        (
            with("batch-operations-2.0", arguments, json!("1")),
            "PublishCompliant",
        ),
    ] {
        let error = compliance::ingest::read(&payload).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_goes_on_goes_on_publishing() {
    let page = compliance::ports::VersionPage {
        versions: vec![],
        next: Some(compliance::ports::Marker::default()),
    };
    let fake = Fake {
        pages: vec![Ok(page), Err(ask_error())],
        ..Fake::default()
    };
    let bench = Bench::new(fake, &[], 8).publishing();
    let mut request = sample("sweep");
    request["PublishCompliant"] = json!(true);
    let answer = bench.send(&request).await.unwrap();
    assert_eq!(answer["Next"]["PublishCompliant"], "true");
    assert!(compliance::ingest::read(&answer["Next"]).is_ok());
}

/// What may become of an event or of a whole request.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    Throttled,
    Refused,
    Request,
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let one = prop_oneof![
        4 => Just(Fault::None),
        2 => Just(Fault::Throttled),
        1 => Just(Fault::Refused),
        1 => Just(Fault::Request),
    ];
    proptest::collection::vec(one, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_is_judged_and_its_finding_sent_or_it_is_returned(
        count in 1_usize..60,
        wrong in 1_usize..5,
        heads in proptest::collection::vec(any::<bool>(), 1..20),
        puts in faults(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let judge = wrong_every(wrong);
            let of_events = puts.clone();
            let fake = Fake {
                head: Box::new(move |n, version| {
                    if heads[n % heads.len()] { judge(n, version) } else { Err(ask_error()) }
                }),
                put: Box::new(move |n, _: &Event| match of_events[n % of_events.len()] {
                    Fault::Throttled => Err(refusal("ThrottlingException")),
                    Fault::Refused => Err(refusal("InvalidArgument")),
                    Fault::None | Fault::Request => Ok(()),
                }),
                put_request: Box::new(move |n| match puts[n % puts.len()] {
                    Fault::Request => Err(ask_error()),
                    _ => Ok(()),
                }),
                ..Fake::default()
            };
            let bench = Bench::new(fake, &[], 8).publishing();
            let answer = bench.send(&queue_batch(count)).await.unwrap();
            let returned: BTreeSet<_> = failed_ids(&answer).into_iter().collect();
            let sent: BTreeSet<_> = bench.published().into_iter().map(|(_, id)| id).collect();
            let (lines, _) = bench.lines();
            for n in 0..count {
                let key = format!("Tax/document{n}");
                let line = lines.iter().find(|line| line["key"] == key.as_str());
                let done = line.is_some_and(|line| {
                    line["compliant"] == true || sent.contains(line["id"].as_str().unwrap())
                });
                assert_eq!(done, !returned.contains(&format!("m{n}")), "message {n}: {line:?}");
            }
        });
    }
}
