//! What the policies of the buckets and keys say to the replication role.

mod accesses;
mod refusals;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all};

use self::accesses::{of_bucket, of_key};
use self::refusals::{Questions, told};
use super::access::{ENCRYPTION_CONTEXT, VIA_SERVICE};
use super::statements::{Context, Extent, Judgement, Principal, Request, Statements};
use super::{Check, names};
use crate::case::Case;
use crate::error::{AwsError, ErrorKind};
use crate::plan::Desired;
use crate::ports::{self, Aws, BucketRef, Outcome};
use crate::replication::Replication;
use aws_names::Arn;

pub(super) use self::accesses::{Asking, Wanted};

const BUCKET: &str = names::BUCKET_POLICY;
const KEY: &str = names::KEY_POLICY;

/// The policies of buckets and keys; `None` where nothing can be looked at.
#[derive(Debug, Default)]
pub(super) struct Read {
    buckets: BTreeMap<String, Option<Outcome<Option<String>>>>,
    keys: BTreeMap<String, Option<Outcome<Option<String>>>>,
}

/// Reads each bucket's and each key's policy, all at once.
pub(super) async fn read<A: Aws>(case: &Case<'_, A>, desired: &Desired) -> Read {
    let (replication, accounts) = (&case.replication, &case.accounts);
    let Replication { spec, home, .. } = replication;
    let mut buckets = vec![(&spec.source_bucket, &spec.source_region)];
    buckets.extend(desired.regions.iter());
    let of_buckets = buckets.into_iter().map(|(name, region)| async move {
        let policy = match accounts.at(name) {
            Some(aws) => Some(aws.bucket_policy(BucketRef { name, region }).await),
            None => None,
        };
        (name.clone(), policy)
    });
    let of_keys = keys(replication, desired)
        .into_iter()
        .filter_map(|(arn, bucket)| {
            let parsed = Arn::parse(arn).filter(Arn::is_kms_key)?;
            Some(async move {
                let theirs = accounts.account_of(bucket) == Some(&parsed.account);
                let aws = if parsed.account == home.account {
                    Some(accounts.home())
                } else {
                    accounts.at(bucket).filter(|_| theirs)
                };
                let policy = match aws {
                    Some(aws) => Some(aws.key_policy(&parsed.region, arn).await),
                    None => None,
                };
                (arn.to_owned(), policy)
            })
        });
    let (buckets, keys) = join(join_all(of_buckets), join_all(of_keys)).await;
    Read {
        buckets: buckets.into_iter().collect(),
        keys: keys.into_iter().collect(),
    }
}

impl Read {
    /// What they say to the role.
    pub(super) fn checks(
        &self,
        replication: &Replication,
        desired: &Desired,
        asking: Asking<'_>,
    ) -> Vec<Check> {
        let of_buckets = self.buckets.iter().flat_map(|(name, policy)| {
            let resource = format!("bucket `{name}`");
            let Some(policy) = policy else {
                return vec![unseen(BUCKET, &resource)];
            };
            let questions = Questions {
                check: BUCKET,
                resource: &resource,
                asking,
                accesses: &of_bucket(replication, desired, asking, name),
            };
            bucket(questions, policy, replication.is_foreign(name))
        });
        let of_keys = self.keys.iter().flat_map(|(arn, policy)| {
            let resource = format!("key `{arn}`");
            let (Some(policy), Some(parsed)) = (policy, Arn::parse(arn)) else {
                return vec![unseen(KEY, &resource)];
            };
            let questions = Questions {
                check: KEY,
                resource: &resource,
                asking,
                accesses: &of_key(replication, desired, asking, &parsed),
            };
            let same_account = parsed.account == replication.home.account;
            key(questions, policy, same_account)
        });
        of_buckets.chain(of_keys).collect()
    }

    /// The policy of a bucket, where it has one that could be read.
    pub(super) fn of_bucket(&self, name: &str) -> Option<&str> {
        self.buckets.get(name)?.as_ref()?.as_ref().ok()?.as_deref()
    }

    /// Whether the policy of the thing itself allows the role by its name, which within an account is enough.
    /// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-resource-based.html>.
    pub(super) fn name_the_role(
        &self,
        replication: &Replication,
        asking: Asking<'_>,
        action: &str,
        access: &ports::Access,
    ) -> bool {
        let (home, role) = (&replication.home, asking.role);
        // A boundary limits this too.
        if asking.bounded == Some(true) {
            return false;
        }
        let Some(arn) = Arn::parse(&access.resource) else {
            return false;
        };
        let found = if arn.service == "s3" {
            let name = arn.resource.split('/').next().unwrap_or_default();
            (!replication.is_foreign(name)).then(|| self.buckets.get(name))
        } else {
            (arn.account == home.account).then(|| self.keys.get(&access.resource))
        };
        let Some(Some(Some(Ok(Some(policy))))) = found else {
            return false;
        };
        let context = match access.context.get(ENCRYPTION_CONTEXT) {
            Some(encrypted) => {
                let extent = Extent::One(encrypted.clone());
                let via = access
                    .context
                    .get(VIA_SERVICE)
                    .and_then(|host| host.split('.').nth(1));
                let hosts = home.s3_via_services(via.unwrap_or_default());
                Context::of_key(role, &arn.account, &hosts, extent)
            }
            None => Context::of_bucket(role, &home.account),
        };
        let request = Request {
            principal: Principal::Named(role),
            action,
            resource: Extent::One(access.resource.clone()),
            context: &context,
        };
        Statements::parse(policy)
            .is_some_and(|statements| statements.allowed(&request) == Judgement::Yes)
    }
}

/// Every key, with a bucket that it is used for.
fn keys<'a>(replication: &'a Replication, desired: &'a Desired) -> BTreeMap<&'a str, &'a str> {
    let source = desired.source_keys.iter();
    let source = source.map(|key| (key.as_str(), replication.source().name));
    let routes = desired.routes().into_iter();
    let replicas = routes.map(|route| (route.replica_key, route.destination_bucket));
    replicas.chain(source).collect()
}

/// What the statements of a policy of the role itself surely deny, by statement.
pub(super) fn denials_of(
    document: &str,
    replication: &Replication,
    desired: &Desired,
    role: &Arn,
) -> Vec<(String, String)> {
    let Some(statements) = Statements::parse(document) else {
        return Vec::new();
    };
    let asking = Asking {
        role,
        bounded: None,
        wanted: Wanted::All,
    };
    let mut accesses = of_bucket(replication, desired, asking, replication.source().name);
    for bucket in desired.regions.keys() {
        accesses.extend(of_bucket(replication, desired, asking, bucket));
    }
    for key in keys(replication, desired)
        .into_keys()
        .filter_map(Arn::parse)
    {
        accesses.extend(of_key(replication, desired, asking, &key));
    }
    let mut denied: BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>> = BTreeMap::new();
    for access in &accesses {
        for action in &access.actions {
            let request = Request {
                principal: Principal::Itself,
                action,
                resource: access.resource.clone(),
                context: &access.context,
            };
            let denials = statements.denials(&request).into_iter();
            for (sid, _) in denials.filter(|(_, judged)| *judged == Judgement::Yes) {
                let of = denied.entry(sid).or_default();
                of.entry(access.on.clone()).or_default().insert(action);
            }
        }
    }
    denied
        .into_iter()
        .map(|(sid, found)| (sid, told(&found)))
        .collect()
}

fn unseen(check: &'static str, resource: &str) -> Check {
    let finding = "is in another account, and no `AssumeRoleArn` says how to look there";
    Check::skipped(check, resource, finding)
        .remedy("compare it with the statements that {\"Action\": \"Plan\"} shows")
}

/// Within one account the role's own policy allows, so a bucket's policy can only deny. Another
/// account's has to allow.
fn bucket(questions: Questions<'_>, policy: &Outcome<Option<String>>, foreign: bool) -> Vec<Check> {
    let resource = questions.resource;
    let statements = match policy {
        // A check of its own tells that the bucket is not there.
        Err(error) if error.kind == ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![unread(BUCKET, resource, error)],
        Ok(None) if !foreign => return vec![Check::pass(BUCKET, resource, "has no policy")],
        Ok(None) => Some(Statements::none()),
        Ok(Some(policy)) => Statements::parse(policy),
    };
    let Some(statements) = statements else {
        return vec![unreadable(questions)];
    };
    let mut checks = Vec::new();
    if foreign && let Some(found) = questions.not_allowed(&statements) {
        let who = format!(
            "is in another account and has no policy that allows {}",
            found.action
        );
        checks.push(found.check(questions, &who));
    }
    checks.extend(questions.denials(&statements));
    passed(checks, questions)
}

/// A key may be used by those alone whom its policy lets in, itself or by way of their account. See
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
fn key(
    questions: Questions<'_>,
    policy: &Outcome<Option<String>>,
    same_account: bool,
) -> Vec<Check> {
    let policy = match policy {
        Ok(policy) => policy.as_deref().unwrap_or_default(),
        Err(error) => return vec![unread(KEY, questions.resource, error)],
    };
    let Some(statements) = Statements::parse(policy) else {
        return vec![unreadable(questions)];
    };
    let mut checks = Vec::new();
    if let Some(found) = questions.not_allowed(&statements) {
        let who = if same_account {
            "this account's IAM policies nor the role"
        } else {
            "the role nor its account"
        };
        let finding = format!("has a policy that lets neither {who} use {}", found.action);
        checks.push(found.check(questions, &finding));
    }
    checks.extend(questions.denials(&statements));
    passed(checks, questions)
}

fn unreadable(of: Questions<'_>) -> Check {
    Check::skipped(of.check, of.resource, "has a policy that cannot be read")
}

fn passed(checks: Vec<Check>, of: Questions<'_>) -> Vec<Check> {
    if checks.is_empty() {
        let finding = "has a policy that denies nothing which replication takes";
        return vec![Check::pass(of.check, of.resource, finding)];
    }
    checks
}

fn unread(check: &'static str, resource: &str, error: &AwsError) -> Check {
    Check::skipped(check, resource, error.to_string()).unread(error)
}
