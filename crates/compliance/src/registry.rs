//! Which keys are right for a replica: the registry's documents, and the choice among their rules.

use std::collections::{BTreeMap, BTreeSet};

use aws_names::{KeyName, KeyNameError};
use expectation::{Algorithm, Document, Incomplete, ReadError, Time};

use crate::ports::RegistryParameter;
use crate::subject::Key;
use crate::verdict::Standing;

/// Why a registry cannot be used. Nothing is judged by half a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegistryError {
    /// No document, or one of another schema.
    #[error("SSM parameter {parameter} {problem}")]
    Document {
        /// The parameter's name.
        parameter: String,
        /// What is wrong with it.
        problem: ReadError,
    },
    /// A key that is none.
    #[error("SSM parameter {parameter}: `{key}` is {problem}")]
    Key {
        /// The parameter's name.
        parameter: String,
        /// The key's name.
        key: String,
        /// What is wrong with it.
        problem: KeyNameError,
    },
    /// A set of which a part is missing.
    #[error(transparent)]
    Incomplete(#[from] Incomplete),
}

/// All rules about one bucket, of every owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Numbers of its owner and its source.
    owner: usize,
    source: usize,
    prefix: String,
    key: KeyName,
    priority: Option<i32>,
    conditional: bool,
    disabled: bool,
    since: Option<Time>,
    until: Option<Time>,
    algorithm: Option<Algorithm>,
}

/// What the registry says about one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Word<'a> {
    /// The keys that are right, or were.
    pub keys: Vec<Said<'a>>,
    /// Whether more than one owner speaks of the object.
    pub several_owners: bool,
}

/// One key that is right, or was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Said<'a> {
    /// The key's name.
    pub key: &'a KeyName,
    /// The kind of KMS encryption that is demanded.
    pub algorithm: Option<Algorithm>,
    /// How it stands today.
    pub standing: Standing,
    /// From when on it was right.
    pub since: Option<Time>,
    /// Until when.
    pub until: Option<Time>,
    /// Whether it may be about other objects, as the key does not tell all that its rule asks for.
    pub conditional: bool,
}

impl<'a> Said<'a> {
    fn by(rule: &'a Rule, standing: Standing) -> Self {
        Self {
            key: &rule.key,
            algorithm: rule.algorithm,
            standing,
            since: rule.since,
            until: rule.until,
            conditional: rule.conditional,
        }
    }
}

impl Registry {
    /// Reads all of a bucket's parameters.
    ///
    /// # Errors
    /// The first parameter's that cannot be read, and a set that is not whole.
    pub fn read(parameters: &[RegistryParameter]) -> Result<Self, RegistryError> {
        let documents = parameters.iter().map(|parameter| {
            Document::read(&parameter.value).map_err(|problem| RegistryError::Document {
                parameter: parameter.name.clone(),
                problem,
            })
        });
        let documents: Vec<Document> = documents.collect::<Result<_, _>>()?;
        let names = parameters.iter().map(|one| one.name.as_str());
        let mut owners: BTreeMap<&str, Vec<&Document>> = BTreeMap::new();
        for (name, document) in names.zip(&documents) {
            owners
                .entry(owner(name, document))
                .or_default()
                .push(document);
        }
        for set in owners.values() {
            expectation::whole(set.iter().copied())?;
        }
        let owners: Vec<String> = owners.into_keys().map(str::to_owned).collect();
        let sources: BTreeSet<String> = documents.iter().map(|one| one.source.clone()).collect();
        let mut rules = Vec::new();
        for (parameter, document) in parameters.iter().zip(documents) {
            let owner = owner(&parameter.name, &document);
            let owner = owners.iter().position(|one| one == owner);
            let source = sources.iter().position(|one| *one == document.source);
            for rule in document.rules {
                let key =
                    KeyName::parse(&rule.kms_key_arn).map_err(|problem| RegistryError::Key {
                        parameter: parameter.name.clone(),
                        key: rule.kms_key_arn,
                        problem,
                    })?;
                rules.push(Rule {
                    owner: owner.unwrap_or_default(),
                    source: source.unwrap_or_default(),
                    prefix: rule.prefix,
                    key,
                    priority: rule.priority,
                    conditional: rule.conditional,
                    disabled: rule.disabled,
                    since: rule.since,
                    until: rule.until,
                    algorithm: rule.algorithm,
                });
            }
        }
        // The order in which rules are weighed: by source, highest priority first, and among those
        // without one the longest prefix.
        rules.sort_by(|a, b| {
            let rank = |rule: &Rule| (rule.source, rule.priority.is_none());
            let weight = |rule: &Rule| (rule.priority, rule.prefix.len());
            rank(a).cmp(&rank(b)).then(weight(b).cmp(&weight(a)))
        });
        Ok(Self { rules })
    }

    /// What is said about an object. No keys where no rule speaks of it.
    ///
    /// Rules in force come first; disabled ones speak where no other does. A rule with an `until` names a
    /// key that was right. See the crate `expectation` for what weighs what.
    #[must_use]
    pub fn word_on(&self, object: &Key) -> Word<'_> {
        let object = object.as_str();
        let fitting = |rule: &&Rule| object.starts_with(&rule.prefix);
        let mut word = Word::default();
        let mut owners = None;
        let mut disabled = false;
        for rule in self.rules.iter().filter(fitting) {
            word.several_owners |= *owners.get_or_insert(rule.owner) != rule.owner;
            disabled |= rule.disabled;
            if !rule.disabled && rule.until.is_some() {
                word.say(Said::by(rule, Standing::Former));
            }
        }
        let in_force = |rule: &&Rule| !rule.disabled && rule.until.is_none();
        let before = word.keys.len();
        word.weigh(
            self.rules.iter().filter(fitting).filter(in_force),
            Standing::Current,
        );
        if disabled {
            let disabled = self
                .rules
                .iter()
                .filter(fitting)
                .filter(|rule| rule.disabled);
            if word.keys.len() == before {
                word.weigh(disabled, Standing::Disabled);
            } else {
                // They are silent, but for what was there while they were in force.
                let once = disabled.filter(|rule| rule.until.is_some());
                for rule in once {
                    word.say(Said::by(rule, Standing::Former));
                }
            }
        }
        word
    }
}

impl<'a> Word<'a> {
    fn say(&mut self, said: Said<'a>) {
        let same = |one: &&mut Said<'a>| {
            Said {
                conditional: said.conditional,
                ..**one
            } == said
        };
        match self.keys.iter_mut().find(same) {
            Some(one) => one.conditional &= said.conditional,
            None => self.keys.push(said),
        }
    }

    /// Adds the keys of those that decide among `rules`, which are in the order of [`Registry::read`]:
    /// for each source the highest priority that covers the object, and what comes after rules whose
    /// filter the key does not tell. One that came after another was there already outranks it only for
    /// objects since.
    fn weigh(&mut self, rules: impl Iterator<Item = &'a Rule>, standing: Standing) {
        let mut source = None;
        let mut higher = Outranked::Never;
        // Of the priority that is being looked at.
        let (mut priority, mut same) = (None, Outranked::Never);
        let mut longest = None;
        for rule in rules {
            if source != Some(rule.source) {
                source = Some(rule.source);
                (higher, priority, same, longest) =
                    (Outranked::Never, None, Outranked::Never, None);
            }
            if rule.priority.is_none() {
                if *longest.get_or_insert(rule.prefix.len()) == rule.prefix.len() {
                    self.say(Said::by(rule, standing));
                }
                continue;
            }
            if priority != rule.priority {
                higher = higher.or(same);
                (priority, same) = (rule.priority, Outranked::Never);
            }
            match higher {
                Outranked::Never => self.say(Said::by(rule, standing)),
                Outranked::Since(since) => self.say(Said {
                    until: Some(rule.until.map_or(since, |until| until.min(since))),
                    ..Said::by(rule, Standing::Former)
                }),
                Outranked::Always => {}
            }
            if !rule.conditional {
                same = same.or(rule.since.map_or(Outranked::Always, Outranked::Since));
            }
        }
    }
}

/// Since when rules of a higher priority decide.
#[derive(Clone, Copy)]
enum Outranked {
    Never,
    Since(Time),
    Always,
}

impl Outranked {
    /// The earlier of both.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, either) | (either, Self::Never) => either,
            (Self::Always, _) | (_, Self::Always) => Self::Always,
            (Self::Since(one), Self::Since(another)) => Self::Since(one.min(another)),
        }
    }
}

/// The owner in a parameter's name: the last part, without the number that a set goes on with, as in
/// `OWNER-2`, which the document bears too.
fn owner<'a>(name: &'a str, document: &Document) -> &'a str {
    match (document.part, name.rsplit_once('-')) {
        (Some(part), Some((stem, number))) if number == part.to_string() => stem,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use expectation::SCHEMA;
    use serde_json::{Value, json};

    use super::*;

    const K1: &str = "arn:aws:kms:us-west-2:111122223333:key/11111111";
    const K2: &str = "arn:aws:kms:us-west-2:111122223333:key/22222222";
    const K3: &str = "arn:aws:kms:us-west-2:111122223333:key/33333333";

    fn parameter(owner: &str, rules: &Value) -> RegistryParameter {
        let value = json!({
            "schema": SCHEMA, "source": "arn:aws:s3:::source", "rules": rules, "later": {"x": 1},
        });
        let name = format!("/encrypted-replication/destination/{owner}");
        RegistryParameter {
            name,
            value: value.to_string(),
        }
    }

    fn keys(registry: &Registry, object: &str) -> Vec<String> {
        said(registry, object, Standing::Current)
    }

    fn said(registry: &Registry, object: &str, standing: Standing) -> Vec<String> {
        let object = Key::from_plain(object).unwrap();
        let word = registry.word_on(&object);
        let keys = word.keys.iter().filter(|said| said.standing == standing);
        keys.map(|said| said.key.to_string()).collect()
    }

    #[test]
    fn the_longest_prefix_wins_across_owners_and_equal_ones_allow_any_key() {
        let registry = Registry::read(&[
            parameter(
                "a",
                &json!([
                    {"id": "all", "prefix": "", "kmsKeyArn": K1},
                    {"id": "tax", "prefix": "Tax/", "kmsKeyArn": K2},
                ]),
            ),
            parameter(
                "b",
                &json!([
                    {"id": "tax", "prefix": "Tax/", "kmsKeyArn": K3},
                    {"id": "again", "prefix": "Tax/", "kmsKeyArn": K2},
                ]),
            ),
        ])
        .unwrap();
        assert_eq!(keys(&registry, "Tax/document1"), [K2, K3]);
        assert_eq!(keys(&registry, "Tax"), [K1]);
        assert_eq!(keys(&registry, "tax/document1"), [K1]);
    }

    #[test]
    fn no_rule_that_fits_allows_no_key() {
        let registry = Registry::read(&[parameter(
            "a",
            &json!([{"prefix": "Tax/", "kmsKeyArn": K1}]),
        )])
        .unwrap();
        assert_eq!(keys(&registry, "Other/document1"), Vec::<String>::new());
        assert_eq!(
            keys(&Registry::default(), "Tax/document1"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_rule_without_prefix_speaks_of_every_object() {
        let registry = Registry::read(&[parameter("a", &json!([{"kmsKeyArn": K1}]))]).unwrap();
        assert_eq!(keys(&registry, "Ümläut"), [K1]);
    }

    #[test]
    fn one_bad_document_makes_the_whole_registry_unusable() {
        let good = parameter("a", &json!([{"kmsKeyArn": K1}]));
        let with = |value: &str| {
            let bad = RegistryParameter {
                name: "/e/b/bad".to_owned(),
                value: value.to_owned(),
            };
            Registry::read(&[good.clone(), bad])
                .unwrap_err()
                .to_string()
        };
        assert!(with("{").starts_with("SSM parameter /e/b/bad is not an expectation document: "));
        assert_eq!(
            with(r#"{"schema":"encrypted-replication/expectation/2","rules":[]}"#),
            "SSM parameter /e/b/bad has schema `encrypted-replication/expectation/2`, and only \
             `encrypted-replication/expectation/1` is known",
        );
        assert_eq!(
            with(r#"{"rules":[]}"#),
            "SSM parameter /e/b/bad has schema ``, and only `encrypted-replication/expectation/1` \
             is known",
        );
        assert_eq!(
            with(&format!(
                r#"{{"schema":"{SCHEMA}","rules":[{{"kmsKeyArn":"a key"}}]}}"#
            )),
            "SSM parameter /e/b/bad: `a key` is not the ARN of a KMS key or alias, a key id or an \
             alias name",
        );
        assert!(with(&format!(r#"{{"schema":"{SCHEMA}"}}"#)).contains("missing field `rules`"));
    }

    fn of_source(source: &str, owner: &str, rules: &Value) -> RegistryParameter {
        let document = json!({"schema": SCHEMA, "source": source, "rules": rules});
        RegistryParameter {
            value: document.to_string(),
            ..parameter(owner, &json!([]))
        }
    }

    #[test]
    fn owners_of_one_source_are_weighed_by_priority_and_sources_do_not_compete() {
        let all = json!([{"kmsKeyArn": K1, "priority": 1}]);
        let tax = json!([{"prefix": "Tax/", "kmsKeyArn": K2, "priority": 2}]);
        let read = |sources: [&str; 2], first: &Value, second: &Value| {
            Registry::read(&[
                of_source(sources[0], "a", first),
                of_source(sources[1], "b", second),
            ])
            .unwrap()
        };
        let registry = read(["s", "s"], &all, &tax);
        assert_eq!(keys(&registry, "Tax/1"), [K2]);
        assert_eq!(keys(&registry, "Other"), [K1]);
        // The shorter prefix outranks the longer one, as in S3.
        let wide = json!([{"kmsKeyArn": K1, "priority": 3}]);
        assert_eq!(keys(&read(["s", "s"], &wide, &tax), "Tax/1"), [K1]);
        // Another source's replicas arrive under that source's rule.
        assert_eq!(keys(&read(["s", "t"], &wide, &tax), "Tax/1"), [K1, K2]);
        // One that says nothing of priorities cannot be weighed.
        let plain = json!([{"prefix": "T", "kmsKeyArn": K3}]);
        assert_eq!(keys(&read(["s", "s"], &plain, &tax), "Tax/1"), [K2, K3]);
    }

    #[test]
    fn a_conditional_rule_leaves_room_for_the_next() {
        let registry = Registry::read(&[parameter(
            "a",
            &json!([
                {"kmsKeyArn": K3, "priority": 1},
                {"kmsKeyArn": K2, "priority": 2},
                {"kmsKeyArn": K1, "priority": 3, "conditional": true},
            ]),
        )])
        .unwrap();
        assert_eq!(keys(&registry, "a"), [K1, K2]);
    }

    #[test]
    fn what_was_outranked_later_was_right_until_then() {
        let since = "2026-03-01T00:00:00Z";
        let registry = Registry::read(&[
            parameter("a", &json!([{"kmsKeyArn": K1, "priority": 1}])),
            parameter(
                "b",
                &json!([{"kmsKeyArn": K2, "priority": 2, "since": since}]),
            ),
        ])
        .unwrap();
        assert_eq!(keys(&registry, "a"), [K2]);
        assert_eq!(said(&registry, "a", Standing::Former), [K1]);
        let object = Key::from_plain("a").unwrap();
        let word = registry.word_on(&object);
        assert!(word.several_owners);
        assert_eq!(word.keys[1].until, Time::parse(since));
    }

    #[test]
    fn what_one_outranks_it_outranks_however_many_stand_between() {
        let since = "2026-03-01T00:00:00Z";
        let registry = Registry::read(&[parameter(
            "a",
            &json!([
                {"kmsKeyArn": K3, "priority": 12, "since": since},
                {"kmsKeyArn": K1, "priority": 3},
                {"kmsKeyArn": K2, "priority": 3, "conditional": true},
                {"kmsKeyArn": "alias/lowest", "priority": 1},
            ]),
        )])
        .unwrap();
        assert_eq!(keys(&registry, "a"), [K3]);
        assert_eq!(said(&registry, "a", Standing::Former), [K1, K2]);
    }

    #[test]
    fn a_disabled_rule_speaks_only_where_no_enabled_one_of_any_owner_does() {
        let off = |until: Option<&str>| {
            let mut rule = json!({"prefix": "Tax/", "kmsKeyArn": K1, "enabled": false});
            if let Some(until) = until {
                rule["until"] = until.into();
            }
            json!([rule])
        };
        let until = Some("2026-03-01T00:00:00Z");
        let alone = Registry::read(&[parameter("a", &off(until))]).unwrap();
        assert_eq!(said(&alone, "Tax/1", Standing::Disabled), [K1]);
        let on = parameter("b", &json!([{"kmsKeyArn": K2}]));
        let both = Registry::read(&[parameter("a", &off(None)), on.clone()]).unwrap();
        assert_eq!(keys(&both, "Tax/1"), [K2]);
        assert_eq!(said(&both, "Tax/1", Standing::Disabled), [""; 0]);
        assert_eq!(said(&both, "Tax/1", Standing::Former), [""; 0]);
        // What was there before it was disabled was right.
        let both = Registry::read(&[parameter("a", &off(until)), on]).unwrap();
        assert_eq!(keys(&both, "Tax/1"), [K2]);
        assert_eq!(said(&both, "Tax/1", Standing::Former), [K1]);
    }

    #[test]
    fn a_replaced_key_is_no_key_of_today_and_its_rule_silences_no_disabled_one() {
        let registry = Registry::read(&[parameter(
            "a",
            &json!([
                {"kmsKeyArn": K1, "until": "2026-03-01T00:00:00Z"},
                {"kmsKeyArn": K2, "since": "2026-03-01T00:00:00Z"},
            ]),
        )])
        .unwrap();
        assert_eq!(keys(&registry, "a"), [K2]);
        assert_eq!(said(&registry, "a", Standing::Former), [K1]);
        assert!(
            !registry
                .word_on(&Key::from_plain("a").unwrap())
                .several_owners
        );
    }

    #[test]
    fn a_set_over_several_parameters_is_of_one_owner_and_read_whole_or_not_at_all() {
        let part = |name: &str, number: usize| {
            let document = json!({"schema": SCHEMA, "source": "s", "part": number, "of": 2, "revision": "1",
                "rules": [{"kmsKeyArn": if number == 1 { K1 } else { K2 }}]});
            RegistryParameter {
                value: document.to_string(),
                ..parameter(name, &json!([]))
            }
        };
        let (first, second) = (part("er1", 1), part("er1-2", 2));
        let object = Key::from_plain("a").unwrap();
        let registry = Registry::read(&[first.clone(), second]).unwrap();
        assert_eq!(keys(&registry, "a"), [K1, K2]);
        assert!(!registry.word_on(&object).several_owners);
        let error = Registry::read(std::slice::from_ref(&first)).unwrap_err();
        assert!(
            error.to_string().contains("has 1 of its 2 parts"),
            "{error}"
        );
        // A name that ends in a number goes on with nobody's.
        let others = Registry::read(&[
            parameter("er2-7", &json!([{"kmsKeyArn": K1}])),
            parameter("er3", &json!([{"kmsKeyArn": K1}])),
        ]);
        assert!(others.unwrap().word_on(&object).several_owners);
    }
}
