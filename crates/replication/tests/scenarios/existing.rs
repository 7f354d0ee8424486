//! Objects that are older than the rules.

use replication::error::ErrorKind;
use serde_json::{Value, json};

use crate::aws::Version;
use crate::aws::faults::{When, Which};
use crate::harness::{EAST, Stack, WEST, bucket_with_key, physical_id};

fn properties(existing: &str) -> Value {
    json!({"SourceBucket": "source", "ExistingObjects": existing, "Rules": [
        {"Filter": {"Prefix": "Tax/"}, "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}]})
}

/// A source with an old object under each of two prefixes.
fn setting() -> Stack {
    let stack = Stack::new();
    let key = bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    let mut state = stack.world.state();
    let written = state.now;
    let versions = ["Tax/old", "Receipts/old"].map(|name| Version {
        key: name.into(),
        id: format!("version-of-{name}"),
        tags: Vec::new(),
        algorithm: "aws:kms".into(),
        kms_key: Some(key.clone()),
        bucket_key: true,
        replication_status: None,
        written,
    });
    state
        .buckets
        .get_mut("source")
        .unwrap()
        .versions
        .extend(versions);
    drop(state);
    stack
}

async fn arrivals(stack: &Stack) -> Vec<String> {
    tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    let state = stack.world.state();
    let arrived = state.arrivals.iter().map(|(_, key)| key.clone());
    arrived.filter(|key| !key.contains("probe")).collect()
}

fn jobs_started(stack: &Stack) -> usize {
    let calls = stack.aws.calls();
    calls
        .iter()
        .filter(|made| made.operation == "start_replication_job")
        .count()
}

#[tokio::test(start_paused = true)]
async fn they_are_left_unless_asked_for() {
    let stack = setting();
    let answer = stack
        .create("Replication", &properties("Ignore"))
        .await
        .unwrap();
    assert_eq!(answer["BatchJobId"], "");
    assert_eq!(arrivals(&stack).await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn one_job_replicates_them_and_an_update_starts_one_for_new_rules_alone() {
    let stack = setting();
    let given = properties("Replicate");
    let answer = stack.create("Replication", &given).await.unwrap();
    let id = answer["BatchJobId"].as_str().unwrap().to_owned();
    assert!(id.starts_with("job-"), "{id}");
    assert_eq!(arrivals(&stack).await, ["Tax/old"]);
    // Nothing that a job could take.
    let mut changed = given.clone();
    changed["Revision"] = json!("2");
    let answer = stack.update("Replication", &given, &changed).await.unwrap();
    assert_eq!(
        (answer["BatchJobId"].as_str(), jobs_started(&stack)),
        (Some(id.as_str()), 1)
    );
    // What an earlier rule covers, and failed since, is not the new rule's.
    let failed = |stack: &Stack| {
        let mut state = stack.world.state();
        let versions = &mut state.buckets.get_mut("source").unwrap().versions;
        versions[0].replication_status = Some("FAILED");
        assert_eq!(versions[0].key, "Tax/old");
    };
    failed(&stack);
    let mut wider = changed.clone();
    let mut rule = wider["Rules"][0].clone();
    rule["Filter"]["Prefix"] = json!("Receipts/");
    wider["Rules"].as_array_mut().unwrap().push(rule);
    let answer = stack.update("Replication", &changed, &wider).await.unwrap();
    let second = answer["BatchJobId"].as_str().unwrap().to_owned();
    assert_ne!(second, id);
    assert_eq!(jobs_started(&stack), 2);
    assert_eq!(arrivals(&stack).await, ["Tax/old", "Receipts/old"]);
    let before = stack.aws.writes();
    let answer = stack.update("Replication", &wider, &wider).await.unwrap();
    assert_eq!(
        (&answer["Changes"], stack.aws.writes()),
        (&json!("0"), before)
    );
    assert_eq!(answer["BatchJobId"], second.as_str());
    // A rule that goes, as in a roll-back, starts none.
    let answer = stack.update("Replication", &wider, &changed).await.unwrap();
    assert_eq!(
        (&answer["BatchJobId"], jobs_started(&stack)),
        (&json!(second), 2)
    );
    stack.delete("Replication", &changed).await.unwrap();
    let state = stack.world.state();
    assert!(state.roles.is_empty());
    assert!(state.parameters.is_empty(), "{:?}", state.parameters);
}

#[tokio::test(start_paused = true)]
async fn the_same_objects_to_another_destination_are_a_new_rules() {
    let stack = setting();
    bucket_with_key(&stack.world, "second", WEST);
    let given = properties("Replicate");
    stack.create("Replication", &given).await.unwrap();
    let mut wider = given.clone();
    let mut rule = wider["Rules"][0].clone();
    rule["Destination"]["Bucket"] = json!("arn:aws:s3:::second");
    wider["Rules"].as_array_mut().unwrap().push(rule);
    let plan = stack.ask(
        json!({"Action": "Plan", "ResourceProperties": wider.clone(),
                                "PhysicalResourceId": physical_id("Replication", &given)}),
    );
    let plan = plan.await.unwrap().to_string();
    assert!(plan.contains("start an S3 Batch Replication job"), "{plan}");
    stack.update("Replication", &given, &wider).await.unwrap();
    assert_eq!(jobs_started(&stack), 2);
    let again = json!({"Action": "Plan", "PhysicalResourceId": physical_id("Replication", &given)});
    let again = stack.ask(again).await.unwrap();
    assert_eq!(again["Phases"], json!([]), "{again:#}");
}

#[tokio::test(start_paused = true)]
async fn each_prefix_has_a_job_where_others_have_rules_between() {
    let stack = setting();
    let mut given = properties("Replicate");
    let mut rule = given["Rules"][0].clone();
    rule["Filter"]["Prefix"] = json!("Scans/");
    given["Rules"].as_array_mut().unwrap().push(rule);
    // What others' rules cover is left alone.
    let mut others = properties("Ignore");
    others["Rules"][0]["Filter"]["Prefix"] = json!("Receipts/");
    others["Rules"][0]["Priority"] = json!(7);
    stack.create("Others", &others).await.unwrap();
    let answer = stack.create("Replication", &given).await.unwrap();
    let ids = answer["BatchJobId"].as_str().unwrap();
    assert_eq!(ids.split(',').count(), 2, "{ids}");
    assert_eq!(arrivals(&stack).await, ["Tax/old"]);
    assert_eq!(jobs_started(&stack), 2);
}

#[tokio::test(start_paused = true)]
async fn it_may_be_asked_for_later() {
    let stack = setting();
    let (without, with) = (properties("Ignore"), properties("Replicate"));
    stack.create("Replication", &without).await.unwrap();
    let answer = stack.update("Replication", &without, &with).await.unwrap();
    assert!(answer["BatchJobId"].as_str().unwrap().starts_with("job-"));
    assert_eq!(arrivals(&stack).await, ["Tax/old"]);
    // Asked for no more, the id is no longer told, and the role goes with the resource.
    let answer = stack.update("Replication", &with, &without).await.unwrap();
    assert_eq!(answer["BatchJobId"], "");
    stack.delete("Replication", &without).await.unwrap();
    assert!(stack.world.state().roles.is_empty());
}

#[tokio::test(start_paused = true)]
async fn no_job_is_begun_on_rules_that_do_not_work() {
    let stack = setting();
    let nothing = [("p", "{\"Statement\":[]}")];
    let role = stack.world.state().add_role("replicator", "/", &nothing);
    let mut given = properties("Replicate");
    given["Role"] = json!(role);
    let reason = stack.create("Replication", &given).await.unwrap_err();
    assert!(reason.starts_with("verification failed"), "{reason}");
    assert_eq!(jobs_started(&stack), 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_starts_no_second_job() {
    for (operation, when) in [
        ("start_replication_job", When::After),
        ("tag_role", When::Before),
        ("tag_role", When::After),
    ] {
        let stack = setting();
        stack
            .aws
            .fail(Which::First(1, operation), ErrorKind::Transient, when);
        let answer = stack
            .create("Replication", &properties("Replicate"))
            .await
            .unwrap();
        assert!(answer["BatchJobId"].as_str().unwrap().starts_with("job-"));
        assert_eq!(stack.world.state().jobs.len(), 1, "{operation} {when:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_may_not_be_started_is_named_with_the_step_and_rolled_back() {
    let stack = setting();
    let denied = Which::Every("start_replication_job");
    stack
        .aws
        .fail(denied, ErrorKind::AccessDenied, When::Before);
    let reason = stack
        .create("Replication", &properties("Replicate"))
        .await
        .unwrap_err();
    assert!(
        reason.starts_with(
            "while trying to start an S3 Batch Replication job for the existing objects of bucket `source`"
        ),
        "{reason}"
    );
    stack
        .delete("Replication", &properties("Replicate"))
        .await
        .unwrap();
    assert!(stack.world.state().roles.is_empty());
}
