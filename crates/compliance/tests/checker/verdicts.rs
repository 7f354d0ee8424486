//! The verdict table, row by row, through the checker: kind, words and the line that is told.

use compliance::ports::{DefaultEncryption, Inspection, KeyAnswer, KeyDescription, Observed};
use serde_json::{Value, json};

use crate::support::{Bench, Fake, KEY, OTHER, ask_error, parameter, replica, sample};

const ELSEWHERE: &str = "arn:aws:kms:us-east-1:111122223333:key/33333333";
const FOREIGN: &str = "arn:aws:kms:us-west-2:444455556666:key/44444444";
const MULTI_HERE: &str = "arn:aws:kms:us-west-2:111122223333:key/mrk-5555";
const MULTI_THERE: &str = "arn:aws:kms:us-east-1:111122223333:key/mrk-5555";

fn found(arn: &str, state: &str, aws_managed: bool) -> KeyAnswer {
    KeyAnswer::Found(KeyDescription {
        arn: arn.to_owned(),
        state: state.to_owned(),
        aws_managed,
    })
}

async fn line_of(fake: Fake, allowed: &[&str]) -> Value {
    let bench = Bench::new(fake, allowed, 8);
    bench
        .send(&sample("eventbridge-object-created"))
        .await
        .unwrap();
    let (mut lines, _) = bench.lines();
    assert_eq!(lines.len(), 1);
    lines.remove(0)
}

fn seeing(observed: Observed) -> Fake {
    Fake {
        head: Box::new(move |_, _| Ok(Inspection::Object(observed.clone()))),
        ..Fake::default()
    }
}

fn answering(inspection: Inspection) -> Fake {
    Fake {
        head: Box::new(move |_, _| Ok(inspection.clone())),
        ..Fake::default()
    }
}

fn check(line: &Value, verdict: &str, compliant: &Value, reason: &str, remedy: Option<&str>) {
    assert_eq!(line["verdict"], verdict, "{line}");
    assert_eq!(&line["compliant"], compliant, "{line}");
    assert!(line["reason"].as_str().unwrap().contains(reason), "{line}");
    match remedy {
        Some(part) => assert!(line["remedy"].as_str().unwrap().contains(part), "{line}"),
        None => assert!(line.get("remedy").is_none(), "{line}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_replica_under_the_expected_key_is_compliant_and_its_line_is_the_contracts() {
    let mut line = line_of(Fake::default(), &[]).await;
    let id = line["id"].take();
    // Computed apart from this code, from the description of `Verdict::id`.
    assert_eq!(
        id,
        "632abaa492c0c7158b92e71ca02f8e507671e8ebb8bec80af22b45576c96a1bc"
    );
    assert_eq!(
        line,
        json!({
            "schema": "encrypted-replication/verdict/1", "id": null,
            "time": "2026-03-02T09:15:00.25Z", "account": "111122223333", "region": "us-west-2",
            "version": env!("CARGO_PKG_VERSION"), "verdict": "Compliant",
            "compliant": true, "bucket": "destination", "key": "Tax/document1",
            "versionId": "096fKKXTRTtl3on89fVO.nfljtsv6qko",
            "observed": {"algorithm": "aws:kms", "kmsKeyArn": KEY, "bucketKeyEnabled": true,
                "replicationStatus": "REPLICA"},
            "expected": {"kmsKeyArns": [KEY], "from": "registry"},
            "reason": "the replica is encrypted with an expected key",
        }),
    );
}

#[tokio::test(start_paused = true)]
async fn any_kms_algorithm_and_any_replica_status_is_judged_by_the_key() {
    let dsse = Observed {
        algorithm: Some("aws:kms:dsse".to_owned()),
        ..replica(KEY)
    };
    check(
        &line_of(seeing(dsse), &[]).await,
        "Compliant",
        &json!(true),
        "expected key",
        None,
    );
    for status in ["PENDING", "FAILED"] {
        let seen = Observed {
            replication_status: Some(status.to_owned()),
            ..replica(KEY)
        };
        let line = line_of(seeing(seen), &[]).await;
        check(
            &line,
            "Compliant",
            &json!(true),
            &format!("status is {status}"),
            None,
        );
        let seen = Observed {
            replication_status: Some(status.to_owned()),
            ..replica(OTHER)
        };
        let line = line_of(seeing(seen), &[]).await;
        check(
            &line,
            "NotReplica",
            &Value::Null,
            "it may be a source object",
            None,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_says_whose_and_where_it_is() {
    let mend = Some("ReplicaKmsKeyID");
    let line = line_of(seeing(replica(OTHER)), &[]).await;
    check(
        &line,
        "WrongKey",
        &json!(false),
        "which is not an expected key",
        mend,
    );
    let line = line_of(seeing(replica(FOREIGN)), &[]).await;
    check(
        &line,
        "WrongKey",
        &json!(false),
        "a key of account 444455556666",
        mend,
    );
    let line = line_of(seeing(replica(ELSEWHERE)), &[]).await;
    check(
        &line,
        "WrongKey",
        &json!(false),
        "a key of another Region",
        mend,
    );
    let fake = seeing(replica(MULTI_HERE));
    let line = line_of(fake, &[MULTI_THERE]).await;
    check(
        &line,
        "WrongKey",
        &json!(false),
        "the same multi-Region key in another Region",
        Some("correct the expectation"),
    );
    let mut fake = seeing(replica(OTHER));
    fake.keys
        .insert(OTHER.to_owned(), Ok(found(OTHER, "Enabled", true)));
    check(
        &line_of(fake, &[]).await,
        "WrongKey",
        &json!(false),
        "the AWS managed key",
        mend,
    );
    let unnamed = Observed {
        kms_key: None,
        ..replica(KEY)
    };
    check(
        &line_of(seeing(unnamed), &[]).await,
        "WrongKey",
        &json!(false),
        "names no key",
        mend,
    );
}

#[tokio::test(start_paused = true)]
async fn another_type_of_encryption_is_the_source_objects() {
    for (algorithm, reason) in [
        (Some("AES256"), "SSE-S3 where a KMS key is expected"),
        (Some("aws:fsx"), "encryption is aws:fsx"),
        (None, "no server-side encryption"),
    ] {
        let seen = Observed {
            algorithm: algorithm.map(str::to_owned),
            kms_key: None,
            bucket_key_enabled: false,
            ..replica(KEY)
        };
        let line = line_of(seeing(seen), &[]).await;
        check(
            &line,
            "WrongAlgorithm",
            &json!(false),
            reason,
            Some("source bucket's default"),
        );
        assert!(line["observed"].get("bucketKeyEnabled").is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_cannot_be_used_is_a_finding_and_one_of_unknown_state_is_not() {
    let table = [
        (
            "Disabled",
            "KeyUnusable",
            "state is Disabled",
            Some("enable-key"),
        ),
        (
            "PendingDeletion",
            "KeyUnusable",
            "state is PendingDeletion",
            Some("cancel-key-deletion"),
        ),
        (
            "PendingReplicaDeletion",
            "KeyUnusable",
            "PendingReplica",
            Some("cancel-key-deletion"),
        ),
        (
            "PendingImport",
            "KeyUnusable",
            "PendingImport",
            Some("key material"),
        ),
        (
            "Unavailable",
            "KeyUnusable",
            "Unavailable",
            Some("custom key store"),
        ),
        ("Creating", "KeyUnusable", "Creating", Some("enable")),
        ("Updating", "Compliant", "expected key", None),
        (
            "Dreaming",
            "Compliant",
            "`Dreaming`, which this checker does not know",
            None,
        ),
    ];
    for (state, verdict, reason, remedy) in table {
        let mut fake = Fake::default();
        fake.keys
            .insert(KEY.to_owned(), Ok(found(KEY, state, false)));
        let compliant = json!(verdict == "Compliant");
        check(
            &line_of(fake, &[]).await,
            verdict,
            &compliant,
            reason,
            remedy,
        );
    }
    let mut fake = Fake::default();
    fake.keys.clear();
    let line = line_of(fake, &[]).await;
    check(
        &line,
        "KeyUnusable",
        &json!(false),
        "KMS knows no such key",
        Some("nothing brings"),
    );
}

#[tokio::test(start_paused = true)]
async fn a_key_of_another_region_is_never_said_to_be_missing() {
    let fake = seeing(replica(ELSEWHERE));
    let line = line_of(fake, &[ELSEWHERE]).await;
    check(
        &line,
        "Compliant",
        &json!(true),
        "the key is in us-east-1, the checker in us-west-2",
        None,
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_judged_says_why() {
    let null = Value::Null;
    let straight = Observed {
        replication_status: None,
        ..replica(OTHER)
    };
    check(
        &line_of(seeing(straight), &[]).await,
        "NotReplica",
        &null,
        "written straight",
        None,
    );
    let source = Observed {
        replication_status: Some("COMPLETED".to_owned()),
        ..replica(OTHER)
    };
    check(
        &line_of(seeing(source), &[]).await,
        "NotReplica",
        &null,
        "is COMPLETED",
        None,
    );
    let line = line_of(answering(Inspection::NotFound), &[]).await;
    check(&line, "Gone", &null, "was deleted", None);
    let line = line_of(answering(Inspection::DeleteMarker), &[]).await;
    check(&line, "Gone", &null, "delete marker", None);
    let line = line_of(answering(Inspection::AccessDenied), &[]).await;
    check(
        &line,
        "Uninspectable",
        &null,
        "s3:GetObjectVersion is missing",
        Some(
            "s3:ListBucket on the bucket, in its own policy and in the bucket's, and check that \
              account 111122223333 owns the bucket",
        ),
    );
    let line = line_of(answering(Inspection::CustomerKey), &[]).await;
    check(&line, "Uninspectable", &null, "SSE-C", Some("block SSE-C"));
    let line = line_of(
        answering(Inspection::OtherRegion("eu-west-1".to_owned())),
        &[],
    )
    .await;
    check(
        &line,
        "Uninspectable",
        &null,
        "in eu-west-1",
        Some("deploy the checker in eu-west-1"),
    );
    let fake = Fake {
        registry: Ok(vec![parameter("o", "Other/", KEY)]),
        ..Fake::default()
    };
    let line = line_of(fake, &[]).await;
    check(
        &line,
        "NoExpectation",
        &null,
        "nothing says which key",
        Some("EXPECTED_KMS_KEY_ARNS"),
    );
    assert!(line.get("expected").is_none());
}

#[tokio::test(start_paused = true)]
async fn what_is_gone_or_no_replica_needs_no_registry() {
    for (inspection, verdict) in [
        (Inspection::NotFound, "Gone"),
        (Inspection::Object(Observed::default()), "NotReplica"),
    ] {
        let fake = Fake {
            registry: Err(ask_error()),
            ..answering(inspection)
        };
        assert_eq!(line_of(fake, &[]).await["verdict"], verdict);
    }
}

async fn trusting(fake: Fake, event: &Value) -> Value {
    let bench = Bench::trusting(fake);
    bench.send(event).await.unwrap();
    bench.lines().0.remove(0)
}

#[tokio::test(start_paused = true)]
async fn the_environment_comes_before_the_registry_and_the_default_counts_where_somebody_says_so() {
    let with = |prefix: &str| Fake {
        default: Ok(DefaultEncryption::Kms(Some(KEY.to_owned()))),
        registry: Ok(vec![parameter("o", prefix, OTHER)]),
        ..Fake::default()
    };
    let line = line_of(with("Tax/"), &[OTHER, KEY]).await;
    assert_eq!(
        line["expected"],
        json!({"kmsKeyArns": [OTHER, KEY], "from": "environment"})
    );
    let event = sample("eventbridge-object-created");
    for line in [
        line_of(with("Tax/"), &[]).await,
        trusting(with("Tax/"), &event).await,
    ] {
        assert_eq!(
            line["expected"],
            json!({"kmsKeyArns": [OTHER], "from": "registry"})
        );
    }
    let line = line_of(with("Other/"), &[]).await;
    assert_eq!(line["verdict"], "NoExpectation");
    assert!(line.get("expected").is_none());
    let line = trusting(with("Other/"), &event).await;
    assert_eq!(
        line["expected"],
        json!({"kmsKeyArns": [KEY], "from": "bucket-default"})
    );
    assert_eq!(line["verdict"], "Compliant");
}

#[tokio::test(start_paused = true)]
async fn a_default_that_counts_is_of_the_buckets_owner_and_says_which_encryption() {
    const THEIRS: &str = "arn:aws:kms:us-west-2:444455556666:alias/replicas";
    let fake = || Fake {
        registry: Ok(vec![]),
        default: Ok(DefaultEncryption::Kms(Some("alias/replicas".to_owned()))),
        ..seeing(replica(FOREIGN))
    };
    let mut event = sample("eventbridge-object-created");
    event["account"] = json!("444455556666");
    let mut theirs = fake();
    // In the checker's own account the same alias is another key.
    theirs.keys.insert(
        "alias/replicas".to_owned(),
        Ok(found(KEY, "Enabled", false)),
    );
    theirs
        .keys
        .insert(THEIRS.to_owned(), Ok(found(FOREIGN, "Enabled", false)));
    let known = found(FOREIGN, "Enabled", false);
    theirs.keys.insert(FOREIGN.to_owned(), Ok(known));
    assert_eq!(trusting(theirs, &event).await["verdict"], "Compliant");
    let mut refused = fake();
    refused
        .keys
        .insert(THEIRS.to_owned(), Ok(KeyAnswer::Refused("no".to_owned())));
    let line = trusting(refused, &event).await;
    check(
        &line,
        "Uninspectable",
        &Value::Null,
        "would not say",
        Some("kms:DescribeKey"),
    );
    let id = Fake {
        default: Ok(DefaultEncryption::Kms(Some("44444444".to_owned()))),
        ..fake()
    };
    let line = trusting(id, &event).await;
    assert_eq!(line["expected"]["kmsKeyArns"], json!([FOREIGN]));
    let dsse = Fake {
        registry: Ok(vec![]),
        default: Ok(DefaultEncryption::Dsse(Some(KEY.to_owned()))),
        ..Fake::default()
    };
    let line = trusting(dsse, &sample("eventbridge-object-created")).await;
    check(
        &line,
        "WrongAlgorithm",
        &json!(false),
        "by aws:kms, where aws:kms:dsse is demanded",
        Some("aws:kms:dsse"),
    );
    assert_eq!(line["expected"]["algorithm"], "aws:kms:dsse");
}

fn rules(rules: &Value) -> Fake {
    let value =
        json!({"schema": "encrypted-replication/expectation/1", "source": "s", "rules": rules});
    Fake {
        registry: Ok(vec![compliance::ports::RegistryParameter {
            name: "/encrypted-replication/destination/o".to_owned(),
            value: value.to_string(),
        }]),
        ..Fake::default()
    }
}

/// A replica of a source object that was written at this hour of 2 March 2026.
fn written(hour: u8, key: &str) -> Observed {
    Observed {
        last_modified: Some(format!("Mon, 02 Mar 2026 {hour:02}:00:00 GMT")),
        ..replica(key)
    }
}

async fn line_by(expectation: Fake, seen: Observed, event: &str) -> Value {
    let fake = Fake {
        head: Box::new(move |_, _| Ok(Inspection::Object(seen.clone()))),
        ..expectation
    };
    let bench = Bench::new(fake, &[], 8);
    bench.send(&sample(event)).await.unwrap();
    bench.lines().0.remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_replaced_is_told_apart_from_a_wrong_one() {
    const EVENT: &str = "eventbridge-object-created";
    let replaced = || {
        let mut fake = rules(&json!([
            {"kmsKeyArn": OTHER, "until": "2026-03-02T09:00:00Z"},
            {"kmsKeyArn": KEY, "since": "2026-03-02T09:00:00Z"},
        ]));
        let known = found(OTHER, "Enabled", false);
        fake.keys.insert(OTHER.to_owned(), Ok(known));
        fake
    };
    let line = line_by(replaced(), written(8, OTHER), EVENT).await;
    check(
        &line,
        "FormerKey",
        &json!(true),
        "was the expected key until 2026-03-02T09:00:00Z",
        None,
    );
    assert_eq!(
        line["expected"],
        json!({"kmsKeyArns": [KEY], "formerKmsKeyArns": [OTHER], "from": "registry"})
    );
    // To the second, which may be the one of the change.
    let line = line_by(replaced(), written(9, OTHER), EVENT).await;
    assert_eq!(line["verdict"], "FormerKey");
    let line = line_by(replaced(), written(10, OTHER), EVENT).await;
    assert_eq!(line["verdict"], "WrongKey");
    // Existing objects that are replicated later are older than the key of today.
    let line = line_by(replaced(), written(8, KEY), EVENT).await;
    assert_eq!(line["verdict"], "Compliant");
    // Where S3 says no time, nothing shows that it came too late.
    let line = line_by(replaced(), replica(OTHER), EVENT).await;
    assert_eq!(line["verdict"], "FormerKey");
    let line = line_by(replaced(), written(8, FOREIGN), EVENT).await;
    assert_eq!(line["verdict"], "WrongKey");
    let mut gone = replaced();
    gone.keys.remove(OTHER);
    let line = line_by(gone, written(8, OTHER), EVENT).await;
    assert_eq!(line["verdict"], "KeyUnusable");
    // Before that key was right at all.
    let early = rules(&json!([
        {"kmsKeyArn": OTHER, "since": "2026-03-02T10:00:00Z", "until": "2026-03-02T11:00:00Z"},
        {"kmsKeyArn": KEY},
    ]));
    let line = line_by(early, written(8, OTHER), EVENT).await;
    assert_eq!(line["verdict"], "WrongKey", "arrived at 09:15");
}

#[tokio::test(start_paused = true)]
async fn a_disabled_rule_speaks_for_a_while_where_no_other_does() {
    const EVENT: &str = "eventbridge-object-created";
    let off = || {
        rules(&json!([
            {"kmsKeyArn": KEY, "enabled": false, "until": "2026-03-02T09:00:00Z"},
        ]))
    };
    let line = line_by(off(), written(8, KEY), EVENT).await;
    assert_eq!(line["verdict"], "Compliant");
    let line = line_by(off(), written(8, OTHER), EVENT).await;
    assert_eq!(line["verdict"], "WrongKey");
    for seen in [
        written(10, KEY),
        written(10, OTHER),
        Observed {
            algorithm: Some("AES256".to_owned()),
            kms_key: None,
            ..written(10, KEY)
        },
    ] {
        let line = line_by(off(), seen, EVENT).await;
        assert_eq!(line["verdict"], "NoExpectation", "{line}");
    }
    // Of another owner, with the longer prefix.
    let mut both = rules(&json!([{"kmsKeyArn": KEY}]));
    let disabled = rules(&json!([
        {"prefix": "Tax/", "kmsKeyArn": OTHER, "enabled": false, "until": "2026-03-02T09:00:00Z"},
    ]));
    let mut parameters = both.registry.unwrap();
    parameters.extend(disabled.registry.unwrap().into_iter().map(|mut one| {
        one.name.push_str("ther");
        one
    }));
    both.registry = Ok(parameters);
    let line = line_by(both, written(10, KEY), EVENT).await;
    assert_eq!(line["verdict"], "Compliant");
}

#[tokio::test(start_paused = true)]
async fn an_algorithm_can_be_demanded() {
    const EVENT: &str = "eventbridge-object-created";
    let rule = |algorithm: &str| rules(&json!([{"kmsKeyArn": KEY, "algorithm": algorithm}]));
    let dsse = Observed {
        algorithm: Some("aws:kms:dsse".to_owned()),
        ..replica(KEY)
    };
    for (demanded, seen, verdict) in [
        ("aws:kms:dsse", replica(KEY), "WrongAlgorithm"),
        ("aws:kms:dsse", dsse.clone(), "Compliant"),
        ("aws:kms", dsse, "WrongAlgorithm"),
        ("aws:kms", replica(KEY), "Compliant"),
        ("aws:kms:dsse", replica(OTHER), "WrongKey"),
    ] {
        let line = line_by(rule(demanded), seen, EVENT).await;
        assert_eq!(line["verdict"], verdict, "{demanded}: {line}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_of_several_words_about_one_key_is_enough() {
    const EVENT: &str = "eventbridge-object-created";
    let dsse = || Observed {
        algorithm: Some("aws:kms:dsse".to_owned()),
        ..written(8, KEY)
    };
    let demanding = |algorithm: &str| json!({"kmsKeyArn": KEY, "algorithm": algorithm});
    let either = json!({"kmsKeyArn": KEY});
    // Two sources, of which one demands.
    for words in [
        [demanding("aws:kms:dsse"), either.clone()],
        [either.clone(), demanding("aws:kms:dsse")],
        [demanding("aws:kms:dsse"), demanding("aws:kms")],
    ] {
        for seen in [written(8, KEY), dsse()] {
            let mut fake = rules(&json!([words[0]]));
            let mut parameters = fake.registry.unwrap();
            let mut other = rules(&json!([words[1]])).registry.unwrap().remove(0);
            other.name.push_str("ther");
            other.value = other.value.replace("\"s\"", "\"t\"");
            parameters.push(other);
            fake.registry = Ok(parameters);
            let line = line_by(fake, seen, EVENT).await;
            assert_eq!(line["verdict"], "Compliant", "{words:?}: {line}");
        }
    }
    // It is demanded since, of what is younger.
    let since = || {
        rules(&json!([
            {"kmsKeyArn": KEY, "algorithm": "aws:kms:dsse", "since": "2026-03-02T09:00:00Z"},
            {"kmsKeyArn": KEY, "until": "2026-03-02T09:00:00Z"},
        ]))
    };
    for (seen, verdict) in [
        (written(8, KEY), "FormerKey"),
        (written(10, KEY), "WrongAlgorithm"),
        (dsse(), "Compliant"),
    ] {
        let line = line_by(since(), seen, EVENT).await;
        assert_eq!(line["verdict"], verdict, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_what_was_there_before_anybody_spoke_nothing_is_found() {
    const EVENT: &str = "eventbridge-object-created";
    // It arrived at 09:15.
    let since = |time: &str| rules(&json!([{"kmsKeyArn": KEY, "since": time}]));
    let sse_s3 = |hour| Observed {
        algorithm: Some("AES256".to_owned()),
        kms_key: None,
        ..written(hour, KEY)
    };
    for (time, seen, verdict) in [
        ("2026-03-02T10:00:00Z", written(8, OTHER), "NoExpectation"),
        ("2026-03-02T10:00:00Z", sse_s3(8), "NoExpectation"),
        ("2026-03-02T10:00:00Z", written(8, KEY), "Compliant"),
        // It was uploaded before, and arrived since.
        ("2026-03-02T09:00:00Z", written(8, OTHER), "WrongKey"),
        ("2026-03-02T09:15:00Z", sse_s3(8), "WrongAlgorithm"),
    ] {
        let line = line_by(since(time), seen, EVENT).await;
        assert_eq!(line["verdict"], verdict, "{time}: {line}");
    }
    // Where nobody says when it arrived, the upload's time counts.
    for (hour, verdict) in [(8, "NoExpectation"), (10, "WrongKey")] {
        let seen = written(hour, OTHER);
        let fake = Fake {
            head: Box::new(move |_, _| Ok(Inspection::Object(seen.clone()))),
            ..since("2026-03-02T09:00:00Z")
        };
        let bench = Bench::new(fake, &[], 8);
        bench.send(&sample("batch-operations-2.0")).await.unwrap();
        assert_eq!(bench.lines().0[0]["verdict"], verdict);
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_rule_that_names_no_end_demands_nothing() {
    const EVENT: &str = "eventbridge-object-created";
    let off = || rules(&json!([{"kmsKeyArn": KEY, "enabled": false}]));
    for (seen, verdict) in [
        (written(8, KEY), "Compliant"),
        (written(8, OTHER), "NoExpectation"),
    ] {
        let line = line_by(off(), seen, EVENT).await;
        assert_eq!(line["verdict"], verdict, "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_set_of_one_owner_is_not_made_whole_by_anothers() {
    let part = |owner: &str, number: usize, key: &str| {
        compliance::ports::RegistryParameter {
        name: format!("/encrypted-replication/destination/{owner}"),
        value: json!({
            "schema": "encrypted-replication/expectation/1", "source": "s", "revision": "1", "part": number, "of": 2,
            "rules": [{"kmsKeyArn": key}],
        })
        .to_string(),
    }
    };
    let with = |parameters: Vec<_>| Fake {
        registry: Ok(parameters),
        ..seeing(replica(OTHER))
    };
    // What is missing may well say that it is right.
    let half = with(vec![
        part("a", 1, KEY),
        part("b", 1, KEY),
        part("b-2", 2, KEY),
    ]);
    let bench = Bench::new(half, &[], 8);
    let answer = bench.send(&crate::support::queue_batch(1)).await.unwrap();
    assert_eq!(crate::support::failed_ids(&answer), ["m0"]);
    assert_eq!(bench.lines(), (vec![], vec![]));
    let torn = with(vec![part("a", 1, KEY), part("b-2", 2, KEY)]);
    let bench = Bench::new(torn, &[], 8);
    let answer = bench.send(&crate::support::queue_batch(1)).await.unwrap();
    assert_eq!(crate::support::failed_ids(&answer), ["m0"]);
}

#[tokio::test(start_paused = true)]
async fn what_may_be_a_source_object_is_no_finding_whatever_it_looks_like() {
    let nothing = || Fake {
        registry: Ok(vec![]),
        ..Fake::default()
    };
    let sse_s3 = Observed {
        algorithm: Some("AES256".to_owned()),
        kms_key: None,
        ..replica(KEY)
    };
    for (expectation, seen) in [
        (nothing(), replica(OTHER)),
        (Fake::default(), replica(OTHER)),
        (Fake::default(), sse_s3),
    ] {
        let seen = Observed {
            replication_status: Some("PENDING".to_owned()),
            ..seen
        };
        let line = line_by(expectation, seen, "eventbridge-object-created").await;
        check(
            &line,
            "NotReplica",
            &Value::Null,
            "replication status is PENDING",
            None,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn ids_and_aliases_mean_the_key_behind_them() {
    let with_alias = |answer| {
        let mut fake = Fake::default();
        fake.keys.insert("alias/tax".to_owned(), Ok(answer));
        fake
    };
    assert_eq!(
        line_of(Fake::default(), &["22222222"]).await["verdict"],
        "Compliant"
    );
    assert_eq!(
        line_of(Fake::default(), &["99999999"]).await["verdict"],
        "WrongKey"
    );
    let line = line_of(with_alias(found(KEY, "Enabled", false)), &["alias/tax"]).await;
    assert_eq!(
        (&line["verdict"], &line["expected"]["kmsKeyArns"][0]),
        (&json!("Compliant"), &json!(KEY))
    );
    let line = line_of(with_alias(found(OTHER, "Enabled", false)), &["alias/tax"]).await;
    assert_eq!(line["verdict"], "WrongKey");
    let line = line_of(
        with_alias(KeyAnswer::Refused("no".to_owned())),
        &["alias/tax"],
    )
    .await;
    check(
        &line,
        "Uninspectable",
        &Value::Null,
        "would not say",
        Some("kms:DescribeKey"),
    );
    let line = line_of(with_alias(KeyAnswer::NotFound), &["alias/tax"]).await;
    check(
        &line,
        "NoExpectation",
        &Value::Null,
        "no such alias",
        Some("create the alias"),
    );
    let line = line_of(with_alias(KeyAnswer::NotFound), &["alias/tax", KEY]).await;
    assert_eq!(line["verdict"], "Compliant");
    // A default of KMS without a key is the AWS managed key.
    let mut fake = Fake {
        registry: Ok(vec![]),
        default: Ok(DefaultEncryption::Kms(None)),
        ..Fake::default()
    };
    fake.keys
        .insert("alias/aws/s3".to_owned(), Ok(found(KEY, "Enabled", true)));
    let line = trusting(fake, &sample("eventbridge-object-created")).await;
    assert_eq!(line["verdict"], "Compliant");
}

#[tokio::test(start_paused = true)]
async fn an_alias_of_another_region_hides_no_finding() {
    const HERE: &str = "arn:aws:kms:us-west-2:111122223333:alias/replicas";
    const THERE: &str = "arn:aws:kms:eu-west-1:111122223333:alias/replicas";
    let with = |seen: &str| {
        let mut fake = seeing(replica(seen));
        fake.keys
            .insert(HERE.to_owned(), Ok(found(KEY, "Enabled", false)));
        fake
    };
    for (seen, list, verdict) in [
        (KEY, &[HERE, THERE][..], "Compliant"),
        (OTHER, &[HERE, THERE], "WrongKey"),
        (OTHER, &[KEY, THERE], "WrongKey"),
    ] {
        let line = line_of(with(seen), list).await;
        assert_eq!(line["verdict"], verdict, "{list:?}: {line}");
    }
    let line = line_of(with(OTHER), &[THERE]).await;
    check(
        &line,
        "Uninspectable",
        &Value::Null,
        "the alias is in eu-west-1, the checker in us-west-2",
        Some("name the key by its ARN"),
    );
}

#[tokio::test(start_paused = true)]
async fn replication_events_are_verdicts_without_a_request() {
    let table = [
        (
            "replication-failed",
            "ReplicationFailed",
            json!(false),
            "DstKmsKeyInvalidState: the replica key cannot be used",
            "enable the key",
        ),
        (
            "replication-missed-threshold",
            "ReplicationDelayed",
            Value::Null,
            "has not reached bucket destination",
            "wait for",
        ),
        (
            "replication-replicated-after-threshold",
            "ReplicationDelayed",
            Value::Null,
            "reached bucket destination, but later",
            "judged by itself",
        ),
        (
            "replication-not-tracked",
            "ReplicationNotTracked",
            Value::Null,
            "no longer tracks",
            "S3 Batch Replication",
        ),
    ];
    let mut ids = std::collections::BTreeSet::new();
    for (name, verdict, compliant, reason, remedy) in table {
        let bench = Bench::new(Fake::default(), &[], 8);
        bench.send(&sample(name)).await.unwrap();
        let (lines, _) = bench.lines();
        check(&lines[0], verdict, &compliant, reason, Some(remedy));
        assert_eq!(lines[0]["bucket"], "source");
        assert_eq!(lines[0]["replication"]["ruleId"], "tax");
        assert_eq!(lines[0]["replication"]["destinationBucket"], "destination");
        ids.insert(lines[0]["id"].to_string());
        assert_eq!(
            bench.fake.heads.load(std::sync::atomic::Ordering::SeqCst),
            0
        );
    }
    assert_eq!(ids.len(), 4, "each event is a finding of its own");
}

#[tokio::test(start_paused = true)]
async fn the_id_is_the_findings_and_not_the_deliverys() {
    let id = |line: Value| line["id"].as_str().unwrap().to_owned();
    let wrong = id(line_of(seeing(replica(OTHER)), &[]).await);
    assert_eq!(wrong.len(), 64);
    assert!(
        wrong
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    );
    assert_eq!(
        wrong,
        id(line_of(seeing(replica(OTHER)), &[ELSEWHERE]).await),
        "expectation is left out"
    );
    assert_ne!(wrong, id(line_of(seeing(replica(FOREIGN)), &[]).await));
    assert_ne!(wrong, id(line_of(Fake::default(), &[]).await));
    // An event without a version id gets the version that S3 names.
    let mut event = sample("eventbridge-object-created");
    event["detail"]["object"]
        .as_object_mut()
        .unwrap()
        .remove("version-id");
    let version_id = Some("096fKKXTRTtl3on89fVO.nfljtsv6qko".to_owned());
    let bench = Bench::new(
        seeing(Observed {
            version_id,
            ..replica(OTHER)
        }),
        &[],
        8,
    );
    bench.send(&event).await.unwrap();
    assert_eq!(id(bench.lines().0.remove(0)), wrong);
}
