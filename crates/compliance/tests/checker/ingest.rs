//! Every sample event, read: the values that come out, not only that something does.

use compliance::ingest::{self, Content, IngestError, Payload, Reading};
use compliance::subject::{ReplicationOutcome, Subject};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{EVENT_MS, sample};

const PLAIN: &str = "Tax/document1";
const ODD: &str = "Tax/Übersicht 2026 + 100%.pdf";
const VERSION: Option<&str> = Some("096fKKXTRTtl3on89fVO.nfljtsv6qko");

fn subjects(payload: &Value) -> Vec<Subject> {
    match ingest::read(payload).unwrap() {
        Payload::Direct(reading) => whole(reading),
        Payload::Queue(messages) => messages
            .iter()
            .cloned()
            .map(reading)
            .flat_map(whole)
            .collect(),
        other => panic!("no events: {other:?}"),
    }
}

fn reading(message: ingest::QueueMessage) -> Reading {
    match message.content {
        Content::Event(reading) => reading,
        Content::Sweep(request) => panic!("no event: {request:?}"),
    }
}

fn whole(reading: Reading) -> Vec<Subject> {
    assert_eq!(reading.faults, []);
    reading.subjects
}

#[test]
fn every_shape_of_arrival_yields_its_version() {
    let owner = Some("111122223333");
    let table = [
        ("s3-object-created", PLAIN, VERSION, None),
        ("s3-object-created-encoded-key", ODD, VERSION, None),
        ("s3-object-created-multipart", PLAIN, VERSION, None),
        ("s3-object-created-without-version", PLAIN, None, None),
        ("sqs-s3-object-created", PLAIN, VERSION, None),
        ("sns-s3-object-created", ODD, VERSION, None),
        ("sqs-sns-s3-object-created", ODD, VERSION, None),
        ("sqs-sns-raw-s3-object-created", ODD, VERSION, None),
        ("eventbridge-object-created", PLAIN, VERSION, owner),
        ("eventbridge-object-created-plain-key", ODD, VERSION, owner),
        (
            "eventbridge-object-created-multipart",
            PLAIN,
            VERSION,
            owner,
        ),
        ("sqs-eventbridge-object-created", PLAIN, VERSION, owner),
    ];
    for (name, key, version_id, owner) in table {
        let found = subjects(&sample(name));
        let [Subject::Arrival(version)] = found.as_slice() else {
            panic!("{name}: {found:?}")
        };
        assert_eq!(
            version.identity(),
            ("destination", key, version_id),
            "{name}"
        );
        assert_eq!(version.bucket_owner.as_deref(), owner, "{name}");
        assert_eq!(version.region.as_deref(), Some("us-west-2"), "{name}");
        assert_eq!(version.event_time_ms, Some(EVENT_MS), "{name}");
    }
}

#[test]
fn events_that_concern_no_arrival_are_accepted_and_yield_nothing() {
    for name in ["s3-test-event", "sqs-s3-test-event", "s3-object-removed"] {
        assert_eq!(subjects(&sample(name)), [], "{name}");
    }
    assert_eq!(subjects(&json!({"Records": []})), []);
}

#[test]
fn replication_events_carry_the_rule_and_the_reason() {
    use ReplicationOutcome::{Failed, MissedThreshold, NotTracked, ReplicatedAfterThreshold};
    let table = [
        ("replication-failed", Failed, Some("DstKmsKeyInvalidState")),
        ("replication-missed-threshold", MissedThreshold, None),
        (
            "replication-replicated-after-threshold",
            ReplicatedAfterThreshold,
            None,
        ),
        ("replication-not-tracked", NotTracked, None),
        (
            "sqs-replication-failed",
            Failed,
            Some("DstPutObjectNotPermitted"),
        ),
    ];
    for (name, outcome, reason) in table {
        let found = subjects(&sample(name));
        let [Subject::Replication(event)] = found.as_slice() else {
            panic!("{name}: {found:?}")
        };
        assert_eq!(event.outcome, outcome, "{name}");
        assert_eq!(event.failure_reason.as_deref(), reason, "{name}");
        assert_eq!(
            event.version.identity(),
            ("source", PLAIN, VERSION),
            "{name}"
        );
        assert_eq!(event.rule_id.as_deref(), Some("tax"), "{name}");
        assert_eq!(
            event.destination_bucket.as_deref(),
            Some("destination"),
            "{name}"
        );
        assert_eq!(event.operation.as_deref(), Some("OBJECT_PUT"), "{name}");
    }
}

#[test]
fn a_mixed_batch_fails_only_the_message_that_nobody_can_read() {
    let Payload::Queue(messages) = ingest::read(&sample("sqs-mixed")).unwrap() else {
        panic!("no queue")
    };
    let counts: Vec<_> = messages
        .iter()
        .cloned()
        .map(reading)
        .map(|reading| (reading.subjects.len(), reading.faults.len()))
        .collect();
    assert_eq!(counts, [(1, 0), (2, 0), (0, 1), (1, 0)]);
    assert_eq!(
        reading(messages[2].clone()).faults[0].to_string(),
        "a message of 8 bytes is not JSON, at line 1 column 2",
    );
}

#[test]
fn a_record_of_an_unknown_kind_takes_no_other_with_it() {
    let mut event = sample("s3-object-created");
    let record = event["Records"][0].clone();
    let mut unknown = record.clone();
    unknown["eventName"] = json!("ObjectDreamt:Put");
    let mut others = record.clone();
    others["eventSource"] = json!("aws:other");
    event["Records"] = json!([unknown, record, others]);
    let Payload::Direct(read) = ingest::read(&event).unwrap() else {
        panic!("no event")
    };
    assert_eq!((read.subjects.len(), read.faults.len()), (1, 2));
    assert!(read.faults[0].to_string().contains("ObjectDreamt"));
    assert!(read.faults[1].to_string().contains("eventSource"));
    let in_sns = json!({"Type": "Notification", "Message": event.to_string()});
    for body in [&event, &in_sns] {
        let queue = json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": body.to_string(),
            "attributes": {"ApproximateReceiveCount": "2"}}]});
        let Payload::Queue(messages) = ingest::read(&queue).unwrap() else {
            panic!("no queue")
        };
        assert_eq!(messages[0].receives, Some(2));
        let read = reading(messages[0].clone());
        assert_eq!((read.subjects.len(), read.faults.len()), (1, 2));
    }
}

#[test]
fn an_event_that_was_reshaped_says_what_is_missing() {
    let error = |event: &Value| ingest::read(event).unwrap_err().to_string();
    let mut s3 = sample("s3-object-created");
    s3["Records"][0]
        .as_object_mut()
        .unwrap()
        .remove("eventSource");
    assert!(
        error(&s3).starts_with("an S3 notification without `Records[].eventSource`: "),
        "{}",
        error(&s3)
    );
    let bridge = sample("eventbridge-object-created");
    for missing in ["source", "detail-type"] {
        let mut bridge = bridge.clone();
        bridge.as_object_mut().unwrap().remove(missing);
        let told = error(&bridge);
        let start = format!("an EventBridge event of aws.s3 without `{missing}`: ");
        assert!(
            told.starts_with(&start) && told.contains("input transformer"),
            "{told}"
        );
    }
    assert!(error(&bridge["detail"]).contains("without `detail`"));
}

#[test]
fn a_sweep_may_come_by_the_queue_and_a_new_expectation_asks_for_one() {
    let message = |body: &Value| {
        let queue = json!({"Records": [{"messageId": "m", "eventSource": "aws:sqs", "body": body.to_string()}]});
        match ingest::read(&queue).unwrap() {
            Payload::Queue(mut messages) => messages.remove(0).content,
            other => panic!("no queue: {other:?}"),
        }
    };
    let mut sweep = sample("sweep");
    sweep["Since"] = json!("2026-03-02T09:14:00Z");
    sweep["Repair"] = json!(false);
    let Content::Sweep(request) = message(&sweep) else {
        panic!("no sweep")
    };
    assert_eq!(
        (request.bucket.as_str(), request.prefix.as_str()),
        ("destination", "Tax/")
    );
    assert!(request.only_looks);
    // A minute before the parameter was made.
    let since = request.since;
    let Content::Sweep(request) = message(&sample("eventbridge-parameter-created")) else {
        panic!("no sweep")
    };
    assert_eq!(
        (request.bucket.as_str(), request.prefix.as_str()),
        ("destination", "")
    );
    assert_eq!(request.since, since);
    assert!(!request.only_looks);
    for (name, value) in [
        ("operation", "Update"),
        ("name", "/encrypted-replication/_resources/er1/1"),
        ("name", "/somebody/else"),
    ] {
        let mut other = sample("eventbridge-parameter-created");
        other["detail"][name] = json!(value);
        assert_eq!(
            message(&other),
            Content::Event(Reading::default()),
            "{value}"
        );
    }
    for (name, value) in [("Since", "yesterday"), ("Repair", "no"), ("Befroe", "x")] {
        let mut wrong = sample("sweep");
        wrong[name] = json!(value);
        assert!(ingest::read(&wrong).is_err(), "{name}");
    }
    let unknown = ingest::read(&json!({"Action": "sweep"})).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "there is no action `sweep`; the checker knows `Sweep`"
    );
}

#[test]
fn batch_operations_name_the_bucket_by_arn_or_by_name() {
    let job = |name| match ingest::read(&sample(name)).unwrap() {
        Payload::BatchOperations(job) => job,
        other => panic!("no job: {other:?}"),
    };
    let first = job("batch-operations-1.0");
    assert_eq!(first.schema_version, "1.0");
    let version = first.tasks[0].version.as_ref().unwrap();
    assert_eq!(version.identity(), ("destination", ODD, Some("1")));
    let second = job("batch-operations-2.0");
    assert_eq!(second.tasks.len(), 2);
    let version = second.tasks[0].version.as_ref().unwrap();
    assert_eq!(version.identity(), ("destination", PLAIN, None));
}

#[test]
fn version_ids_that_are_absent_empty_or_null_are_told_apart() {
    let with = |version_id: Value| {
        let mut event = sample("s3-object-created");
        event["Records"][0]["s3"]["object"]["versionId"] = version_id;
        subjects(&event)[0].version().version_id.clone()
    };
    assert_eq!(with(json!("")), None);
    assert_eq!(with(Value::Null), None);
    assert_eq!(with(json!("null")), Some("null".to_owned()));
}

#[test]
fn minor_versions_and_unknown_fields_pass_and_major_versions_do_not() {
    let mut s3 = sample("s3-object-created");
    s3["Records"][0]["eventVersion"] = json!("2.99");
    s3["Records"][0]["later"] = json!({"nested": [1]});
    assert_eq!(subjects(&s3).len(), 1);
    s3["Records"][0]["eventVersion"] = json!("3.0");
    assert_eq!(
        ingest::read(&s3).unwrap_err().to_string(),
        "an S3 notification has version `3.0`, and only major version 2 is known",
    );
    let mut bridge = sample("eventbridge-object-created");
    bridge["detail"]["version"] = json!("1");
    assert!(matches!(
        ingest::read(&bridge),
        Err(IngestError::Version { .. })
    ));
    let mut job = sample("batch-operations-2.0");
    job["invocationSchemaVersion"] = json!("3.0");
    assert!(matches!(
        ingest::read(&job),
        Err(IngestError::Version {
            known: "1 or 2",
            ..
        })
    ));
}

#[test]
fn what_nobody_knows_is_an_error_that_says_what_was_seen() {
    let table = [
        (json!(null), "an event of unknown shape (null)"),
        (
            json!({"hello": "secret"}),
            "an event of unknown shape (an object with the fields hello)",
        ),
        (
            json!({"Action": "Destroy"}),
            "there is no action `Destroy`; the checker knows `Sweep`",
        ),
        (
            json!({"Action": "Sweep"}),
            "a Sweep action has no usable `Bucket`",
        ),
        (
            json!({"Action": "Sweep", "Bucket": "b", "prefix": "x"}),
            "and no other field",
        ),
        (
            json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectDreamt:Of"}]}),
            "an S3 notification carries the unknown event `ObjectDreamt:Of`",
        ),
        (
            json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}),
            "an S3 notification has no usable `s3`",
        ),
        (
            json!({"source": "aws.s3", "detail-type": "Object Dreamt"}),
            "unknown event `Object Dreamt`",
        ),
        (
            json!({"source": "aws.ec2", "detail-type": "Object Created"}),
            "unknown shape",
        ),
        (
            json!({"Records": [{"eventSource": "aws:kinesis"}]}),
            "unknown shape",
        ),
    ];
    for (payload, part) in table {
        let error = ingest::read(&payload).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("secret"), "{error}");
    }
}

#[test]
fn a_text_that_names_no_bucket_or_account_is_refused() {
    let refusal = |event: &Value| ingest::read(event).unwrap_err().to_string();
    let long = "b".repeat(256);
    for name in [
        "a/b",
        "_resources/a",
        "a?b",
        "a\nb",
        "a*",
        "arn:aws:s3:::a",
        &long,
    ] {
        let mut s3 = sample("s3-object-created");
        s3["Records"][0]["s3"]["bucket"]["name"] = json!(name);
        let mut bridge = sample("eventbridge-object-created");
        bridge["detail"]["bucket"]["name"] = json!(name);
        let sweep = json!({"Action": "Sweep", "Bucket": name});
        for event in [s3, bridge, sweep] {
            let told = refusal(&event);
            assert!(told.ends_with("expected the name of a bucket"), "{told}");
        }
        let mut job = sample("batch-operations-2.0");
        job["tasks"][0]["s3Bucket"] = json!(name);
        let Payload::BatchOperations(job) = ingest::read(&job).unwrap() else {
            panic!("no job")
        };
        assert!(job.tasks[0].version.is_err(), "{name}");
    }
    let mut bridge = sample("eventbridge-object-created");
    for account in ["1111", "11112222333a", "1111222233334", "111122223333\n"] {
        bridge["account"] = json!(account);
        let told = refusal(&bridge);
        assert!(
            told.ends_with("`account`: expected an account id of twelve digits"),
            "{told}"
        );
    }
    bridge["account"] = json!("");
    assert_eq!(subjects(&bridge)[0].version().bucket_owner, None);
    bridge["detail"]["bucket"]["name"] = json!("Old_Bucket.of-2006");
    assert_eq!(subjects(&bridge)[0].version().bucket, "Old_Bucket.of-2006");
}

/// Any JSON, to throw at ingest.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let names = prop_oneof![
        Just("Records"),
        Just("eventSource"),
        Just("body"),
        Just("messageId"),
        Just("s3"),
        Just("detail"),
        Just("detail-type"),
        Just("source"),
        Just("tasks"),
        Just("Sns"),
        Just("Message"),
        Just("Action"),
        Just("invocationSchemaVersion"),
        Just("Event"),
    ];
    leaf.prop_recursive(4, 32, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..5).prop_map(|fields| {
                fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn every_key_comes_back_from_every_shape_as_it_was(key in "\\PC{1,80}|.{1,80}") {
        let encoded = utf8_percent_encode(&key, NON_ALPHANUMERIC).to_string().replace("%20", "+");
        let mut s3 = sample("s3-object-created");
        s3["Records"][0]["s3"]["object"]["key"] = json!(encoded);
        let mut bridge = sample("eventbridge-object-created");
        bridge["detail"]["object"]["key"] = json!(key);
        let mut job = sample("batch-operations-1.0");
        job["tasks"][0]["s3Key"] = json!(encoded);
        let envelope = json!({"Type": "Notification", "Message": s3.to_string()});
        let queue = |body: &Value| json!({"Records": [
            {"messageId": "m", "eventSource": "aws:sqs", "body": body.to_string()},
        ]});
        for payload in [&s3, &bridge, &queue(&s3), &queue(&bridge), &queue(&envelope)] {
            let found = subjects(payload);
            prop_assert_eq!(found[0].version().key.as_str(), key.as_str());
        }
        let Payload::BatchOperations(job) = ingest::read(&job).unwrap() else { panic!("no job") };
        let version = job.tasks[0].version.as_ref().unwrap();
        prop_assert_eq!(version.key.as_str(), key.as_str());
    }

    #[test]
    fn no_json_makes_ingest_panic(payload in any_json()) {
        let _ = ingest::read(&payload);
    }
}
