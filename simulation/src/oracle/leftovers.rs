//! What goes when it is asked to.

use serde_json::Value;
use tokio::time::Instant;

use super::claims::own_key;
use super::{Court, Resource, Who};
use crate::stage::owner_in;
use crate::story::account_of;
use aws_in_memory::names::{bucket_of, role_of};
use aws_in_memory::news::Thing;
use aws_in_memory::{ACCOUNT, State};

/// What every probe's name has before its owner's.
const PROBE: &str = ".encrypted-replication-probe-";

impl Court {
    /// Looks for what a Delete that succeeded has left behind.
    pub fn looks_for_leftovers(&self, resource: Resource<'_>, succeeded: bool) {
        let Resource { stack, owner, .. } = resource;
        let mut left = {
            let state = self.world.state();
            grants(&state, owner)
        };
        let others = self.names_of_others(owner);
        let now = Instant::now();
        // What somebody else is about to use does not have to go.
        if !self.oracle().is_stirred(Some(stack), now, now) {
            let state = self.world.state();
            left.extend(things_left(&state, resource, succeeded, &others));
        }
        let mut oracle = self.oracle();
        for seen in left {
            oracle.breaks(
                "goes-when-asked",
                format!("after the Delete of {owner}: {seen}"),
            );
        }
    }

    /// A resource that is made again is refused for nothing that it left behind itself.
    pub fn weighs_refusal(
        &self,
        Resource {
            owner, template, ..
        }: Resource<'_>,
        reason: &str,
    ) {
        let mut buckets: Vec<&str> = template.rules.iter().map(|rule| rule.destination).collect();
        buckets.push(template.source);
        buckets.dedup();
        let scheduled: Vec<String> = {
            let state = self.world.state();
            let own = buckets
                .into_iter()
                .filter_map(|bucket| own_key(&state, owner, bucket));
            let about_to_go = own.filter(|arn| {
                let key = state.keys.get(arn);
                key.is_some_and(|key| key.state == "PendingDeletion")
            });
            about_to_go.collect()
        };
        let mut oracle = self.oracle();
        for key in scheduled {
            let hand = oracle.last_hand(&Thing::Key(key.clone()));
            if matches!(hand, Some((Who::Us, _))) && reason.contains(&key) {
                let seen = format!("{owner} has scheduled {key} itself, and is refused: {reason}");
                oracle.breaks("made-again", seen);
            }
        }
    }

    /// In the end, when every stack is gone: nothing that was left behind for others may be there.
    pub fn looks_for_words(&self) {
        let left: Vec<String> = {
            let state = self.world.state();
            let is_ours =
                |name: &str| owner_in(name.rsplit('/').next().unwrap_or_default()).is_some();
            let all = parameters(&state).map(|((_, name), _)| name.clone());
            all.filter(|name| is_ours(name)).collect()
        };
        let mut oracle = self.oracle();
        for name in left {
            oracle.breaks(
                "goes-when-asked",
                format!("in the end: the parameter {name}"),
            );
        }
    }

    /// … nor may a probe, wherever a rule took it.
    pub fn looks_for_probes(&self) {
        let left: Vec<(String, String)> = {
            let state = self.world.state();
            let all = state.buckets.iter().flat_map(|(name, bucket)| {
                let versions = bucket.versions.iter();
                versions.map(move |version| (version.key.clone(), name.clone()))
            });
            all.collect()
        };
        let mut oracle = self.oracle();
        for (key, bucket) in left {
            let Some((_, whose)) = key.split_once(PROBE) else {
                continue;
            };
            // Where another's rule took it to another account, nobody may act who wrote it.
            let is_home = account_of(&bucket) == ACCOUNT;
            let claim = owner_in(whose).and_then(|owner| oracle.claims.get(owner));
            let mut rights = claim.iter().flat_map(|claim| &claim.rights);
            if is_home || rights.any(|right| right.destination == bucket) {
                let seen = format!("in the end: the probe {key} in {bucket}");
                oracle.breaks("goes-when-asked", seen);
            }
        }
    }

    /// Buckets that other stacks want, or wanted a moment ago.
    fn names_of_others(&self, owner: &str) -> Vec<&'static str> {
        let oracle = self.oracle();
        let others = oracle.claims.iter().filter(|(name, _)| *name != owner);
        let mut names = Vec::new();
        for (_, claim) in others {
            names.extend(claim.wanted.iter().map(|wanted| wanted.source));
            let open = claim.rights.iter().filter(|right| right.until.is_none());
            names.extend(open.flat_map(|right| [right.source, right.destination]));
        }
        names
    }
}

fn things_left(
    state: &State,
    Resource {
        owner, template, ..
    }: Resource<'_>,
    succeeded: bool,
    others: &[&str],
) -> Vec<String> {
    let mut left = Vec::new();
    let role = state.roles.get(template.source);
    let role = role.filter(|role| role.arn.contains(":role/encrypted-replication/"));
    let free = role.is_some_and(|role| role.policies.written().is_empty());
    if free && !is_named(state, template.source) {
        left.push(format!("the role {}, which nobody uses", template.source));
    }
    let takes_buckets = template.delete_buckets || !succeeded;
    let takes_keys = template.delete_keys || !succeeded;
    let mut names: Vec<&str> = template.rules.iter().map(|rule| rule.destination).collect();
    names.push(template.source);
    names.dedup();
    for name in names {
        if others.contains(&name) || is_named(state, name) {
            continue;
        }
        let bucket = state.buckets.get(name);
        let ours = bucket.is_some_and(|bucket| {
            let mut tags = bucket.tags.iter();
            tags.any(|tag| tag.key == "encrypted-replication:owner" && tag.value == owner)
        });
        let empty = bucket.is_none_or(|bucket| bucket.versions.is_empty());
        if takes_buckets && ours && empty {
            left.push(format!("the bucket {name}, which it made and nobody names"));
        }
        let Some(key) = own_key(state, owner, name) else {
            continue;
        };
        let alive = state
            .keys
            .get(&key)
            .is_some_and(|key| key.state == "Enabled");
        let default = state.buckets.values().any(|bucket| {
            let default = bucket.encryption.as_ref();
            default.is_some_and(|default| default.kms_key.as_deref() == Some(&key))
        });
        let used = state.buckets.values().any(|bucket| {
            bucket
                .versions
                .iter()
                .any(|version| version.kms_key.as_deref() == Some(&key))
        });
        if takes_keys && alive && empty && !default && !used {
            left.push(format!(
                "the key {key} of {name}, which it made and nobody names"
            ));
        }
    }
    left
}

/// The parameters of all accounts.
pub(super) fn parameters(state: &State) -> impl Iterator<Item = (&(String, String), &String)> {
    let foreign = state.foreign_parameters.values().flatten();
    state.parameters.iter().chain(foreign)
}

/// Whether a rule leads to or from a bucket, or an expectation is about it.
fn is_named(state: &State, name: &str) -> bool {
    let rules = state.buckets.iter().any(|(source, bucket)| {
        let configuration = bucket.replication.written().as_ref();
        configuration.is_some_and(|configuration| {
            source == name
                || configuration
                    .rules
                    .iter()
                    .any(|rule| bucket_of(&rule.destination.bucket) == Some(name))
        })
    });
    let below = format!("/encrypted-replication/{name}/");
    let mut parameters = parameters(state);
    rules
        || parameters
            .any(|((_, parameter), text)| parameter.starts_with(&below) && !is_left_behind(text))
}

/// Whether a parameter is what an owner left behind, for as long as others speak of the bucket.
fn is_left_behind(text: &str) -> bool {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let rules = document["rules"].as_array().cloned().unwrap_or_default();
    let ended = rules
        .iter()
        .all(|rule| rule["until"].is_string() && rule["enabled"].is_null());
    document["left"].is_string() && ended
}

/// Whether anybody speaks of the bucket that a parameter is about.
fn is_spoken_of(state: &State, region: &str, parameter: &str) -> bool {
    let path = parameter.rsplit_once('/').map_or("", |(path, _)| path);
    let mut parameters = parameters(state);
    parameters.any(|((there, name), text)| {
        there == region
            && name.rsplit_once('/').is_some_and(|(one, _)| one == path)
            && !is_left_behind(text)
    })
}

/// What grants or costs and bears the owner's name.
fn grants(state: &State, owner: &str) -> Vec<String> {
    let mut left = Vec::new();
    for (name, bucket) in &state.buckets {
        let configuration = bucket.replication.written().as_ref();
        let rules = configuration.map_or(&[][..], |found| &found.rules);
        let ours = rules.iter().filter(|rule| rule.id.starts_with(owner));
        left.extend(ours.map(|rule| format!("rule {} of {name}", rule.id)));
        let queues = bucket.notifications.queues.iter();
        let ours = queues.filter(|one| one.id.starts_with(owner));
        left.extend(ours.map(|one| format!("notification {} of {name}", one.id)));
        if bucket
            .policy
            .as_ref()
            .is_some_and(|policy| policy.contains(owner))
        {
            left.push(format!("a statement in the policy of {name}"));
        }
    }
    for (name, role) in &state.roles {
        let named = state.buckets.values().any(|bucket| {
            let configuration = bucket.replication.written().as_ref();
            configuration.is_some_and(|found| role_of(&found.role) == Some(name))
        });
        let mut policies = role.policies.written().keys();
        if policies.any(|policy| policy.starts_with(owner)) && !named {
            left.push(format!("a policy on the role {name}"));
        }
        if name.starts_with(owner) {
            left.push(format!("the role {name}"));
        }
    }
    for (arn, key) in &state.keys {
        if key.policy.contains(owner) {
            left.push(format!("a statement in the policy of {arn}"));
        }
    }
    for ((region, name), text) in parameters(state) {
        let kept = is_left_behind(text) && is_spoken_of(state, region, name);
        if name.contains(owner) && !kept {
            left.push(format!("the parameter {name} in {region}"));
        }
    }
    left
}
