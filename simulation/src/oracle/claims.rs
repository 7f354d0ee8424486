//! What stacks ask for: who says which key is right for which objects, and since when.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use super::{Court, Oracle};
use crate::story::{TAG, Template, key_arn, region_of};
use aws_in_memory::State;

/// One owner's word, as its template has it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The stack's number.
    pub stack: usize,
    /// What was asked for last; `None` once it is to go.
    pub wanted: Option<Template>,
    /// What is or was right.
    pub rights: Vec<Right>,
    /// Whether what exists was ever to be replicated.
    pub existing: bool,
    /// From when to when its word stood without its rules, as somebody took them away.
    pub unruled: Vec<(Instant, Option<Instant>)>,
    /// The keys that the role of its own takes, once it stands in the place of somebody's.
    pub takes_alone: Option<BTreeSet<String>>,
}

/// A rule's key, and when it is or was right.
#[derive(Clone, Debug)]
pub struct Right {
    pub source: &'static str,
    pub destination: &'static str,
    pub id: &'static str,
    pub prefix: &'static str,
    pub tagged: bool,
    pub enabled: bool,
    /// By ARN; `None` where the key of the resource's own is not known yet.
    pub key: Option<String>,
    pub from: Instant,
    pub until: Option<Instant>,
    /// When a request began that asks for it no more.
    pub ends: Option<Instant>,
    /// When a request first succeeded that asked for it.
    pub told: Option<Instant>,
}

impl Claim {
    /// Whether its word stood without its rules just then.
    pub(super) fn is_unruled(&self, at: Instant) -> bool {
        let mut unruled = self.unruled.iter();
        unruled.any(|(from, ended)| *from <= at && ended.is_none_or(|ended| at <= ended))
    }
}

impl Right {
    /// Whether an object of this key falls under the rule.
    #[must_use]
    pub fn covers(&self, key: &str, tagged: bool) -> bool {
        key.starts_with(self.prefix) && (tagged || !self.tagged)
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.source, self.destination, self.id) == (other.source, other.destination, other.id)
            && (self.prefix, self.tagged, self.enabled)
                == (other.prefix, other.tagged, other.enabled)
            && self.key == other.key
    }
}

/// The key that a resource made for a bucket bears this alias, as SEMANTICS says.
pub(super) fn own_key(state: &State, owner: &str, bucket: &str) -> Option<String> {
    let alias = format!("alias/encrypted-replication/{owner}/{bucket}");
    let place = (region_of(bucket).to_owned(), alias);
    state.aliases.get(&place).cloned()
}

impl Court {
    /// A request begins that asks for this; `None`: to have it go.
    pub fn wants(&self, stack: usize, owner: &str, template: Option<&Template>) {
        let rights = self.rights(owner, template);
        let own_role = template.filter(|template| template.role.is_none());
        let takes = own_role.map(|template| self.keys_taken(owner, template));
        let mut oracle = self.oracle();
        let claim = oracle
            .claims
            .entry(owner.to_owned())
            .or_insert_with(|| Claim {
                stack,
                wanted: None,
                rights: Vec::new(),
                existing: false,
                unruled: Vec::new(),
                takes_alone: None,
            });
        let before = claim.wanted.as_ref();
        let had_role = before.is_some_and(|before| before.role.is_some());
        if let Some(takes) = takes.filter(|_| had_role || claim.takes_alone.is_some()) {
            claim.takes_alone.get_or_insert_default().extend(takes);
        }
        claim.existing |= template.is_some_and(|template| template.existing);
        claim.wanted = template.cloned();
        for known in &mut claim.rights {
            let stays = rights.iter().any(|right| right.is_same(known));
            known.ends = match known.ends {
                _ if stays => None,
                None => Some(Instant::now()),
                ends => ends,
            };
        }
        for right in rights {
            let known = claim.rights.iter_mut().find(|known| known.is_same(&right));
            match known {
                Some(known) => known.until = None,
                None => claim.rights.push(right),
            }
        }
    }

    /// A request has succeeded: what it asked for is what is right from now on, and nothing else.
    pub fn settled(&self, owner: &str, template: Option<&Template>) {
        let rights = self.rights(owner, template);
        let mut oracle = self.oracle();
        let Some(claim) = oracle.claims.get_mut(owner) else {
            return;
        };
        let now = Instant::now();
        if let Some((_, ended)) = claim.unruled.last_mut() {
            ended.get_or_insert(now);
        }
        if template.is_some_and(|template| template.role.is_some()) {
            claim.takes_alone = None;
        }
        for known in &mut claim.rights {
            let found = rights.iter().find(|right| {
                known.key.is_none()
                    && known.is_same(&Right {
                        key: None,
                        ..(*right).clone()
                    })
            });
            if let Some(found) = found {
                known.key.clone_from(&found.key);
            }
            let stays = rights.iter().any(|right| right.is_same(known));
            if !stays && known.until.is_none() {
                known.until = Some(now);
            }
            if stays {
                known.told.get_or_insert(now);
            }
        }
        for right in rights {
            if !claim
                .rights
                .iter()
                .any(|known| known.is_same(&right) && known.until.is_none())
            {
                let told = Some(now);
                claim.rights.push(Right { told, ..right });
            }
        }
    }

    /// Somebody takes the rules of all stacks off a bucket. What they said stands until each is changed.
    pub fn unrules(&self, source: &str) {
        let now = Instant::now();
        for claim in self.oracle().claims.values_mut() {
            let mut rights = claim.rights.iter();
            if rights.any(|right| right.source == source) {
                claim.unruled.push((now, None));
            }
        }
    }

    /// The keys of source objects that a role of the resource's own takes, as SEMANTICS says.
    fn keys_taken(&self, owner: &str, template: &Template) -> Vec<String> {
        let named = template.source_keys.iter().map(|name| key_arn(name));
        let mut takes: Vec<String> = named.collect();
        if takes.is_empty() {
            let state = self.world.state();
            let source = state.buckets.get(template.source);
            let default = source.and_then(|source| source.encryption.as_ref());
            takes.extend(default.and_then(|default| default.kms_key.clone()));
            takes.extend(own_key(&state, owner, template.source));
        }
        takes
    }

    fn rights(&self, owner: &str, template: Option<&Template>) -> Vec<Right> {
        let Some(template) = template else {
            return Vec::new();
        };
        let state = self.world.state();
        let rules = template.rules.iter().map(|rule| Right {
            source: template.source,
            destination: rule.destination,
            id: rule.id,
            prefix: rule.prefix,
            tagged: rule.tagged,
            enabled: rule.enabled,
            key: match rule.key {
                Some(name) => Some(key_arn(name)),
                None => own_key(&state, owner, rule.destination),
            },
            from: Instant::now(),
            until: None,
            ends: None,
            told: None,
        });
        rules.collect()
    }

    /// What must be so in every answer.
    pub fn answered(&self, answers: &[Value], id: Option<&str>, took: Duration, what: &str) {
        let mut oracle = self.oracle();
        let Some(first) = answers.first() else {
            oracle.breaks("one-answer", format!("{what}: no answer"));
            return;
        };
        if answers.len() > 1 {
            oracle.breaks("one-answer", format!("{what}: {} answers", answers.len()));
        }
        if took > Duration::from_secs(crate::cloudformation::FUNCTION_SECONDS) {
            oracle.breaks("one-answer", format!("{what}: after {} s", took.as_secs()));
        }
        let answered = first["PhysicalResourceId"].as_str().unwrap_or_default();
        let failed = first["Status"] != "SUCCESS";
        if let Some(id) = id.filter(|id| failed && *id != answered) {
            oracle.breaks(
                "right-id",
                format!("{what}: {id} was answered as {answered}"),
            );
        }
        if answered.is_empty() {
            oracle.breaks("right-id", format!("{what}: no id"));
        }
        let reason = first["Reason"].as_str().unwrap_or_default();
        if failed && reason.is_empty() {
            oracle.breaks("one-answer", format!("{what}: no reason"));
        }
        if reason.contains("panicked") {
            oracle.breaks("one-answer", format!("{what}: {reason}"));
        }
    }
}

impl Oracle {
    /// Whether the rule with this id in the bucket is one that its stack wants no more.
    #[must_use]
    pub fn is_asked_away(&self, rule: &str, destination: &str) -> bool {
        let Some(owner) = crate::stage::owner_in(rule) else {
            return false;
        };
        let Some(claim) = self.claims.get(owner) else {
            return false;
        };
        let Some(wanted) = &claim.wanted else {
            return true;
        };
        let id = rule.get(23..).unwrap_or_default();
        !wanted.rules.iter().any(|one| {
            one.id == id && one.enabled && destination.ends_with(&format!(":{}", one.destination))
        })
    }

    /// All words about an object of a source in a destination, of every owner.
    pub(super) fn words<'a>(
        &'a self,
        source: &'a str,
        destination: &'a str,
        (key, tagged): (&'a str, bool),
    ) -> impl Iterator<Item = (&'a String, &'a Right)> {
        self.claims.iter().flat_map(move |(owner, claim)| {
            let about = claim.rights.iter().filter(move |right| {
                (right.source, right.destination) == (source, destination)
                    && right.enabled
                    && right.covers(key, tagged)
            });
            about.map(move |right| (owner, right))
        })
    }
}

/// Whether an object has the tag.
pub(super) fn is_tagged(tags: &[replication::configuration::Tag]) -> bool {
    tags.iter()
        .any(|tag| (tag.key.as_str(), tag.value.as_str()) == TAG)
}
