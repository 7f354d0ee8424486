//! Replication that somebody else set up, as it is found in public: each broken in its own way. What is
//! wrong is named, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use replication::configuration::{Filter, ObjectLock, ReplicationRule, Status, Timed, Versioning};
use replication::diagnosis::standing::{Looking, Standing, State as Stand};
use replication::diagnosis::{Check, CheckResult};
use replication::error::ErrorKind;
use replication::ports::BucketRef;
use serde_json::{Value, json};

use crate::aws::faults::{Faulty, When, Which};
use crate::aws::{ACCOUNT, World};
use crate::harness::{EAST, WEST, bucket_with_key, home, somebodys_rule, somebodys_rules};

const ROLE: &str = "replicator";

/// Replication as somebody else sets it up who knows how.
struct Setup {
    world: World,
    source_key: String,
    replica_key: String,
    rule: ReplicationRule,
}

impl Setup {
    fn new() -> Self {
        let world = World::default();
        let source_key = bucket_with_key(&world, "ledger", EAST);
        let replica_key = bucket_with_key(&world, "ledger-copy", WEST);
        let mut rule = somebodys_rule("everything", 1, "ledger-copy");
        rule.filter = Some(Filter::default());
        rule.sse_kms_encrypted_objects = Some(Status::Enabled);
        rule.destination.account = None;
        rule.destination.replica_kms_key_id = Some(replica_key.clone());
        rule.destination.metrics = Some(Timed {
            status: Status::Enabled,
            minutes: None,
        });
        let setup = Self {
            world,
            source_key,
            replica_key,
            rule,
        };
        setup.put(&setup.policy());
        setup.put_rules(vec![setup.rule.clone()]);
        setup
    }

    fn statements(&self) -> Vec<Value> {
        let contexts = |bucket: &str| {
            json!([
                format!("arn:aws:s3:::{bucket}"),
                format!("arn:aws:s3:::{bucket}/*")
            ])
        };
        let with = |region: &str, bucket: &str| {
            json!({"StringLike": {
                "kms:ViaService": format!("s3.{region}.amazonaws.com"),
                "kms:EncryptionContext:aws:s3:arn": contexts(bucket)}})
        };
        vec![
            json!({"Sid": "Source", "Effect": "Allow", "Resource": "arn:aws:s3:::ledger",
                   "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"]}),
            json!({"Sid": "Objects", "Effect": "Allow", "Resource": "arn:aws:s3:::ledger/*",
                   "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
                              "s3:GetObjectVersionAnnotationForReplication"]}),
            json!({"Sid": "Copies", "Effect": "Allow", "Resource": "arn:aws:s3:::ledger-copy/*",
                   "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"]}),
            json!({"Sid": "Decrypt", "Effect": "Allow", "Resource": self.source_key, "Action": "kms:Decrypt",
                   "Condition": with(EAST, "ledger")}),
            json!({"Sid": "Encrypt", "Effect": "Allow", "Resource": self.replica_key,
                   "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"],
                   "Condition": with(WEST, "ledger-copy")}),
        ]
    }

    fn policy(&self) -> Value {
        json!({"Version": "2012-10-17", "Statement": self.statements()})
    }

    fn put(&self, policy: &Value) {
        let policy = policy.to_string();
        self.world
            .state()
            .add_role(ROLE, "/", &[("replicate", &policy)]);
    }

    /// The role's policy with one statement changed, or taken away.
    fn with_statement(&self, sid: &str, change: impl FnOnce(&mut Value)) {
        let mut policy = self.policy();
        let statements = policy["Statement"].as_array_mut().unwrap();
        let statement = statements.iter_mut().find(|one| one["Sid"] == sid).unwrap();
        change(statement);
        statements.retain(|one| !one.is_null());
        self.put(&policy);
    }

    fn put_rules(&self, rules: Vec<ReplicationRule>) {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}");
        somebodys_rules(&self.world, "ledger", &role, rules);
    }

    fn with_rule(&self, change: impl FnOnce(&mut ReplicationRule)) {
        let mut rule = self.rule.clone();
        change(&mut rule);
        self.put_rules(vec![rule]);
    }

    async fn found(&self) -> Standing {
        let before = self.world.snapshot();
        let found = looked(&Faulty::new(&self.world)).await;
        assert_eq!(self.world.snapshot(), before);
        found
    }
}

async fn looked(aws: &Faulty) -> Standing {
    let bucket = BucketRef {
        name: "ledger",
        region: EAST,
    };
    let looking = Looking {
        aws,
        home: &home(),
        roles: &BTreeMap::new(),
    };
    let found = looking.at(bucket).await.unwrap();
    assert_eq!(aws.writes(), 0);
    found
}

/// The checks with a result, as (name, resource).
fn with(found: &Standing, result: CheckResult) -> BTreeSet<(&str, &str)> {
    let checks = found.checks.iter().filter(|check| check.result == result);
    checks
        .map(|check| (check.check, check.resource.as_str()))
        .collect()
}

/// Nothing is broken.
fn works(found: &Standing) {
    assert_eq!(
        with(found, CheckResult::Fail),
        BTreeSet::new(),
        "{:#?}",
        found.checks
    );
}

/// Nothing but this is broken, with something to write or a remedy; what is broken.
fn only<'a>(found: &'a Standing, check: &str, resource: &str) -> &'a Check {
    assert_eq!(
        with(found, CheckResult::Fail),
        BTreeSet::from([(check, resource)]),
        "{:#?}",
        found.checks
    );
    let mut broken = found
        .checks
        .iter()
        .filter(|one| one.result == CheckResult::Fail);
    for one in broken.clone() {
        assert!(one.remedy.is_some() || one.write.is_some(), "{one:?}");
    }
    let (state, told) = found.of_rule(&found.rules[0]);
    assert_eq!((state, told[0].check), (Stand::Broken, check));
    broken.next().unwrap()
}

fn role() -> String {
    format!("role `arn:aws:iam::{ACCOUNT}:role/{ROLE}`")
}

#[tokio::test(start_paused = true)]
async fn what_works_is_not_blamed() {
    let setup = Setup::new();
    let found = setup.found().await;
    works(&found);
    assert_eq!(
        found.of_rule(&found.rules[0]).0,
        Stand::Works,
        "{:#?}",
        found.checks
    );
    assert!(
        with(&found, CheckResult::Skipped).is_empty(),
        "{:#?}",
        found.checks
    );
    // Nobody hears of failures, which is told, and stands in the way of nothing.
    assert!(with(&found, CheckResult::Warn).contains(&("FailureEvents", "bucket `ledger`")));
}

/// The most used Terraform module's example: no statement about keys at all.
#[tokio::test(start_paused = true)]
async fn a_role_without_a_word_about_keys() {
    let setup = Setup::new();
    let mut policy = setup.policy();
    policy["Statement"]
        .as_array_mut()
        .unwrap()
        .retain(|one| !["Decrypt", "Encrypt"].contains(&one["Sid"].as_str().unwrap()));
    setup.put(&policy);
    let found = setup.found().await;
    only(&found, "RolePermissions", &role());
    let told: Vec<_> = found
        .checks
        .iter()
        .filter(|one| one.result == CheckResult::Fail)
        .collect();
    assert_eq!(told.len(), 2, "one for each key: {told:#?}");
    let written = told
        .iter()
        .map(|one| serde_json::to_value(&one.write).unwrap());
    for statement in written {
        assert_eq!(statement["Effect"], "Allow");
        let contexts = &statement["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"];
        assert!(contexts.as_array().unwrap().len() >= 2, "{statement:#}");
    }
}

/// The same module reads with s3:GetObjectVersion, which replicates no object under a KMS key.
#[tokio::test(start_paused = true)]
async fn a_role_that_reads_versions_but_not_for_replication() {
    let setup = Setup::new();
    setup.with_statement("Objects", |one| {
        one["Action"] = json!([
            "s3:GetObjectVersion",
            "s3:GetObjectVersionAcl",
            "s3:GetObjectVersionTagging",
            "s3:GetObjectVersionAnnotationForReplication"
        ]);
    });
    let found = setup.found().await;
    let told = only(&found, "RolePermissions", &role());
    assert!(
        told.finding
            .contains("s3:GetObjectVersionForReplication on"),
        "{told:?}"
    );
}

/// Account Factory for Terraform since 1.20.1, and AWS's own guide: Bucket Keys on, the context an object's.
#[tokio::test(start_paused = true)]
async fn a_context_that_names_objects_where_a_bucket_key_needs_the_bucket() {
    let setup = Setup::new();
    setup.with_statement("Decrypt", |one| {
        one["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"] =
            json!("arn:aws:s3:::ledger/*");
    });
    let found = setup.found().await;
    let told = only(&found, "RolePermissions", &role());
    assert!(
        told.finding
            .contains("encryption context `arn:aws:s3:::ledger`:"),
        "{told:?}"
    );
}

/// The other way round: without Bucket Keys a context that names the bucket alone fits no object.
#[tokio::test(start_paused = true)]
async fn a_context_that_names_the_bucket_where_objects_have_their_own() {
    let setup = Setup::new();
    for name in ["ledger", "ledger-copy"] {
        let mut state = setup.world.state();
        let bucket = state.buckets.get_mut(name).unwrap();
        bucket.encryption.as_mut().unwrap().bucket_key_enabled = false;
    }
    setup.with_statement("Encrypt", |one| {
        one["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"] =
            json!("arn:aws:s3:::ledger-copy");
        // As somebody found out by experiment, this is enough where no Bucket Key is used.
        one["Action"] = json!("kms:Encrypt");
    });
    let found = setup.found().await;
    only(&found, "RolePermissions", &role());
    setup.with_statement("Encrypt", |one| one["Action"] = json!("kms:Encrypt"));
    let found = setup.found().await;
    works(&found);
}

/// A copy of AWS's example: the source's Region in both statements.
#[tokio::test(start_paused = true)]
async fn a_key_that_may_be_used_by_way_of_the_wrong_region() {
    let setup = Setup::new();
    setup.with_statement("Encrypt", |one| {
        one["Condition"]["StringLike"]["kms:ViaService"] = json!("s3.us-east-1.amazonaws.com");
    });
    only(&setup.found().await, "RolePermissions", &role());
}

/// `SseKmsEncryptedObjects` is not implied by a key: uploads get no status, and nobody notices.
#[tokio::test(start_paused = true)]
async fn a_rule_without_the_opt_in() {
    let setup = Setup::new();
    setup.with_rule(|rule| {
        rule.sse_kms_encrypted_objects = None;
        rule.destination.replica_kms_key_id = None;
    });
    only(&setup.found().await, "KmsOptIn", "rule `everything`");
    // Where uploads are not encrypted with KMS, such a rule is right.
    setup
        .world
        .state()
        .buckets
        .get_mut("ledger")
        .unwrap()
        .encryption = None;
    let found = setup.found().await;
    works(&found);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_was_disabled_and_one_that_is_to_be_deleted() {
    let setup = Setup::new();
    let key = setup.replica_key.clone();
    for (state, command) in [
        ("Disabled", "aws kms enable-key"),
        ("PendingDeletion", "aws kms cancel-key-deletion"),
    ] {
        setup.world.state().keys.get_mut(&key).unwrap().state = state.into();
        let found = setup.found().await;
        let told = only(&found, "KeyUsable", &format!("key `{key}`"));
        assert!(
            told.write
                .as_ref()
                .unwrap()
                .to_string()
                .starts_with(command),
            "{told:?}"
        );
    }
}

/// S3 takes a rule with any key, and answers 200.
#[tokio::test(start_paused = true)]
async fn a_key_of_another_region() {
    let setup = Setup::new();
    let key = setup.source_key.clone();
    setup.with_rule(|rule| rule.destination.replica_kms_key_id = Some(key.clone()));
    setup.with_statement("Encrypt", |one| one["Resource"] = json!(key));
    let found = setup.found().await;
    only(&found, "KeyUsable", &format!("key `{key}`"));
}

#[tokio::test(start_paused = true)]
async fn a_destination_whose_versioning_was_suspended_and_one_that_is_gone() {
    let setup = Setup::new();
    setup
        .world
        .state()
        .buckets
        .get_mut("ledger-copy")
        .unwrap()
        .versioning = Versioning::Suspended;
    only(&setup.found().await, "Versioning", "bucket `ledger-copy`");
    setup.world.state().buckets.remove("ledger-copy");
    only(&setup.found().await, "BucketExists", "bucket `ledger-copy`");
}

#[tokio::test(start_paused = true)]
async fn a_role_that_s3_may_not_assume_and_one_that_is_gone() {
    let setup = Setup::new();
    let trust = replication::policy::trust_policy("ec2.amazonaws.com").to_string();
    setup
        .world
        .state()
        .roles
        .get_mut(ROLE)
        .unwrap()
        .trust_policy = trust;
    only(&setup.found().await, "RoleTrust", &role());
    setup.world.state().roles.remove(ROLE);
    only(&setup.found().await, "RoleExists", &role());
}

/// A guard that was put on the bucket later.
#[tokio::test(start_paused = true)]
async fn a_bucket_policy_and_a_key_policy_that_shut_the_role_out() {
    let setup = Setup::new();
    let deny = json!({"Version": "2012-10-17", "Statement": [{"Sid": "OnlyPeople", "Effect": "Deny",
        "Principal": "*", "Action": "s3:ReplicateObject", "Resource": "arn:aws:s3:::ledger-copy/*"}]});
    setup
        .world
        .state()
        .buckets
        .get_mut("ledger-copy")
        .unwrap()
        .policy = Some(deny.to_string());
    only(&setup.found().await, "BucketPolicy", "bucket `ledger-copy`");
    setup
        .world
        .state()
        .buckets
        .get_mut("ledger-copy")
        .unwrap()
        .policy = None;
    let only_admin = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/admin")}}]});
    let key = setup.replica_key.clone();
    setup.world.state().keys.get_mut(&key).unwrap().policy = only_admin.to_string();
    only(&setup.found().await, "KeyPolicy", &format!("key `{key}`"));
}

/// A key's policy that names the role is enough within an account: the role's own need not.
#[tokio::test(start_paused = true)]
async fn a_role_that_a_keys_policy_names_is_not_blamed() {
    let setup = Setup::new();
    setup.with_statement("Encrypt", |one| *one = Value::Null);
    let policy = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")}},
        {"Effect": "Allow", "Action": ["kms:Encrypt", "kms:GenerateDataKey*", "kms:Decrypt"], "Resource": "*",
         "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}")}}]});
    let key = setup.replica_key.clone();
    setup.world.state().keys.get_mut(&key).unwrap().policy = policy.to_string();
    let found = setup.found().await;
    works(&found);
}

/// A bucket's policy that names the role is so too.
#[tokio::test(start_paused = true)]
async fn a_role_that_a_buckets_policy_names_is_not_blamed() {
    let setup = Setup::new();
    setup.with_statement("Copies", |one| *one = Value::Null);
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
        "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
        "Resource": "arn:aws:s3:::ledger-copy/*",
        "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:role/{ROLE}")}}]});
    {
        let mut state = setup.world.state();
        let bucket = state.buckets.get_mut("ledger-copy").unwrap();
        bucket.policy = Some(policy.to_string());
    }
    let found = setup.found().await;
    works(&found);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_another_one_takes_the_objects_of() {
    let setup = Setup::new();
    let other = bucket_with_key(&setup.world, "unused", WEST);
    let (mut narrow, mut wide) = (setup.rule.clone(), setup.rule.clone());
    narrow.id = "tax".into();
    narrow.filter.as_mut().unwrap().prefix = "Tax/".into();
    narrow.destination.replica_kms_key_id = Some(setup.replica_key.clone());
    wide.priority = Some(2);
    wide.destination.replica_kms_key_id = Some(other.clone());
    setup.with_statement("Encrypt", |one| {
        one["Resource"] = json!([setup.replica_key, other]);
    });
    setup.put_rules(vec![narrow, wide]);
    let found = setup.found().await;
    only(&found, "Priority", "rule `tax`");
    assert_eq!(
        found.of_rule(&found.rules[1]).0,
        Stand::Works,
        "{:#?}",
        found.checks
    );
}

#[tokio::test(start_paused = true)]
async fn a_lock_that_the_destination_has_not() {
    let setup = Setup::new();
    setup
        .world
        .state()
        .buckets
        .get_mut("ledger")
        .unwrap()
        .object_lock = ObjectLock::On;
    setup.with_statement("Objects", |one| {
        let actions = one["Action"].as_array_mut().unwrap();
        actions.extend([
            json!("s3:GetObjectRetention"),
            json!("s3:GetObjectLegalHold"),
        ]);
    });
    let mut policy = setup.policy();
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.push(json!({"Effect": "Allow", "Resource": "*", "Action": ["s3:GetObjectRetention", "s3:GetObjectLegalHold",
        "s3:PutObjectRetention", "s3:PutObjectLegalHold"]}));
    setup.put(&policy);
    only(&setup.found().await, "ObjectLock", "bucket `ledger-copy`");
}

#[tokio::test(start_paused = true)]
async fn what_only_some_objects_need_is_a_doubt() {
    let setup = Setup::new();
    setup.with_statement("Objects", |one| {
        one["Action"] = json!([
            "s3:GetObjectVersionForReplication",
            "s3:GetObjectVersionAcl"
        ]);
    });
    let found = setup.found().await;
    works(&found);
    let warned = with(&found, CheckResult::Warn);
    let role = role();
    assert!(
        warned.contains(&("RolePermissions", role.as_str()))
            && warned.contains(&("Annotations", role.as_str()))
    );
    assert_eq!(found.of_rule(&found.rules[0]).0, Stand::Doubtful);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_off_and_a_prefix_that_is_a_pattern() {
    let setup = Setup::new();
    setup.with_rule(|rule| rule.status = Status::Disabled);
    let found = setup.found().await;
    assert_eq!(found.of_rule(&found.rules[0]).0, Stand::Off);
    assert!(!found.is_broken(), "{:#?}", found.checks);
    setup.with_rule(|rule| rule.filter.as_mut().unwrap().prefix = "*".into());
    let found = setup.found().await;
    assert!(with(&found, CheckResult::Warn).contains(&("Prefix", "rule `everything`")));
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_the_older_schema_is_read_by_its_own_prefix() {
    let setup = Setup::new();
    setup.with_rule(|rule| {
        rule.filter = None;
        rule.priority = None;
        rule.prefix = Some("Tax/".into());
    });
    let found = setup.found().await;
    assert_eq!(
        found.of_rule(&found.rules[0]).0,
        Stand::Works,
        "{:#?}",
        found.checks
    );
}

#[tokio::test(start_paused = true)]
async fn a_bucket_without_rules_has_no_replication() {
    let setup = Setup::new();
    setup.put_rules(Vec::new());
    let found = setup.found().await;
    assert_eq!(
        with(&found, CheckResult::Fail),
        BTreeSet::from([("Rules", "bucket `ledger`")])
    );
}

/// Each read stands for itself: where one is denied, its check says so, and all others are made.
#[tokio::test(start_paused = true)]
async fn a_read_that_is_denied_ends_nothing_else() {
    let setup = Setup::new();
    let all: BTreeSet<_> = setup
        .found()
        .await
        .checks
        .iter()
        .map(|check| check.check)
        .collect();
    for operation in [
        "versioning",
        "default_encryption",
        "notifications",
        "object_lock",
        "requester_pays",
        "bucket_policy",
        "key_policy",
        "describe_key",
        "role",
        "simulate",
        "bucket_region",
    ] {
        let aws = Faulty::new(&setup.world);
        aws.fail(
            Which::Every(operation),
            ErrorKind::AccessDenied,
            When::Before,
        );
        let found = looked(&aws).await;
        assert_eq!(
            with(&found, CheckResult::Fail),
            BTreeSet::new(),
            "{operation}: {:#?}",
            found.checks
        );
        let denied: Vec<_> = found
            .checks
            .iter()
            .filter(|check| check.unread.is_some())
            .collect();
        assert!(!denied.is_empty(), "{operation}: {:#?}", found.checks);
        for check in denied {
            let error = check.unread.as_ref().unwrap();
            assert_eq!(
                (check.result, error.operation),
                (CheckResult::Skipped, operation)
            );
            assert!(check.finding.contains(operation), "{check:?}");
        }
        let now: BTreeSet<_> = found.checks.iter().map(|check| check.check).collect();
        let gone: Vec<_> = all.difference(&now).collect();
        // What is not there to be looked at: a bucket that hides tells nothing of itself, and a role that may
        // not be seen nothing of whom it trusts.
        let hidden = match operation {
            "bucket_region" | "role" => 1,
            _ => 0,
        };
        assert!(gone.len() <= hidden, "{operation}: {gone:?}");
    }
}
