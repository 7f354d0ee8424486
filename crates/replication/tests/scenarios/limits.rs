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
    for number in 0..number {
        let mut one = somebodys_notification(&format!("n{number}"), "s3:ObjectCreated:*");
        one.key_filters = vec![("Prefix".into(), format!("{number}/"))];
        let of_kind = match number % 3 {
            0 => &mut notifications.queues,
            1 => &mut notifications.topics,
            _ => &mut notifications.functions,
        };
        of_kind.push(one);
    }
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

/// What is limited together with what we add.
struct Shared {
    what: &'static str,
    limit: usize,
    /// So much of others' does not fit.
    others: usize,
    made: Made,
    /// What stands in the reason before the number; where it tells two, they are added.
    before: &'static [&'static str],
}

const TOGETHER: [Shared; 4] = [
    Shared {
        what: "inline policies of a role",
        limit: 10_240,
        others: 9_900,
        made: |stack, n| {
            let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": x(n)});
            let document = json!({"Statement": [statement]}).to_string();
            let others = [("others", document.as_str())];
            stack
                .world
                .state()
                .add_role("source", "/encrypted-replication/", &others);
            with(&[rule("")])
        },
        before: &[" would have ", ", beside "],
    },
    Shared {
        what: "expectations of a destination",
        limit: 100,
        others: 1000,
        made: |_, n| {
            with(
                &(0..n)
                    .map(|n| rule(&format!("{n:04}{}", x(1_000))))
                    .collect::<Vec<_>>(),
            )
        },
        before: &[" would fill "],
    },
    Shared {
        what: "the policy of another account's bucket",
        limit: 20 * 1024,
        others: 20_400,
        made: |stack, n| abroad(stack, n, 0),
        before: &["its policy would have "],
    },
    Shared {
        what: "the policy of another account's key",
        limit: 32 * 1024,
        others: 32_700,
        made: |stack, n| abroad(stack, 0, n),
        before: &["its policy would have "],
    },
];

impl Shared {
    /// The number that is told, where it is more than fits.
    fn number(&self, faults: &str) -> Option<usize> {
        let numbers = self.before.iter().map(|before| {
            let (_, after) = faults.split_once(before)?;
            let digits = after.split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse::<usize>().ok()
        });
        numbers.sum()
    }

    /// The same beside so much of others'.
    async fn told(&self, others: usize) -> Option<usize> {
        let stack = setting();
        let properties = (self.made)(&stack, others);
        self.number(&faults(&stack, &properties).await)
    }
}

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
async fn what_just_fits_beside_others_is_taken_and_one_more_is_refused_with_the_number() {
    for shared in TOGETHER {
        let Shared { what, limit, .. } = shared;
        let mut passes = shared.others;
        loop {
            let number = shared.told(passes).await.expect(what);
            let more = number - (limit + 1);
            if more == 0 {
                break;
            }
            passes -= more * (passes / number).max(1);
        }
        // Several of others' may make one.
        while let Some(number) = shared.told(passes - 1).await {
            assert_eq!(number, limit + 1, "{what}");
            passes -= 1;
        }
        let stack = setting();
        let beyond = (shared.made)(&stack, passes);
        refused(what, &stack, &beyond, &format!("at most {limit}")).await;
    }
}
