//! What is in force when a request begins, read off the rules and off what our policies allow. Pure.
//!
//! Nothing that our policies do not allow is ever allowed for the sake of a rule that somebody wrote into
//! the bucket: what is found here was allowed before.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::claims::{Claim, Others, SourceRole, takes_kms};
use crate::configuration::{ReplicationRule, Status};
use crate::desired::{ByHand, Way};
use crate::former::Former;
use crate::observed::Observed;

use crate::replication::Replication;
use crate::resources::{literal, unescaped_start};
use aws_names::Arn;

/// What `observed` shows, as far as it works.
#[must_use]
pub(crate) fn in_force(replication: &Replication, observed: &Observed) -> Former {
    let owner = &replication.owner;
    let ours = observed.role_policies.get(&owner.policy_name());
    let rules = owner.rules_of(observed.replication.as_ref());
    // Nothing goes by a disabled one: what it had is no more kept for a while than what never was.
    let enabled = rules.filter(|rule| rule.status == Status::Enabled);
    let mut rules: Vec<_> = enabled.cloned().collect();
    let (mut source_keys, mut by_hand) = (BTreeSet::new(), ByHand::default());
    if replication.spec.role.is_none() {
        let allowed = ours.map(|policy| Allowed::by(policy)).unwrap_or_default();
        rules.retain(|rule| allowed.allows(replication, rule));
        source_keys = allowed.under(&owner.sid("SourceKeys"));
        by_hand = ours.map_or_else(ByHand::default, |ours| {
            of_others(replication, observed, ours, &allowed)
        });
    }
    let keys = observed.keys.iter();
    let unusable = keys.filter_map(|(name, found)| match found {
        Some(key) => (key.state != "Enabled").then(|| key.arn.clone()),
        None => Some(name.name.clone()),
    });
    Former {
        rules,
        source_keys,
        by_hand,
        unusable: unusable.collect(),
        replaced: false,
    }
}

/// What rules that no resource of ours stands behind rest on, as far as our policy allows it.
fn of_others(
    replication: &Replication,
    observed: &Observed,
    ours: &str,
    allowed: &Allowed,
) -> ByHand {
    let Some(configuration) = &observed.replication else {
        return ByHand::default();
    };
    let (owner, source) = (&replication.owner, &replication.spec.source_bucket);
    let mut others = Others::default();
    others
        .replication
        .insert(source.clone(), configuration.clone());
    others.role_policies.clone_from(&observed.role_policies);
    others.role_policies.remove(&owner.policy_name());
    let shared = SourceRole {
        arn: &replication.role_arn(),
        bucket: source,
    };
    let claims = others.of_role_policy(shared, ours, owner);
    let mut by_hand = ByHand::default();
    for claim in claims {
        let Claim::Rule { id, .. } = claim else {
            continue;
        };
        let mut rules = configuration.rules.iter();
        let Some(rule) = rules.find(|rule| rule.id == id) else {
            continue;
        };
        let ways = ways(replication, observed, rule, allowed);
        if !ways.is_empty() {
            by_hand.rules.insert(id);
            by_hand.ways.extend(ways);
            if takes_kms(rule) {
                let keys = allowed.under(&owner.sid("SourceKeys"));
                by_hand.source_keys.extend(keys);
            }
        }
    }
    by_hand
}

/// The ways of one rule that our policy has in both buckets, each as narrow as the narrowest of the three.
fn ways(
    replication: &Replication,
    observed: &Observed,
    rule: &ReplicationRule,
    allowed: &Allowed,
) -> Vec<Way> {
    let owner = &replication.owner;
    let to = rule.destination.bucket_name();
    let (from_arn, to_arn) = (replication.source_arn(), replication.home.bucket_arn(to));
    let asked = literal(rule.covered_prefix());
    let key = rule.destination.replica_kms_key_id.as_deref();
    let key = key.filter(|key| allowed.lets_use(&owner.sid("ReplicaKey"), key, &to_arn));
    let policy = observed.destinations.get(to);
    let policy = policy.and_then(|found| found.policy.as_deref());
    let granted = policy.map(Allowed::by).unwrap_or_default();
    let (read, written) = (owner.sid("SourceObjects"), owner.sid("ReplicaObjects"));
    let mut ways = Vec::new();
    for from in allowed.paths(&read, &from_arn) {
        for there in allowed.paths(&written, &to_arn) {
            let three = [asked.as_str(), &from, &there];
            let narrowest = three.into_iter().max_by_key(|path| path.len());
            let narrowest = narrowest.unwrap_or_default();
            let prefix = unescaped_start(narrowest);
            // What IAM takes in no policy is lost in it.
            let prefix = if narrowest == asked {
                rule.covered_prefix()
            } else {
                &prefix
            };
            let nested = three.iter().all(|path| narrowest.starts_with(path));
            if !nested || literal(prefix) != narrowest {
                continue;
            }
            let under = |allowed: &Allowed, purpose: &str| {
                let paths = allowed.paths(&owner.sid(purpose), &to_arn);
                paths.iter().any(|path| narrowest.starts_with(path))
            };
            ways.push(Way {
                prefix: prefix.to_owned(),
                bucket: to.to_owned(),
                region: key
                    .and_then(Arn::parse)
                    .map_or_else(String::new, |arn| arn.region),
                key: key.unwrap_or_default().to_owned(),
                owner_override: rule.destination.owner_override.is_some()
                    && under(allowed, "ReplicaOwner"),
                granted: under(&granted, "ReplicaObjects"),
            });
        }
    }
    ways
}

/// What a policy of ours allows, by statement.
#[derive(Debug, Default)]
struct Allowed {
    resources: BTreeMap<String, BTreeSet<String>>,
    /// The encryption contexts that keys may be used for.
    contexts: BTreeMap<String, BTreeSet<String>>,
}

impl Allowed {
    fn by(policy: &str) -> Self {
        let policy: Value = serde_json::from_str(policy).unwrap_or_default();
        let statements = policy.get("Statement").and_then(Value::as_array);
        let mut allowed = Self::default();
        for statement in statements.into_iter().flatten() {
            let Some(sid) = statement.get("Sid").and_then(Value::as_str) else {
                continue;
            };
            let resources = statement.get("Resource").and_then(texts);
            let resources = resources.map(|texts| (sid.to_owned(), texts));
            allowed.resources.extend(resources);
            let contexts = statement
                .pointer("/Condition/StringLike/kms:EncryptionContext:aws:s3:arn")
                .and_then(texts);
            let contexts = contexts.map(|texts| (sid.to_owned(), texts));
            allowed.contexts.extend(contexts);
        }
        allowed
    }

    fn under(&self, sid: &str) -> BTreeSet<String> {
        self.resources.get(sid).cloned().unwrap_or_default()
    }

    /// What stands of the bucket's objects in a statement's resources, without the `*` at their ends.
    fn paths(&self, sid: &str, bucket_arn: &str) -> Vec<String> {
        let resources = self.resources.get(sid).into_iter().flatten();
        let paths = resources.filter_map(|resource| {
            let path = resource.strip_prefix(bucket_arn)?.strip_prefix('/')?;
            Some(path.strip_suffix('*').unwrap_or(path).to_owned())
        });
        paths.collect()
    }

    /// Whether a statement whose name begins so lets the key be used for the bucket.
    fn lets_use(&self, sid: &str, key: &str, bucket_arn: &str) -> bool {
        let mut statements = self.resources.iter();
        statements.any(|(name, keys)| {
            let contexts = self.contexts.get(name);
            name.starts_with(sid)
                && keys.contains(key)
                && contexts.is_some_and(|contexts| contexts.contains(bucket_arn))
        })
    }

    /// Whether replicas may be written there, under that key.
    fn allows(&self, replication: &Replication, rule: &ReplicationRule) -> bool {
        let owner = &replication.owner;
        let bucket = replication.home.bucket_arn(rule.destination.bucket_name());
        let object = literal(rule.filter_prefix());
        let written = self.paths(&owner.sid("ReplicaObjects"), &bucket);
        let numbered = owner.sid("ReplicaKey");
        let mut keys = self
            .resources
            .iter()
            .filter(|(sid, _)| sid.starts_with(&numbered))
            .flat_map(|(_, keys)| keys);
        let key = rule.destination.replica_kms_key_id.as_ref();
        written.iter().any(|path| object.starts_with(path))
            && keys.any(|allowed| Some(allowed) == key)
    }
}

/// One text, or a list of them.
fn texts(value: &Value) -> Option<BTreeSet<String>> {
    match value {
        Value::String(one) => Some(BTreeSet::from([one.clone()])),
        Value::Array(several) => {
            let several = several.iter().filter_map(Value::as_str);
            Some(several.map(str::to_owned).collect())
        }
        _ => None,
    }
}
