//! The limits of AWS: whoever passes one is told its number, and nothing is made.

use custom_resource::{Context, CustomResource};
use serde_json::{Value, json};

use crate::harness::{
    EAST, Stack, WEST, bucket_with_key, deadline, our_role, somebodys_notification, somebodys_rule,
    somebodys_rules,
};

const OTHER: &str = "444455556666";
const ASSUMED: &str = "arn:aws:iam::444455556666:role/encrypted-replication/destination";

fn rule(prefix: &str) -> Value {
    json!({"Filter": {"Prefix": prefix}, "Destination": {"Bucket": "arn:aws:s3:::destination", "Region": WEST}})
}

fn with(rules: &[Value]) -> Value {
    json!({"SourceBucket": "source", "Verification": "None", "Rules": rules})
}

/// A sound specification with one thing laid over its rule.
fn with_rule(more: &Value) -> Value {
    let mut rule = rule("a/");
    rule.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    with(&[rule])
}

fn setting() -> Stack {
    let stack = Stack::new();
    bucket_with_key(&stack.world, "source", EAST);
    bucket_with_key(&stack.world, "destination", WEST);
    stack
}

fn x(length: usize) -> String {
    "x".repeat(length)
}

/// Other people's part of the source bucket.
fn others_rules(stack: &Stack, number: usize) {
    let rules = (0..number).map(|number| {
        let priority = i32::try_from(number).unwrap() + 10_000;
        somebodys_rule(&format!("r{number}"), priority, "destination")
    });
    let role = our_role("source");
    somebodys_rules(&stack.world, "source", &role, rules.collect());
}

fn others_notifications(stack: &Stack, number: usize) {
    let mut state = stack.world.state();
    let notifications = &mut state.buckets.get_mut("source").unwrap().notifications;
    notifications.queues = (0..number)
        .map(|number| {
            let mut one = somebodys_notification(&format!("n{number}"), "s3:ObjectCreated:*");
            one.key_filters = vec![("Prefix".into(), format!("{number}/"))];
            one
        })
        .collect();
}

/// A destination in another account, with so many bytes of other people's in a policy.
fn abroad(stack: &Stack, in_bucket: usize, in_key: usize) -> Value {
    let there = stack.world.of_account(OTHER);
    let key = bucket_with_key(&there, "abroad", WEST);
    let policy = |length: usize| {
        json!({"Version": "2012-10-17", "Statement": [{"Sid": x(length), "Effect": "Allow", "Action": "s3:GetObject",
            "Resource": "*", "Principal": {"AWS": format!("arn:aws:iam::{OTHER}:root")}}]})
        .to_string()
    };
    let mut state = stack.world.state();
    state.assumable.insert(ASSUMED.into());
    let bucket = state.buckets.get_mut("abroad").unwrap();
    OTHER.clone_into(&mut bucket.account);
    bucket.policy = Some(policy(in_bucket));
    state.keys.get_mut(&key).unwrap().policy = policy(in_key);
    with_rule(
        &json!({"Destination": {"Bucket": "arn:aws:s3:::abroad", "Region": WEST, "AssumeRoleArn": ASSUMED,
        "EncryptionConfiguration": {"ReplicaKmsKeyID": key}}}),
    )
}

type Made = fn(&Stack, usize) -> Value;

/// What is limited, up to which number it is taken, how to come to a number, and what is told of one
/// more.
const EXACT: [(&str, usize, Made, &str); 10] = [
    (
        "rules of a resource",
        1000,
        |_, n| with(&(0..n).map(|n| rule(&format!("{n}/"))).collect::<Vec<_>>()),
        "`Rules`: must have 1 to 1000 entries, has 1001",
    ),
    (
        "rules of a bucket",
        1000,
        |stack, n| {
            others_rules(stack, n - 2);
            with(&[rule("a/"), rule("b/")])
        },
        "the bucket would have 1001 replication rules, S3 takes at most 1000",
    ),
    (
        "notifications of a bucket",
        100,
        |stack, n| {
            others_notifications(stack, n - 1);
            with(&[rule("a/")])
        },
        "bucket `source` would have 101 event notifications, S3 takes at most 100",
    ),
    (
        "source keys",
        100,
        |_, n| {
            let mut properties = with(&[rule("a/")]);
            properties["SourceKmsKeyArns"] = json!(vec!["alias/a"; n]);
            properties
        },
        "`SourceKmsKeyArns`: must have 1 to 100 entries, has 101",
    ),
    (
        "the name of a bucket to be made",
        63,
        |_, n| {
            let mut properties = with(&[rule("a/")]);
            properties["SourceBucket"] = json!(x(n));
            properties
        },
        "S3 makes none of that name any more: 3 to 63 lowercase letters",
    ),
    (
        "a rule's Id, with the owner before it",
        232,
        |_, n| with_rule(&json!({"Id": x(n)})),
        "`Rules[0].Id`: has 233 bytes, S3 takes at most 232",
    ),
    (
        "a prefix",
        1024,
        |_, n| with(&[rule(&x(n))]),
        "`Rules[0].Filter.Prefix`: has 1025 bytes, S3 takes at most 1024",
    ),
    (
        "tags of a filter",
        10,
        |_, n| {
            let tags: Vec<_> = (0..n)
                .map(|n| json!({"Key": n.to_string(), "Value": "v"}))
                .collect();
            with_rule(&json!({"Filter": {"And": {"Prefix": "a/", "TagFilters": tags}}}))
        },
        "`Rules[0].Filter.And.TagFilters`: must have 0 to 10 entries, has 11",
    ),
    (
        "the name of a tag",
        512,
        |_, n| with_rule(&json!({"Filter": {"TagFilter": {"Key": x(n), "Value": "v"}}})),
        "`Rules[0].Filter.TagFilter.Key`: has 513 bytes, S3 takes at most 512",
    ),
    (
        "the value of a tag",
        1024,
        |_, n| with_rule(&json!({"Filter": {"TagFilter": {"Key": "k", "Value": x(n)}}})),
        "`Rules[0].Filter.TagFilter.Value`: has 1025 bytes, S3 takes at most 1024",
    ),
];

/// What is limited together with what we add, so that only the reason is held against the number.
const TOGETHER: [(&str, Made, &str); 4] = [
    (
        "inline policies of a role",
        |stack, _| {
            let statement =
                json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": x(9_900)});
            let document = json!({"Statement": [statement]}).to_string();
            let others = [("others", document.as_str())];
            stack
                .world
                .state()
                .add_role("source", "/encrypted-replication/", &others);
            with(&[rule("a/")])
        },
        "IAM takes at most 10240 in a role's inline policies",
    ),
    (
        "expectations of a destination",
        |_, _| {
            with(
                &(0..1000)
                    .map(|n| rule(&format!("{n:04}{}", x(1_000))))
                    .collect::<Vec<_>>(),
            )
        },
        "SSM parameters, at most 100 are written",
    ),
    (
        "the policy of another account's bucket",
        |stack, _| abroad(stack, 20_000, 0),
        "AWS takes at most 20480",
    ),
    (
        "the policy of another account's key",
        |stack, _| abroad(stack, 0, 32_500),
        "AWS takes at most 32768",
    ),
];

async fn faults(stack: &Stack, properties: &Value) -> String {
    let question = json!({"Action": "Plan", "ResourceProperties": properties});
    let resource = stack.resource();
    let answer = resource.invoke(question, Context::default(), deadline());
    let answer = answer.await.unwrap();
    let faults = answer["Faults"].as_array().unwrap().iter();
    faults
        .map(|fault| fault.as_str().unwrap())
        .collect::<Vec<_>>()
        .join("\n")
}

async fn refused(what: &str, stack: &Stack, properties: &Value, told: &str) {
    let planned = faults(stack, properties).await;
    assert!(planned.contains(told), "{what}: {planned}");
    let reason = stack.create("Replication", properties).await.unwrap_err();
    assert!(reason.contains(told), "{what}: {reason}");
    assert_eq!(stack.aws.writes(), 0, "{what}");
}

#[tokio::test(start_paused = true)]
async fn what_is_just_within_a_limit_is_taken_and_one_more_is_refused_with_the_number() {
    for (what, limit, made, told) in EXACT {
        let stack = setting();
        let within = made(&stack, limit);
        let planned = faults(&stack, &within).await;
        assert!(!planned.contains(told), "{what}: {planned}");
        let number = limit.to_string();
        assert!(
            !planned.contains(&format!("at most {number}")),
            "{what}: {planned}"
        );
        let stack = setting();
        let beyond = made(&stack, limit + 1);
        refused(what, &stack, &beyond, told).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_passes_a_limit_together_with_others_is_refused_with_the_number() {
    for (what, made, told) in TOGETHER {
        let stack = setting();
        let beyond = made(&stack, 0);
        refused(what, &stack, &beyond, told).await;
    }
}
