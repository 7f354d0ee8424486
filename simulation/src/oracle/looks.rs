//! `Healthy`, `IN_SYNC`, an empty Plan and a proof are true.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::Court;
use super::claims::own_key;
use crate::aws::people::{Asked, Upload, Who};
use crate::aws::state::is_kms;
use crate::stage::owner_in;
use crate::story::{TAG, Template, key_arn};

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
        if let Some(role) = state.roles.get(source) {
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
        for ((region, name), value) in &state.parameters {
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
        (stack, owner): (usize, &str),
        template: &Template,
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
        if oracle.is_stirred(Some(stack), from, Instant::now()) {
            return;
        }
        oracle.counts.one(said);
        for seen in seen {
            oracle.breaks(said, seen);
        }
    }

    /// Whether what drift or a plan says fits what happened since all was in order.
    pub fn weighs_look(
        &self,
        what: &str,
        (stack, owner): (usize, &str),
        template: &Template,
        before: &Before,
        asked: Instant,
        answer: &Value,
    ) {
        let now = self.of_owner(owner, template);
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
        if let (true, Some((name, value))) = (clean, differs) {
            let is = now.get(name).map_or("gone", String::as_str);
            let seen = format!("{what} finds nothing, but {name} was {value} and is {is}");
            oracle.breaks("in-sync", seen);
        }
    }
}
