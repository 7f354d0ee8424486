//! `Healthy`, `IN_SYNC`, an empty Plan and a proof are true.

use std::collections::BTreeMap;
use std::time::Duration;

use replication::configuration::{ReplicationRule, Status};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::claims::own_key;
use super::{Court, Resource};
use crate::stage::owner_in;
use crate::story::{TAG, Template, key_arn};
use aws_in_memory::people::{Asked, Upload, Who};
use aws_in_memory::things::is_kms;

/// How the world stands when a question is asked.
#[derive(Clone, Debug)]
pub struct Before {
    pub at: Instant,
    /// What bears the owner's name, when it was last put in order.
    pub in_order: Option<BTreeMap<String, String>>,
}

impl Court {
    /// What bears an owner's name, or has to be so for its rules.
    #[must_use]
    pub fn of_owner(&self, owner: &str, template: &Template) -> BTreeMap<String, String> {
        let state = self.world.state();
        let mut found = BTreeMap::new();
        let source = template.source;
        if let Some(bucket) = state.buckets.get(source) {
            found.insert("versioning".to_owned(), format!("{:?}", bucket.versioning));
            let rules = bucket.replication.written().as_ref();
            for rule in rules.map_or(&[][..], |found| &found.rules) {
                if owner_in(&rule.id) == Some(owner) {
                    found.insert(format!("rule {}", rule.id), format!("{rule:?}"));
                }
            }
            found.insert(
                "role".to_owned(),
                rules.map(|found| found.role.clone()).unwrap_or_default(),
            );
        }
        let ours = template.role.is_none().then(|| state.roles.get(source));
        if let Some(role) = ours.flatten() {
            found.insert("trust".to_owned(), role.trust_policy.clone());
            for (policy, document) in role.policies.written() {
                if owner_in(policy) == Some(owner) {
                    found.insert(format!("policy {policy}"), document.clone());
                }
            }
        }
        for rule in &template.rules {
            let name = rule.destination;
            if let Some(bucket) = state.buckets.get(name) {
                found.insert(
                    format!("versioning {name}"),
                    format!("{:?}", bucket.versioning),
                );
                let events = bucket.notifications.event_bridge;
                found.insert(format!("events {name}"), events.to_string());
            }
            let key = rule
                .key
                .map_or_else(|| own_key(&state, owner, name), |key| Some(key_arn(key)));
            let key = key.and_then(|arn| state.keys.get(&arn).map(|key| key.state.clone()));
            found.insert(format!("key {}", rule.id), format!("{key:?}"));
        }
        let buckets = state.buckets.iter();
        let buckets = buckets.map(|(name, bucket)| (name, bucket.policy.as_deref()));
        let keys = state.keys.iter();
        let keys = keys.map(|(arn, key)| (arn, Some(key.policy.as_str())));
        for (thing, policy) in buckets.chain(keys) {
            for statement in super::ground::statements(policy) {
                let sid = statement["Sid"].as_str().unwrap_or_default();
                if owner_in(sid) == Some(owner) {
                    found.insert(format!("{sid} of {thing}"), statement.to_string());
                }
            }
        }
        for ((region, name), value) in super::leftovers::parameters(&state) {
            if name.contains(owner) && !name.contains("/_") {
                found.insert(format!("{region} {name}"), value.clone());
            }
        }
        found
    }

    /// Uploads one ordinary object under each enabled rule that is said to work, and sees whether it arrives
    /// under the rule's key.
    pub async fn tries(
        &self,
        said: &'static str,
        Resource {
            stack,
            owner,
            template,
        }: Resource<'_>,
        but: &[String],
        from: Instant,
    ) {
        let mut tried = Vec::new();
        for rule in template.rules.iter().filter(|rule| rule.enabled) {
            if but.contains(&format!("{owner}-{}", rule.id)) {
                continue;
            }
            let wanted = {
                let state = self.world.state();
                let Some(bucket) = state.buckets.get(template.source) else {
                    continue;
                };
                let by_kms = bucket.encryption.as_ref().is_some_and(is_kms);
                let key = rule.key.map_or_else(
                    || own_key(&state, owner, rule.destination),
                    |key| Some(key_arn(key)),
                );
                let asked = match template.source_keys.first() {
                    Some(name) if !by_kms => Asked::Key(key_arn(name)),
                    _ => Asked::Nothing,
                };
                (key, asked)
            };
            let (key, asked) = wanted;
            let tags = rule.tagged.then(|| replication::configuration::Tag {
                key: TAG.0.into(),
                value: TAG.1.into(),
            });
            let upload = Upload {
                bucket: template.source.to_owned(),
                key: format!("{}{said}-{}", rule.prefix, rule.id),
                tags: tags.into_iter().collect(),
                asked,
                who: Who::Somebody,
            };
            let id = self.uploads(&upload);
            tried.push((rule, key, upload.key, id));
        }
        let after = self.world.state().replicates_after.unwrap_or_default();
        sleep(after + Duration::from_secs(1)).await;
        let mut seen = Vec::new();
        {
            let state = self.world.state();
            for (rule, key, object, id) in tried {
                let bucket = state.buckets.get(rule.destination);
                let arrived = bucket.and_then(|bucket| {
                    let mut all = bucket.versions.iter();
                    all.find(|one| one.key == object && Some(&one.id) == id.as_ref())
                });
                let under = arrived.map(|one| one.kms_key.clone());
                if under != Some(key.clone()) {
                    let under = under.map_or("did not arrive".to_owned(), |key| {
                        format!(
                            "arrived under {}",
                            key.unwrap_or_else(|| "SSE-S3".to_owned())
                        )
                    });
                    let key = key.unwrap_or_else(|| "a key of its own".to_owned());
                    seen.push(format!(
                        "rule {} to {}: an ordinary {object} {under}, not under {key}",
                        rule.id, rule.destination
                    ));
                }
            }
        }
        let mut oracle = self.oracle();
        // A proof has waited until S3 goes by what was written; a look has not.
        let but = (said == "proof-true").then_some(stack);
        if oracle.is_stirred(but, from, Instant::now()) {
            return;
        }
        oracle.counts.one(said);
        for seen in seen {
            oracle.breaks(said, seen);
        }
    }

    /// A rule of an owner that can never decide, as somebody else's above it takes all its objects.
    fn outranked(&self, owner: &str, template: &Template) -> Option<String> {
        let state = self.world.state();
        let configuration = state.buckets.get(template.source)?.replication.written();
        let rules = &configuration.as_ref()?.rules;
        let is_ours = |rule: &&ReplicationRule| owner_in(&rule.id) == Some(owner);
        let ours = rules.iter().filter(is_ours).filter(|rule| is_enabled(rule));
        let mut taken = ours.filter_map(|rule| {
            let above = above(rule, rules).filter(|above| !is_ours(above))?;
            Some(format!(
                "rule {} takes all objects of {}",
                above.id, rule.id
            ))
        });
        taken.next()
    }

    /// `Required` leaves no rule unproved that objects go by.
    pub fn weighs_required(
        &self,
        (stack, owner): (usize, &str),
        template: &Template,
        unproved: &str,
        from: Instant,
    ) {
        let left: Vec<String> = {
            let state = self.world.state();
            if state.keys.values().any(|key| key.state != "Enabled") {
                return;
            }
            let source = state.buckets.get(template.source);
            let configuration = source.and_then(|source| source.replication.written().as_ref());
            let rules = configuration.map_or(&[][..], |found| &found.rules);
            let left = rules.iter().filter(|rule| {
                owner_in(&rule.id) == Some(owner)
                    && unproved.split(',').any(|id| id == rule.id)
                    && is_enabled(rule)
                    && above(rule, rules).is_none()
            });
            left.map(|rule| rule.id.clone()).collect()
        };
        let mut oracle = self.oracle();
        if oracle.is_stirred(Some(stack), from, Instant::now()) {
            return;
        }
        for rule in left {
            let seen = format!("stack {stack} requires a proof, and rule {rule} has none");
            oracle.breaks("proof-true", seen);
        }
    }

    /// Whether a role that stacks share has another boundary than one of them asked for and got.
    pub fn weighs_boundary(&self, stack: usize, source: &str, from: Instant) {
        let is = {
            let state = self.world.state();
            let role = state.roles.get(source);
            role.and_then(|role| role.permissions_boundary.clone())
        };
        let mut oracle = self.oracle();
        if oracle.is_stirred(Some(stack), from, Instant::now()) {
            return;
        }
        let asked = oracle.claims.values().filter(|claim| {
            claim.stack != stack && claim.rights.iter().any(|right| right.told.is_some())
        });
        let asked = asked.filter_map(|claim| claim.wanted.as_ref());
        let asked = asked.filter(|wanted| wanted.source == source && wanted.role.is_none());
        let mut asked = asked.filter_map(|wanted| wanted.boundary);
        let other = asked.find(|asked| {
            let is = is.as_deref().unwrap_or_default();
            !is.ends_with(&format!(":policy/{asked}"))
        });
        if let Some(other) = other {
            let seen = format!(
                "stack {stack} made {is:?} the boundary of role {source}, for which another one asks {other}"
            );
            oracle.breaks("others-untouched", seen);
        }
    }

    /// Whether what drift or a plan says fits what happened since all was in order.
    pub fn weighs_look(
        &self,
        what: &str,
        Resource {
            stack,
            owner,
            template,
        }: Resource<'_>,
        before: &Before,
        (asked, answer): (Instant, &Value),
    ) {
        let now = self.of_owner(owner, template);
        let outranked = self.outranked(owner, template);
        let mut oracle = self.oracle();
        // Somebody in the middle of a change is nobody's fault.
        if oracle.is_stirred(Some(stack), asked, Instant::now()) {
            return;
        }
        let Some(in_order) = &before.in_order else {
            return;
        };
        let well = |name: &str| {
            name.starts_with("key ") && now.get(name).is_some_and(|is| is.contains("Enabled"))
        };
        let differs = in_order
            .iter()
            .find(|(name, value)| now.get(*name) != Some(value) && !well(name));
        let clean = if what == "drift" {
            let resources = answer["Resources"].as_array().cloned().unwrap_or_default();
            let id = format!("/{owner}");
            let found = resources.into_iter().find(|one| {
                one["PhysicalResourceId"]
                    .as_str()
                    .is_some_and(|text| text.ends_with(&id))
            });
            match found.as_ref().and_then(|one| one["Result"].as_str()) {
                Some("IN_SYNC") => true,
                Some("DRIFTED") => false,
                _ => return,
            }
        } else {
            let none = |name: &str| answer[name].as_array().is_none_or(Vec::is_empty);
            none("Faults") && none("Phases")
        };
        oracle.counts.one("looks");
        if let (true, "drift", Some(seen)) = (clean, what, outranked) {
            oracle.breaks("in-sync", format!("drift finds nothing, but {seen}"));
        }
        if let (true, Some((name, value))) = (clean, differs) {
            let is = now.get(name).map_or("gone", String::as_str);
            let seen = format!("{what} finds nothing, but {name} was {value} and is {is}");
            oracle.breaks("in-sync", seen);
        }
    }
}

fn is_enabled(rule: &ReplicationRule) -> bool {
    rule.status == Status::Enabled
}

/// The rule that takes all objects of another one to the same bucket.
fn above<'a>(rule: &ReplicationRule, rules: &'a [ReplicationRule]) -> Option<&'a ReplicationRule> {
    let prefix = |rule: &ReplicationRule| rule.filter.as_ref().map(|one| one.prefix.clone());
    let is_plain = |rule: &ReplicationRule| {
        let filter = rule.filter.as_ref();
        filter.is_some_and(|filter| {
            let not = &filter.not;
            filter.tags.is_empty() && not.prefixes.is_empty() && not.tags.is_empty()
        })
    };
    rules.iter().find(|above| {
        let prefixes = prefix(above).zip(prefix(rule));
        is_enabled(above)
            && above.priority > rule.priority
            && above.destination.bucket == rule.destination.bucket
            && is_plain(above)
            && prefixes.is_some_and(|(above, own)| own.starts_with(&above))
    })
}
