//! The policy documents: what the replication role may do, who may assume it, who may use a key.
//!
//! Pure text from names. The role's policy departs from the walkthrough's in three ways: objects
//! are read with `s3:GetObjectVersionForReplication` (plain `s3:GetObjectVersion` does not let KMS
//! objects be replicated), tags are read and written, and both encryption contexts are allowed:
//! objects with an S3 Bucket Key are encrypted in the context of the bucket, all others in the
//! context of the object, and that is a setting of each object. See
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::actions;
use crate::desired::{Desired, Route, Way};
use crate::owner::Owner;
use crate::replication::Replication;
use crate::resources::objects;
use aws_names::Home;

/// The service that replicates. AWS spells it so in every partition.
pub const S3: &str = "s3.amazonaws.com";
/// The service that replicates existing objects.
pub const BATCH_OPERATIONS: &str = "batchoperations.s3.amazonaws.com";

/// The trust policy of a role that a service of S3's may assume. AWS does not say that they send
/// `aws:SourceAccount` here, so no condition is put on it; S3 takes roles of the bucket's own account
/// alone.
#[must_use]
pub fn trust_policy(service: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sts:AssumeRole",
        }],
    })
}

/// How far the replication role's permissions go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// To the prefixes of the rules.
    Prefixes,
    /// To whole buckets, as in AWS's own examples: for rules whose prefixes are too many to name.
    Buckets,
}

/// The policy of the replication role for one resource. Routes that share resources share
/// statements, so that its length grows with prefixes and keys, not with rules.
#[must_use]
pub fn role_policy(replication: &Replication, desired: &Desired, reach: Reach) -> Value {
    let mut routes = desired.routes();
    if reach == Reach::Buckets {
        for route in &mut routes {
            route.prefix = "";
        }
    }
    // Never wider than it was.
    routes.extend(desired.by_hand.ways.iter().map(Way::route));
    let source_keys = &desired.source_keys | &desired.by_hand.source_keys;
    let mut policy = policy_of_routes(replication, &source_keys, &routes);
    if desired.object_lock {
        let statements = policy.get_mut("Statement").and_then(Value::as_array_mut);
        for statement in statements.into_iter().flatten() {
            with_locks(statement, &replication.owner);
        }
    }
    policy
}

/// The statement with the permissions to replicate locks as well, where it is about objects.
pub(crate) fn with_locks(statement: &mut Value, owner: &Owner) {
    let sid = statement.get("Sid").and_then(Value::as_str);
    let more = match sid {
        Some(sid) if sid == owner.sid("SourceObjects") => actions::LOCKED_SOURCE_OBJECTS,
        Some(sid) if sid == owner.sid("ReplicaObjects") => actions::LOCKED_REPLICA_OBJECTS,
        _ => return,
    };
    if let Some(Value::Array(actions)) = statement.get_mut("Action") {
        actions.extend(more.iter().map(|action| Value::from(*action)));
    }
}

fn policy_of_routes(
    replication: &Replication,
    source_keys: &BTreeSet<String>,
    routes: &[Route<'_>],
) -> Value {
    let Replication { home, owner, .. } = replication;
    let source_region = &replication.spec.source_region;
    let source_arn = replication.source_arn();
    let source_objects = objects(&source_arn, routes.iter().map(|route| route.prefix));
    let of_source = [actions::SOURCE_OBJECTS, &[actions::SOURCE_ANNOTATIONS]].concat();
    let mut statements = vec![
        json!({
            "Sid": owner.sid("SourceBucket"),
            "Effect": "Allow",
            "Action": actions::SOURCE_BUCKET,
            "Resource": source_arn,
        }),
        json!({
            "Sid": owner.sid("SourceObjects"),
            "Effect": "Allow",
            "Action": of_source,
            "Resource": source_objects,
        }),
        json!({
            "Sid": owner.sid("SourceKeys"),
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": source_keys,
            "Condition": key_condition(home, source_region, &source_arn, &source_objects),
        }),
    ];
    statements.extend(destination_statements(home, owner, routes));
    json!({"Version": "2012-10-17", "Statement": statements})
}

fn destination_statements(home: &Home, owner: &Owner, routes: &[Route<'_>]) -> Vec<Value> {
    let resources = |of: &dyn Fn(&&Route<'_>) -> bool| {
        let mut by_bucket: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for route in routes.iter().filter(of) {
            by_bucket
                .entry(route.destination_bucket)
                .or_default()
                .push(route.prefix);
        }
        let resources = by_bucket
            .into_iter()
            .flat_map(|(bucket, prefixes)| objects(&home.bucket_arn(bucket), prefixes));
        resources.collect::<Vec<_>>()
    };
    let mut statements = vec![json!({
        "Sid": owner.sid("ReplicaObjects"),
        "Effect": "Allow",
        "Action": actions::REPLICA_OBJECTS,
        "Resource": resources(&|_| true),
    })];
    let overridden = resources(&|route| route.owner_override);
    if !overridden.is_empty() {
        statements.push(json!({
            "Sid": owner.sid("ReplicaOwner"),
            "Effect": "Allow",
            "Action": actions::REPLICA_OWNER,
            "Resource": overridden,
        }));
    }
    // A key's condition names its bucket, so there is one statement for each key and bucket.
    let mut by_key: BTreeMap<(&str, &str, &str), Vec<&str>> = BTreeMap::new();
    for route in routes.iter().filter(|route| !route.replica_key.is_empty()) {
        let key = (
            route.replica_key,
            route.destination_region,
            route.destination_bucket,
        );
        by_key.entry(key).or_default().push(route.prefix);
    }
    for (number, ((key, region, bucket), prefixes)) in by_key.into_iter().enumerate() {
        let arn = home.bucket_arn(bucket);
        let objects = objects(&arn, prefixes);
        statements.push(json!({
            "Sid": owner.sid(&format!("ReplicaKey{}", number + 1)),
            "Effect": "Allow",
            "Action": actions::REPLICA_KEY,
            "Resource": key,
            "Condition": key_condition(home, region, &arn, &objects),
        }));
    }
    statements
}

/// The key may be used only through S3 in its Region, only for this bucket or these objects.
pub(crate) fn key_condition(
    home: &Home,
    region: &str,
    bucket_arn: &str,
    objects: &[String],
) -> Value {
    let mut contexts = vec![bucket_arn.to_owned()];
    contexts.extend_from_slice(objects);
    let services = match home.s3_via_services(region).as_slice() {
        [one] => json!(one),
        several => json!(several),
    };
    json!({
        "StringLike": {
            "kms:ViaService": services,
            "kms:EncryptionContext:aws:s3:arn": contexts,
        },
    })
}

/// The policy that KMS gives a key in `account` that is made without one: the account's own IAM policies
/// decide who may use it. See
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
///
/// Keys of ours are made so, and statements for others are put afterwards: for a policy in `CreateKey`,
/// KMS asks that the caller be allowed `kms:PutKeyPolicy` on a key that does not exist yet, see
/// <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>.
#[must_use]
pub fn default_key_policy(partition: &str, account: &str) -> Value {
    json!({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [{
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:{partition}:iam::{account}:root")},
        "Action": "kms:*",
        "Resource": "*",
    }]})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(routes: &[Route<'_>]) -> (Owner, Value) {
        let owner = Owner::new("stack", "Replication", "source");
        let keys = BTreeSet::from(["arn:aws:kms:us-east-1:111122223333:key/a".to_owned()]);
        let replication = Replication::example(&json!({"SourceBucket": "source", "Rules": [
            {"Destination": {"Bucket": "arn:aws:s3:::destination"}}]}));
        let policy = policy_of_routes(&replication, &keys, routes);
        (owner, policy)
    }

    fn route<'a>(prefix: &'a str, bucket: &'a str, key: &'a str) -> Route<'a> {
        Route {
            prefix,
            destination_bucket: bucket,
            destination_region: "us-west-2",
            replica_key: key,
            owner_override: false,
        }
    }

    #[test]
    fn the_policy_of_one_rule_is_as_recommended() {
        let key = "arn:aws:kms:us-west-2:111122223333:key/b";
        let (owner, policy) = policy(&[route("Tax", "destination", key)]);
        assert_eq!(
            policy,
            json!({
                "Version": "2012-10-17",
                "Statement": [
                    {"Sid": format!("{owner}SourceBucket"), "Effect": "Allow",
                     "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
                     "Resource": "arn:aws:s3:::source"},
                    {"Sid": format!("{owner}SourceObjects"), "Effect": "Allow",
                     "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl",
                                "s3:GetObjectVersionTagging", "s3:GetObjectVersionAnnotationForReplication"],
                     "Resource": ["arn:aws:s3:::source/Tax*"]},
                    {"Sid": format!("{owner}SourceKeys"), "Effect": "Allow", "Action": "kms:Decrypt",
                     "Resource": ["arn:aws:kms:us-east-1:111122223333:key/a"],
                     "Condition": {"StringLike": {
                        "kms:ViaService": "s3.us-east-1.amazonaws.com",
                        "kms:EncryptionContext:aws:s3:arn":
                            ["arn:aws:s3:::source", "arn:aws:s3:::source/Tax*"]}}},
                    {"Sid": format!("{owner}ReplicaObjects"), "Effect": "Allow",
                     "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
                     "Resource": ["arn:aws:s3:::destination/Tax*"]},
                    {"Sid": format!("{owner}ReplicaKey1"), "Effect": "Allow",
                     "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"],
                     "Resource": key,
                     "Condition": {"StringLike": {
                        "kms:ViaService": "s3.us-west-2.amazonaws.com",
                        "kms:EncryptionContext:aws:s3:arn":
                            ["arn:aws:s3:::destination", "arn:aws:s3:::destination/Tax*"]}}},
                ],
            })
        );
    }

    #[test]
    fn routes_under_one_key_share_a_statement_and_covered_prefixes_vanish() {
        let routes = [
            route("a/", "one", "k"),
            route("a/b/", "one", "k"),
            route("c/", "two", "k"),
        ];
        let (_, policy) = policy(&routes);
        let statements = policy["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 6);
        assert_eq!(
            statements[3]["Resource"],
            json!(["arn:aws:s3:::one/a/*", "arn:aws:s3:::two/c/*"])
        );
    }

    #[test]
    fn locks_are_allowed_on_objects_alone_and_only_where_there_are_some() {
        let replication = Replication::example(&json!({"SourceBucket": "source", "Rules": [
            {"Destination": {"Bucket": "arn:aws:s3:::destination"}}]}));
        let mut desired = Desired::default();
        let actions = |desired: &Desired| {
            let policy = role_policy(&replication, desired, Reach::Prefixes);
            let statements = policy["Statement"].as_array().unwrap().clone();
            let of = |one: &Value| (one["Sid"].clone(), one["Action"].clone());
            statements.iter().map(of).collect::<Vec<_>>()
        };
        let without = actions(&desired);
        desired.object_lock = true;
        for ((sid, locked), (_, before)) in actions(&desired).into_iter().zip(without) {
            let sid = sid.as_str().unwrap();
            let more: &[&str] = if sid.ends_with("SourceObjects") {
                &["s3:GetObjectRetention", "s3:GetObjectLegalHold"]
            } else if sid.ends_with("ReplicaObjects") {
                &["s3:PutObjectRetention", "s3:PutObjectLegalHold"]
            } else {
                assert_eq!(locked, before, "{sid}");
                continue;
            };
            let before = before.as_array().unwrap().iter();
            let wanted: Vec<_> = before
                .cloned()
                .chain(more.iter().map(|one| json!(one)))
                .collect();
            assert_eq!(locked, json!(wanted), "{sid}");
        }
    }

    #[test]
    fn what_rules_by_hand_rest_on_stays_allowed_beside_what_ours_need() {
        let replication = Replication::example(&json!({"SourceBucket": "source", "Rules": [
            {"Destination": {"Bucket": "arn:aws:s3:::destination"}}]}));
        let keys = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let mut desired = Desired {
            source_keys: keys(&["ours", "shared"]),
            ..Desired::default()
        };
        desired.by_hand.source_keys = keys(&["shared", "theirs"]);
        let policy = role_policy(&replication, &desired, Reach::Prefixes);
        let statements = policy["Statement"].as_array().unwrap();
        let of_keys = statements
            .iter()
            .find(|one| one["Action"] == "kms:Decrypt")
            .unwrap();
        assert_eq!(of_keys["Resource"], json!(["ours", "shared", "theirs"]));
    }

    #[test]
    fn ownership_is_overridden_only_where_asked() {
        let mut given = route("", "two", "k");
        given.owner_override = true;
        let (owner, policy) = policy(&[route("", "one", "k"), given]);
        let statements = policy["Statement"].as_array().unwrap();
        let overriding = statements
            .iter()
            .find(|s| s["Sid"] == owner.sid("ReplicaOwner"))
            .unwrap();
        assert_eq!(overriding["Resource"], json!(["arn:aws:s3:::two/*"]));
    }
}
