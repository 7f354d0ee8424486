//! Whole invocations against a small AWS: nothing lost, nothing told twice under two names.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use compliance::ports::{Inspection, KeyAnswer, ListedVersion, Marker, VersionPage};
use compliance::subject::Subject;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{
    Bench, EVENT_MS, Fake, KEY, OTHER, ask_error, failed_ids, invocation, parameter, queue_batch,
    replica, sample,
};

type Head = fn() -> Result<Inspection, compliance::ports::AskError>;

fn ids(lines: &[Value]) -> BTreeSet<String> {
    lines
        .iter()
        .map(|line| line["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn every_third_head_that_goes_wrong_is_judged_or_returned_and_never_lost() {
    let faults: [(Head, Option<&str>); 6] = [
        (|| Err(ask_error()), None),
        (|| Ok(Inspection::NotFound), Some("Gone")),
        (|| Ok(Inspection::DeleteMarker), Some("Gone")),
        (|| Ok(Inspection::AccessDenied), Some("Uninspectable")),
        (|| Ok(Inspection::CustomerKey), Some("Uninspectable")),
        (
            || Ok(Inspection::OtherRegion("eu-west-1".to_owned())),
            Some("Uninspectable"),
        ),
    ];
    for (fault, verdict) in faults {
        let head = move |n: usize, _: &_| {
            if n % 3 == 2 {
                fault()
            } else {
                Ok(Inspection::Object(replica(KEY)))
            }
        };
        let bench = Bench::new(
            Fake {
                head: Box::new(head),
                ..Fake::default()
            },
            &[],
            8,
        );
        let answer = bench.send(&queue_batch(30)).await.unwrap();
        let (lines, _) = bench.lines();
        let failed = failed_ids(&answer);
        assert_eq!(lines.len() + failed.len(), 30);
        let count = |name| lines.iter().filter(|line| line["verdict"] == name).count();
        assert_eq!(count("Compliant"), 20);
        match verdict {
            Some(verdict) => assert_eq!((count(verdict), failed.len()), (10, 0), "{verdict}"),
            None => assert_eq!(failed.len(), 10),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redelivered_batch_repeats_its_ids_and_finds_what_failed_before() {
    let head = |n: usize, _: &_| {
        if n < 10 && n.is_multiple_of(2) {
            Err(ask_error())
        } else {
            Ok(Inspection::Object(replica(OTHER)))
        }
    };
    let bench = Bench::new(
        Fake {
            head: Box::new(head),
            ..Fake::default()
        },
        &[],
        4,
    );
    let batch = queue_batch(10);
    assert_eq!(failed_ids(&bench.send(&batch).await.unwrap()).len(), 5);
    let first = ids(&bench.lines().0);
    assert_eq!(
        failed_ids(&bench.send(&batch).await.unwrap()),
        Vec::<String>::new()
    );
    let second = ids(&bench.lines().0);
    assert_eq!((first.len(), second.len()), (5, 10));
    assert!(first.is_subset(&second));
}

#[tokio::test(start_paused = true)]
async fn a_version_that_comes_twice_is_looked_at_once_and_both_messages_are_done() {
    let bench = Bench::new(Fake::default(), &[], 8);
    let mut batch = queue_batch(2);
    batch["Records"][1]["body"] = batch["Records"][0]["body"].clone();
    assert_eq!(
        bench.send(&batch).await.unwrap(),
        json!({"batchItemFailures": []})
    );
    assert_eq!(bench.fake.heads.load(Ordering::SeqCst), 1);
    assert_eq!(bench.lines().0.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_done_in_time_goes_back_and_the_rest_is_told() {
    let bench = Bench::new(
        Fake {
            head_takes: Duration::from_secs(3),
            ..Fake::default()
        },
        &[KEY],
        10,
    );
    let start = Instant::now();
    let answer = bench
        .handler
        .handle(&queue_batch(50), &invocation(10))
        .await
        .unwrap();
    assert!(
        start.elapsed() <= Duration::from_secs(9),
        "{:?}",
        start.elapsed()
    );
    let failed = failed_ids(&answer);
    assert!(!failed.is_empty());
    assert_eq!(bench.lines().0.len() + failed.len(), 50);
    // The first HEADs started when the others of their ten did.
    assert!(failed.len() <= 30, "{}", failed.len());
}

#[tokio::test(start_paused = true)]
async fn never_more_heads_in_flight_than_allowed_and_no_fewer() {
    let bench = Bench::new(Fake::default(), &[KEY], 16);
    bench.send(&queue_batch(100)).await.unwrap();
    assert_eq!(bench.fake.most_in_flight.load(Ordering::SeqCst), 16);
    assert_eq!(bench.fake.heads.load(Ordering::SeqCst), 100);
}

#[tokio::test(start_paused = true)]
async fn a_batch_asks_for_expectation_and_key_once_and_the_next_not_at_all() {
    let bench = Bench::new(Fake::default(), &[], 64);
    bench.send(&queue_batch(100)).await.unwrap();
    bench.send(&queue_batch(100)).await.unwrap();
    let fake = bench.fake;
    assert_eq!(fake.registry_calls.load(Ordering::SeqCst), 1);
    assert_eq!(fake.describe_calls.load(Ordering::SeqCst), 1);
    assert_eq!(fake.default_calls.load(Ordering::SeqCst), 0);
    assert_eq!(fake.heads.load(Ordering::SeqCst), 200);
}

#[tokio::test(start_paused = true)]
async fn with_cold_caches_a_replica_takes_no_longer_than_its_head() {
    let bench = Bench::new(Fake::default(), &[], 64);
    let start = Instant::now();
    bench.send(&queue_batch(64)).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(20));
}

#[tokio::test(start_paused = true)]
async fn a_batch_asks_once_however_short_an_expectation_lives() {
    let bench = Bench::remembering(Fake::default(), Duration::ZERO);
    let start = Instant::now();
    bench.send(&queue_batch(1_000)).await.unwrap();
    // Eight at a time: no call but the HEADs takes time.
    assert_eq!(start.elapsed(), Duration::from_millis(20) * 125);
    assert_eq!(bench.fake.registry_calls.load(Ordering::SeqCst), 1);
    assert_eq!(bench.fake.describe_calls.load(Ordering::SeqCst), 1);
    bench.send(&queue_batch(1)).await.unwrap();
    assert_eq!(bench.fake.registry_calls.load(Ordering::SeqCst), 2);
}

/// A message that was received this many times.
fn received(count: u32) -> Value {
    let mut batch = queue_batch(1);
    batch["Records"][0]["attributes"] = json!({"ApproximateReceiveCount": count.to_string()});
    batch
}

#[tokio::test(start_paused = true)]
async fn a_refusal_comes_back_until_the_last_receive_and_is_told_then() {
    let refused = || Fake {
        head: Box::new(|n, _| {
            Ok(if n < 3 {
                Inspection::AccessDenied
            } else {
                Inspection::Object(replica(KEY))
            })
        }),
        ..Fake::default()
    };
    let bench = Bench::new(refused(), &[], 8).patient(3);
    for count in [1, 2] {
        let answer = bench.send(&received(count)).await.unwrap();
        assert_eq!(failed_ids(&answer), ["m0"]);
        assert_eq!(bench.lines(), (vec![], vec![]), "nothing is told yet");
    }
    let answer = bench.send(&received(3)).await.unwrap();
    assert_eq!(failed_ids(&answer), Vec::<String>::new());
    assert_eq!(bench.lines().0[0]["verdict"], "Uninspectable");

    // A permission that comes in time.
    let bench = Bench::new(
        Fake {
            head: Box::new(|n, _| {
                Ok(if n == 0 {
                    Inspection::AccessDenied
                } else {
                    Inspection::Object(replica(KEY))
                })
            }),
            ..Fake::default()
        },
        &[],
        8,
    )
    .patient(3);
    bench.send(&received(1)).await.unwrap();
    bench.send(&received(2)).await.unwrap();
    assert_eq!(bench.lines().0[0]["verdict"], "Compliant");

    // A probe would be gone when its message comes back.
    let bench = Bench::new(refused(), &[], 8).patient(3);
    let mut probe = received(1);
    let body = probe["Records"][0]["body"].as_str().unwrap();
    let name = ".encrypted-replication-probe-er0123456789abcdef0123-1";
    let body = body.replace("document0", name);
    assert!(body.contains(name));
    probe["Records"][0]["body"] = json!(body);
    let answer = bench.send(&probe).await.unwrap();
    assert_eq!(failed_ids(&answer), Vec::<String>::new());
    assert_eq!(bench.lines().0[0]["verdict"], "Uninspectable");

    // What does not pass is told at once.
    let bench = Bench::new(
        Fake {
            head: Box::new(|_, _| Ok(Inspection::CustomerKey)),
            ..Fake::default()
        },
        &[],
        8,
    )
    .patient(3);
    let answer = bench.send(&received(1)).await.unwrap();
    assert_eq!(failed_ids(&answer), Vec::<String>::new());
    assert_eq!(bench.lines().0[0]["verdict"], "Uninspectable");
}

#[tokio::test(start_paused = true)]
async fn a_key_or_alias_that_kms_does_not_know_yet_is_waited_for() {
    const ALIAS: &str = "arn:aws:kms:us-west-2:111122223333:alias/replicas";
    let known_later = |later: bool| Fake {
        registry: Ok(vec![crate::support::parameter("owner", "", ALIAS)]),
        describe: Some(Box::new({
            let calls = std::sync::Mutex::new(std::collections::BTreeMap::<String, u32>::new());
            move |name| {
                let mut calls = calls.lock().unwrap();
                let calls = calls.entry(name.to_owned()).or_default();
                *calls += 1;
                let found = KeyAnswer::Found(compliance::ports::KeyDescription {
                    arn: KEY.to_owned(),
                    state: "Enabled".to_owned(),
                    aws_managed: false,
                });
                Some(Ok(if later && *calls > 1 {
                    found
                } else {
                    KeyAnswer::NotFound
                }))
            }
        })),
        ..Fake::default()
    };
    for environment in [&[][..], &[KEY]] {
        let bench = Bench::new(known_later(true), environment, 8).patient(5);
        let answer = bench.send(&received(1)).await.unwrap();
        assert_eq!(failed_ids(&answer), ["m0"]);
        assert_eq!(bench.lines(), (vec![], vec![]));
        bench.send(&received(2)).await.unwrap();
        assert_eq!(bench.lines().0[0]["verdict"], "Compliant");
    }
    // What KMS never knows is told at last, and at once where nothing can come back.
    for (environment, verdict) in [(&[][..], "NoExpectation"), (&[KEY], "KeyUnusable")] {
        let bench = Bench::new(known_later(false), environment, 8).patient(2);
        let answer = bench.send(&received(1)).await.unwrap();
        assert_eq!(failed_ids(&answer), ["m0"], "{verdict}");
        bench.send(&received(2)).await.unwrap();
        assert_eq!(bench.lines().0[0]["verdict"], verdict);
        bench
            .send(&sample("eventbridge-object-created"))
            .await
            .unwrap();
        assert_eq!(bench.lines().0[0]["verdict"], verdict);
    }
}

#[tokio::test(start_paused = true)]
async fn the_good_records_of_a_mixed_message_are_judged_and_it_comes_back_for_the_other() {
    let bench = Bench::new(Fake::default(), &[], 8);
    let mut event = sample("s3-object-created");
    let record = |key: &str, name: &str| {
        let mut record = event["Records"][0].clone();
        record["s3"]["object"]["key"] = json!(key);
        record["eventName"] = json!(name);
        record
    };
    let put = "ObjectCreated:Put";
    let records = [
        record("a", put),
        record("b", "ObjectDreamt:Put"),
        record("c", put),
    ];
    event["Records"] = json!(records);
    let batch = json!({"Records": [{"messageId": "m0", "eventSource": "aws:sqs", "body": event.to_string()}]});
    assert_eq!(failed_ids(&bench.send(&batch).await.unwrap()), ["m0"]);
    let keys: Vec<_> = bench
        .lines()
        .0
        .iter()
        .map(|line| line["key"].clone())
        .collect();
    assert_eq!(keys, [json!("a"), json!("c")]);
    let error = bench.send(&event).await.unwrap_err().to_string();
    assert!(
        error.starts_with("1 of 3 records are not done, the first because"),
        "{error}"
    );
    assert_eq!(bench.lines().0.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_arrived_before_the_buckets_events_is_looked_at_by_a_message_of_the_queue() {
    let written = |key: &str, time: &str| {
        let mut listed = page(&[key], None).versions.remove(0);
        listed.last_modified = expectation::Time::parse(time);
        listed
    };
    let first = VersionPage {
        versions: vec![
            written("before", "2026-03-02T09:13:59Z"),
            written("after", "2026-03-02T09:14:00Z"),
        ],
        next: Some(Marker::default()),
    };
    let bench = Bench::new(
        Fake {
            pages: vec![Ok(first), Err(ask_error())],
            ..Fake::default()
        },
        &[],
        8,
    );
    let body = sample("eventbridge-parameter-created").to_string();
    let batch = json!({"Records": [{"messageId": "m0", "eventSource": "aws:sqs", "body": body}]});
    // It did not come to its end.
    assert_eq!(failed_ids(&bench.send(&batch).await.unwrap()), ["m0"]);
    let keys: Vec<_> = bench
        .lines()
        .0
        .iter()
        .map(|line| line["key"].clone())
        .collect();
    assert_eq!(keys, [json!("after")]);
    assert_eq!(
        failed_ids(&bench.send(&batch).await.unwrap()),
        Vec::<String>::new()
    );
}

#[tokio::test(start_paused = true)]
async fn that_nothing_is_expected_is_remembered_too() {
    let bench = Bench::new(
        Fake {
            registry: Ok(vec![]),
            ..Fake::default()
        },
        &[],
        64,
    );
    bench.send(&queue_batch(10)).await.unwrap();
    bench.send(&queue_batch(10)).await.unwrap();
    assert_eq!(bench.fake.registry_calls.load(Ordering::SeqCst), 1);
    // The bucket's default encryption is nobody's word.
    assert_eq!(bench.fake.default_calls.load(Ordering::SeqCst), 0);
    assert!(
        bench
            .lines()
            .0
            .iter()
            .all(|line| line["verdict"] == "NoExpectation")
    );
}

#[tokio::test(start_paused = true)]
async fn a_registry_that_cannot_be_read_sends_all_back_and_judges_nothing() {
    let unreadable = parameter("owner", "", "a key");
    for registry in [Err(ask_error()), Ok(vec![unreadable])] {
        let bench = Bench::new(
            Fake {
                registry,
                ..Fake::default()
            },
            &[],
            8,
        );
        let answer = bench.send(&queue_batch(3)).await.unwrap();
        assert_eq!(failed_ids(&answer), ["m0", "m1", "m2"]);
        assert_eq!(bench.lines(), (vec![], vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn the_owner_is_the_events_account_or_else_the_functions_own() {
    let bench = Bench::new(Fake::default(), &[], 8);
    let mut event = sample("eventbridge-object-created");
    event["account"] = json!("444455556666");
    bench.send(&event).await.unwrap();
    bench.send(&sample("s3-object-created")).await.unwrap();
    let owners = bench.fake.owners.lock().unwrap().clone();
    assert_eq!(
        owners,
        [
            Some("444455556666".to_owned()),
            Some("111122223333".to_owned())
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_mixed_batch_returns_the_unreadable_message_alone() {
    let bench = Bench::new(Fake::default(), &[], 8);
    let answer = bench.send(&sample("sqs-mixed")).await.unwrap();
    assert_eq!(
        failed_ids(&answer),
        ["19dd0b57-b21e-4ac1-bd88-01bbb068cb78"]
    );
    let (lines, _) = bench.lines();
    let verdicts: Vec<_> = lines
        .iter()
        .map(|line| line["verdict"].as_str().unwrap())
        .collect();
    // Two of the four readable records are about one version.
    assert_eq!(verdicts, ["Compliant", "Compliant", "ReplicationFailed"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_of_several_records_comes_back_where_one_of_them_failed() {
    let head = |_: usize, version: &compliance::subject::ObjectVersion| {
        if version.key.as_str() == "Tax/document1" {
            Ok(Inspection::Object(replica(KEY)))
        } else {
            Err(ask_error())
        }
    };
    let bench = Bench::new(
        Fake {
            head: Box::new(head),
            ..Fake::default()
        },
        &[],
        8,
    );
    let answer = bench.send(&sample("sqs-mixed")).await.unwrap();
    let failed = failed_ids(&answer);
    assert_eq!(
        failed,
        [
            "2e1424d4-f796-459a-8184-9c92662be6da",
            "19dd0b57-b21e-4ac1-bd88-01bbb068cb78"
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn a_direct_event_answers_its_verdicts_or_fails_as_a_whole() {
    let bench = Bench::new(Fake::default(), &[], 8);
    let answer = bench.send(&sample("s3-object-created")).await.unwrap();
    assert_eq!(answer["verdicts"][0]["verdict"], "Compliant");
    let head = |_: usize, _: &_| Err(ask_error());
    let bench = Bench::new(
        Fake {
            head: Box::new(head),
            ..Fake::default()
        },
        &[],
        8,
    );
    let error = bench
        .send(&sample("s3-object-created"))
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "1 of 1 records are not done, the first because s3:HeadObject on bucket destination \
         failed: status 503, SlowDown",
    );
    let unknown = bench.send(&json!({"hello": 1})).await.unwrap_err();
    assert_eq!(unknown.code(), "UnreadablePayload");
}

#[tokio::test(start_paused = true)]
async fn batch_operations_get_a_result_for_each_task_in_their_schema() {
    let head = |_: usize, version: &compliance::subject::ObjectVersion| match version.version_id {
        Some(_) => Ok(Inspection::Object(replica(OTHER))),
        None => Ok(Inspection::Object(replica(KEY))),
    };
    let bench = Bench::new(
        Fake {
            head: Box::new(head),
            ..Fake::default()
        },
        &[],
        8,
    );
    let mut job = sample("batch-operations-2.0");
    let bad = json!({"taskId": "bad", "s3Key": "100%", "s3Bucket": "destination"});
    job["tasks"].as_array_mut().unwrap().push(bad);
    let answer = bench.send(&job).await.unwrap();
    assert_eq!(answer["invocationSchemaVersion"], "2.0");
    assert_eq!(answer["invocationId"], job["invocationId"]);
    assert_eq!(answer["treatMissingKeysAs"], "TemporaryFailure");
    let results = answer["results"].as_array().unwrap();
    let codes: Vec<_> = results
        .iter()
        .map(|result| result["resultCode"].as_str().unwrap())
        .collect();
    assert_eq!(codes, ["Succeeded", "PermanentFailure", "PermanentFailure"]);
    let verdict: Value =
        serde_json::from_str(results[1]["resultString"].as_str().unwrap()).unwrap();
    assert_eq!(verdict["verdict"], "WrongKey");
    let head = |_: usize, _: &_| Err(ask_error());
    let bench = Bench::new(
        Fake {
            head: Box::new(head),
            ..Fake::default()
        },
        &[],
        8,
    );
    let answer = bench.send(&sample("batch-operations-1.0")).await.unwrap();
    assert_eq!(answer["invocationSchemaVersion"], "1.0");
    assert_eq!(answer["results"][0]["resultCode"], "TemporaryFailure");
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_object_is_refused_is_tried_again_and_told() {
    for inspection in [Inspection::AccessDenied, Inspection::CustomerKey] {
        let passes = inspection == Inspection::AccessDenied;
        let bench = Bench::new(
            Fake {
                head: Box::new(move |_, _| Ok(inspection.clone())),
                ..Fake::default()
            },
            &[],
            8,
        );
        let answer = bench.send(&sample("batch-operations-1.0")).await.unwrap();
        let result = &answer["results"][0];
        let code = if passes {
            "TemporaryFailure"
        } else {
            "Succeeded"
        };
        assert_eq!(result["resultCode"], code);
        let told = bench.lines().0.remove(0);
        assert_eq!(told["verdict"], "Uninspectable", "the alarm rings by it");
        let text = result["resultString"].as_str().unwrap();
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), told);
    }
}

fn page(keys: &[&str], next: Option<&str>) -> VersionPage {
    let one = |key: &&str| {
        let mut event = sample("eventbridge-object-created");
        event["detail"]["object"]["key"] = json!(key);
        let Ok(compliance::ingest::Payload::Direct(reading)) = compliance::ingest::read(&event)
        else {
            panic!("no event")
        };
        Subject::version(&reading.subjects[0]).clone()
    };
    let next = next.map(|key| Marker {
        key: Some(key.to_owned()),
        version_id: Some("v".to_owned()),
    });
    VersionPage {
        versions: keys
            .iter()
            .map(one)
            .map(|version| ListedVersion {
                version,
                last_modified: None,
            })
            .collect(),
        next,
    }
}

#[tokio::test(start_paused = true)]
async fn a_sweep_judges_every_page_and_says_that_it_is_complete() {
    let pages = vec![Ok(page(&["a", "b"], Some("b"))), Ok(page(&["c"], None))];
    let bench = Bench::new(
        Fake {
            pages,
            ..Fake::default()
        },
        &[],
        8,
    );
    let answer = bench.send(&sample("sweep")).await.unwrap();
    assert_eq!(answer["Complete"], true);
    assert_eq!(answer["Checked"], 3);
    assert_eq!(answer["Verdicts"], json!({"Compliant": 3}));
    assert_eq!(bench.lines().0.len(), 3);
    assert_eq!(
        bench.fake.markers.lock().unwrap()[1].key.as_deref(),
        Some("b")
    );
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_is_stopped_says_how_to_go_on_and_goes_on_from_there() {
    let pages = vec![
        Ok(page(&["a", "b"], Some("b"))),
        Err(ask_error()),
        Ok(page(&["c"], None)),
    ];
    let bench = Bench::new(
        Fake {
            pages,
            ..Fake::default()
        },
        &[],
        8,
    );
    let answer = bench.send(&sample("sweep")).await.unwrap();
    assert_eq!(answer["Complete"], false);
    assert_eq!(answer["Checked"], 2);
    let next = json!({
        "Action": "Sweep", "Bucket": "destination", "Prefix": "Tax/",
        "KeyMarker": "b", "VersionIdMarker": "v",
    });
    assert_eq!(answer["Next"], next);
    let answer = bench.send(&next).await.unwrap();
    assert_eq!(
        (&answer["Complete"], &answer["Checked"]),
        (&json!(true), &json!(1))
    );
    assert_eq!(
        bench.fake.markers.lock().unwrap()[2].key.as_deref(),
        Some("b")
    );
}

#[tokio::test(start_paused = true)]
async fn metrics_count_each_verdict_once_in_lines_of_at_most_a_hundred_values() {
    let head = |n: usize, _: &_| {
        Ok(Inspection::Object(if n < 30 {
            replica(OTHER)
        } else {
            replica(KEY)
        }))
    };
    let bench = Bench::new(
        Fake {
            head: Box::new(head),
            ..Fake::default()
        },
        &[KEY],
        8,
    );
    bench.send(&queue_batch(250)).await.unwrap();
    bench.send(&sample("replication-failed")).await.unwrap();
    let (_, metrics) = bench.lines();
    let sum = |bucket: &str, metric: &str| -> u64 {
        let lines = metrics.iter().filter(|line| line["Bucket"] == bucket);
        lines
            .filter_map(|line| line.get(metric))
            .map(|value| value.as_u64().unwrap())
            .sum()
    };
    assert_eq!(sum("destination", "ReplicasChecked"), 250);
    assert_eq!(sum("destination", "NonCompliant"), 30);
    assert_eq!(sum("destination", "ReplicationFailures"), 0);
    assert_eq!(sum("source", "ReplicasChecked"), 0);
    assert_eq!(sum("source", "NonCompliant"), 1);
    assert_eq!(sum("source", "ReplicationFailures"), 1);
    let values: Vec<usize> = metrics
        .iter()
        .map(|line| line["CheckLatency"].as_array().unwrap().len())
        .collect();
    assert_eq!(values, [100, 100, 20, 30, 1]);
    assert_eq!(metrics[0]["CheckLatency"][0], 250);
    for line in &metrics {
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "EncryptedReplication");
        assert_eq!(
            directive["Dimensions"],
            json!([["Bucket"], ["Bucket", "Verdict"]])
        );
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(
                line.get(metric["Name"].as_str().unwrap()).is_some(),
                "{line}"
            );
        }
        assert_eq!(line["_aws"]["Timestamp"], EVENT_MS + 250);
    }
}

#[tokio::test(start_paused = true)]
async fn key_states_that_nobody_may_read_are_no_finding_and_ones_that_fail_are_tried_again() {
    let with = |answer| Fake {
        keys: std::iter::once((KEY.to_owned(), answer)).collect(),
        ..Fake::default()
    };
    let denied = Ok(KeyAnswer::Refused("kms:DescribeKey: status 400".to_owned()));
    let bench = Bench::new(with(denied), &[], 8);
    bench.send(&queue_batch(1)).await.unwrap();
    let (lines, _) = bench.lines();
    assert_eq!(lines[0]["verdict"], "Compliant");
    assert!(
        lines[0]["reason"]
            .as_str()
            .unwrap()
            .contains("could not be read: kms:DescribeKey")
    );
    let bench = Bench::new(with(Err(ask_error())), &[], 8);
    assert_eq!(
        failed_ids(&bench.send(&queue_batch(1)).await.unwrap()),
        ["m0"]
    );
}
