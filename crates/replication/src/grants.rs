//! What the owner of a destination in another account has to allow: statements for the bucket's and
//! the keys' policies. Pure.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html#setting-repl-config-crossacct>
//! and <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::actions;
use crate::desired::{Desired, Route, Way};
use crate::policy::{key_condition, with_locks};
use crate::replication::Replication;
use crate::resources::objects;
use aws_names::Arn;

/// Statements for the policies of other accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// For bucket policies, by bucket.
    pub buckets: BTreeMap<String, Vec<Value>>,
    /// For key policies, by key ARN.
    pub keys: BTreeMap<String, KeyGrant>,
}

/// Statements for the policy of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyGrant {
    /// A destination bucket that the key is for.
    pub bucket: String,
    /// One for each bucket.
    pub statements: Vec<Value>,
}

/// What all destinations in other accounts need.
#[must_use]
pub fn grants(replication: &Replication, desired: &Desired) -> Grants {
    let Replication { home, owner, .. } = replication;
    let mut by_bucket: BTreeMap<&str, Vec<Route<'_>>> = BTreeMap::new();
    let by_hand = desired.by_hand.ways.iter().filter(|way| way.granted);
    for route in desired.routes().into_iter().chain(by_hand.map(Way::route)) {
        if replication.is_foreign(route.destination_bucket) {
            by_bucket
                .entry(route.destination_bucket)
                .or_default()
                .push(route);
        }
    }
    let mut grants = Grants::default();
    for (bucket, routes) in by_bucket {
        let mut statements = bucket_statements(replication, bucket, &routes);
        if desired.object_lock {
            for statement in &mut statements {
                with_locks(statement, owner);
            }
        }
        grants.buckets.insert(bucket.to_owned(), statements);
        let keys: BTreeSet<_> = routes.iter().map(|route| route.replica_key).collect();
        for key in keys {
            // A key of our own account is opened by the account's own policies.
            if key.is_empty() || Arn::parse(key).is_some_and(|arn| arn.account == home.account) {
                continue;
            }
            let to_key: Vec<_> = routes
                .iter()
                .filter(|route| route.replica_key == key)
                .collect();
            let grant = grants.keys.entry(key.to_owned()).or_default();
            bucket.clone_into(&mut grant.bucket);
            let sid = owner.sid(&format!("ReplicaKey{}", grant.statements.len() + 1));
            let statement = key_statement(replication, &sid, bucket, &to_key);
            grant.statements.push(statement);
        }
    }
    grants
}

fn bucket_statements(replication: &Replication, bucket: &str, routes: &[Route<'_>]) -> Vec<Value> {
    let Replication { home, owner, .. } = replication;
    let role = replication.role_arn();
    let arn = home.bucket_arn(bucket);
    let statement = |purpose: &str, actions: &[&str], resources: Vec<String>| {
        json!({
            "Sid": owner.sid(purpose),
            "Effect": "Allow",
            "Principal": {"AWS": role},
            "Action": actions,
            "Resource": resources,
        })
    };
    let mut statements = vec![
        statement(
            "DestinationBucket",
            &["s3:GetBucketVersioning"],
            vec![arn.clone()],
        ),
        statement(
            "ReplicaObjects",
            actions::REPLICA_OBJECTS,
            objects(&arn, routes.iter().map(|route| route.prefix)),
        ),
    ];
    let overriding = routes.iter().filter(|route| route.owner_override);
    let overridden = objects(&arn, overriding.map(|route| route.prefix));
    if !overridden.is_empty() {
        statements.push(statement(
            "ReplicaOwner",
            &[actions::REPLICA_OWNER],
            overridden,
        ));
    }
    statements
}

/// One statement for each key and bucket, as the condition names the bucket.
fn key_statement(
    replication: &Replication,
    sid: &str,
    bucket: &str,
    routes: &[&Route<'_>],
) -> Value {
    let home = &replication.home;
    let arn = home.bucket_arn(bucket);
    let objects = objects(&arn, routes.iter().map(|route| route.prefix));
    let region = routes.first().map_or("", |route| route.destination_region);
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": replication.role_arn()},
        "Action": actions::REPLICA_KEY,
        "Resource": "*",
        "Condition": key_condition(home, region, &arn, &objects),
    })
}
