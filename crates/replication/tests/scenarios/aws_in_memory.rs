//! What the AWS in memory refuses, and when it replicates.

use std::time::Duration;

use replication::configuration::{
    Filter, NotificationConfiguration, ReplicationConfiguration, ReplicationRule, Status, Timed,
    Versioning,
};
use replication::error::ErrorKind;
use replication::ports::{BucketRef, Buckets, Keys, Objects, Parameters, Roles, Targets};

use crate::aws::World;
use crate::aws::evaluate::matches;
use crate::harness::{
    EAST, WEST, bucket_with_key, plain_bucket, somebodys_notification, somebodys_rule, tag,
};

const SOURCE: BucketRef<'_> = BucketRef {
    name: "source",
    region: EAST,
};
const DESTINATION: BucketRef<'_> = BucketRef {
    name: "destination",
    region: WEST,
};
const ROLE: &str = "arn:aws:iam::111122223333:role/replication";

fn one_rule(change: impl FnOnce(&mut ReplicationRule)) -> ReplicationConfiguration {
    let mut rule = somebodys_rule("tax", 1, "destination");
    change(&mut rule);
    ReplicationConfiguration {
        role: ROLE.into(),
        rules: vec![rule],
        others: Vec::new(),
    }
}

fn world() -> World {
    let world = World::default();
    bucket_with_key(&world, "source", EAST);
    bucket_with_key(&world, "destination", WEST);
    world
}

#[tokio::test(start_paused = true)]
async fn replication_is_refused_for_each_reason_that_s3_has() {
    type Change = fn(&mut ReplicationRule);
    let cases: [(&str, Change); 14] = [
        ("Priority must be specified", |rule| rule.priority = None),
        ("DeleteMarkerReplication must be specified", |rule| {
            rule.delete_marker_replication = None;
        }),
        ("if any Tag filter is specified", |rule| {
            rule.filter = Some(Filter {
                prefix: String::new(),
                tags: vec![tag("a", "b")],
                ..Filter::default()
            });
        }),
        ("SseKmsEncryptedObjects must be specified", |rule| {
            rule.destination.replica_kms_key_id = Some("key".into());
        }),
        ("ReplicaKmsKeyID must be specified", |rule| {
            rule.sse_kms_encrypted_objects = Some(Status::Enabled);
        }),
        ("Account must be specified", |rule| {
            rule.destination.account = None;
            rule.destination.owner_override = Some("Destination".into());
        }),
        ("Account does not match", |rule| {
            rule.destination.account = Some("444455556666".into());
        }),
        ("Destination bucket must have versioning enabled", |rule| {
            rule.destination.bucket = "arn:aws:s3:::nowhere".into();
        }),
        ("same as the source", |rule| {
            rule.destination.bucket = "arn:aws:s3:::source".into();
        }),
        ("both ReplicationTime and Metrics", |rule| {
            rule.destination.replication_time = Some(Timed {
                status: Status::Enabled,
                minutes: Some(15),
            });
        }),
        ("cannot contain an event threshold", |rule| {
            rule.destination.metrics = Some(Timed {
                status: Status::Enabled,
                minutes: Some(15),
            });
        }),
        ("Priority cannot be used", |rule| rule.filter = None),
        ("Rule Id must have", |rule| rule.id = "ä".into()),
        ("not well-formed", |rule| {
            rule.existing_object_replication = Some(Status::Enabled);
        }),
    ];
    for (message, change) in cases {
        let refused = world()
            .put_replication(SOURCE, &one_rule(change))
            .await
            .unwrap_err();
        assert_eq!(refused.kind, ErrorKind::Invalid);
        assert!(
            refused.to_string().contains(message),
            "{refused} / {message}"
        );
    }
    world()
        .put_replication(SOURCE, &one_rule(|_| {}))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn rules_are_refused_for_what_they_are_to_each_other() {
    let v1 = |id: &str| {
        let mut rule = somebodys_rule(id, 0, "destination");
        (rule.priority, rule.filter, rule.delete_marker_replication) = (None, None, None);
        rule
    };
    let two = |a: ReplicationRule, b: ReplicationRule| ReplicationConfiguration {
        role: ROLE.into(),
        rules: vec![a, b],
        others: Vec::new(),
    };
    let rule = |id, priority| somebodys_rule(id, priority, "destination");
    for (message, rules) in [
        ("Rule Id must be unique", two(rule("a", 1), rule("a", 2))),
        (
            "Found duplicate priority 1.",
            two(rule("a", 1), rule("b", 1)),
        ),
        ("Filter must be specified", two(rule("a", 1), v1("b"))),
        (
            "distinct destination",
            two(v1("a"), {
                let mut b = v1("b");
                b.destination.bucket = "arn:aws:s3:::other".into();
                b
            }),
        ),
        (
            "not well-formed",
            ReplicationConfiguration {
                role: ROLE.into(),
                rules: vec![],
                others: Vec::new(),
            },
        ),
        (
            "Invalid Role",
            ReplicationConfiguration {
                role: "role".into(),
                rules: vec![rule("a", 1)],
                others: Vec::new(),
            },
        ),
    ] {
        let refused = world().put_replication(SOURCE, &rules).await.unwrap_err();
        assert!(
            refused.to_string().contains(message),
            "{refused} / {message}"
        );
    }
    world()
        .put_replication(SOURCE, &two(v1("a"), v1("b")))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn replication_needs_versions_on_both_sides_and_keeps_them() {
    let world = World::default();
    plain_bucket(&world, "source", EAST);
    plain_bucket(&world, "destination", WEST);
    let rules = one_rule(|_| {});
    let refused = world.put_replication(SOURCE, &rules).await.unwrap_err();
    assert!(
        refused.message.starts_with("Versioning must be 'Enabled'"),
        "{refused}"
    );
    world.enable_versioning(SOURCE).await.unwrap();
    let refused = world.put_replication(SOURCE, &rules).await.unwrap_err();
    assert_eq!(
        refused.message,
        "Destination bucket must have versioning enabled."
    );
    world.enable_versioning(DESTINATION).await.unwrap();
    world.put_replication(SOURCE, &rules).await.unwrap();
    let refused = world.suspend_versioning(SOURCE).unwrap_err();
    assert_eq!(refused.code, "InvalidBucketState");
    world.delete_replication(SOURCE).await.unwrap();
    world.suspend_versioning(SOURCE).unwrap();
    assert_eq!(
        world.versioning(SOURCE).await.unwrap(),
        Versioning::Suspended
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_is_found_in_its_region_only() {
    let world = world();
    let elsewhere = BucketRef {
        name: "source",
        region: WEST,
    };
    assert_eq!(
        world.versioning(elsewhere).await.unwrap_err().kind,
        ErrorKind::WrongRegion
    );
    let nowhere = BucketRef {
        name: "nowhere",
        region: WEST,
    };
    assert_eq!(
        world.versioning(nowhere).await.unwrap_err().kind,
        ErrorKind::NotFound
    );
    assert_eq!(
        world.bucket_region("destination").await.unwrap().as_deref(),
        Some(WEST)
    );
    assert_eq!(
        world.create_bucket(SOURCE, &[]).await.unwrap_err().kind,
        ErrorKind::AlreadyExists
    );
}

#[tokio::test(start_paused = true)]
async fn notifications_for_the_same_events_are_refused_unless_their_keys_differ() {
    let world = world();
    let put = |a: &str, b: &str, prefix: &str| {
        let (first, mut second) = (
            somebodys_notification("1", a),
            somebodys_notification("2", b),
        );
        second.key_filters = vec![("prefix".into(), prefix.into())];
        NotificationConfiguration {
            queues: vec![first, second],
            ..Default::default()
        }
    };
    for (a, b, prefix, accepted) in [
        ("s3:ObjectCreated:*", "s3:ObjectCreated:Put", "in/a", false),
        ("s3:ObjectCreated:*", "s3:ObjectCreated:Put", "out/", true),
        (
            "s3:Replication:*",
            "s3:Replication:OperationNotTracked",
            "",
            false,
        ),
        ("s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "", true),
    ] {
        let outcome = world
            .put_notifications(SOURCE, &put(a, b, prefix), Targets::Checked)
            .await;
        assert_eq!(outcome.is_ok(), accepted, "{a} {b} {prefix}");
    }
    let mut twice = put("s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "");
    twice.queues[1].id = "1".into();
    assert!(
        world
            .put_notifications(SOURCE, &twice, Targets::Checked)
            .await
            .unwrap_err()
            .message
            .starts_with("Same ID")
    );
    let mut far = put("s3:ObjectCreated:Put", "s3:ObjectRemoved:*", "");
    far.queues[0].target_arn = "arn:aws:sqs:us-west-2:111122223333:far".into();
    assert!(
        world
            .put_notifications(SOURCE, &far, Targets::Checked)
            .await
            .unwrap_err()
            .message
            .starts_with("Unable to validate")
    );
}

#[tokio::test(start_paused = true)]
async fn keys_roles_and_parameters_keep_their_limits() {
    let world = World::default();
    let key = world.create_key(WEST, "", &[]).await.unwrap();
    world.create_alias(WEST, "alias/a", &key).await.unwrap();
    assert_eq!(
        world
            .create_alias(WEST, "alias/a", &key)
            .await
            .unwrap_err()
            .kind,
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        world
            .create_alias(WEST, "alias/a.b", &key)
            .await
            .unwrap_err()
            .kind,
        ErrorKind::Invalid
    );
    assert_eq!(world.describe_key(EAST, &key).await.unwrap(), None);
    let alias_arn = "arn:aws:kms:us-west-2:111122223333:alias/a";
    assert_eq!(
        world
            .describe_key(WEST, alias_arn)
            .await
            .unwrap()
            .unwrap()
            .arn,
        key
    );
    assert_eq!(
        world
            .describe_key(WEST, "alias/aws/s3")
            .await
            .unwrap()
            .unwrap()
            .manager,
        "AWS"
    );
    // The provisioner may schedule those keys alone that bear an owner's tag.
    let refused = world.schedule_key_deletion(WEST, &key, 30).await;
    assert_eq!(refused.unwrap_err().kind, ErrorKind::AccessDenied);
    let tags = vec![crate::harness::tag(replication::owner::OWNER_TAG, "er")];
    world.state().keys.get_mut(&key).unwrap().tags = tags;
    world.schedule_key_deletion(WEST, &key, 30).await.unwrap();
    assert_eq!(
        world
            .schedule_key_deletion(WEST, &key, 30)
            .await
            .unwrap_err()
            .kind,
        ErrorKind::Conflict
    );

    world.state().add_role("r", "/", &[]);
    let policy =
        |filler: usize| format!("{{\"Statement\":[\"{}\"],   \"x\": 1}}", "x".repeat(filler));
    let counted = policy(0).chars().filter(|c| !c.is_whitespace()).count();
    world
        .put_role_policy("r", "a", &policy(10_240 - counted))
        .await
        .unwrap();
    let refused = world
        .put_role_policy("r", "a", &policy(10_241 - counted))
        .await
        .unwrap_err();
    assert_eq!(refused.code, "LimitExceeded");
    assert_eq!(
        world.delete_role("r").await.unwrap_err().kind,
        ErrorKind::Conflict
    );
    world.delete_role_policy("r", "a").await.unwrap();
    world.delete_role("r").await.unwrap();

    world
        .put_parameter(WEST, "/a", &"x".repeat(8192), "")
        .await
        .unwrap();
    for value in ["x".repeat(8193), "{{ssm:other}}".into()] {
        let refused = world.put_parameter(WEST, "/a", &value, "").await;
        assert!(refused.is_err());
    }
    assert_eq!(
        world.delete_parameter(EAST, "/a").await.unwrap_err().kind,
        ErrorKind::NotFound
    );
}

#[test]
fn wildcards_match_as_in_iam_and_their_variables_do_not() {
    for (pattern, text, expected) in [
        ("a*", "abc", true),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*b*", "abc", true),
        ("a${*}", "a*", true),
        ("a${*}", "ab", false),
        ("${$}{x}*", "${x}y", true),
        ("", "a", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

/// A role as the recommended policy makes it, with `change` made to the text.
async fn status_under(
    policy: impl FnOnce(String) -> String,
    bucket_key: bool,
) -> (Option<String>, usize) {
    let world = World::default();
    let source_key = bucket_with_key(&world, "source", EAST);
    let replica_key = bucket_with_key(&world, "destination", WEST);
    let document = serde_json::json!({"Statement": [
        {"Effect": "Allow", "Action": "s3:GetReplicationConfiguration", "Resource": "arn:aws:s3:::source"},
        {"Effect": "Allow", "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl"],
         "Resource": "arn:aws:s3:::source/tax/*"},
        {"Effect": "Allow", "Action": "s3:ReplicateObject", "Resource": "arn:aws:s3:::destination/*"},
        {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": source_key, "Condition": {"StringLike": {
            "kms:ViaService": "s3.us-east-1.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::source", "arn:aws:s3:::source/tax/*"]}}},
        {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"],
         "Resource": replica_key, "Condition": {"StringLike": {
            "kms:ViaService": "s3.us-west-2.amazonaws.com",
            "kms:EncryptionContext:aws:s3:arn": ["arn:aws:s3:::destination", "arn:aws:s3:::destination/tax/*"]}}},
    ]});
    let document = policy(document.to_string());
    world
        .state()
        .add_role("replication", "/", &[("p", &document)]);
    let mut encryption = world.default_encryption(SOURCE).await.unwrap().unwrap();
    encryption.bucket_key_enabled = bucket_key;
    world
        .put_default_encryption(SOURCE, &encryption)
        .await
        .unwrap();
    let rules = one_rule(|rule| {
        rule.sse_kms_encrypted_objects = Some(Status::Enabled);
        rule.destination.replica_kms_key_id = Some(replica_key.clone());
    });
    world.put_replication(SOURCE, &rules).await.unwrap();
    let version = world
        .put_object(SOURCE, "tax/1", &[], Some(&source_key))
        .await
        .unwrap();
    let early = world
        .head_object(SOURCE, "tax/1", &version)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(early.replication_status.as_deref(), Some("PENDING"));
    tokio::time::advance(Duration::from_secs(3)).await;
    let late = world
        .head_object(SOURCE, "tax/1", &version)
        .await
        .unwrap()
        .unwrap();
    if let Some(replica) = world
        .head_object(DESTINATION, "tax/1", &version)
        .await
        .unwrap()
    {
        assert_eq!(replica.kms_key, Some(replica_key));
        assert_eq!(replica.replication_status.as_deref(), Some("REPLICA"));
    }
    let arrived = world
        .object_versions(DESTINATION, "tax/1")
        .await
        .unwrap()
        .len();
    (late.replication_status, arrived)
}

#[tokio::test(start_paused = true)]
async fn an_object_arrives_only_if_every_permission_is_there() {
    let completed = (Some("COMPLETED".to_owned()), 1);
    let failed = (Some("FAILED".to_owned()), 0);
    assert_eq!(status_under(|same| same, true).await, completed);
    assert_eq!(status_under(|same| same, false).await, completed);
    for (from, to) in [
        ("s3:GetObjectVersionForReplication", "s3:GetObjectVersion"),
        ("s3:ReplicateObject", "s3:PutObject"),
        ("kms:Encrypt\"", "kms:ReEncrypt\""),
        ("s3.us-west-2.amazonaws.com", "s3.us-east-1.amazonaws.com"),
        ("arn:aws:s3:::source/tax/*", "arn:aws:s3:::source/other/*"),
        (
            "\"Allow\",\"Resource\":\"arn:aws:s3:::destination/*\"",
            "\"Deny\",\"Resource\":\"arn:aws:s3:::destination/*\"",
        ),
    ] {
        let change = |text: String| {
            assert!(text.contains(from), "{from} not in {text}");
            text.replace(from, to)
        };
        assert_eq!(status_under(change, false).await, failed, "{from}");
    }
    // The walkthrough's mistake: the context of objects only, and a Bucket Key.
    let objects_only = |text: String| text.replace("[\"arn:aws:s3:::source\",", "[");
    assert_eq!(status_under(objects_only, true).await, failed);
    assert_eq!(status_under(objects_only, false).await, completed);
}
