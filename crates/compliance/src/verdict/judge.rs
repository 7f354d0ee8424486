//! The judgement on an object that could be looked at: a pure function.

use super::text;
use super::{Judgement, Kind};
use crate::expectation::Authority;
use crate::key_arn::{Home, KeyArn, KeyName};
use crate::ports::Observed;

/// What a replica should be encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Who says so.
    pub from: Authority,
    /// Any of these keys; never empty.
    pub keys: Vec<ExpectedKey>,
}

/// One allowed key.
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
            Self::Known(arn) => arn.to_string(),
            Self::Id(id) => id.clone(),
            Self::Unresolved { alias, .. } => alias.clone(),
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

/// Whether the replication status is a replica's.
///
/// `PENDING` and `FAILED` are a replica's too, while replica modification sync carries a change of
/// it back; S3 shows the same for an object written straight into a bucket that has rules of its
/// own, and the two cannot be told apart.
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>.
#[must_use]
pub(crate) fn is_replica(status: Option<&str>) -> bool {
    matches!(status, Some("REPLICA" | "PENDING" | "FAILED"))
}

/// Judges an object that is there.
#[must_use]
pub fn judge_object(evidence: Evidence<'_>) -> Judgement {
    let status = evidence.observed.replication_status.as_deref();
    if !is_replica(status) {
        return text::not_replica(status);
    }
    let Some(expected) = evidence.expected else {
        return text::no_expectation();
    };
    let judgement = match evidence.observed.algorithm.as_deref() {
        Some("aws:kms" | "aws:kms:dsse") => judge_key(evidence, expected),
        other => text::wrong_algorithm(other),
    };
    text::with_status(judgement, status)
}

fn judge_key(evidence: Evidence<'_>, expected: &Expected) -> Judgement {
    let Some(key) = evidence.key else {
        return text::no_key_named();
    };
    if expected.keys.iter().any(|allowed| same_key(allowed, key)) {
        return match evidence.key_state {
            KeyState::Usable => Judgement::new(Kind::Compliant, text::COMPLIANT),
            KeyState::Unknown(why) => text::compliant_state_unknown(why),
            KeyState::Unusable(state) => text::key_unusable(key, state),
            KeyState::Missing => text::key_missing(key),
        };
    }
    // An alias nobody could resolve may well be this key: that is no finding yet.
    for allowed in &expected.keys {
        if let ExpectedKey::Unresolved { alias, refusal } = allowed {
            return text::unresolved(alias, refusal.as_deref());
        }
    }
    text::wrong_key(evidence, expected, key)
}

fn same_key(allowed: &ExpectedKey, observed: &ObservedKey) -> bool {
    match (allowed, observed) {
        (ExpectedKey::Known(allowed), ObservedKey::Known(observed)) => allowed == observed,
        (ExpectedKey::Known(arn), ObservedKey::Named(name)) => arn.id == *name,
        // Without a home, an id says all there is to know, unless the key may be in other Regions.
        (ExpectedKey::Id(id), ObservedKey::Known(arn)) => arn.id == *id && !arn.is_multi_region(),
        (ExpectedKey::Id(id), ObservedKey::Named(name)) => id == name,
        (ExpectedKey::Unresolved { .. }, _) => false,
    }
}

impl ExpectedKey {
    /// The key that a name means, as far as that needs no call; `None` for an alias.
    #[must_use]
    pub fn without_asking(name: &KeyName, home: Option<&Home>) -> Option<Self> {
        match (name, home) {
            (KeyName::Arn(arn), _) => Some(Self::Known(arn.clone())),
            (KeyName::Id(id), Some(home)) => Some(Self::Known(home.key(id))),
            (KeyName::Id(id), None) => Some(Self::Id(id.clone())),
            (KeyName::Alias(_), _) => None,
        }
    }
}
