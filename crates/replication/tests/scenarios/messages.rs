//! `docs/MESSAGES.md`: the texts that a person can get from the provisioner, made by having it say them.
//!
//! What it says of each property is a row of `properties/tests.rs`; here stands one of each kind, as it
//! looks in a stack event, in a check and in an answer.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use replication::configuration::{NotificationConfiguration, Status, Versioning};
use replication::error::{AwsError, ErrorKind, ReplicationError};
use serde_json::{Value, json};

use crate::aws::State;
use crate::aws::faults::{When, Which};
use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, our_role, somebodys_notification, somebodys_rule,
    somebodys_rules,
};

fn properties() -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": [
        {"Id": "tax", "Filter": {"Prefix": "Tax/"},
         "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}}]})
}

fn with(path: &str, value: Value) -> Value {
    let mut properties = properties();
    let (parent, name) = path.rsplit_once('/').unwrap();
    properties.pointer_mut(parent).unwrap()[name] = value;
    properties
}

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    stack
}

async fn provisioned() -> Stack {
    let stack = setting();
    stack.create("Replication", &properties()).await.unwrap();
    stack
}

/// A text as it stands in a page: lines of its own stay so.
fn quoted(page: &mut String, text: &str) {
    page.push_str("```text\n");
    page.push_str(text.trim_end());
    page.push_str("\n```\n\n");
}

/// What is otherwise than the properties want it.
type Change<'a> = &'a dyn Fn(&mut State);

async fn refusals(page: &mut String) {
    page.push_str("## The properties\n\nNothing was called.\n\n");
    let mut two = with("/Rules/0/Priority", json!(-1));
    two["OnDelet"] = json!({});
    for asked in [
        with("/SourceBucket", json!("arn:aws:s3:::tax-documents")),
        with("/SourceBucket", json!("tax documents")),
        with("/SourceRegion", json!("us-west-2a")),
        with("/SourceRegion", json!("cn-north-1")),
        with(
            "/Rules/0/Destination/AssumeRoleArn",
            json!("arn:aws:iam::444455556666:role/admin"),
        ),
        with(
            "/Rules/0/Destination/EncryptionConfiguration",
            json!({"ReplicaKmsKeyID": "arn:aws:kms:us-west-2::key/1"}),
        ),
        with(
            "/Rules/0/Destination/ReplicationTime",
            json!({"Status": "Enabled", "Time": {"Minutes": 30}}),
        ),
        json!({"SourceBucket": "source", "Rule": []}),
        two,
    ] {
        quoted(
            page,
            &setting().create("Replication", &asked).await.unwrap_err(),
        );
    }
    page.push_str("## What is there does not fit\n\nNothing was changed.\n\n");
    let full = |state: &mut State| {
        let notifications =
            (0..100).map(|n| somebodys_notification(&format!("n{n}"), "s3:ObjectCreated:Put"));
        state
            .buckets
            .get_mut("source")
            .unwrap()
            .notifications
            .queues = notifications.collect();
    };
    let gone = "arn:aws:kms:us-west-2:111122223333:key/gone";
    let table: [(Value, Change<'_>); 6] = [
        (
            with("/Rules/0/Destination/Region", json!("eu-west-1")),
            &|_| {},
        ),
        (with("/SourceBucket", json!("old_bucket")), &|_| {}),
        (with("/WhenMissing", json!("Fail")), &|state| {
            drop(state.buckets.remove("destination"));
        }),
        (with("/Rules/0/Destination/Region", Value::Null), &|state| {
            drop(state.buckets.remove("destination"));
        }),
        (
            with(
                "/Rules/0/Destination/EncryptionConfiguration",
                json!({"ReplicaKmsKeyID": gone}),
            ),
            &|_| {},
        ),
        (
            with(
                "/Rules/0/Destination/EncryptionConfiguration",
                json!({"ReplicaKmsKeyID": gone}),
            ),
            &full,
        ),
    ];
    for (asked, change) in table {
        let stack = setting();
        change(&mut stack.world.state());
        quoted(
            page,
            &stack.create("Replication", &asked).await.unwrap_err(),
        );
    }
    let stack = setting();
    let theirs = vec![somebodys_rule("theirs", 1, "destination")];
    somebodys_rules(
        &stack.world,
        "source",
        "arn:aws:iam::111122223333:role/theirs",
        theirs,
    );
    quoted(
        page,
        &stack
            .create("Replication", &properties())
            .await
            .unwrap_err(),
    );
    let stack = setting();
    let first = with("/Rules/0/Priority", json!(1));
    stack.create("First", &first).await.unwrap();
    quoted(page, &stack.create("Second", &first).await.unwrap_err());
}

fn errors(page: &mut String) {
    page.push_str(
        "## A call to AWS failed\n\nAfter `while trying to STEP: ` where it was part of one.\n\n",
    );
    for (operation, resource, kind, code, message) in [
        (
            "HeadBucket",
            "bucket `destination`",
            ErrorKind::AccessDenied,
            "HTTP 403",
            "",
        ),
        (
            "DescribeKey",
            "key `alias/replica`",
            ErrorKind::AccessDenied,
            "AccessDeniedException",
            "no",
        ),
        (
            "GetBucketVersioning",
            "bucket `destination`",
            ErrorKind::Transient,
            "",
            "dispatch failure: dns error",
        ),
        (
            "GetBucketVersioning",
            "bucket `destination`",
            ErrorKind::Transient,
            "SlowDown",
            "Please reduce your request rate.",
        ),
        (
            "DescribeKey",
            "key `alias/replica`",
            ErrorKind::Invalid,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        ),
        (
            "PutBucketNotificationConfiguration",
            "bucket `source`",
            ErrorKind::Invalid,
            "InvalidArgument",
            "Unable to validate the following destination configurations",
        ),
        (
            "PutBucketReplication",
            "bucket `source`",
            ErrorKind::Conflict,
            "OperationAborted",
            "A conflicting conditional operation is currently in progress against this resource.",
        ),
    ] {
        let error = AwsError {
            operation,
            resource: resource.into(),
            region: WEST.into(),
            kind,
            code: code.into(),
            message: message.into(),
            request_id: Some("EXAMPLE".into()),
        };
        quoted(page, &error.to_string());
    }
    page.push_str("## Other ends\n\n");
    let out_of_time = ReplicationError::OutOfTime("provision the replication".into());
    let unproven = ReplicationError::Unproven(
        "S3 reports FAILED for probe object `…` in bucket `source`".into(),
    );
    for error in [out_of_time, unproven] {
        quoted(page, &error.to_string());
    }
}

/// What is done to an account behind the stack's back.
type Harm<'a> = (&'a str, &'a dyn Fn(&Stack));

#[expect(clippy::too_many_lines, reason = "one arm for each thing that is done")]
async fn looks(page: &mut String) {
    let policy = |bucket: &'static str, statement: Value| {
        move |stack: &Stack| {
            let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
            stack.world.state().buckets.get_mut(bucket).unwrap().policy = Some(policy);
        }
    };
    let deny = policy(
        "destination",
        json!({"Sid": "Deny", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}),
    );
    let perhaps = policy(
        "destination",
        json!({"Sid": "OnlyOurs", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": "*", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}}),
    );
    let key_of_others = |stack: &Stack| {
        let mut state = stack.world.state();
        for key in state.keys.values_mut().filter(|key| key.region == WEST) {
            key.policy =
                json!({"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*",
                "Principal": {"AWS": "arn:aws:iam::111122223333:role/admin"}}]})
                .to_string();
        }
    };
    let disabled = |stack: &Stack| {
        for key in stack
            .world
            .state()
            .keys
            .values_mut()
            .filter(|key| key.region == WEST)
        {
            key.state = "Disabled".into();
        }
    };
    let rules = |change: fn(&mut replication::configuration::ReplicationRule)| {
        move |stack: &Stack| {
            let found = stack.world.state().buckets["source"]
                .replication
                .written()
                .clone()
                .unwrap();
            let mut rules = found.rules;
            change(&mut rules[0]);
            somebodys_rules(&stack.world, "source", &our_role("source"), rules);
        }
    };
    let off = rules(|rule| rule.status = Status::Disabled);
    let bare = rules(|rule| {
        rule.sse_kms_encrypted_objects = None;
        rule.destination.metrics = None;
    });
    let outranked = |stack: &Stack| {
        let found = stack.world.state().buckets["source"]
            .replication
            .written()
            .clone()
            .unwrap();
        let mut rules = found.rules;
        let mut theirs = somebodys_rule("theirs", 99, "destination");
        theirs.filter.as_mut().unwrap().prefix = "Tax".into();
        rules.push(theirs);
        somebodys_rules(&stack.world, "source", &our_role("source"), rules);
    };
    let taken = |stack: &Stack| {
        let notification = somebodys_notification("theirs", "s3:Replication:*");
        stack
            .world
            .state()
            .buckets
            .get_mut("source")
            .unwrap()
            .notifications
            .queues = vec![notification];
    };
    let harms: [Harm<'_>; 14] = [
        ("nothing", &|_| {}),
        ("versioning suspended", &|stack| {
            stack
                .world
                .state()
                .buckets
                .get_mut("source")
                .unwrap()
                .versioning = Versioning::Suspended;
        }),
        ("the source's default encryption is SSE-S3", &|stack| {
            stack
                .world
                .state()
                .buckets
                .get_mut("source")
                .unwrap()
                .encryption = None;
        }),
        ("notifications gone", &|stack| {
            let mut state = stack.world.state();
            for bucket in state.buckets.values_mut() {
                bucket.notifications = NotificationConfiguration::default();
            }
        }),
        ("somebody takes the failure events", &taken),
        ("destination gone", &|stack| {
            drop(stack.world.state().buckets.remove("destination"));
        }),
        ("replica key disabled", &disabled),
        ("replica key's policy names others", &key_of_others),
        ("rule disabled", &off),
        ("rule without KMS opt-in and metrics", &bare),
        ("rule outranked", &outranked),
        ("a Deny in the destination's policy", &deny),
        ("a Deny under conditions", &perhaps),
        ("role gone", &|stack| {
            drop(stack.world.state().roles.remove("source"));
        }),
    ];
    let question = json!({"Action": "Diagnose", "StackName": "tax"});
    page.push_str("## Diagnose\n\nEach finding with what was done to the account.\n\n");
    let mut told = BTreeSet::new();
    let mut drift = String::new();
    let mut proofs = String::new();
    for (harm, change) in harms {
        let stack = provisioned().await;
        change(&stack);
        let answer = stack.ask(question.clone()).await.unwrap();
        tell(page, &mut told, harm, &answer);
        let look = json!({"Action": "DetectDrift", "Report": false});
        let prove = json!({"Action": "Prove", "StackName": "tax", "Report": false});
        for (question, page) in [(look, &mut drift), (prove, &mut proofs)] {
            let seen = stack.ask(question).await.unwrap();
            tell_of_resource(page, harm, &seen["Resources"][0]);
        }
    }
    let stack = provisioned().await;
    for operation in ["simulate", "bucket_policy", "key_policy"] {
        stack.aws.fail(
            Which::Every(operation),
            ErrorKind::AccessDenied,
            When::Before,
        );
    }
    let answer = stack.ask(question).await.unwrap();
    tell(page, &mut told, "permissions missing", &answer);
    page.push_str("## Drift\n\n");
    page.push_str(&drift);
    page.push_str("## Proof\n\n");
    page.push_str(&proofs);
}

/// What was seen of a resource, where there is anything to say.
fn tell_of_resource(page: &mut String, harm: &str, found: &Value) {
    let member = |name: &str| found[name].as_str();
    if let (Some(result), Some(reason), Some(remedy)) =
        (member("Result"), member("Reason"), member("Remedy"))
    {
        // Writing to a text does not fail.
        let _ = write!(page, "{harm}:\n\n");
        quoted(page, &format!("{result} {reason}\nremedy: {remedy}"));
    }
}

/// The checks of an answer that were not told before.
fn tell(page: &mut String, told: &mut BTreeSet<String>, harm: &str, answer: &Value) {
    let mut lines = String::new();
    for check in answer["Checks"].as_array().unwrap() {
        let member = |name: &str| check[name].as_str().unwrap_or_default();
        let line = format!(
            "{} {}: {} {}",
            member("Result"),
            member("Check"),
            member("Resource"),
            member("Finding")
        );
        if !told.insert(line.clone()) {
            continue;
        }
        lines.push_str(&line);
        if let Some(remedy) = check["Remedy"].as_str() {
            lines.push_str("\n  remedy: ");
            lines.push_str(remedy);
        }
        lines.push('\n');
    }
    if !lines.is_empty() {
        // Writing to a text does not fail.
        let _ = write!(page, "{harm}:\n\n");
        quoted(page, &lines);
    }
}

async fn questions(page: &mut String) {
    page.push_str("## A question that cannot be answered\n\n");
    let stack = provisioned().await;
    stack
        .create("Second", &with("/Rules/0/Filter/Prefix", json!("b/")))
        .await
        .unwrap();
    for question in [
        json!({"Action": "Plan"}),
        json!({"Action": "Destroy", "ResourceProperties": {}}),
        json!({"Action": "Plan", "ResourceProperties": properties()}),
        json!({"Action": "Plan", "ResourceProperties": properties(), "PhysicalResourceId": "x"}),
        json!({"Action": "Plan", "StackName": "tax"}),
        json!({"Action": "Plan", "StackName": "other"}),
        json!({"Action": "Owner", "Owner": "tax"}),
        json!({"Action": "Owner", "Owner": "er00000000000000000000"}),
        json!({"Action": "DetectDrift", "Repot": false}),
        json!({"Action": "Prove", "Bucket": "source"}),
        json!({"Action": "Prove", "SourceBucket": "other"}),
    ] {
        quoted(page, &stack.ask(question).await.unwrap_err());
    }
}

#[tokio::test(start_paused = true)]
async fn the_page_of_messages_is_as_the_code_says() {
    let mut page = "# Messages\n\nWhat the provisioner tells people, one text of each kind, made by a test that has it say \
                    them (`cargo xtask reference`). What to do about each is in [TROUBLESHOOTING](TROUBLESHOOTING.md).\n\n"
        .to_owned();
    refusals(&mut page).await;
    errors(&mut page);
    looks(&mut page).await;
    questions(&mut page).await;
    crate::harness::page::same("MESSAGES.md", &format!("{}\n", page.trim_end()));
}
