//! What was seen of others' rules when the resource was last created or updated: its word, which is kept in
//! its record. Whatever the rules say later is drift until an Update takes it for the new word. Pure.

use expectation::{Rule, Time};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::configuration::{Filter, ReplicationRule, Status};
use crate::plan::Said;
use crate::spec::Site;
use aws_names::{Arn, digest};

/// Digits of the digest that stands for tags and exclusions.
const CONDITION: usize = 12;

/// What was seen, and what the request that saw it answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Word {
    /// When.
    pub at: Time,
    /// Type and id of the request: delivered again, it is answered as before.
    pub request: String,
    /// The attribute `Changes`.
    pub changes: String,
    /// What a person should know of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
    /// ARN of the role that S3 assumes.
    pub role: String,
    /// The rules.
    pub rules: Vec<SeenRule>,
    /// `RuleIds` of rules that are not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Where something of ours is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<Site>,
}

/// A rule, as far as it says which replicas are right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenRule {
    /// Its `ID`.
    pub id: String,
    /// Name of the destination bucket.
    pub bucket: String,
    /// The destination's account, where the rule says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whether it is in force.
    pub status: Status,
    /// Start of the keys that it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
    /// What else it asks for, as a digest: tags, exclusions, what is not understood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Its priority.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Whether it takes objects that are encrypted with KMS.
    pub kms: bool,
    /// The key that it names for replicas, as it names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<String>,
    /// Whether S3 is to take the related multi-Region key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub related: bool,
    /// Whether it has metrics, without which S3 tells no failures.
    pub metrics: bool,
    /// ARN of the key that is right for its replicas, or why it cannot be watched.
    pub key: Key,
}

/// Which key is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Key {
    /// The one with this ARN.
    Arn(String),
    /// Nobody can tell, for this reason.
    Unwatched(String),
}

/// How a rule names the key of its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Naming<'a> {
    /// By its ARN, which says it all.
    Arn(&'a str),
    /// By an alias or an id, which has to be looked up.
    Other(&'a str),
    /// In no way that tells one key, for this reason.
    None(&'static str),
}

impl SeenRule {
    /// What a rule says itself.
    pub(crate) fn of(rule: &ReplicationRule, key: Key) -> Self {
        let destination = &rule.destination;
        let on = |status: Option<Status>| status == Some(Status::Enabled);
        let metrics = destination.metrics.as_ref();
        Self {
            id: rule.id.clone(),
            bucket: destination.bucket_name().to_owned(),
            account: destination.account.clone(),
            status: rule.status,
            prefix: rule.covered_prefix().to_owned(),
            condition: condition(rule),
            priority: rule.priority,
            kms: on(rule.sse_kms_encrypted_objects),
            named: destination.replica_kms_key_id.clone(),
            related: on(destination.use_source_multi_region_key),
            metrics: metrics.is_some_and(|metrics| metrics.status == Status::Enabled),
            key,
        }
    }

    /// Why it cannot be watched.
    #[must_use]
    pub fn unwatched(&self) -> Option<&str> {
        match &self.key {
            Key::Arn(_) => None,
            Key::Unwatched(why) => Some(why),
        }
    }

    /// The line of an expectation that it comes to.
    pub(crate) fn said(&self) -> Option<Said> {
        let Key::Arn(key) = &self.key else {
            return None;
        };
        let line = Rule {
            id: self.id.clone(),
            prefix: self.prefix.clone(),
            kms_key_arn: key.clone(),
            priority: self.priority,
            conditional: self.condition.is_some(),
            ..Rule::default()
        };
        let enabled = self.status == Status::Enabled;
        Some(Said {
            line,
            enabled,
            in_place: true,
        })
    }
}

/// How a rule names the key of its replicas.
pub(crate) fn naming(rule: &ReplicationRule) -> Naming<'_> {
    if rule.sse_kms_encrypted_objects != Some(Status::Enabled) {
        return Naming::None(
            "takes no objects that are encrypted with KMS (`SseKmsEncryptedObjects` is not Enabled), so that no key is \
             right for its replicas",
        );
    }
    let related = rule.destination.use_source_multi_region_key == Some(Status::Enabled);
    match rule.destination.replica_kms_key_id.as_deref() {
        None if related => Naming::None(
            "replicates under the related multi-Region key of whichever key a source object has, so that no one key is \
             right; name one by `ReplicaKmsKeyID` beside `UseSourceMultiRegionKey`",
        ),
        None => Naming::None(
            "names no key for replicas (`ReplicaKmsKeyID`), so that nobody says which is right",
        ),
        Some(key) if Arn::parse(key).is_some_and(|arn| arn.is_kms_key()) => Naming::Arn(key),
        Some(key) => Naming::Other(key),
    }
}

/// A digest of all but the prefix that a rule's filter asks for, the same in whichever order it is said.
fn condition(rule: &ReplicationRule) -> Option<String> {
    if !rule.is_conditional() {
        return None;
    }
    let filter = rule.filter.clone().unwrap_or_default();
    let Filter { mut tags, not, .. } = filter;
    let (mut prefixes, mut not_tags) = (not.prefixes, not.tags);
    tags.sort();
    prefixes.sort();
    not_tags.sort();
    let text = json!([tags, prefixes, not_tags, rule.as_read.unknown]).to_string();
    let mut digits = digest::hex([text.as_str()]);
    digits.truncate(CONDITION);
    Some(digits)
}

impl Word {
    /// Names of the rules that are watched.
    pub(crate) fn watched(&self) -> impl Iterator<Item = &SeenRule> {
        self.rules.iter().filter(|rule| rule.unwatched().is_none())
    }

    /// Rules that cannot be watched, each with the reason, in words.
    #[must_use]
    pub fn unwatched(&self) -> Vec<String> {
        let rules = self.rules.iter();
        let told =
            rules.filter_map(|rule| Some(format!("rule `{}` {}", rule.id, rule.unwatched()?)));
        told.collect()
    }

    /// How the rules, seen `now`, differ from what was seen then; in words.
    #[must_use]
    pub fn differences(&self, now: &Self) -> Vec<String> {
        let mut told = Vec::new();
        if self.role != now.role && !now.rules.is_empty() {
            told.push(format!(
                "the rules replicate by role `{}`, and did by `{}`",
                now.role, self.role
            ));
        }
        for was in &self.rules {
            match now.rules.iter().find(|rule| rule.id == was.id) {
                None => told.push(format!("rule `{}` is gone", was.id)),
                Some(is) => told.extend(changes(was, is)),
            }
        }
        let known = |rule: &&SeenRule| self.rules.iter().any(|was| was.id == rule.id);
        let new = now.rules.iter().filter(|rule| !known(rule));
        told.extend(new.map(|rule| {
            let to = &rule.bucket;
            format!("rule `{}` to bucket `{to}` is there, and was not", rule.id)
        }));
        told
    }
}

/// What became of one rule.
fn changes(was: &SeenRule, is: &SeenRule) -> Vec<String> {
    let text = |value: &dyn std::fmt::Display| format!("`{value}`");
    let number = |priority: Option<i32>| {
        priority.map_or_else(|| "none".to_owned(), |number| number.to_string())
    };
    let key = |rule: &SeenRule| match (&rule.key, &rule.named) {
        (Key::Arn(arn), Some(named)) if arn != named => format!("`{named}`, which is `{arn}`"),
        (Key::Arn(arn), _) => text(arn),
        (Key::Unwatched(_), Some(named)) => text(named),
        (Key::Unwatched(_), None) => "none".to_owned(),
    };
    let yes = |is: bool| if is { "Enabled" } else { "Disabled" }.to_owned();
    let status = |rule: &SeenRule| format!("{:?}", rule.status);
    let members = [
        ("status", status(was), status(is)),
        ("prefix", text(&was.prefix), text(&is.prefix)),
        ("priority", number(was.priority), number(is.priority)),
        ("destination", text(&was.bucket), text(&is.bucket)),
        ("key for replicas", key(was), key(is)),
        ("`SseKmsEncryptedObjects`", yes(was.kms), yes(is.kms)),
        (
            "`UseSourceMultiRegionKey`",
            yes(was.related),
            yes(is.related),
        ),
        ("`Metrics`", yes(was.metrics), yes(is.metrics)),
    ];
    let id = &is.id;
    let mut told: Vec<_> = members
        .into_iter()
        .filter(|(_, was, is)| was != is)
        .map(|(member, was, is)| format!("rule `{id}` has {member} {is}, and had {was}"))
        .collect();
    if was.condition != is.condition {
        told.push(format!(
            "rule `{id}` has other tags or exclusions than it had"
        ));
    }
    let account = |rule: &SeenRule| rule.account.clone().unwrap_or_default();
    if account(was) != account(is) {
        told.push(format!(
            "rule `{id}` has another destination account than it had"
        ));
    }
    match (was.unwatched(), is.unwatched()) {
        (None, Some(why)) if told.is_empty() => {
            told.push(format!("rule `{id}` cannot be watched any more: it {why}"));
        }
        (Some(_), None) if told.is_empty() => {
            told.push(format!("rule `{id}` can be watched, and could not"));
        }
        _ => {}
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::Tag;

    const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/1";

    fn seen(change: impl FnOnce(&mut ReplicationRule)) -> Word {
        let mut rule = ReplicationRule::example("tax", "Tax/");
        rule.destination.replica_kms_key_id = Some(KEY.into());
        change(&mut rule);
        let key = match naming(&rule) {
            Naming::Arn(arn) | Naming::Other(arn) => Key::Arn(arn.to_owned()),
            Naming::None(why) => Key::Unwatched(why.to_owned()),
        };
        Word {
            role: "role".into(),
            rules: vec![SeenRule::of(&rule, key)],
            ..Word::default()
        }
    }

    fn tagged(tags: [(&str, &str); 2]) -> Word {
        let tag = |(key, value): (&str, &str)| Tag {
            key: key.into(),
            value: value.into(),
        };
        seen(|rule| rule.filter.as_mut().unwrap().tags = tags.map(tag).to_vec())
    }

    #[test]
    fn what_means_the_same_is_no_difference() {
        let was = seen(|_| {});
        let same = seen(|rule| {
            rule.destination.storage_class = Some("GLACIER_IR".into());
            rule.delete_marker_replication = Some(Status::Enabled);
        });
        assert_eq!(was.differences(&same), Vec::<String>::new());
        let (one, other) = (
            tagged([("a", "1"), ("b", "2")]),
            tagged([("b", "2"), ("a", "1")]),
        );
        assert_eq!(one.differences(&other), Vec::<String>::new());
    }

    #[test]
    fn each_member_that_tells_which_key_is_right_is_told() {
        let was = seen(|_| {});
        let told = |change: fn(&mut ReplicationRule)| was.differences(&seen(change));
        let other = "arn:aws:kms:us-west-2:111122223333:key/2";
        assert_eq!(
            told(|rule| rule.destination.replica_kms_key_id =
                Some("arn:aws:kms:us-west-2:111122223333:key/2".into())),
            [format!(
                "rule `tax` has key for replicas `{other}`, and had `{KEY}`"
            )]
        );
        assert_eq!(
            told(|rule| rule.status = Status::Disabled),
            ["rule `tax` has status Disabled, and had Enabled"]
        );
        assert_eq!(
            told(|rule| rule.priority = None),
            ["rule `tax` has priority none, and had 1"]
        );
        assert_eq!(
            told(|rule| rule.filter.as_mut().unwrap().prefix = "Tax".into()),
            ["rule `tax` has prefix `Tax`, and had `Tax/`"]
        );
        assert_eq!(
            told(|rule| rule.sse_kms_encrypted_objects = None)
                .last()
                .unwrap(),
            "rule `tax` has `SseKmsEncryptedObjects` Disabled, and had Enabled"
        );
        assert_eq!(
            was.differences(&tagged([("a", "1"), ("b", "2")])),
            ["rule `tax` has other tags or exclusions than it had"]
        );
        assert_eq!(
            told(|rule| rule.id = "new".into()),
            [
                "rule `tax` is gone",
                "rule `new` to bucket `destination` is there, and was not"
            ]
        );
    }

    #[test]
    fn a_rule_of_the_older_schema_says_its_prefix() {
        let mut rule = ReplicationRule::example("old", "");
        (rule.filter, rule.prefix, rule.priority) = (None, Some("old/".into()), None);
        rule.destination.replica_kms_key_id = Some(KEY.into());
        let said = SeenRule::of(&rule, Key::Arn(KEY.into())).said().unwrap();
        assert_eq!(
            (said.line.prefix.as_str(), said.line.priority),
            ("old/", None)
        );
        assert!(!said.line.conditional);
    }
}
