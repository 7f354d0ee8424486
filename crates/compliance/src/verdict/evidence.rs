//! What a judgement rests on.

use aws_names::{Home, KeyArn, KeyName};
use expectation::{Algorithm, Time};

use crate::ports::Observed;

/// Who said which key is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// `EXPECTED_KMS_KEY_ARNS` in the function's environment.
    Environment,
    /// The bucket's parameters under `/encrypted-replication/`.
    Registry,
    /// The bucket's default encryption, where somebody said that it counts.
    BucketDefault,
    /// The replication rules that lead to the bucket, for who has them at hand.
    Rules,
}

impl Authority {
    /// As verdicts spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Registry => "registry",
            Self::BucketDefault => "bucket-default",
            Self::Rules => "replication-rules",
        }
    }
}

/// What a replica should be encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Who says so.
    pub from: Authority,
    /// Any of these keys.
    pub keys: Vec<Allowed>,
    /// Until when more than one owner speaks of the object; `None`: never.
    pub several_owners: Option<Time>,
}

/// One allowed key, and for which replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// The key.
    pub key: ExpectedKey,
    /// The kind of KMS encryption that is demanded; `None`: either.
    pub algorithm: Option<Algorithm>,
    /// How it stands today.
    pub standing: Standing,
    /// From when on it was right, where somebody says it.
    pub since: Option<Time>,
    /// Until when it was right; `None`: it is today.
    pub until: Option<Time>,
    /// Whether its rule asks for more than the object's key tells, so that it may be about other objects.
    pub conditional: bool,
}

/// How an allowed key stands today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// A rule in force names it.
    Current,
    /// Only disabled rules speak of the object: of what was there before they were.
    Disabled,
    /// It was right once, and another one is today.
    Former,
}

impl Allowed {
    /// A key that is right today, whatever the kind of encryption.
    #[must_use]
    pub fn current(key: ExpectedKey) -> Self {
        Self {
            key,
            algorithm: None,
            standing: Standing::Current,
            since: None,
            until: None,
            conditional: false,
        }
    }

    /// Whether it was right for a replica that S3 calls `last_modified`, and that arrived at `arrived`
    /// where that is known. A replica bears the time of its source object, which is never later than its
    /// arrival: it shows that the key came too late, and not that it came too early. What is unknown is
    /// no reason for a finding.
    #[must_use]
    pub fn spoke_of(&self, last_modified: Option<Time>, arrived: Option<Time>) -> bool {
        let late = |until| last_modified.is_some_and(|time| time > until);
        let early = |since| arrived.is_some_and(|time| time < since);
        // A key of today is right whenever the replica was made.
        self.until
            .is_none_or(|until| !late(until) && !self.since.is_some_and(early))
    }
}

/// A key as far as its name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedKey {
    /// Known by its ARN.
    Known(KeyArn),
    /// An id, with no account and Region to look for it in.
    Id(String),
    /// An alias that KMS did not resolve, and why not.
    Unresolved {
        /// The alias as it was written.
        alias: String,
        /// What KMS answered; `None` where there is no such alias.
        refusal: Option<String>,
    },
}

impl ExpectedKey {
    /// The key as the verdict line names it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Known(arn) => arn.text(),
            Self::Id(id) => id.clone(),
            Self::Unresolved { alias, .. } => alias.clone(),
        }
    }

    /// The key that a name means in its owner's account, as far as that needs no call; `None` for an
    /// alias.
    #[must_use]
    pub fn without_asking(name: &KeyName, owner: Option<&Home>) -> Option<Self> {
        match (name, owner) {
            (KeyName::Arn(arn), _) => Some(Self::Known(arn.clone())),
            (KeyName::Id(id), Some(home)) => Some(Self::Known(home.key(id))),
            (KeyName::Id(id), None) => Some(Self::Id(id.clone())),
            (KeyName::Alias(_) | KeyName::AliasArn(_), _) => None,
        }
    }
}

/// The observed key, resolved as far as it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObservedKey {
    /// Known by its ARN.
    Known(KeyArn),
    /// Named by S3 in a way that does not lead to an ARN.
    Named(String),
}

impl ObservedKey {
    /// The key as the words name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Known(arn) => arn.to_string(),
            Self::Named(name) => name.clone(),
        }
    }
}

/// Whether the observed key can decrypt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// `Enabled`, or another state in which the key works.
    Usable,
    /// `Disabled`, `PendingDeletion`, …
    Unusable(String),
    /// KMS knows no such key.
    Missing,
    /// KMS would not say; with the reason.
    Unknown(String),
}

/// All that a judgement rests on.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// What S3 said.
    pub observed: &'a Observed,
    /// When the replica arrived, where an event says it.
    pub arrived: Option<Time>,
    /// The observed key, where there is one.
    pub key: Option<&'a ObservedKey>,
    /// The state of the observed key.
    pub key_state: &'a KeyState,
    /// Whether AWS manages the observed key, where KMS said it.
    pub aws_managed: Option<bool>,
    /// What was expected; `None` where nothing says which key is right.
    pub expected: Option<&'a Expected>,
    /// The bucket's Region, where it is known.
    pub region: Option<&'a str>,
}
