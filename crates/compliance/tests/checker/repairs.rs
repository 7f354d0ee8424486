//! Repairs: what is re-encrypted, what is left alone, and what the verdict says of both.

use std::sync::atomic::Ordering;

use compliance::findings::{FINDING, RESOLVED};
use compliance::ports::{
    AskError, DefaultEncryption, Inspection, KeyAnswer, KeyDescription, ListedVersion, Observed,
    RegistryParameter, Repair, VersionPage,
};
use serde_json::{Value, json};

use crate::support::{
    Bench, Fake, KEY, OTHER, ask_error, failed_ids, parameter, queue_batch, replica,
};

fn sse_s3() -> Observed {
    Observed {
        algorithm: Some("AES256".to_owned()),
        kms_key: None,
        bucket_key_enabled: false,
        ..replica(KEY)
    }
}

/// An AWS where S3 shows `before` at the first HEAD, and `after` from then on.
fn showing(before: Observed, after: Observed) -> Fake {
    Fake {
        head: Box::new(move |n, _| {
            let shown = if n == 0 { &before } else { &after };
            Ok(Inspection::Object(Observed {
                version_id: Some("v1".to_owned()),
                ..shown.clone()
            }))
        }),
        ..Fake::default()
    }
}

/// The one verdict line on one message, which is done.
async fn verdict(bench: &Bench) -> Value {
    let answer = bench.send(&queue_batch(1)).await.unwrap();
    assert_eq!(failed_ids(&answer), Vec::<String>::new());
    let (lines, _) = bench.lines();
    assert_eq!(lines.len(), 1);
    lines[0].clone()
}

fn heads(bench: &Bench) -> usize {
    bench.fake.heads.load(Ordering::SeqCst)
}

#[tokio::test(start_paused = true)]
async fn a_wrong_key_is_replaced_and_the_verdict_is_on_what_s3_shows_then() {
    let bench = Bench::repairing(showing(replica(OTHER), replica(KEY)), &[]).publishing();
    let line = verdict(&bench).await;
    assert_eq!(line["verdict"], "Compliant");
    assert_eq!(line["repaired"], true);
    assert_eq!(line["observed"]["kmsKeyArn"], KEY);
    assert_eq!(
        line["reason"],
        format!(
            "the replica is encrypted with an expected key; it was repaired with \
             UpdateObjectEncryption, and was encrypted with {OTHER} before"
        )
    );
    assert_eq!(
        line["remedy"],
        "correct ReplicaKmsKeyID of the replication rule, so that the next replica needs no repair"
    );
    let asked = bench.fake.repairs.lock().unwrap().clone();
    let version = sample_version();
    let owner = Some("111122223333".to_owned());
    assert_eq!(asked, [(version, KEY.to_owned(), true, owner)]);
    assert_eq!(heads(&bench), 2);
    assert_eq!(bench.published()[0].0, RESOLVED);
}

/// The version id of the sample event that [`queue_batch`] is made of.
fn sample_version() -> Option<String> {
    let event = crate::support::sample("eventbridge-object-created");
    event["detail"]["object"]["version-id"]
        .as_str()
        .map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn an_event_without_a_version_repairs_the_version_that_was_looked_at() {
    let bench = Bench::repairing(showing(sse_s3(), replica(KEY)), &[]);
    let event = crate::support::sample("s3-object-created-without-version");
    let answer = bench.send(&event).await.unwrap();
    assert_eq!(answer["verdicts"][0]["repaired"], true);
    let asked = bench.fake.repairs.lock().unwrap().clone();
    assert_eq!(asked[0].0.as_deref(), Some("v1"));
}

#[tokio::test(start_paused = true)]
async fn sse_s3_becomes_kms_and_the_source_is_to_be_mended() {
    let bench = Bench::repairing(showing(sse_s3(), replica(KEY)), &[]);
    let line = verdict(&bench).await;
    assert_eq!(line["repaired"], true);
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.ends_with("encrypted with AES256 before"), "{reason}");
    let remedy = line["remedy"].as_str().unwrap();
    assert!(remedy.starts_with("set the source bucket's default encryption"));
    assert!(!bench.fake.repairs.lock().unwrap()[0].2, "no Bucket Key");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_repaired_where_it_is_off_or_nothing_is_wrong() {
    let off = Bench::new(showing(replica(OTHER), replica(KEY)), &[], 8);
    let line = verdict(&off).await;
    assert_eq!(line["verdict"], "WrongKey");
    assert_eq!(line.get("repaired"), None);
    let good = Bench::repairing(showing(replica(KEY), replica(KEY)), &[]);
    assert_eq!(verdict(&good).await.get("repaired"), None);
    for bench in [off, good] {
        assert!(bench.fake.repairs.lock().unwrap().is_empty());
        assert_eq!(heads(&bench), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_s3_cannot_change_or_nobody_can_tell_is_left_alone_and_says_why() {
    let third = "arn:aws:kms:us-west-2:111122223333:key/33333333";
    let dsse = Observed {
        algorithm: Some("aws:kms:dsse".to_owned()),
        ..replica(OTHER)
    };
    let none = Observed {
        algorithm: None,
        ..sse_s3()
    };
    let table: [(Observed, &[&str], &str); 4] = [
        (dsse, &[KEY], "only objects with SSE-S3 or SSE-KMS"),
        (none, &[KEY], "only objects with SSE-S3 or SSE-KMS"),
        (
            replica(OTHER),
            &[KEY, third],
            "more than one key is expected",
        ),
        (sse_s3(), &["alias/nowhere"], "the ARN of the expected key"),
    ];
    for (before, allowed, why) in table {
        let bench = Bench::repairing(showing(before, replica(KEY)), allowed).publishing();
        let line = verdict(&bench).await;
        assert_eq!(line["compliant"], false, "{line}");
        let reason = line["reason"].as_str().unwrap();
        assert!(
            reason.contains("; it was not repaired: ") && reason.contains(why),
            "{reason}"
        );
        assert_eq!(line.get("repaired"), None);
        assert!(bench.fake.repairs.lock().unwrap().is_empty());
        assert_eq!(bench.published()[0].0, FINDING);
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_a_source_object_is_never_repaired() {
    let pending = Observed {
        replication_status: Some("PENDING".to_owned()),
        ..replica(OTHER)
    };
    let bench = Bench::repairing(showing(pending, replica(KEY)), &[KEY]);
    assert_eq!(verdict(&bench).await["verdict"], "NotReplica");
    assert!(bench.fake.repairs.lock().unwrap().is_empty());
}

/// Another stack had a word about the bucket and left it: what its rules brought is as it was right, and what
/// came later is the other's alone.
#[tokio::test(start_paused = true)]
async fn who_left_the_bucket_is_heard_of_what_was_there_by_then_and_stops_no_repair_later() {
    let left = json!([{"kmsKeyArn": OTHER, "until": "2026-03-02T09:00:00Z"}]);
    let words = registry(&[("stays", json!([{"kmsKeyArn": KEY}])), ("left", left)]);
    let third = "arn:aws:kms:us-west-2:111122223333:key/00000000-0000-4000-8000-000000000009";
    for (key, made, is, repairs) in [
        (OTHER, "Mon, 02 Mar 2026 08:59:59 GMT", "FormerKey", 0),
        (third, "Mon, 02 Mar 2026 08:59:59 GMT", "WrongKey", 0),
        (OTHER, "Mon, 02 Mar 2026 09:00:01 GMT", "Compliant", 1),
        (third, "Mon, 02 Mar 2026 09:00:01 GMT", "Compliant", 1),
    ] {
        let made = |key| Observed {
            last_modified: Some(made.to_owned()),
            ..replica(key)
        };
        let fake = Fake {
            registry: Ok(words.clone()),
            describe: Some(Box::new(|key| {
                Some(Ok(KeyAnswer::Found(KeyDescription {
                    arn: key.to_owned(),
                    state: "Enabled".to_owned(),
                    aws_managed: false,
                })))
            })),
            ..showing(made(key), made(KEY))
        };
        let bench = Bench::repairing(fake, &[]);
        let line = verdict(&bench).await;
        assert_eq!(line["verdict"], is, "{line}");
        assert_eq!(bench.fake.repairs.lock().unwrap().len(), repairs, "{line}");
    }
}

/// Parameters of these owners, with their rules.
fn registry(owners: &[(&str, Value)]) -> Vec<RegistryParameter> {
    let parameters = owners.iter().map(|(owner, rules)| {
        let document =
            json!({"schema": "encrypted-replication/expectation/1", "source": "s", "rules": rules});
        RegistryParameter {
            name: format!("/encrypted-replication/destination/{owner}"),
            value: document.to_string(),
        }
    });
    parameters.collect()
}

#[tokio::test(start_paused = true)]
async fn a_repair_goes_only_by_the_word_of_one_owner_in_force() {
    let until = "2026-03-02T09:00:00Z";
    let one = json!([{"kmsKeyArn": KEY}]);
    let table = [
        (
            registry(&[("a", one.clone()), ("b", one.clone())]),
            "several stacks say",
        ),
        (
            registry(&[
                ("a", one.clone()),
                ("b", json!([{"kmsKeyArn": OTHER, "enabled": false}])),
            ]),
            "several stacks say",
        ),
        // The name of the one goes on where the other's ends, and each says all that it has to say.
        (
            registry(&[("team", one.clone()), ("team-2", one.clone())]),
            "several stacks say",
        ),
        (
            registry(&[(
                "a",
                json!([{"kmsKeyArn": KEY, "enabled": false, "until": until}]),
            )]),
            "is disabled",
        ),
        // It may be no object of that rule.
        (
            registry(&[("a", json!([{"kmsKeyArn": KEY, "conditional": true}]))]),
            "tags or exclusions",
        ),
        (
            registry(&[(
                "a",
                json!([
                    {"kmsKeyArn": KEY, "conditional": true, "priority": 2},
                    {"kmsKeyArn": KEY, "priority": 1},
                ]),
            )]),
            "",
        ),
        (
            registry(&[(
                "a",
                json!([{"kmsKeyArn": KEY, "algorithm": "aws:kms:dsse"}]),
            )]),
            "aws:kms:dsse is demanded",
        ),
    ];
    for (registry, why) in table {
        let fake = Fake {
            registry: Ok(registry),
            ..showing(sse_s3(), replica(KEY))
        };
        let bench = Bench::repairing(fake, &[]);
        let line = verdict(&bench).await;
        assert_eq!(line["compliant"], why.is_empty(), "{line}");
        assert!(line["reason"].as_str().unwrap().contains(why), "{line}");
        let repairs = bench.fake.repairs.lock().unwrap().len();
        assert_eq!(repairs, usize::from(why.is_empty()), "{why}");
    }
    let by_default = Fake {
        registry: Ok(vec![]),
        default: Ok(DefaultEncryption::Kms(Some(KEY.to_owned()))),
        ..showing(replica(OTHER), replica(KEY))
    };
    let bench = Bench::trusting(by_default);
    let line = verdict(&bench).await;
    assert_eq!(line["verdict"], "WrongKey");
    assert!(
        line["reason"]
            .as_str()
            .unwrap()
            .contains("default encryption")
    );
    assert!(bench.fake.repairs.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_expectation_is_read_again_right_before_a_repair() {
    let seen = Observed {
        last_modified: Some("Mon, 02 Mar 2026 08:00:00 GMT".to_owned()),
        ..replica(OTHER)
    };
    // While this instance remembers the old key, the stack changes it to the one that the replica has.
    let changing = |after: Value| Fake {
        registry: Ok(registry(&[("a", json!([{"kmsKeyArn": KEY}]))])),
        registry_later: Some(registry(&[("a", after)])),
        ..showing(seen.clone(), seen.clone())
    };
    let bench = Bench::repairing(changing(json!([{"kmsKeyArn": OTHER}])), &[]);
    let line = verdict(&bench).await;
    assert_eq!(
        line["compliant"], false,
        "no key is known to be at {OTHER}: {line}"
    );
    assert_eq!(line["verdict"], "KeyUnusable");
    assert!(bench.fake.repairs.lock().unwrap().is_empty());
    // It was replaced before it arrived, and nobody says a key any more.
    let bench = Bench::repairing(
        changing(json!([{"prefix": "elsewhere/", "kmsKeyArn": KEY}])),
        &[],
    );
    let line = verdict(&bench).await;
    assert_eq!(line["verdict"], "NoExpectation", "{line}");
    assert!(bench.fake.repairs.lock().unwrap().is_empty());
    // Nothing changed: it is repaired, after one more look at the registry.
    let fake = showing(replica(OTHER), replica(KEY));
    let bench = Bench::repairing(fake, &[]);
    assert_eq!(verdict(&bench).await["repaired"], true);
    assert_eq!(bench.fake.registry_calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_repair_is_counted_and_a_sweep_or_job_can_say_that_it_only_looks() {
    let page = || {
        let version = compliance::subject::ObjectVersion {
            bucket: "destination".to_owned(),
            key: compliance::subject::Key::from_plain("Tax/a").unwrap(),
            version_id: Some("v".to_owned()),
            region: None,
            bucket_owner: None,
            event_time_ms: None,
        };
        let listed = ListedVersion {
            version,
            last_modified: None,
        };
        Ok(VersionPage {
            versions: vec![listed],
            next: None,
        })
    };
    let fake = || Fake {
        pages: vec![page()],
        ..showing(replica(OTHER), replica(KEY))
    };
    let bench = Bench::repairing(fake(), &[]);
    let mut sweep = crate::support::sample("sweep");
    let answer = bench.send(&sweep).await.unwrap();
    assert_eq!(answer["Repaired"], 1);
    assert_eq!(answer["Verdicts"], json!({"Compliant": 1}));
    let (_, metrics) = bench.lines();
    assert_eq!(metrics[0]["Repaired"], 1);
    assert_eq!(metrics[0]["NonCompliant"], 0);

    for only_looks in [json!(false), json!("false")] {
        sweep["Repair"] = only_looks;
        let bench = Bench::repairing(fake(), &[]);
        let answer = bench.send(&sweep).await.unwrap();
        assert_eq!(answer["Repaired"], 0);
        assert_eq!(answer["Verdicts"], json!({"WrongKey": 1}));
        assert!(bench.fake.repairs.lock().unwrap().is_empty());
    }
    let mut job = crate::support::sample("batch-operations-2.0");
    job["job"]["userArguments"]["Repair"] = json!("false");
    let bench = Bench::repairing(showing(replica(OTHER), replica(OTHER)), &[]);
    bench.send(&job).await.unwrap();
    assert!(bench.fake.repairs.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_repair_keeps_the_finding_its_id_and_says_what_s3_said() {
    let found = verdict(&Bench::new(showing(replica(OTHER), replica(OTHER)), &[], 8)).await;
    let refusing = Fake {
        repair: Box::new(|| {
            Ok(Repair::Refused(
                "status 403, AccessDenied, locked".to_owned(),
            ))
        }),
        ..showing(replica(OTHER), replica(KEY))
    };
    let bench = Bench::repairing(refusing, &[]);
    let line = verdict(&bench).await;
    assert_eq!(line["verdict"], "WrongKey");
    assert_eq!(line["id"], found["id"]);
    let reason = line["reason"].as_str().unwrap();
    assert!(
        reason.ends_with(
            "it was not repaired: S3 refused UpdateObjectEncryption: status 403, AccessDenied, locked"
        ),
        "{reason}"
    );
    assert_eq!(line["remedy"], found["remedy"]);
    assert_eq!(heads(&bench), 1);
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_shows_no_effect_is_still_a_finding() {
    let bench = Bench::repairing(showing(replica(OTHER), replica(OTHER)), &[]);
    let line = verdict(&bench).await;
    assert_eq!(line["verdict"], "WrongKey");
    assert_eq!(line.get("repaired"), None);
    let reason = line["reason"].as_str().unwrap();
    assert!(reason.contains("shows the wrong encryption all the same"));
}

#[tokio::test(start_paused = true)]
async fn repaired_to_a_key_that_cannot_be_used_is_a_finding_of_its_own() {
    let disabled = KeyDescription {
        arn: KEY.to_owned(),
        state: "Disabled".to_owned(),
        aws_managed: false,
    };
    let fake = Fake {
        keys: std::iter::once((KEY.to_owned(), Ok(KeyAnswer::Found(disabled)))).collect(),
        registry: Ok(vec![parameter("owner", "", KEY)]),
        ..showing(replica(OTHER), replica(KEY))
    };
    let bench = Bench::repairing(fake, &[]).publishing();
    let line = verdict(&bench).await;
    assert_eq!(
        (&line["verdict"], &line["repaired"]),
        (&"KeyUnusable".into(), &true.into())
    );
    assert!(
        line["remedy"]
            .as_str()
            .unwrap()
            .starts_with("enable the key")
    );
    assert_eq!(bench.published()[0].0, FINDING);
}

/// Answers `heads` in turn, and the last of them for good.
fn heads_in_turn(heads: Vec<Result<Inspection, AskError>>) -> Fake {
    Fake {
        head: Box::new(move |n, _| heads[n.min(heads.len() - 1)].clone()),
        ..Fake::default()
    }
}

#[tokio::test(start_paused = true)]
async fn where_s3_cannot_be_asked_to_repair_the_message_comes_back() {
    let fake = Fake {
        repair: Box::new(|| Err(ask_error())),
        ..heads_in_turn(vec![Ok(Inspection::Object(replica(OTHER)))])
    };
    let bench = Bench::repairing(fake, &[]);
    let answer = bench.send(&queue_batch(1)).await.unwrap();
    assert_eq!(failed_ids(&answer), ["m0"]);
    assert_eq!(bench.lines().0, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_repair_whose_answer_is_lost_is_told_all_the_same() {
    let fake = Fake {
        repair: Box::new(|| Err(ask_error())),
        ..showing(replica(OTHER), replica(KEY))
    };
    let bench = Bench::repairing(fake, &[]).publishing();
    let line = verdict(&bench).await;
    assert_eq!(
        (&line["verdict"], &line["repaired"]),
        (&"Compliant".into(), &true.into())
    );
    assert_eq!(bench.published()[0].0, RESOLVED);
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_cannot_be_looked_at_is_told_once_and_then_what_is() {
    let blind = || {
        heads_in_turn(vec![
            Ok(Inspection::Object(replica(OTHER))),
            Err(ask_error()),
            Ok(Inspection::Object(replica(KEY))),
        ])
    };
    let found = verdict(&Bench::new(showing(replica(OTHER), replica(OTHER)), &[], 8)).await;
    let bench = Bench::repairing(blind(), &[]).publishing();
    let line = verdict(&bench).await;
    assert_eq!(
        (&line["verdict"], &line["repaired"]),
        (&"WrongKey".into(), &true.into())
    );
    assert_eq!(line["id"], found["id"], "it is the finding that it was");
    let reason = line["reason"].as_str().unwrap();
    assert!(
        reason.contains("S3 accepted UpdateObjectEncryption")
            && reason.contains("status 503, SlowDown"),
        "{reason}"
    );
    assert_eq!(bench.published()[0].0, FINDING);
    assert_eq!(bench.fake.repairs.lock().unwrap().len(), 1);
    // Looked at again, it is well.
    assert_eq!(verdict(&bench).await["verdict"], "Compliant");
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_meanwhile_is_gone() {
    let fake = Fake {
        head: Box::new(|n, _| {
            Ok(if n == 0 {
                Inspection::Object(replica(OTHER))
            } else {
                Inspection::NotFound
            })
        }),
        ..Fake::default()
    };
    let bench = Bench::repairing(fake, &[]);
    assert_eq!(verdict(&bench).await["verdict"], "Gone");
}
