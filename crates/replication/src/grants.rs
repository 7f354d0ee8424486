//! What the owner of a destination in another account has to allow: statements for the bucket's and
//! the keys' policies, and their way into policies that others write too. Pure.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html#setting-repl-config-crossacct>
//! and <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::actions;
use crate::arn::{Arn, Home};
use crate::owner::Owner;
use crate::plan::Desired;
use crate::policy::{Route, key_condition, objects, with_locks};
use crate::spec::Spec;

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
pub fn grants(spec: &Spec, desired: &Desired, home: &Home, owner: &Owner) -> Grants {
    let mut by_bucket: BTreeMap<&str, Vec<Route<'_>>> = BTreeMap::new();
    for route in desired.routes() {
        if spec.account_of(route.destination_bucket, home) != home.account {
            by_bucket
                .entry(route.destination_bucket)
                .or_default()
                .push(route);
        }
    }
    let role = &desired.role_arn;
    let mut grants = Grants::default();
    for (bucket, routes) in by_bucket {
        let mut statements = bucket_statements(home, owner, role, bucket, &routes);
        if desired.object_lock {
            for statement in &mut statements {
                with_locks(statement, owner);
            }
        }
        grants.buckets.insert(bucket.to_owned(), statements);
        let keys: BTreeSet<_> = routes.iter().map(|route| route.replica_key).collect();
        for key in keys {
            // A key of our own account is opened by the account's own policies.
            if Arn::parse(key).is_some_and(|arn| arn.account == home.account) {
                continue;
            }
            let to_key: Vec<_> = routes
                .iter()
                .filter(|route| route.replica_key == key)
                .collect();
            let grant = grants.keys.entry(key.to_owned()).or_default();
            bucket.clone_into(&mut grant.bucket);
            let sid = owner.sid(&format!("ReplicaKey{}", grant.statements.len() + 1));
            let statement = key_statement(home, &sid, role, bucket, &to_key);
            grant.statements.push(statement);
        }
    }
    grants
}

fn bucket_statements(
    home: &Home,
    owner: &Owner,
    role: &str,
    bucket: &str,
    routes: &[Route<'_>],
) -> Vec<Value> {
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
fn key_statement(home: &Home, sid: &str, role: &str, bucket: &str, routes: &[&Route<'_>]) -> Value {
    let arn = home.bucket_arn(bucket);
    let objects = objects(&arn, routes.iter().map(|route| route.prefix));
    let region = routes.first().map_or("", |route| route.destination_region);
    json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": actions::REPLICA_KEY,
        "Resource": "*",
        "Condition": key_condition(home, region, &arn, &objects),
    })
}

/// `policy` with exactly `statements` as this owner's; `None` where no statement is left.
///
/// # Errors
/// Where `policy` cannot be read as one.
pub fn merged(
    policy: Option<&str>,
    owner: &Owner,
    statements: &[Value],
) -> Result<Option<String>, String> {
    let mut document: Map<String, Value> = match policy {
        Some(policy) => serde_json::from_str(policy)
            .map_err(|error| format!("its present policy cannot be read: {error}"))?,
        None => Map::from_iter([("Version".to_owned(), json!("2012-10-17"))]),
    };
    let present = match document.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(one @ Value::Object(_)) => vec![one],
        _ => Vec::new(),
    };
    let (ours, mut rest): (Vec<_>, Vec<_>) = present.into_iter().partition(|one| is_of(one, owner));
    // What is there in other words stays, so that no write is made for its sake.
    let same = ours.len() == statements.len()
        && statements
            .iter()
            .all(|wanted| ours.iter().any(|one| normal(one) == normal(wanted)));
    if same {
        return Ok(policy.map(str::to_owned));
    }
    rest.extend_from_slice(statements);
    if rest.is_empty() {
        return Ok(None);
    }
    document.insert("Statement".into(), Value::Array(rest));
    Ok(Some(Value::Object(document).to_string()))
}

/// Whether `policy` has statements of `owner`'s.
#[must_use]
pub fn has_ours(policy: &str, owner: &Owner) -> bool {
    let Ok(policy) = serde_json::from_str::<Value>(policy) else {
        return false;
    };
    match policy.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().any(|one| is_of(one, owner)),
        Some(one) => is_of(one, owner),
        None => false,
    }
}

fn is_of(statement: &Value, owner: &Owner) -> bool {
    let sid = statement.get("Sid").and_then(Value::as_str);
    sid.is_some_and(|sid| owner.owns_sid(sid))
}

/// AWS may answer with one text where a list of one was given.
fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) => match items.as_slice() {
            [one] => normal(one),
            items => Value::Array(items.iter().map(normal).collect()),
        },
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), normal(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}
