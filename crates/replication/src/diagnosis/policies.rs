//! What the policies of the buckets and keys say to the replication role.

use std::collections::BTreeSet;

use futures_util::future::{join, join_all};

use super::Check;
use super::statements::Statements;
use crate::actions::{REPLICA_KEY, REPLICA_OBJECTS, SOURCE_BUCKET, SOURCE_KEY, SOURCE_OBJECTS};
use crate::arn::Arn;
use crate::case::Case;
use crate::error::AwsError;
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};
use crate::replication::Replication;

const BUCKET: &str = "BucketPolicy";
const KEY: &str = "KeyPolicy";

/// A look at each bucket's and each key's policy, all at once.
pub(super) async fn policies<A: Aws>(case: &Case<'_, A>, desired: &Desired) -> Vec<Check> {
    let accounts = &case.accounts;
    let Replication { spec, home, .. } = &case.replication;
    let Some(role) = &Arn::parse(&desired.role_arn) else {
        return Vec::new();
    };
    let from_source = SOURCE_BUCKET.iter().chain(SOURCE_OBJECTS).copied();
    let mut buckets = vec![(
        &spec.source_bucket,
        &spec.source_region,
        from_source.collect::<Vec<_>>(),
    )];
    let destinations = desired.regions.iter();
    buckets.extend(destinations.map(|(bucket, region)| (bucket, region, REPLICA_OBJECTS.to_vec())));
    let of_buckets = buckets
        .into_iter()
        .map(|(name, region, actions)| async move {
            let resource = format!("bucket `{name}`");
            let Some(aws) = accounts.at(name) else {
                return vec![unseen(BUCKET, &resource)];
            };
            let policy = aws.bucket_policy(BucketRef { name, region }).await;
            bucket(&resource, policy, role, &actions, accounts.is_foreign(name))
        });
    let mut keys: BTreeSet<(&str, &[&str], &str)> = desired
        .source_keys
        .iter()
        .map(|key| (key.as_str(), SOURCE_KEY, spec.source_bucket.as_str()))
        .collect();
    keys.extend(
        desired
            .routes()
            .iter()
            .map(|route| (route.replica_key, REPLICA_KEY, route.destination_bucket)),
    );
    let of_keys = keys.into_iter().filter_map(|(arn, actions, bucket)| {
        let parsed = Arn::parse(arn).filter(Arn::is_kms_key)?;
        Some(async move {
            let resource = format!("key `{arn}`");
            let theirs = accounts.account_of(bucket) == Some(&parsed.account);
            let aws = if parsed.account == home.account {
                Some(accounts.home())
            } else {
                accounts.at(bucket).filter(|_| theirs)
            };
            let Some(aws) = aws else {
                return vec![unseen(KEY, &resource)];
            };
            let policy = aws.key_policy(&parsed.region, arn).await;
            key(
                &resource,
                policy,
                role,
                actions,
                parsed.account == home.account,
            )
        })
    });
    let (of_buckets, of_keys) = join(join_all(of_buckets), join_all(of_keys)).await;
    of_buckets.into_iter().chain(of_keys).flatten().collect()
}

fn unseen(check: &'static str, resource: &str) -> Check {
    let finding = "is in another account, and no `AssumeRoleArn` says how to look there";
    Check::skipped(check, resource, finding)
        .remedy("compare it with the statements that {\"Action\": \"Plan\"} shows")
}

/// Within one account the role's own policy allows, so a bucket's policy can only deny. Another
/// account's has to allow.
fn bucket(
    resource: &str,
    policy: Result<Option<String>, AwsError>,
    role: &Arn,
    actions: &[&str],
    foreign: bool,
) -> Vec<Check> {
    let policy = match policy {
        Err(error) => return vec![unread(BUCKET, resource, &error)],
        Ok(None) if !foreign => return vec![Check::pass(BUCKET, resource, "has no policy")],
        Ok(policy) => policy.unwrap_or_else(|| "{\"Statement\": []}".to_owned()),
    };
    let Some(statements) = Statements::parse(&policy) else {
        let finding = "has a policy that cannot be read";
        return vec![Check::skipped(BUCKET, resource, finding)];
    };
    if foreign && let Some(action) = statements.first_not_allowed(role, actions) {
        let finding = format!("is in another account and has no policy that allows {action}");
        let remedy = format!("allow {} to `{role}` in its policy", actions.join(", "));
        return vec![Check::fail(BUCKET, resource, finding).remedy(remedy)];
    }
    denials(BUCKET, resource, &statements, role, actions)
}

/// A key may be used by those alone whom its policy lets in, itself or by way of their account. See
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
fn key(
    resource: &str,
    policy: Result<Option<String>, AwsError>,
    role: &Arn,
    actions: &[&str],
    same_account: bool,
) -> Vec<Check> {
    let policy = match policy {
        Ok(policy) => policy.unwrap_or_default(),
        Err(error) => return vec![unread(KEY, resource, &error)],
    };
    let Some(statements) = Statements::parse(&policy) else {
        return vec![Check::skipped(
            KEY,
            resource,
            "has a policy that cannot be read",
        )];
    };
    if let Some(action) = statements.first_not_allowed(role, actions) {
        let who = if same_account {
            "this account's IAM policies nor the role"
        } else {
            "the role nor its account"
        };
        return vec![
            Check::fail(
                KEY,
                resource,
                format!("has a policy that lets neither {who} use {action}"),
            )
            .remedy(format!(
                "allow {} to `{role}` in the key's policy",
                actions.join(", ")
            )),
        ];
    }
    denials(KEY, resource, &statements, role, actions)
}

fn unread(check: &'static str, resource: &str, error: &AwsError) -> Check {
    Check::skipped(check, resource, error.to_string())
}

fn denials(
    check: &'static str,
    resource: &str,
    statements: &Statements,
    role: &Arn,
    actions: &[&str],
) -> Vec<Check> {
    let denials = statements.denials(role, actions);
    if denials.is_empty() {
        return vec![Check::pass(
            check,
            resource,
            "has a policy that denies nothing which replication takes",
        )];
    }
    let checks = denials.into_iter().map(|(sid, conditional)| {
        let finding = format!("has a policy whose statement `{sid}` denies what replication takes");
        let remedy = format!("except `{role}` from it");
        if conditional {
            Check::warn(check, resource, format!("{finding}, under conditions"))
                .remedy(format!("see whether they hold for S3, and {remedy}"))
        } else {
            Check::fail(check, resource, finding).remedy(remedy)
        }
    });
    checks.collect()
}
