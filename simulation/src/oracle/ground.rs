//! What is whose, who changed what, and what must never be.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{Court, Oracle};
use crate::stage::owner_in;
use aws_in_memory::names::{bucket_of, role_of};
use aws_in_memory::news::Thing;
use aws_in_memory::{ACCOUNT, State};

/// Who changes things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The provisioner.
    Us,
    /// Anybody else.
    Others,
}

/// A change of a thing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    state: u64,
    pub who: Who,
    pub when: Instant,
    /// When others changed it last.
    others: Option<Instant>,
}

const OURS: &str = "encrypted-replication";
/// Twice the longest call of a story.
const SAME_MOMENT: Duration = Duration::from_secs(3);

impl Court {
    /// Looks after somebody has changed something.
    pub fn changed_by(&self, who: Who, what: &str) {
        let (things, others, harm, names) = {
            let state = self.world.state();
            let names: Vec<String> = made_names(&state).collect();
            (things(&state), others(&state), harm(&state), names)
        };
        let mut oracle = self.oracle();
        let now = Instant::now();
        for (thing, state) in things {
            let before = oracle.changed.get(&thing);
            // What never was there is gone by nobody's hand.
            let who = if state == 0 && before.is_none() {
                Who::Others
            } else {
                who
            };
            if before.is_none_or(|before| before.state != state) {
                let change = Change {
                    state,
                    who,
                    when: now,
                    others: match who {
                        Who::Others => Some(now),
                        Who::Us => before.and_then(|before| before.others),
                    },
                };
                oracle.changed.insert(thing, change);
            }
        }
        match who {
            Who::Others => {
                let made = oracle.made.clone();
                let before = std::mem::replace(&mut oracle.ledger, others);
                let since = oracle
                    .ledger
                    .iter()
                    .filter(|(name, is)| before.get(*name) != Some(is));
                let since: Vec<String> = since.map(|(name, _)| name.clone()).collect();
                oracle
                    .ledger_since
                    .extend(since.into_iter().map(|name| (name, now)));
                oracle.ledger.retain(|name, is| {
                    let ours =
                        name.ends_with(" default") && made.iter().any(|one| is.contains(one));
                    !ours && !is_of_made(name, &made)
                });
            }
            Who::Us => {
                // Whatever is new was made by us; AWS makes its managed keys itself.
                for name in names {
                    if !oracle.ledger.contains_key(&format!("{name} is there")) {
                        oracle.made.insert(name);
                    }
                }
                oracle.compare(&others, what);
                oracle.blame_for(harm, what);
            }
        }
    }
}

/// Whether an entry is about something that the provisioner made itself, and not about what others put there.
fn is_of_made(name: &str, made: &std::collections::BTreeSet<String>) -> bool {
    let mut words = name.split(' ');
    let (thing, rest) = (
        words.next().unwrap_or_default(),
        words.next().unwrap_or_default(),
    );
    made.contains(thing)
        && matches!(
            rest,
            "is" | "state" | "default" | "versioning" | "EventBridge"
        )
}

fn made_names(state: &State) -> impl Iterator<Item = String> {
    let keys = state
        .keys
        .iter()
        .filter(|(_, key)| key.manager == "CUSTOMER");
    state
        .buckets
        .keys()
        .cloned()
        .chain(keys.map(|(arn, _)| arn.clone()))
}

impl Oracle {
    fn compare(&mut self, now: &BTreeMap<String, String>, what: &str) {
        let mut lost = Vec::new();
        for (name, before) in &self.ledger {
            let after = now.get(name);
            let adopted = name.ends_with(" default") && !before.contains("aws:kms");
            // A bucket of ours goes with what others hung on it.
            let thing = name.split(' ').next().unwrap_or_default();
            let gone = self.made.contains(thing) && !now.contains_key(&format!("{thing} is there"));
            // S3 has no conditional write: what changed between a look and a write is undone by it.
            let since = self.ledger_since.get(name);
            let raced = since.is_some_and(|since| since.elapsed() < SAME_MOMENT);
            if after != Some(before) && !adopted && !gone && !raced {
                let after = after.map_or("nothing", String::as_str);
                lost.push(format!("{what}: {name} was {before} and is {after}"));
            }
        }
        for seen in lost {
            self.breaks("others-untouched", seen);
        }
        self.ledger
            .retain(|name, before| now.get(name) == Some(before));
    }

    /// What must never be, where we are the last who had a hand in it.
    fn blame_for(&mut self, harm: Vec<Harm>, what: &str) {
        for (thing, from, seen) in harm {
            let ours = self
                .changed
                .get(&thing)
                .is_some_and(|change| change.who == Who::Us);
            // Nobody looks into buckets that no resource names: a limit that SEMANTICS names.
            let known = self.claims.values().any(|claim| {
                claim.rights.iter().any(|right| {
                    right.until.is_none() && (right.source == from || right.destination == from)
                })
            });
            if ours && known {
                self.breaks("nothing-named-goes", format!("{what}: {seen}"));
            }
        }
    }

    /// Whether we changed a thing last, and nobody else has since a moment.
    #[must_use]
    pub fn is_by_us(&self, thing: &Thing, since: Instant) -> bool {
        self.changed.get(thing).is_some_and(|change| {
            change.who == Who::Us && change.others.is_none_or(|others| others < since)
        })
    }

    /// Who changed a thing last.
    #[must_use]
    pub fn last_hand(&self, thing: &Thing) -> Option<(Who, Instant)> {
        self.changed
            .get(thing)
            .map(|change| (change.who, change.when))
    }
}

fn fingerprint(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// What a replication or an upload depends on, as it is.
fn things(state: &State) -> Vec<(Thing, u64)> {
    let mut found = Vec::new();
    for (name, bucket) in &state.buckets {
        let name = || name.clone();
        found.push((Thing::Bucket(name()), 1));
        found.push((
            Thing::Versioning(name()),
            fingerprint(&format!("{:?}", bucket.versioning)),
        ));
        let default = bucket.encryption.as_ref();
        let default = default.map(|one| (one.algorithm.clone(), one.kms_key.clone()));
        found.push((Thing::DefaultEncryption(name()), fingerprint(&default)));
        found.push((Thing::BucketPolicy(name()), fingerprint(&bucket.policy)));
        let rules = format!("{:?}", bucket.replication.written());
        found.push((Thing::Rules(name()), fingerprint(&rules)));
    }
    for (name, role) in &state.roles {
        let name = || name.clone();
        found.push((Thing::Role(name()), 1));
        found.push((Thing::Trust(name()), fingerprint(&role.trust_policy)));
        found.push((
            Thing::RolePolicies(name()),
            fingerprint(role.policies.written()),
        ));
    }
    for (arn, key) in &state.keys {
        found.push((Thing::Key(arn.clone()), fingerprint(&key.state)));
        found.push((Thing::KeyPolicy(arn.clone()), fingerprint(&key.policy)));
    }
    // What is gone changed, too.
    for (source, bucket) in &state.buckets {
        if let Some(configuration) = bucket.replication.written() {
            let role = role_of(&configuration.role).unwrap_or_default();
            if !state.roles.contains_key(role) {
                found.push((Thing::Role(role.to_owned()), 0));
            }
            for rule in &configuration.rules {
                let destination = bucket_of(&rule.destination.bucket).unwrap_or(source);
                if !state.buckets.contains_key(destination) {
                    found.push((Thing::Bucket(destination.to_owned()), 0));
                }
            }
        }
    }
    found
}

/// The statements of a policy.
pub(super) fn statements(policy: Option<&str>) -> Vec<Value> {
    let policy: Value = serde_json::from_str(policy.unwrap_or("{}")).unwrap_or_default();
    policy["Statement"].as_array().cloned().unwrap_or_default()
}

/// Those that bear no owner's name.
fn of_others(policy: Option<&str>) -> impl Iterator<Item = Value> {
    let all = statements(policy).into_iter();
    all.filter(|statement| owner_in(statement["Sid"].as_str().unwrap_or_default()).is_none())
}

/// Everything that bears no owner's name.
fn others(state: &State) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (name, bucket) in &state.buckets {
        let mut note = |what: String, is: String| found.insert(format!("{name} {what}"), is);
        note(
            "is there".into(),
            format!("in {} of {}", bucket.region, bucket.account),
        );
        for tag in &bucket.tags {
            if !tag.key.starts_with(OURS) {
                note(format!("tag {}", tag.key), tag.value.clone());
            }
        }
        for statement in of_others(bucket.policy.as_deref()) {
            note(
                format!("policy {}", statement["Sid"]),
                statement.to_string(),
            );
        }
        let notifications = &bucket.notifications;
        let all = notifications.queues.iter();
        for one in all
            .chain(&notifications.topics)
            .chain(&notifications.functions)
        {
            if owner_in(&one.id).is_none() {
                note(format!("notification {}", one.id), format!("{one:?}"));
            }
        }
        if notifications.event_bridge {
            note("EventBridge on".into(), "on".into());
        }
        if format!("{:?}", bucket.versioning) == "Enabled" {
            note("versioning".into(), "Enabled".into());
        }
        let default = bucket.encryption.as_ref();
        let default = default.map(|one| (one.algorithm.as_str(), one.kms_key.as_deref()));
        note("default".into(), format!("{default:?}"));
        if let Some(configuration) = bucket.replication.written() {
            for rule in &configuration.rules {
                if owner_in(&rule.id).is_none() {
                    note(format!("rule {}", rule.id), format!("{rule:?}"));
                    note("role of rules".into(), configuration.role.clone());
                }
            }
        }
    }
    for (arn, key) in &state.keys {
        if key.manager != "CUSTOMER" {
            continue;
        }
        let mut note = |what: &str, is: String| found.insert(format!("{arn} {what}"), is);
        note("is there", key.region.clone());
        note("state", key.state.clone());
        for statement in of_others(Some(&key.policy)) {
            note(
                &format!("policy {}", statement["Sid"]),
                statement.to_string(),
            );
        }
        for tag in &key.tags {
            if !tag.key.starts_with(OURS) {
                note(&format!("tag {}", tag.key), tag.value.clone());
            }
        }
    }
    for (name, role) in &state.roles {
        let ours = role.arn == format!("arn:aws:iam::{ACCOUNT}:role/{OURS}/{name}");
        let mut note = |what: &str, is: String| found.insert(format!("role {name} {what}"), is);
        if !ours {
            note("is there", role.arn.clone());
            note("trust", role.trust_policy.clone());
            note("boundary", format!("{:?}", role.permissions_boundary));
            note("policies", format!("{:?}", role.policies.written().keys()));
            note("tags", format!("{:?}", role.tags));
        }
        for (policy, document) in role.policies.written() {
            if owner_in(policy).is_none() {
                note(&format!("policy {policy}"), document.clone());
            }
        }
    }
    found
}

/// The thing that somebody must have changed, the bucket where it shows, and what is seen.
type Harm = (Thing, String, String);

/// What must never be.
fn harm(state: &State) -> Vec<Harm> {
    let mut found = Vec::new();
    let dying = |arn: &str| {
        let key = state.keys.get(arn);
        key.is_some_and(|key| key.state == "PendingDeletion")
    };
    for (name, bucket) in &state.buckets {
        let default = bucket
            .encryption
            .as_ref()
            .and_then(|one| one.kms_key.as_deref());
        if let Some(key) = default.filter(|key| dying(key)) {
            let seen =
                format!("the default encryption of {name} names {key}, which is to be deleted");
            found.push((Thing::Key(key.to_owned()), name.clone(), seen));
        }
        for version in &bucket.versions {
            if version.key.contains(".encrypted-replication-probe-") {
                continue;
            }
            if let Some(key) = version.kms_key.as_deref().filter(|key| dying(key)) {
                let object = &version.key;
                let seen =
                    format!("{object} in {name} is encrypted under {key}, which is to be deleted");
                found.push((Thing::Key(key.to_owned()), name.clone(), seen));
            }
        }
        let Some(configuration) = bucket.replication.written() else {
            continue;
        };
        let role = role_of(&configuration.role).unwrap_or_default();
        if !state.roles.contains_key(role) {
            let seen = format!("the rules of {name} name the role {role}, which is gone");
            found.push((Thing::Role(role.to_owned()), name.clone(), seen));
        }
        for rule in &configuration.rules {
            let destination = bucket_of(&rule.destination.bucket).unwrap_or_default();
            if !state.buckets.contains_key(destination) {
                let seen = format!(
                    "rule {} of {name} leads to {destination}, which is gone",
                    rule.id
                );
                found.push((Thing::Bucket(destination.to_owned()), name.clone(), seen));
            }
            let key = rule.destination.replica_kms_key_id.as_deref();
            if let Some(key) = key.filter(|key| dying(key)) {
                let seen = format!(
                    "rule {} of {name} names {key}, which is to be deleted",
                    rule.id
                );
                found.push((Thing::Key(key.to_owned()), name.clone(), seen));
            }
        }
    }
    found
}
