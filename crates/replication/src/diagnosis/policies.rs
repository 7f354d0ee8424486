//! What the policies of the buckets and keys say to the replication role.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join, join_all};
use serde_json::{Value, json};

use super::access::{ENCRYPTION_CONTEXT, USUAL_SOURCE_OBJECTS, VIA_SERVICE};
use super::fix::Fix;
use super::statements::{Context, Extent, Judgement, Principal, Request, Statements};
use super::{Check, names};
use crate::actions::{
    LOCKED_REPLICA_OBJECTS, LOCKED_SOURCE_OBJECTS, REPLICA_KEY, REPLICA_OBJECTS, REPLICA_OWNER,
    SOURCE_BUCKET, SOURCE_KEY, SOURCE_OBJECTS,
};
use crate::case::Case;
use crate::configuration::Status;
use crate::error::{AwsError, ErrorKind};
use crate::plan::Desired;
use crate::ports::{self, Aws, BucketRef, Outcome};
use crate::replication::Replication;
use aws_names::Arn;

const BUCKET: &str = names::BUCKET_POLICY;
const KEY: &str = names::KEY_POLICY;

/// Statements are told with so many of what they deny.
const MOST_TOLD: usize = 3;

/// The role that asks, and whether it has a permissions boundary, where that is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asking<'a> {
    pub(super) role: &'a Arn,
    pub(super) bounded: Option<bool>,
    pub(super) wanted: Wanted,
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

/// What is asked for in the role's name.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// All that a role of ours is allowed.
    All,
    /// What uploads as usual take; whether their keys are S3 Bucket Keys.
    Usual { bucket_key: bool },
}

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
            let accesses = of_bucket(replication, desired, asking, name);
            bucket(
                &resource,
                policy,
                asking,
                &accesses,
                replication.is_foreign(name),
            )
        });
        let of_keys = self.keys.iter().flat_map(|(arn, policy)| {
            let resource = format!("key `{arn}`");
            let (Some(policy), Some(parsed)) = (policy, Arn::parse(arn)) else {
                return vec![unseen(KEY, &resource)];
            };
            let accesses = of_key(replication, desired, asking, &parsed);
            let same_account = parsed.account == replication.home.account;
            key(&resource, policy, asking, &accesses, same_account)
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
                Context::of_key(role, home, &arn.account, via.unwrap_or_default(), extent)
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

/// What is done to a bucket and its objects, as source or destination.
fn of_bucket(
    replication: &Replication,
    desired: &Desired,
    asking: Asking<'_>,
    name: &str,
) -> Vec<Access> {
    let Replication { spec, home, .. } = replication;
    let bucket = home.bucket_arn(name);
    let context = Context::of_bucket(asking.role, replication.account_of(name));
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
        let of_objects = match asking.wanted {
            Wanted::All => SOURCE_OBJECTS,
            Wanted::Usual { .. } => USUAL_SOURCE_OBJECTS,
        };
        let actions = [of_objects, locks(LOCKED_SOURCE_OBJECTS)].concat();
        let prefixes = prefixes(desired).into_iter();
        accesses.extend(prefixes.map(|prefix| objects(prefix, actions.clone())));
        return accesses;
    }
    // By prefix, whether replicas are to belong to the destination's owner, and deletions go along.
    let mut prefixes: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for rule in &desired.rules {
        if rule.destination.bucket_name() == name {
            let (owned, deleted) = prefixes.entry(rule.filter_prefix()).or_default();
            *owned |= rule.destination.owner_override.is_some();
            *deleted |= rule.delete_marker_replication == Some(Status::Enabled);
        }
    }
    accesses.extend(prefixes.into_iter().map(|(prefix, (owned, deleted))| {
        let mut actions = match asking.wanted {
            Wanted::All => REPLICA_OBJECTS.to_vec(),
            Wanted::Usual { .. } if deleted => vec!["s3:ReplicateObject", "s3:ReplicateDelete"],
            Wanted::Usual { .. } => vec!["s3:ReplicateObject"],
        };
        actions.extend(locks(LOCKED_REPLICA_OBJECTS));
        if owned {
            actions.push(REPLICA_OWNER);
        }
        objects(prefix, actions)
    }));
    accesses
}

/// What is done with a key, which may be source objects' and replicas' at once: in the encryption context
/// of the bucket, where an S3 Bucket Key is used, and of each object.
fn of_key(
    replication: &Replication,
    desired: &Desired,
    asking: Asking<'_>,
    key: &Arn,
) -> Vec<Access> {
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
        let (of_bucket, of_objects) = match asking.wanted {
            Wanted::All => (true, true),
            Wanted::Usual { bucket_key } => (bucket_key, !bucket_key),
        };
        let actions = match asking.wanted {
            _ if source => SOURCE_KEY,
            Wanted::Usual { bucket_key: false } => &["kms:Encrypt"],
            _ => REPLICA_KEY,
        };
        let mut push = |encrypted: Extent, shown: String| {
            let context = Context::of_key(asking.role, home, &key.account, region, encrypted);
            accesses.push(Access {
                actions: actions.to_vec(),
                resource: Extent::One(arn.clone()),
                context,
                on: format!("encryption context `{shown}`"),
            });
        };
        if of_objects {
            push(
                Extent::Under(format!("{bucket}/{prefix}")),
                format!("{bucket}/{prefix}*"),
            );
        }
        if of_bucket && whole.insert((name, source)) {
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
    policy: &Outcome<Option<String>>,
    asking: Asking<'_>,
    accesses: &[Access],
    foreign: bool,
) -> Vec<Check> {
    let statements = match policy {
        // A check of its own tells that the bucket is not there.
        Err(error) if error.kind == ErrorKind::NotFound => return Vec::new(),
        Err(error) => return vec![unread(BUCKET, resource, error)],
        Ok(None) if !foreign => return vec![Check::pass(BUCKET, resource, "has no policy")],
        Ok(None) => Some(Statements::none()),
        Ok(Some(policy)) => Statements::parse(policy),
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
    policy: &Outcome<Option<String>>,
    asking: Asking<'_>,
    accesses: &[Access],
    same_account: bool,
) -> Vec<Check> {
    let policy = match policy {
        Ok(policy) => policy.as_deref().unwrap_or_default(),
        Err(error) => return vec![unread(KEY, resource, error)],
    };
    let Some(statements) = Statements::parse(policy) else {
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
    Check::skipped(check, resource, error.to_string()).unread(error)
}

/// An action that is not allowed, or not surely.
struct NotAllowed<'a> {
    action: &'static str,
    access: &'a Access,
    actions: String,
    judgement: Judgement,
}

impl NotAllowed<'_> {
    /// The statement that its policy lacks.
    fn statement(&self, role: &Arn) -> Value {
        let resource = match &self.access.resource {
            // Of a key's policy it is the key.
            Extent::One(arn) if arn.contains(":kms:") => "*".to_owned(),
            Extent::One(arn) => arn.clone(),
            Extent::Under(start) => format!("{start}*"),
        };
        json!({
            "Effect": "Allow",
            "Principal": {"AWS": role.to_string()},
            "Action": self.access.actions,
            "Resource": resource,
        })
    }

    fn check(&self, check: &'static str, resource: &str, finding: &str, role: &Arn) -> Check {
        let on = &self.access.on;
        let remedy = format!("allow {} to `{role}` in its policy", self.actions);
        if let Judgement::May(doubts) = &self.judgement {
            let finding = format!(
                "{finding} on {on} for sure, it depends on {}",
                listed(doubts)
            );
            let remedy = format!("see whether that holds for S3, or {remedy}");
            return Check::warn(check, resource, finding).remedy(remedy);
        }
        let check = Check::fail(check, resource, format!("{finding} on {on}"));
        let check = check
            .remedy(remedy)
            .fix(Fix::Document(self.statement(role)));
        match &self.access.resource {
            Extent::One(arn) => check.on(arn),
            Extent::Under(start) => check.on(start),
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
