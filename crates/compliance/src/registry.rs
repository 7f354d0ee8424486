//! Which keys are right for a replica: the registry's documents, and the choice among their rules.

use std::collections::{BTreeMap, BTreeSet};

use aws_names::{KeyName, KeyNameError};
use expectation::{Algorithm, Document, Incomplete, ReadError, Time};

use crate::ports::RegistryParameter;
use crate::subject::Key;
use crate::verdict::Standing;

/// Seconds that a rule may still decide after another one of higher priority is said to: that is said before
/// the rule is put, in a request of up to 15 minutes, and S3 takes its time over it. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>.
const STILL_BY_THE_OLD_RULE: i64 = 60 * 60;

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
    /// Until when more than one owner speaks of the object: of one that was made later, one at most does.
    /// `None`: never.
    pub several_owners: Option<Time>,
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

/// The two owners who speak longest, and until when. Every replica is asked about: a map of all would be made each
/// time.
#[derive(Default)]
struct Lasting {
    first: Option<(usize, Time)>,
    second: Option<(usize, Time)>,
}

impl Lasting {
    fn hear(&mut self, owner: usize, until: Time) {
        let said = Some((owner, until));
        let is_of = |one: Option<(usize, Time)>| one.is_some_and(|(known, _)| known == owner);
        let is_longer = |one: Option<(usize, Time)>| one.is_none_or(|(_, last)| until > last);
        if is_of(self.first) {
            if is_longer(self.first) {
                self.first = said;
            }
        } else if is_longer(self.first) {
            self.second = self.first;
            self.first = said;
        } else if is_longer(self.second) {
            self.second = said;
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
        let mut lasting = Lasting::default();
        let mut disabled = false;
        for rule in self.rules.iter().filter(fitting) {
            lasting.hear(rule.owner, rule.until.unwrap_or(Time::from_secs(i64::MAX)));
            disabled |= rule.disabled;
            if !rule.disabled && rule.until.is_some() {
                word.say(Said::by(rule, Standing::Former));
            }
        }
        word.several_owners = lasting.second.map(|(_, until)| until);
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
                Outranked::Since(since) => {
                    let end = Time::from_secs(since.secs().saturating_add(STILL_BY_THE_OLD_RULE));
                    self.say(Said {
                        until: Some(rule.until.map_or(end, |until| until.min(end))),
                        ..Said::by(rule, Standing::Former)
                    });
                }
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
mod tests;
