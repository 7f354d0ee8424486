//! What the policies of the buckets and keys say to the replication role.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all};

use super::Check;
use super::statements::{Context, Extent, Judgement, Principal, Request, Statements};
use crate::actions::{
    LOCKED_REPLICA_OBJECTS, LOCKED_SOURCE_OBJECTS, REPLICA_KEY, REPLICA_OBJECTS, REPLICA_OWNER,
    SOURCE_BUCKET, SOURCE_KEY, SOURCE_OBJECTS,
};
use crate::case::Case;
use crate::error::{AwsError, ErrorKind};
use crate::plan::Desired;
use crate::ports::{Aws, BucketRef};
use crate::replication::Replication;
use aws_names::Arn;

const BUCKET: &str = "BucketPolicy";
const KEY: &str = "KeyPolicy";

/// Statements are told with so many of what they deny.
const MOST_TOLD: usize = 3;

/// The role that asks, and whether it has a permissions boundary, where that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    pub(super) role: &'a Arn,
    pub(super) bounded: Option<bool>,
}

/// What replication does to one thing.
#[derive(Debug)]
struct Access {
    actions: Vec<&'static str>,
    resource: Extent,
    context: Context,
    /// The same for people.
    on: String,
}

/// A look at each bucket's and each key's policy, all at once.
pub(super) async fn policies<A: Aws>(
    case: &Case<'_, A>,
    desired: &Desired,
    asking: Asking<'_>,
) -> Vec<Check> {
    let (replication, accounts) = (&case.replication, &case.accounts);
    let Replication { spec, home, .. } = replication;
    let mut buckets = vec![(&spec.source_bucket, &spec.source_region)];
    buckets.extend(desired.regions.iter());
    let of_buckets = buckets.into_iter().map(|(name, region)| async move {
        let resource = format!("bucket `{name}`");
        let Some(aws) = accounts.at(name) else {
            return vec![unseen(BUCKET, &resource)];
        };
        let policy = aws.bucket_policy(BucketRef { name, region }).await;
        let accesses = of_bucket(replication, desired, asking.role, name);
        bucket(
            &resource,
            policy,
            asking,
            &accesses,
            accounts.is_foreign(name),
        )
    });
    let of_keys = keys(replication, desired)
        .into_iter()
        .filter_map(|(arn, bucket)| {
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
                let accesses = of_key(replication, desired, asking.role, &parsed);
                key(
                    &resource,
                    policy,
                    asking,
                    &accesses,
                    parsed.account == home.account,
                )
            })
        });
    let (of_buckets, of_keys) = join(join_all(of_buckets), join_all(of_keys)).await;
    of_buckets.into_iter().chain(of_keys).flatten().collect()
}

/// Every key, with a bucket that it is used for.
fn keys<'a>(replication: &'a Replication, desired: &'a Desired) -> BTreeMap<&'a str, &'a str> {
    let source = desired.source_keys.iter();
    let source = source.map(|key| (key.as_str(), replication.source().name));
    let routes = desired.routes().into_iter();
    let replicas = routes.map(|route| (route.replica_key, route.destination_bucket));
    replicas.chain(source).collect()
}

fn prefixes(desired: &Desired) -> BTreeSet<&str> {
    let routes = desired.routes().into_iter();
    routes.map(|route| route.prefix).collect()
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
    let mut accesses = of_bucket(replication, desired, role, replication.source().name);
    for bucket in desired.regions.keys() {
        accesses.extend(of_bucket(replication, desired, role, bucket));
    }
    for key in keys(replication, desired)
        .into_keys()
        .filter_map(Arn::parse)
    {
        accesses.extend(of_key(replication, desired, role, &key));
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

/// What is done to a bucket and its objects, as source or destination.
fn of_bucket(replication: &Replication, desired: &Desired, role: &Arn, name: &str) -> Vec<Access> {
    let Replication { spec, home, .. } = replication;
    let bucket = home.bucket_arn(name);
    let context = Context::of_bucket(role, replication.account_of(name));
    let objects = |prefix: &str, actions: Vec<&'static str>| Access {
        actions,
        resource: Extent::Under(format!("{bucket}/{prefix}")),
        context: context.clone(),
        on: format!("`{bucket}/{prefix}*`"),
    };
    let locks = |actions: &'static [&'static str]| {
        if desired.object_lock { actions } else { &[] }
    };
    let mut accesses = Vec::new();
    if name == spec.source_bucket {
        accesses.push(Access {
            actions: SOURCE_BUCKET.to_vec(),
            resource: Extent::One(bucket.clone()),
            context: context.clone(),
            on: format!("`{bucket}`"),
        });
        let actions = [SOURCE_OBJECTS, locks(LOCKED_SOURCE_OBJECTS)].concat();
        let prefixes = prefixes(desired).into_iter();
        accesses.extend(prefixes.map(|prefix| objects(prefix, actions.clone())));
        return accesses;
    }
    // By prefix, whether replicas are to belong to the destination's owner.
    let mut prefixes: BTreeMap<&str, bool> = BTreeMap::new();
    for route in desired.routes() {
        if route.destination_bucket == name {
            *prefixes.entry(route.prefix).or_default() |= route.owner_override;
        }
    }
    accesses.extend(prefixes.into_iter().map(|(prefix, owned)| {
        let mut actions = [REPLICA_OBJECTS, locks(LOCKED_REPLICA_OBJECTS)].concat();
        if owned {
            actions.push(REPLICA_OWNER);
        }
        objects(prefix, actions)
    }));
    accesses
}

/// What is done with a key, which may be source objects' and replicas' at once: in the encryption context
/// of the bucket, where an S3 Bucket Key is used, and of each object.
fn of_key(replication: &Replication, desired: &Desired, role: &Arn, key: &Arn) -> Vec<Access> {
    let Replication { spec, home, .. } = replication;
    let arn = key.to_string();
    let mut uses: BTreeSet<(&str, &str, &str, bool)> = BTreeSet::new();
    for route in desired.routes() {
        if desired.source_keys.contains(&arn) {
            uses.insert((&spec.source_bucket, &spec.source_region, route.prefix, true));
        }
        if route.replica_key == arn {
            uses.insert((
                route.destination_bucket,
                route.destination_region,
                route.prefix,
                false,
            ));
        }
    }
    let mut accesses = Vec::new();
    let mut whole = BTreeSet::new();
    for (name, region, prefix, source) in uses {
        let bucket = home.bucket_arn(name);
        let actions = if source { SOURCE_KEY } else { REPLICA_KEY };
        let mut push = |encrypted: Extent, shown: String| {
            let context = Context::of_key(role, home, &key.account, region, encrypted);
            accesses.push(Access {
                actions: actions.to_vec(),
                resource: Extent::One(arn.clone()),
                context,
                on: format!("encryption context `{shown}`"),
            });
        };
        push(
            Extent::Under(format!("{bucket}/{prefix}")),
            format!("{bucket}/{prefix}*"),
        );
        if whole.insert((name, source)) {
            push(Extent::One(bucket.clone()), bucket);
        }
    }
    accesses
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
    asking: Asking<'_>,
    accesses: &[Access],
    foreign: bool,
) -> Vec<Check> {
    let statements = match policy {
        // A check of its own tells that the bucket is not there.
        Err(error) if error.kind == ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![unread(BUCKET, resource, &error)],
        Ok(None) if !foreign => return vec![Check::pass(BUCKET, resource, "has no policy")],
        Ok(None) => Some(Statements::none()),
        Ok(Some(policy)) => Statements::parse(&policy),
    };
    let Some(statements) = statements else {
        return vec![Check::skipped(
            BUCKET,
            resource,
            "has a policy that cannot be read",
        )];
    };
    let mut checks = Vec::new();
    if foreign && let Some(found) = not_allowed(&statements, asking, accesses) {
        let who = format!(
            "is in another account and has no policy that allows {}",
            found.action
        );
        checks.push(found.check(BUCKET, resource, &who, asking.role));
    }
    checks.extend(denials(BUCKET, resource, &statements, asking, accesses));
    passed(checks, BUCKET, resource)
}

/// A key may be used by those alone whom its policy lets in, itself or by way of their account. See
/// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
fn key(
    resource: &str,
    policy: Result<Option<String>, AwsError>,
    asking: Asking<'_>,
    accesses: &[Access],
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
    let mut checks = Vec::new();
    if let Some(found) = not_allowed(&statements, asking, accesses) {
        let who = if same_account {
            "this account's IAM policies nor the role"
        } else {
            "the role nor its account"
        };
        let finding = format!("has a policy that lets neither {who} use {}", found.action);
        checks.push(found.check(KEY, resource, &finding, asking.role));
    }
    checks.extend(denials(KEY, resource, &statements, asking, accesses));
    passed(checks, KEY, resource)
}

fn passed(checks: Vec<Check>, check: &'static str, resource: &str) -> Vec<Check> {
    if checks.is_empty() {
        let finding = "has a policy that denies nothing which replication takes";
        return vec![Check::pass(check, resource, finding)];
    }
    checks
}

fn unread(check: &'static str, resource: &str, error: &AwsError) -> Check {
    Check::skipped(check, resource, error.to_string())
}

/// An action that is not allowed, or not surely.
struct NotAllowed<'a> {
    action: &'static str,
    access: &'a Access,
    actions: String,
    judgement: Judgement,
}

impl NotAllowed<'_> {
    fn check(&self, check: &'static str, resource: &str, finding: &str, role: &Arn) -> Check {
        let on = &self.access.on;
        let remedy = format!("allow {} to `{role}` in its policy", self.actions);
        match &self.judgement {
            Judgement::May(doubts) => {
                let finding = format!(
                    "{finding} on {on} for sure, it depends on {}",
                    listed(doubts)
                );
                let remedy = format!("see whether that holds for S3, or {remedy}");
                Check::warn(check, resource, finding).remedy(remedy)
            }
            _ => Check::fail(check, resource, format!("{finding} on {on}")).remedy(remedy),
        }
    }
}

/// The first of what is surely not allowed; else the first of what only may be.
fn not_allowed<'a>(
    statements: &Statements,
    asking: Asking<'_>,
    accesses: &'a [Access],
) -> Option<NotAllowed<'a>> {
    let mut doubtful = None;
    for access in accesses {
        for action in &access.actions {
            let judgement = statements.allowed(&request(asking, access, action));
            let surely = judgement == Judgement::No;
            if judgement == Judgement::Yes || doubtful.is_some() && !surely {
                continue;
            }
            let found = NotAllowed {
                action,
                access,
                actions: access.actions.join(", "),
                judgement,
            };
            if surely {
                return Some(found);
            }
            doubtful = Some(found);
        }
    }
    doubtful
}

fn request<'a>(asking: Asking<'a>, access: &'a Access, action: &'a str) -> Request<'a> {
    Request {
        principal: Principal::Role {
            arn: asking.role,
            bounded: asking.bounded,
        },
        action,
        resource: access.resource.clone(),
        context: &access.context,
    }
}

/// What one statement denies, surely or not.
#[derive(Default)]
struct Denied {
    surely: BTreeMap<String, BTreeSet<&'static str>>,
    maybe: BTreeMap<String, BTreeSet<&'static str>>,
    doubts: BTreeSet<String>,
}

fn denials(
    check: &'static str,
    resource: &str,
    statements: &Statements,
    asking: Asking<'_>,
    accesses: &[Access],
) -> Vec<Check> {
    let mut denied: BTreeMap<String, Denied> = BTreeMap::new();
    for access in accesses {
        for action in &access.actions {
            for (sid, judgement) in statements.denials(&request(asking, access, action)) {
                let found = denied.entry(sid).or_default();
                let of = match judgement {
                    Judgement::May(doubts) => {
                        found.doubts.extend(doubts);
                        &mut found.maybe
                    }
                    _ => &mut found.surely,
                };
                of.entry(access.on.clone()).or_default().insert(action);
            }
        }
    }
    let role = asking.role;
    let checks = denied.into_iter().map(|(sid, found)| {
        let finding = format!("has a policy whose statement `{sid}` denies what replication takes");
        let remedy = format!("except `{role}` from it");
        if found.surely.is_empty() {
            let (what, doubts) = (told(&found.maybe), listed(&found.doubts));
            Check::warn(
                check,
                resource,
                format!("{finding}, under conditions: {what}, depending on {doubts}"),
            )
            .remedy(format!("see whether they hold for S3, and {remedy}"))
        } else {
            let what = told(&found.surely);
            Check::fail(check, resource, format!("{finding}: {what}")).remedy(remedy)
        }
    });
    checks.collect()
}

fn told(denied: &BTreeMap<String, BTreeSet<&str>>) -> String {
    let mut told: Vec<_> = denied
        .iter()
        .take(MOST_TOLD)
        .map(|(on, actions)| {
            let actions: Vec<_> = actions.iter().copied().collect();
            format!("{} on {on}", actions.join(", "))
        })
        .collect();
    if denied.len() > MOST_TOLD {
        told.push(format!("and {} more", denied.len() - MOST_TOLD));
    }
    told.join("; ")
}

fn listed(doubts: &BTreeSet<String>) -> String {
    let doubts: Vec<_> = doubts.iter().map(String::as_str).collect();
    doubts.join(", ")
}
