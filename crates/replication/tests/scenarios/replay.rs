//! After an outage: what failed is replicated again, and followed to its outcome.

use std::time::Duration;

use replication::error::ErrorKind;
use replication::ports::{BucketRef, Objects};
use serde_json::{Value, json};

use crate::aws::faults::{When, Which};
use crate::harness::{BUS, EAST, Stack, WEST, bucket_with_key, owner, physical_id};

fn properties(prefixes: &[&str]) -> Value {
    let rule = |prefix: &&str| {
        json!({"Filter": {"Prefix": prefix},
               "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}})
    };
    let rules: Vec<_> = prefixes.iter().map(rule).collect();
    json!({"SourceBucket": "source", "Verification": "None", "Rules": rules})
}

async fn provisioned(prefixes: &[&str]) -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    stack
        .create("Replication", &properties(prefixes))
        .await
        .unwrap();
    stack.aws.reset();
    stack
}

async fn upload(stack: &Stack, key: &str) {
    let bucket = BucketRef {
        name: "source",
        region: EAST,
    };
    stack
        .world
        .put_object(bucket, key, &[], None)
        .await
        .unwrap();
}

async fn a_minute() {
    tokio::time::sleep(Duration::from_mins(1)).await;
}

/// The state of the replicas' key.
fn key(stack: &Stack, to: &str) {
    let mut state = stack.world.state();
    let rules = state.buckets["source"]
        .replication
        .written()
        .clone()
        .unwrap();
    for rule in rules.rules {
        let key = rule.destination.replica_kms_key_id.unwrap();
        to.clone_into(&mut state.keys.get_mut(&key).unwrap().state);
    }
}

/// Two of three objects fail in an outage, which is over.
async fn outage(stack: &Stack) {
    upload(stack, "Tax/before").await;
    a_minute().await;
    key(stack, "Disabled");
    upload(stack, "Tax/a").await;
    upload(stack, "Tax/2026/b").await;
    a_minute().await;
    key(stack, "Enabled");
}

fn statuses(stack: &Stack) -> Vec<(String, &'static str)> {
    let state = stack.world.state();
    let versions = state.buckets["source"].versions.iter();
    let mut all: Vec<_> = versions
        .map(|version| {
            (
                version.key.clone(),
                version.replication_status.unwrap_or("NONE"),
            )
        })
        .collect();
    all.sort();
    all
}

fn failed(stack: &Stack) -> Vec<String> {
    let all = statuses(stack).into_iter();
    all.filter(|(_, status)| *status == "FAILED")
        .map(|(key, _)| key)
        .collect()
}

fn question(more: &Value) -> Value {
    let id = physical_id("Replication", &properties(&["Tax/"]));
    let mut question = json!({"Action": "Replay", "PhysicalResourceId": id});
    let more = more.as_object().unwrap().clone();
    question.as_object_mut().unwrap().extend(more);
    question
}

async fn replay(stack: &Stack, more: &Value) -> Result<Value, String> {
    stack.ask(question(more)).await
}

async fn follow(stack: &Stack, id: &Value) -> Value {
    stack
        .ask(json!({"Action": "Job", "JobId": id}))
        .await
        .unwrap()
}

/// Type and detail of each event.
fn told(stack: &Stack) -> Vec<(&'static str, Value)> {
    let events = std::mem::take(&mut stack.world.state().events);
    let detail = |text: &str| serde_json::from_str(text).unwrap();
    let events = events.into_iter().map(|(bus, event)| {
        assert_eq!(bus, BUS);
        (event.detail_type, detail(&event.detail))
    });
    events.collect()
}

fn jobs(stack: &Stack) -> usize {
    stack.world.state().job_runs.len()
}

fn notes(stack: &Stack) -> usize {
    let state = stack.world.state();
    state
        .parameters
        .keys()
        .filter(|(_, name)| name.contains("/job-"))
        .count()
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_replicated_again_and_its_outcome_told_once() {
    let stack = provisioned(&["Tax/"]).await;
    outage(&stack).await;
    assert_eq!(failed(&stack), ["Tax/2026/b", "Tax/a"]);
    let begun = replay(&stack, &json!({})).await.unwrap();
    let id = &begun["JobId"];
    assert_eq!(begun["Statuses"], json!(["FAILED"]));
    assert_eq!(begun["Prefixes"], json!(["Tax/"]));
    assert_eq!(begun["AlreadyUnderWay"], false);
    let next = begun["Next"].as_str().unwrap();
    assert!(
        next.contains(&format!("{{\"Action\":\"Job\",\"JobId\":{id}}}")),
        "{next}"
    );

    let seen = follow(&stack, id).await;
    assert_eq!(
        (&seen["Status"], &seen["Over"]),
        (&json!("Active"), &json!(false))
    );
    assert_eq!((told(&stack), notes(&stack)), (vec![], 1));
    a_minute().await;
    let seen = follow(&stack, id).await;
    assert_eq!(failed(&stack), Vec::<String>::new());
    assert_eq!(
        (&seen["Status"], &seen["Over"]),
        (&json!("Complete"), &json!(true))
    );
    assert_eq!(
        [
            &seen["Tasks"],
            &seen["Succeeded"],
            &seen["Failed"],
            &seen["Failures"]
        ],
        [&json!(2), &json!(2), &json!(0), &json!([])]
    );
    let owner = owner("Replication", "source");
    let location = format!(
        "s3://destination/encrypted-replication/{owner}/job-{}/manifest.json",
        id.as_str().unwrap()
    );
    assert_eq!(seen["ReportLocation"], location);

    let events = told(&stack);
    let mut resolved: Vec<_> = events
        .iter()
        .filter(|(kind, _)| *kind == "Replica Finding Resolved")
        .map(|(_, detail)| {
            assert_eq!(detail["verdict"], "ReplicationFailed");
            assert_eq!(detail["compliant"], true);
            assert_eq!(detail["bucket"], "source");
            assert_eq!(detail["replication"]["destinationBucket"], "destination");
            assert!(!detail["versionId"].as_str().unwrap().is_empty());
            detail["key"].as_str().unwrap()
        })
        .collect();
    resolved.sort_unstable();
    assert_eq!(resolved, ["Tax/2026/b", "Tax/a"]);
    let (kind, outcome) = events.last().unwrap();
    assert_eq!((*kind, events.len()), ("Replication Replay", 3));
    assert_eq!(outcome["jobId"], *id);
    assert_eq!(outcome["status"], "Complete");
    assert_eq!(outcome["physicalResourceId"], begun["PhysicalResourceId"]);
    assert_eq!(
        (&outcome["tasks"], &outcome["failed"]),
        (&json!(2), &json!(0))
    );
    // Whoever asks again is answered, and nobody is told a second time.
    assert_eq!(follow(&stack, id).await["Status"], "Complete");
    assert_eq!((told(&stack), notes(&stack)), (vec![], 0));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_begun_that_would_fail_again_unless_forced() {
    let stack = provisioned(&["Tax/"]).await;
    outage(&stack).await;
    key(&stack, "Disabled");
    let before = stack.world.snapshot();
    let refused = replay(&stack, &json!({})).await.unwrap_err();
    assert!(refused.contains("Diagnose fails"), "{refused}");
    assert!(
        refused.contains("KeyUsable") && refused.contains("Disabled"),
        "{refused}"
    );
    assert_eq!(stack.world.snapshot(), before);
    let begun = replay(&stack, &json!({"Force": true})).await.unwrap();
    a_minute().await;
    let seen = follow(&stack, &begun["JobId"]).await;
    assert_eq!(seen["Status"], "Complete");
    let failures = seen["Failures"].as_array().unwrap();
    assert_eq!(failures.len(), 1, "{seen:#}");
    assert_eq!(failures[0]["Reason"], "DstKmsKeyInvalidState");
    assert_eq!(failures[0]["Count"], 2);
    assert_eq!(failures[0]["Examples"].as_array().unwrap().len(), 2);
    assert!(seen["Next"].as_str().unwrap().contains("Replay again"));
    let events = told(&stack);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!(events[0].1["failures"], seen["Failures"]);
}

#[tokio::test(start_paused = true)]
async fn a_question_narrows_it_and_never_widens_it() {
    for (more, expected) in [
        (json!({"Prefix": "Tax/2026/"}), vec!["Tax/a"]),
        (json!({"Prefix": "T"}), vec![]),
        (json!({"Statuses": ["NONE"]}), vec!["Tax/2026/b", "Tax/a"]),
        // The outage began a minute after a quarter to six.
        (
            json!({"CreatedBefore": "2026-11-27T17:45:30Z"}),
            vec!["Tax/2026/b", "Tax/a"],
        ),
        (json!({"CreatedAfter": "2026-11-27T17:45:30Z"}), vec![]),
    ] {
        let stack = provisioned(&["Tax/"]).await;
        outage(&stack).await;
        replay(&stack, &more).await.unwrap();
        a_minute().await;
        assert_eq!(failed(&stack), expected, "{more}");
    }
    let stack = provisioned(&["Tax/"]).await;
    outage(&stack).await;
    let refused = replay(&stack, &json!({"Prefix": "Receipts/"}))
        .await
        .unwrap_err();
    assert!(
        refused.contains("under `Receipts/`") && refused.contains("`Tax/`"),
        "{refused}"
    );
    assert_eq!(jobs(&stack), 0);
}

#[tokio::test(start_paused = true)]
async fn what_others_rules_cover_is_left_to_them() {
    let stack = provisioned(&["Tax/", "Scans/"]).await;
    let mut others = properties(&["Receipts/"]);
    others["Rules"][0]["Priority"] = json!(9);
    stack.create("Others", &others).await.unwrap();
    key(&stack, "Disabled");
    for name in ["Tax/a", "Scans/b", "Receipts/c"] {
        upload(&stack, name).await;
    }
    a_minute().await;
    key(&stack, "Enabled");
    let begun = replay(&stack, &json!({})).await.unwrap();
    assert_eq!(begun["JobIds"].as_array().unwrap().len(), 2, "{begun:#}");
    a_minute().await;
    assert_eq!(failed(&stack), ["Receipts/c"]);
    // Those of both are followed by the schedule.
    let seen = stack.ask(json!({"Action": "Job"})).await.unwrap();
    assert_eq!(seen["Jobs"].as_array().unwrap().len(), 2);
    assert_eq!(notes(&stack), 0);
    let told = told(&stack)
        .into_iter()
        .filter(|(kind, _)| *kind == "Replication Replay");
    assert_eq!(told.count(), 2);
    let seen = stack
        .ask(json!({"Action": "Job", "Format": "text"}))
        .await
        .unwrap();
    assert_eq!(
        seen,
        "Action: Job\nJobs: none whose outcome was not told yet\n"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_question_starts_one_job_while_that_is_under_way_and_another_when_it_is_over() {
    let stack = provisioned(&["Tax/"]).await;
    outage(&stack).await;
    let first = replay(&stack, &json!({})).await.unwrap();
    let second = replay(&stack, &json!({})).await.unwrap();
    assert_eq!(
        (&second["JobId"], &second["AlreadyUnderWay"]),
        (&first["JobId"], &json!(true))
    );
    let other = replay(&stack, &json!({"Statuses": ["NONE"]}))
        .await
        .unwrap();
    assert_ne!(other["JobId"], first["JobId"]);
    a_minute().await;
    key(&stack, "Disabled");
    upload(&stack, "Tax/later").await;
    a_minute().await;
    key(&stack, "Enabled");
    let third = replay(&stack, &json!({})).await.unwrap();
    assert_ne!(third["JobId"], first["JobId"]);
    a_minute().await;
    assert_eq!(failed(&stack), Vec::<String>::new());
    assert_eq!(follow(&stack, &third["JobId"]).await["Tasks"], 1);
}

#[tokio::test(start_paused = true)]
async fn two_deliveries_at_once_start_one_job() {
    let stack = provisioned(&["Tax/"]).await;
    outage(&stack).await;
    let nothing = json!({});
    let (one, two) = tokio::join!(replay(&stack, &nothing), replay(&stack, &nothing));
    assert_eq!(one.unwrap()["JobId"], two.unwrap()["JobId"]);
    assert_eq!((jobs(&stack), notes(&stack)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fault_at_any_call_starts_no_second_job_and_forgets_none() {
    let healthy = provisioned(&["Tax/"]).await;
    outage(&healthy).await;
    healthy.aws.reset();
    replay(&healthy, &json!({"Force": true})).await.unwrap();
    let calls = healthy.aws.calls().len();
    assert!(calls > 8, "{calls}");
    for number in 0..calls {
        for (kind, when) in [
            (ErrorKind::Transient, When::Before),
            (ErrorKind::Transient, When::After),
            (ErrorKind::AccessDenied, When::Before),
        ] {
            let stack = provisioned(&["Tax/"]).await;
            outage(&stack).await;
            stack.aws.reset();
            stack.aws.fail(Which::Number(number), kind, when);
            let first = replay(&stack, &json!({"Force": true})).await;
            let again = replay(&stack, &json!({"Force": true})).await.unwrap();
            if let Ok(first) = first {
                assert_eq!(first["JobId"], again["JobId"], "{number} {kind:?} {when:?}");
            }
            assert_eq!(
                (jobs(&stack), notes(&stack)),
                (1, 1),
                "{number} {kind:?} {when:?}"
            );
            a_minute().await;
            assert_eq!(failed(&stack), Vec::<String>::new());
            assert_eq!(follow(&stack, &again["JobId"]).await["Succeeded"], 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_told_whatever_call_fails_on_the_way() {
    let ended = async || {
        let stack = provisioned(&["Tax/"]).await;
        outage(&stack).await;
        replay(&stack, &json!({})).await.unwrap();
        a_minute().await;
        stack.aws.reset();
        stack
    };
    let look = json!({"Action": "Job"});
    let healthy = ended().await;
    healthy.ask(look.clone()).await.unwrap();
    let calls = healthy.aws.calls().len();
    for number in 0..calls {
        for (kind, when) in [
            (ErrorKind::Transient, When::Before),
            (ErrorKind::Transient, When::After),
            (ErrorKind::AccessDenied, When::Before),
        ] {
            let stack = ended().await;
            stack.aws.fail(Which::Number(number), kind, when);
            let first = stack.ask(look.clone()).await;
            assert!(
                first.is_ok() || notes(&stack) == 1 || when == When::After,
                "{number} {kind:?}"
            );
            stack.ask(look.clone()).await.unwrap();
            let events = told(&stack);
            let of = |wanted: &str| events.iter().filter(|(kind, _)| *kind == wanted).count();
            assert!(of("Replication Replay") >= 1, "{number} {kind:?} {when:?}");
            assert!(
                of("Replica Finding Resolved") >= 2,
                "{number} {kind:?} {when:?}"
            );
            assert_eq!(notes(&stack), 0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_waits_or_broke_is_told_in_words() {
    let stack = provisioned(&["Tax/"]).await;
    outage(&stack).await;
    let begun = replay(&stack, &json!({})).await.unwrap();
    let id = &begun["JobId"];
    let becomes = |status: &str| {
        let mut state = stack.world.state();
        let run = state.job_runs.get_mut(id.as_str().unwrap()).unwrap();
        run.status = Some((status.into(), "S3 said so".into()));
    };
    for (status, over, part) in [
        ("Suspended", false, "confirm"),
        ("Paused", false, "paused"),
        ("Dreaming", false, "not known here"),
        ("Failed", true, "InternalError: S3 said so"),
    ] {
        becomes(status);
        let seen = follow(&stack, id).await;
        assert_eq!(seen["Over"], over, "{seen:#}");
        assert!(seen["Reason"].as_str().unwrap().contains(part), "{seen:#}");
        assert_eq!(told(&stack).len(), usize::from(over));
    }
    // There was nothing to replay.
    let stack = provisioned(&["Tax/"]).await;
    let begun = replay(&stack, &json!({})).await.unwrap();
    let seen = follow(&stack, &begun["JobId"]).await;
    assert!(
        seen["Reason"].as_str().unwrap().contains("nothing to do"),
        "{seen:#}"
    );
    assert_eq!(told(&stack).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_jobs_of_ours_are_told_of() {
    let stack = provisioned(&["Tax/"]).await;
    let ask = |id: &str| stack.ask(json!({"Action": "Job", "JobId": id}));
    let refused = ask("none").await.unwrap_err();
    assert!(
        refused.contains("there is no job `none` in us-east-1"),
        "{refused}"
    );
    outage(&stack).await;
    let begun = replay(&stack, &json!({})).await.unwrap();
    let id = begun["JobId"].as_str().unwrap().to_owned();
    stack.world.state().job_runs.get_mut(&id).unwrap().role_arn =
        "arn:aws:iam::111122223333:role/admin".into();
    let refused = ask(&id).await.unwrap_err();
    assert!(
        refused.contains("none that this provisioner started"),
        "{refused}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_look_without_a_report_tells_nobody_and_an_older_job_is_followed_without_its_note() {
    let stack = provisioned(&["Tax/"]).await;
    outage(&stack).await;
    let begun = replay(&stack, &json!({})).await.unwrap();
    a_minute().await;
    let quiet = json!({"Action": "Job", "JobId": begun["JobId"], "Report": false});
    let seen = stack.ask(quiet).await.unwrap();
    assert_eq!(
        (&seen["Succeeded"], told(&stack).len(), notes(&stack)),
        (&json!(2), 0, 1)
    );
    let text = json!({"Action": "Job", "JobId": begun["JobId"], "Report": false, "Format": "text"});
    let text = stack.ask(text).await.unwrap();
    assert!(
        text.as_str().unwrap().contains("Status: Complete\n"),
        "{text}"
    );
    // With its resource the note goes, and the role with it.
    stack
        .delete("Replication", &properties(&["Tax/"]))
        .await
        .unwrap();
    assert_eq!(notes(&stack), 0);
    assert!(stack.world.state().roles.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_gone_is_told_with_the_counts() {
    let stack = provisioned(&["Tax/"]).await;
    outage(&stack).await;
    let begun = replay(&stack, &json!({})).await.unwrap();
    a_minute().await;
    follow(&stack, &begun["JobId"]).await;
    let id = begun["JobId"].as_str().unwrap();
    stack
        .world
        .state()
        .job_runs
        .get_mut(id)
        .unwrap()
        .report_bucket = "gone".into();
    let seen = follow(&stack, &begun["JobId"]).await;
    assert!(
        seen["Reason"]
            .as_str()
            .unwrap()
            .contains("report is not there any more"),
        "{seen:#}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_resource_without_a_record_is_told_apart_from_one_without_rules() {
    let stack = Stack::new();
    let refused = replay(&stack, &json!({})).await.unwrap_err();
    assert!(refused.contains("there is no record"), "{refused}");
    let stack = provisioned(&["Tax/"]).await;
    let now = stack.world.state().now;
    stack
        .world
        .state()
        .buckets
        .get_mut("source")
        .unwrap()
        .replication
        .write(None, now);
    let refused = replay(&stack, &json!({"Force": true})).await.unwrap_err();
    assert!(refused.contains("no rule in force"), "{refused}");
    assert_eq!(jobs(&stack), 0);
}
