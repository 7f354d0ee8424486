//! Questions asked by direct invocation: answered, and nothing changed.

use std::collections::BTreeSet;

use replication::configuration::{Notification, Status, Versioning};
use replication::error::ErrorKind;
use replication::ports::{BucketRef, Buckets, Roles};
use serde_json::{Value, json};

use crate::aws::State;
use crate::aws::faults::{When, Which};
use crate::harness::{
    EAST, QUEUE, STACK, Stack, WEST, bucket_with_key, home, our_role, owner, physical_id,
    plain_bucket, somebodys_notification, somebodys_rule, somebodys_rules,
};

fn properties() -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": [
        {"Id": "tax", "Filter": {"Prefix": "Tax/"},
         "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}]})
}

async fn ask(stack: &Stack, question: Value) -> Result<Value, String> {
    stack.ask(question).await
}

/// The answer to a question about these properties, which changes nothing.
async fn answered(stack: &Stack, action: &str, properties: &Value) -> Value {
    let (before, writes) = (stack.world.snapshot(), stack.aws.writes());
    let answer = ask(
        stack,
        json!({"Action": action, "ResourceProperties": properties}),
    )
    .await
    .unwrap();
    assert_eq!(
        (stack.world.snapshot(), stack.aws.writes()),
        (before, writes)
    );
    answer
}

async fn plan(stack: &Stack, properties: &Value) -> Value {
    answered(stack, "Plan", properties).await
}

async fn diagnose(stack: &Stack, properties: &Value) -> Value {
    answered(stack, "Diagnose", properties).await
}

/// The names of all checks.
fn names(answer: &Value) -> BTreeSet<&str> {
    let checks = answer["Checks"].as_array().unwrap().iter();
    checks
        .map(|check| check["Check"].as_str().unwrap())
        .collect()
}

/// Check and resource of every check with this result.
fn with(answer: &Value, result: &str) -> Vec<(String, String)> {
    let checks = answer["Checks"].as_array().unwrap().iter();
    let checks = checks.filter(|check| check["Result"] == result);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    checks
        .map(|check| (text(&check["Check"]), text(&check["Resource"])))
        .collect()
}

fn only(check: &str, resource: &str) -> Vec<(String, String)> {
    vec![(check.to_owned(), resource.to_owned())]
}

/// The one check with this name and result.
fn found<'a>(answer: &'a Value, check: &str, result: &str) -> &'a Value {
    let mut checks = answer["Checks"].as_array().unwrap().iter();
    checks
        .find(|one| one["Check"] == check && one["Result"] == result)
        .unwrap_or_else(|| panic!("{check} {result} in {answer:#}"))
}

async fn provisioned() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    stack.create("Replication", &properties()).await.unwrap();
    stack
}

#[tokio::test(start_paused = true)]
async fn a_plan_shows_every_step_and_the_policies_in_full() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    let mut given = properties();
    given["ServiceToken"] = json!("arn:aws:lambda:us-east-1:111122223333:function:p");
    let answer = plan(&stack, &given).await;
    assert_eq!(answer["Faults"], json!([]));
    let steps: Vec<_> = answer["Phases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|phase| phase.as_array().unwrap())
        .collect();
    let names: Vec<_> = steps
        .iter()
        .map(|step| step["Step"].as_str().unwrap())
        .collect();
    for name in [
        "CreateBucket",
        "CreateKey",
        "CreateRole",
        "EnableVersioning",
        "PutRolePolicy",
        "MergeReplication",
    ] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert_eq!(
        steps[0]["Summary"],
        "create bucket `destination` in us-west-2"
    );
    // Documents are JSON in the answer, not text in text.
    let put = steps
        .iter()
        .find(|step| step["Step"] == "PutRolePolicy")
        .unwrap();
    assert_eq!(put["Document"], answer["Policies"]["RolePolicy"]);
    assert_eq!(
        answer["Policies"]["RolePolicy"]["Statement"]
            .as_array()
            .unwrap()
            .len(),
        5
    );
    assert_eq!(
        answer["Policies"]["RoleTrustPolicy"]["Statement"][0]["Principal"]["Service"],
        "s3.amazonaws.com"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_planned_is_what_a_create_then_does() {
    let stack = Stack::new();
    plain_bucket(&stack.world, "source", EAST);
    let id = physical_id("Replication", &properties());
    let question =
        json!({"Action": "Plan", "ResourceProperties": properties(), "PhysicalResourceId": id});
    let answer = ask(&stack, question.clone()).await.unwrap();
    let planned: usize = answer["Phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| phase.as_array().unwrap().len())
        .sum();
    assert!(planned > 8, "{answer:#}");
    stack.create("Replication", &properties()).await.unwrap();
    let role = stack
        .world
        .role_policy("source", &owner("Replication", "source").policy_name())
        .await
        .unwrap()
        .unwrap();
    let answer = ask(&stack, question).await.unwrap();
    assert_eq!(answer["Phases"], json!([]));
    assert_eq!(
        answer["Policies"]["RolePolicy"],
        serde_json::from_str::<Value>(&role).unwrap()
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_names_faults_of_the_properties_and_of_what_is_there() {
    let stack = Stack::new();
    let mut faulty = properties();
    faulty["Verifcation"] = json!("None");
    faulty["Rules"][0]["Status"] = json!("on");
    let answer = plan(&stack, &faulty).await;
    assert_eq!(answer["Faults"].as_array().unwrap().len(), 2, "{answer:#}");
    let mut strict = properties();
    strict["WhenMissing"] = json!("Fail");
    let answer = plan(&stack, &strict).await;
    let told = answer["Faults"].to_string();
    assert!(
        told.contains("bucket `source` does not exist")
            && told.contains("bucket `destination` does not exist"),
        "{told}"
    );
    assert_eq!(answer["Phases"], json!([]));
}

#[tokio::test(start_paused = true)]
async fn the_resource_is_the_one_with_rules_on_the_bucket_unless_it_is_named() {
    let stack = provisioned().await;
    let first = physical_id("Replication", &properties());
    assert_eq!(
        plan(&stack, &properties()).await["PhysicalResourceId"],
        first
    );
    let mut second = properties();
    second["Rules"][0]["Filter"]["Prefix"] = json!("Receipts/");
    stack.create("Second", &second).await.unwrap();
    let reason = ask(
        &stack,
        json!({"Action": "Plan", "ResourceProperties": properties()}),
    )
    .await
    .unwrap_err();
    assert!(
        reason.contains(&first) && reason.contains(&physical_id("Second", &second)),
        "{reason}"
    );
    let question = json!({"Action": "Plan", "ResourceProperties": second, "PhysicalResourceId": physical_id("Second", &second)});
    assert_eq!(ask(&stack, question).await.unwrap()["Phases"], json!([]));
}

/// What a question without properties answers.
async fn asked(stack: &Stack, question: Value) -> Value {
    let (before, writes) = (stack.world.snapshot(), stack.aws.writes());
    let answer = ask(stack, question).await.unwrap();
    assert_eq!(
        (stack.world.snapshot(), stack.aws.writes()),
        (before, writes)
    );
    answer
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_is_there_needs_no_properties() {
    let stack = provisioned().await;
    let id = physical_id("Replication", &properties());
    for action in ["Plan", "Diagnose"] {
        let expected = answered(&stack, action, &properties()).await;
        for question in [
            json!({"Action": action, "PhysicalResourceId": id}),
            json!({"Action": action, "StackName": "tax"}),
            json!({"Action": action, "StackName": STACK}),
            json!({"Action": action, "StackName": "tax", "LogicalResourceId": "Replication"}),
        ] {
            assert_eq!(
                asked(&stack, question.clone()).await,
                expected,
                "{question}"
            );
        }
    }
    let mut second = properties();
    second["Rules"][0]["Filter"]["Prefix"] = json!("Receipts/");
    stack.create("Second", &second).await.unwrap();
    let reason = ask(&stack, json!({"Action": "Plan", "StackName": "tax"}))
        .await
        .unwrap_err();
    assert!(
        reason.contains("stack `tax` has several resources")
            && reason.contains(&format!("`Replication` (`{id}`), `Second`")),
        "{reason}"
    );
    let answer = asked(
        &stack,
        json!({"Action": "Plan", "StackName": "tax", "LogicalResourceId": "Second"}),
    )
    .await;
    assert_eq!(answer["PhysicalResourceId"], physical_id("Second", &second));
    for question in [
        json!({"Action": "Plan", "StackName": "ta"}),
        json!({"Action": "Plan", "StackName": "tax", "LogicalResourceId": "Third"}),
        json!({"Action": "Plan", "PhysicalResourceId": "encrypted-replication/source/er00000000000000000000"}),
    ] {
        let reason = ask(&stack, question).await.unwrap_err();
        assert!(reason.contains("there is no record of"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_a_table_where_that_is_asked_for() {
    let stack = provisioned().await;
    let key = replica_key(&stack);
    stack.world.state().keys.get_mut(&key).unwrap().state = "Disabled".into();
    let question = json!({"Action": "Diagnose", "StackName": "tax", "Format": "text"});
    let answer = asked(&stack, question).await;
    let table = answer.as_str().unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert!(lines[0].contains("Action: Diagnose"), "{table}");
    let first = lines
        .iter()
        .position(|line| line.starts_with("FAIL  "))
        .unwrap();
    assert!(
        lines[first].contains("KeyUsable") && lines[first].contains("enable it (kms:EnableKey)"),
        "{table}"
    );
    assert!(
        lines[..first].iter().all(|line| !line.starts_with("PASS")),
        "{table}"
    );
    let drift = asked(
        &stack,
        json!({"Action": "DetectDrift", "Report": false, "Format": "text"}),
    )
    .await;
    assert!(drift.as_str().unwrap().contains("source/er"), "{drift}");
    let wrong = ask(
        &stack,
        json!({"Action": "Plan", "StackName": "tax", "Format": "yaml"}),
    )
    .await;
    assert!(wrong.unwrap_err().contains("unknown variant `yaml`"));
}

#[tokio::test(start_paused = true)]
async fn an_owner_leads_to_its_stack() {
    let stack = provisioned().await;
    let own = owner("Replication", "source");
    for name in [
        own.to_string(),
        own.rule_id(Some("tax"), 0),
        own.sid("SourceKeys"),
        own.record_path(),
    ] {
        let answer = asked(&stack, json!({"Action": "Owner", "Owner": name})).await;
        assert_eq!(
            answer,
            json!({"Action": "Owner", "Owner": own.as_str(), "StackName": "tax", "StackId": STACK,
                   "LogicalResourceId": "Replication", "SourceBucket": "source",
                   "PhysicalResourceId": physical_id("Replication", &properties())})
        );
    }
    for (name, told) in [
        ("tax", "`tax` has no owner in it"),
        (
            "er00000000000000000000",
            "owner er00000000000000000000 has no record in us-east-1",
        ),
    ] {
        let reason = ask(&stack, json!({"Action": "Owner", "Owner": name}))
            .await
            .unwrap_err();
        assert!(reason.contains(told), "{reason}");
    }
    let reason = ask(&stack, json!({"Action": "Owner"})).await.unwrap_err();
    assert!(reason.contains("missing field `Owner`"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn whoever_stands_in_the_way_is_named_with_its_stack() {
    let stack = provisioned().await;
    let theirs = owner("Replication", "source").rule_id(Some("tax"), 0);
    let mut second = properties();
    second["Rules"][0]["Priority"] = json!(1);
    let reason = stack.create("Second", &second).await.unwrap_err();
    let named = format!(
        "{} is resource `Replication` of stack `tax`",
        owner("Replication", "source")
    );
    assert!(
        reason.contains(&theirs) && reason.contains(&named),
        "{reason}"
    );
}

#[tokio::test]
async fn what_cannot_be_understood_says_what_a_question_is() {
    let stack = Stack::new();
    for (question, told) in [
        (json!({}), "missing field `Action`"),
        (
            json!({"Action": "Destroy", "ResourceProperties": {}}),
            "unknown variant `Destroy`",
        ),
        (
            json!({"Action": "Plan"}),
            "missing field `ResourceProperties`",
        ),
        (
            json!({"Action": "Plan", "ResourceProperties": {}, "Region": "x"}),
            "unknown field `Region`",
        ),
        (
            json!({"Action": "Plan", "ResourceProperties": properties(), "PhysicalResourceId": "x"}),
            "is not what `Ref` gives",
        ),
        (
            json!({"Action": "Plan", "ResourceProperties": properties(),
                "PhysicalResourceId": "encrypted-replication/other/er00000000000000000000"}),
            "is of a resource on bucket `other`",
        ),
    ] {
        let reason = ask(&stack, question).await.unwrap_err();
        assert!(reason.contains(told), "{reason}");
    }
    assert_eq!(stack.aws.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_was_provisioned_is_healthy_check_by_check() {
    let stack = provisioned().await;
    let answer = diagnose(&stack, &properties()).await;
    assert_eq!(answer["Healthy"], true, "{answer:#}");
    for result in ["FAIL", "WARN", "SKIPPED"] {
        assert_eq!(with(&answer, result), [], "{answer:#}");
    }
    assert_eq!(
        names(&answer).into_iter().collect::<Vec<_>>(),
        [
            "ArrivalEvents",
            "BucketPolicy",
            "Configuration",
            "DefaultEncryption",
            "Expectation",
            "FailureEvents",
            "KeyPolicy",
            "KeyUsable",
            "KmsOptIn",
            "RoleExists",
            "RolePermissions",
            "RoleTrust",
            "Rules",
            "Versioning"
        ]
    );
}

/// The key that the one rule of ours encrypts replicas under.
fn replica_key(stack: &Stack) -> String {
    let state = stack.world.state();
    let rules = &state.buckets["source"]
        .replication
        .written()
        .as_ref()
        .unwrap()
        .rules;
    rules[0].destination.replica_kms_key_id.clone().unwrap()
}

/// What is found after `change` to the account.
async fn after(stack: &Stack, change: impl FnOnce(&mut State)) -> Value {
    change(&mut stack.world.state());
    diagnose(stack, &properties()).await
}

#[tokio::test(start_paused = true)]
async fn a_disabled_key_and_a_bucket_without_versions_are_found() {
    let stack = provisioned().await;
    let key = replica_key(&stack);
    let answer = after(&stack, |state| {
        state.keys.get_mut(&key).unwrap().state = "Disabled".into();
    })
    .await;
    assert_eq!(answer["Healthy"], false);
    assert_eq!(
        with(&answer, "FAIL"),
        only("KeyUsable", &format!("key `{key}`"))
    );
    let finding = &found(&answer, "KeyUsable", "FAIL")["Finding"];
    assert_eq!(finding, "is in state Disabled: enable it (kms:EnableKey)");

    let stack = provisioned().await;
    let answer = after(&stack, |state| {
        state.buckets.get_mut("destination").unwrap().versioning = Versioning::Suspended;
    })
    .await;
    let versioning = found(&answer, "Versioning", "FAIL");
    assert_eq!(versioning["Resource"], "bucket `destination`");
    assert_eq!(versioning["Remedy"], "enable it (s3:PutBucketVersioning)");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_may_not_do_all_or_may_not_be_assumed_is_found() {
    let stack = provisioned().await;
    let name = owner("Replication", "source").policy_name();
    let policy = stack
        .world
        .role_policy("source", &name)
        .await
        .unwrap()
        .unwrap();
    // The mistake that everybody makes: objects alone in the encryption context.
    let narrowed = policy.replace("\"arn:aws:s3:::destination\",", "");
    assert_ne!(narrowed, policy);
    stack
        .world
        .put_role_policy("source", &name, &narrowed)
        .await
        .unwrap();
    let answer = diagnose(&stack, &properties()).await;
    let finding = found(&answer, "RolePermissions", "FAIL")["Finding"]
        .as_str()
        .unwrap();
    assert!(
        finding
            .contains("with encryption context `arn:aws:s3:::destination`: no statement allows it"),
        "{finding}"
    );

    let stack = provisioned().await;
    let answer = after(&stack, |state| {
        let trust = &mut state.roles.get_mut("source").unwrap().trust_policy;
        *trust = trust.replace("s3.", "ec2.");
    })
    .await;
    assert_eq!(
        with(&answer, "FAIL"),
        only("RoleTrust", &format!("role `{}`", our_role("source")))
    );
}

#[tokio::test(start_paused = true)]
async fn a_deny_on_other_objects_is_no_finding_and_one_on_a_part_is_a_warning() {
    for (resource, result) in [
        ("arn:aws:s3:::destination/private/*", None),
        ("arn:aws:s3:::destination/Tax/*", Some("FAIL")),
        ("arn:aws:s3:::destination/Tax/secret/*", Some("WARN")),
    ] {
        let stack = provisioned().await;
        let deny = json!({"Statement": [{"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": resource}]});
        let answer = after(&stack, |state| {
            state.buckets.get_mut("destination").unwrap().policy = Some(deny.to_string());
        })
        .await;
        assert_eq!(answer["Healthy"], result != Some("FAIL"), "{resource}");
        for one in ["FAIL", "WARN"] {
            let expected = if result == Some(one) {
                only("BucketPolicy", "bucket `destination`")
            } else {
                Vec::new()
            };
            assert_eq!(with(&answer, one), expected, "{resource}");
        }
        if let Some(result) = result {
            let finding = found(&answer, "BucketPolicy", result)["Finding"].to_string();
            assert!(
                finding.contains("statement `Mine` denies what replication takes"),
                "{finding}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_only_may_let_the_role_in_is_a_warning() {
    for (condition, result) in [
        (
            json!({"StringEquals": {"aws:PrincipalType": "Account"}}),
            Some("WARN"),
        ),
        (
            json!({"StringEquals": {"kms:CallerAccount": "111122223333"}}),
            None,
        ),
        (
            json!({"StringEquals": {"kms:CallerAccount": "444455556666"}}),
            Some("FAIL"),
        ),
    ] {
        let stack = provisioned().await;
        let key = replica_key(&stack);
        let policy = json!({"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*",
            "Principal": {"AWS": "arn:aws:iam::111122223333:root"}, "Condition": condition}]});
        let answer = after(&stack, |state| {
            state.keys.get_mut(&key).unwrap().policy = policy.to_string();
        })
        .await;
        for one in ["FAIL", "WARN"] {
            let expected = if result == Some(one) {
                only("KeyPolicy", &format!("key `{key}`"))
            } else {
                Vec::new()
            };
            assert_eq!(with(&answer, one), expected, "{condition}");
        }
    }
}

/// Whether the source tells the checker's queue of failures, after `change` to its notifications.
async fn failures_after(
    change: impl FnOnce(&mut replication::configuration::NotificationConfiguration),
) -> Value {
    let stack = provisioned().await;
    let answer = after(&stack, |state| {
        change(&mut state.buckets.get_mut("source").unwrap().notifications);
    })
    .await;
    let checks = answer["Checks"].as_array().unwrap().clone();
    checks
        .into_iter()
        .find(|check| check["Check"] == "FailureEvents")
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn failures_have_to_reach_the_checkers_queue_of_all_our_objects() {
    const FAILED: &str = "s3:Replication:OperationFailedReplication";
    let theirs = |event: &str, target: &str, filters: &[(&str, &str)]| Notification {
        target_arn: target.into(),
        key_filters: filters
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        ..somebodys_notification("theirs", event)
    };
    let elsewhere = "arn:aws:sqs:us-east-1:111122223333:other";
    for (notification, result) in [
        (theirs("s3:Replication:*", elsewhere, &[]), "WARN"),
        (theirs(FAILED, elsewhere, &[]), "WARN"),
        (
            theirs("s3:Replication:OperationMissedThreshold", elsewhere, &[]),
            "WARN",
        ),
        (
            theirs("s3:Replication:OperationMissedThreshold", QUEUE, &[]),
            "WARN",
        ),
        (theirs(FAILED, QUEUE, &[]), "PASS"),
        (theirs("s3:Replication:*", QUEUE, &[]), "PASS"),
        (theirs(FAILED, QUEUE, &[("Prefix", "Tax/")]), "PASS"),
        (theirs(FAILED, QUEUE, &[("prefix", "Ta")]), "PASS"),
        (theirs(FAILED, QUEUE, &[("Prefix", "Tax/2026/")]), "WARN"),
        (theirs(FAILED, QUEUE, &[("Suffix", ".pdf")]), "WARN"),
    ] {
        let check = failures_after(|found| found.queues = vec![notification.clone()]).await;
        assert_eq!(check["Result"], result, "{notification:?}: {check}");
    }
    let topic = theirs(FAILED, "arn:aws:sns:us-east-1:111122223333:topic", &[]);
    let check = failures_after(|found| {
        found.queues.clear();
        found.topics = vec![topic];
    })
    .await;
    assert_eq!(check["Result"], "WARN", "{check}");
    let check = failures_after(|found| found.queues.clear()).await;
    assert_eq!(check["Result"], "WARN", "{check}");
}

#[tokio::test(start_paused = true)]
async fn each_prefix_is_asked_of_the_role_given() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    let allowed = json!({"Statement": [
        {"Effect": "Allow", "Action": ["kms:*", "s3:Get*", "s3:List*"], "Resource": "*"},
        {"Effect": "Allow", "Action": "s3:Replicate*", "Resource": "arn:aws:s3:::destination/Tax/*"}]});
    let role = stack
        .world
        .state()
        .add_role("replicator", "/", &[("p", &allowed.to_string())]);
    stack.world.state().roles.get_mut("replicator").unwrap().trust_policy =
        json!({"Statement": {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}}).to_string();
    let mut given = properties();
    given["Role"] = json!(role);
    let mut second = given["Rules"][0].clone();
    second["Id"] = json!("second");
    second["Filter"]["Prefix"] = json!("Receipts/");
    given["Rules"].as_array_mut().unwrap().push(second);
    stack.create("Replication", &given).await.unwrap();
    let answer = diagnose(&stack, &given).await;
    assert_eq!(answer["Healthy"], false);
    let failed = found(&answer, "RolePermissions", "FAIL")["Finding"].to_string();
    assert!(
        failed.contains("s3:ReplicateObject") && failed.contains("destination/Receipts/"),
        "{failed}"
    );
    assert_eq!(with(&answer, "FAIL").len(), 1, "{answer:#}");
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_made_is_told_as_a_plan_tells_it() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    let mut given = properties();
    given["Rules"][0]["Destination"]
        .as_object_mut()
        .unwrap()
        .remove("Region");
    let answer = diagnose(&stack, &given).await;
    let remedy = found(&answer, "BucketExists", "FAIL")["Remedy"].to_string();
    assert!(
        remedy.contains("give `Destination.Region`") && !remedy.contains("WhenMissing"),
        "{remedy}"
    );
    let answer = diagnose(&stack, &properties()).await;
    let remedy = found(&answer, "KeyUsable", "FAIL")["Remedy"].to_string();
    assert!(
        remedy.contains("which makes it") && !remedy.contains("leave it out"),
        "{remedy}"
    );
}

/// A Create is refused for what a Diagnose tells, and for nothing else.
#[tokio::test(start_paused = true)]
async fn a_diagnosis_tells_each_fault_that_a_create_would() {
    let stack = provisioned().await;
    let full: Vec<_> = (0..100)
        .map(|n| somebodys_notification(&format!("n{n}"), "s3:ObjectCreated:Put"))
        .collect();
    let key = replica_key(&stack);
    let answer = after(&stack, |state| {
        state
            .buckets
            .get_mut("source")
            .unwrap()
            .notifications
            .queues = full;
        state.keys.get_mut(&key).unwrap().state = "PendingDeletion".into();
    })
    .await;
    let told = answer["Checks"].to_string();
    for part in [
        "101 event notifications",
        "is in state PendingDeletion",
        "RolePermissions",
        "BucketPolicy",
        "RoleTrust",
    ] {
        assert!(told.contains(part), "{part} is not in {answer:#}");
    }
    assert_eq!(answer["Healthy"], false);
}

/// One thing that is wrong hides no other.
#[tokio::test(start_paused = true)]
async fn everything_that_can_be_looked_at_is_looked_at() {
    let stack = provisioned().await;
    let (key, policy) = (
        replica_key(&stack),
        owner("Replication", "source").policy_name(),
    );
    let every = |answer: &Value| -> BTreeSet<String> {
        let checks = answer["Checks"].as_array().unwrap().iter();
        checks
            .map(|check| check["Check"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = every(&diagnose(&stack, &properties()).await);
    stack
        .world
        .delete_role_policy("source", &policy)
        .await
        .unwrap();
    let answer = after(&stack, |state| {
        state.keys.get_mut(&key).unwrap().state = "Disabled".into();
        let source = state.buckets.get_mut("source").unwrap();
        source.notifications.queues.clear();
        source.versioning = Versioning::Suspended;
    })
    .await;
    for check in ["KeyUsable", "Versioning", "RolePermissions"] {
        found(&answer, check, "FAIL");
    }
    found(&answer, "FailureEvents", "WARN");
    for check in before.difference(&every(&answer)) {
        // It is said by its parts where no plan can be made.
        assert_eq!(check, "Configuration", "{answer:#}");
    }
}

/// Another resource may make it, where uploads were under SSE-S3 when this one was made.
#[tokio::test(start_paused = true)]
async fn a_default_key_that_came_later_and_that_the_given_keys_lack_is_found() {
    let stack = Stack::new();
    let default = bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    let encrypts = |encryption| {
        let mut state = stack.world.state();
        let source = state.buckets.get_mut("source").unwrap();
        std::mem::replace(&mut source.encryption, encryption)
    };
    let later = encrypts(None);
    let given = stack.world.state().add_key(EAST, "CUSTOMER");
    let mut asked = properties();
    asked["SourceKmsKeyArns"] = json!([given]);
    asked["Verification"] = json!("None");
    stack.create("Replication", &asked).await.unwrap();
    encrypts(later);
    let answer = diagnose(&stack, &asked).await;
    assert_eq!(answer["Healthy"], false, "{answer:#}");
    let failed = found(&answer, "Configuration", "FAIL")["Finding"].to_string();
    assert!(
        failed.contains("does not work any more")
            && failed.contains(&default)
            && failed.contains("`SourceKmsKeyArns` does not have"),
        "{failed}"
    );
    // What is there already keeps nothing from being changed.
    let mut changed = asked.clone();
    changed["Revision"] = json!("2");
    stack.update("Replication", &asked, &changed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn policies_that_deny_or_let_nobody_in_are_found() {
    let stack = provisioned().await;
    let deny = json!({"Statement": [{"Sid": "NoStrangers", "Effect": "Deny", "Principal": "*", "Action": "s3:Replicate*",
        "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}}]});
    let answer = after(&stack, |state| {
        state.buckets.get_mut("destination").unwrap().policy = Some(deny.to_string());
    })
    .await;
    // A condition may let S3 through: a person must judge.
    assert_eq!(answer["Healthy"], true);
    assert_eq!(
        with(&answer, "WARN"),
        only("BucketPolicy", "bucket `destination`")
    );

    let stack = provisioned().await;
    let key = replica_key(&stack);
    let foreign = json!({"Statement": [{"Effect": "Allow", "Action": "kms:*",
        "Principal": {"AWS": "arn:aws:iam::111122223333:role/admin"}}]});
    let answer = after(&stack, |state| {
        state.keys.get_mut(&key).unwrap().policy = foreign.to_string();
    })
    .await;
    assert_eq!(
        with(&answer, "FAIL"),
        only("KeyPolicy", &format!("key `{key}`"))
    );
}

#[tokio::test(start_paused = true)]
async fn rules_that_are_gone_switched_off_or_outranked_are_found() {
    let stack = provisioned().await;
    let id = format!("{}-tax", owner("Replication", "source"));
    let rules = || {
        let state = stack.world.state();
        state.buckets["source"]
            .replication
            .written()
            .clone()
            .unwrap()
            .rules
    };
    let put = |rules: Vec<_>| somebodys_rules(&stack.world, "source", &our_role("source"), rules);
    let original = rules();

    let mut changed = original.clone();
    changed[0].status = Status::Disabled;
    changed[0].sse_kms_encrypted_objects = None;
    changed[0].destination.metrics = None;
    put(changed);
    let answer = diagnose(&stack, &properties()).await;
    let rule = format!("rule `{id}`");
    for check in ["Rules", "KmsOptIn"] {
        assert_eq!(found(&answer, check, "FAIL")["Resource"], rule);
    }
    assert_eq!(found(&answer, "Metrics", "WARN")["Resource"], rule);

    let mut outranked = original.clone();
    let mut theirs = somebodys_rule("theirs", 99, "destination");
    theirs.filter.as_mut().unwrap().prefix = "Tax".into();
    outranked.push(theirs);
    put(outranked);
    let answer = diagnose(&stack, &properties()).await;
    let finding = &found(&answer, "Priority", "FAIL")["Finding"];
    assert!(
        finding
            .as_str()
            .unwrap()
            .contains("outranked by rule `theirs`, which has priority 99"),
        "{finding}"
    );

    stack
        .world
        .delete_replication(BucketRef {
            name: "source",
            region: EAST,
        })
        .await
        .unwrap();
    let question = json!({"Action": "Diagnose", "ResourceProperties": properties(),
                          "PhysicalResourceId": physical_id("Replication", &properties())});
    let answer = ask(&stack, question).await.unwrap();
    assert!(
        found(&answer, "Rules", "FAIL")["Finding"]
            .as_str()
            .unwrap()
            .contains("no replication configuration")
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_looked_at_is_skipped_and_says_which_permission() {
    let stack = provisioned().await;
    for operation in ["simulate", "bucket_policy", "key_policy"] {
        stack.aws.fail(
            Which::Every(operation),
            ErrorKind::AccessDenied,
            When::Before,
        );
    }
    let answer = diagnose(&stack, &properties()).await;
    assert_eq!(answer["Healthy"], true);
    let skipped: Vec<_> = with(&answer, "SKIPPED")
        .into_iter()
        .map(|(check, _)| check)
        .collect();
    assert_eq!(
        skipped,
        [
            "RolePermissions",
            "BucketPolicy",
            "BucketPolicy",
            "KeyPolicy",
            "KeyPolicy"
        ]
    );
    assert!(
        found(&answer, "RolePermissions", "SKIPPED")["Remedy"]
            .as_str()
            .unwrap()
            .contains("iam:SimulatePrincipalPolicy")
    );
}

/// Whatever one read comes to, all that needs another one is looked at.
#[tokio::test(start_paused = true)]
async fn a_read_that_fails_leaves_everything_else_looked_at() {
    let stack = provisioned().await;
    let key = replica_key(&stack);
    stack.world.state().keys.get_mut(&key).unwrap().state = "Disabled".into();
    let expected = [
        "ArrivalEvents",
        "BucketPolicy",
        "Configuration",
        "DefaultEncryption",
        "FailureEvents",
        "KeyPolicy",
        "KeyUsable",
        "KmsOptIn",
        "RoleExists",
        "RolePermissions",
        "RoleTrust",
        "Rules",
        "Versioning",
    ];
    for operation in [
        "bucket_tags",
        "default_encryption",
        "object_lock",
        "parameters",
        "role_policies",
        "versioning",
    ] {
        stack.aws.reset();
        stack.aws.fail(
            Which::Every(operation),
            ErrorKind::AccessDenied,
            When::Before,
        );
        let answer = diagnose(&stack, &properties()).await;
        assert_eq!(answer["Healthy"], false, "{operation}: {answer:#}");
        assert_eq!(
            with(&answer, "FAIL"),
            only("KeyUsable", &format!("key `{key}`")),
            "{operation}: {answer:#}"
        );
        let found = names(&answer);
        for name in expected {
            assert!(found.contains(name), "{operation}: {name}: {answer:#}");
        }
        assert!(
            with(&answer, "SKIPPED")
                .iter()
                .any(|(check, _)| check == "Configuration"),
            "{operation}: {answer:#}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_proof_says_what_the_checks_found() {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    let role = stack.world.state().add_role(
        "replicator",
        "/",
        &[(
            "p",
            &json!({"Statement": [
        {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]})
            .to_string(),
        )],
    );
    stack.world.state().roles.get_mut("replicator").unwrap().trust_policy =
        json!({"Statement": {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}}).to_string();
    let mut given = properties();
    given["Role"] = json!(role);
    given["Verification"] = json!("Required");
    let reason = stack.create("Replication", &given).await.unwrap_err();
    assert!(
        reason.contains("S3 reports FAILED for probe object"),
        "{reason}"
    );
    assert!(
        reason.contains(&format!(
            "role `{role}` may not use kms:Decrypt on `arn:aws:kms:{}:",
            home().region
        )),
        "{reason}"
    );
    assert!(
        reason.contains("no statement allows it: allow it in the role's policy"),
        "{reason}"
    );
}
