//! Who names a thing, and the thing that stays for that reason.

use std::fmt;

use crate::owner::Owner;

/// One who names a thing, or why nobody can know that no one does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The default encryption of a bucket, which every upload goes by that names no key.
    DefaultEncryption {
        /// The bucket.
        bucket: String,
    },
    /// A replication rule that is not the owner's: another resource's, or anybody's.
    Rule {
        /// The bucket whose configuration it is in.
        bucket: String,
        /// Its `ID`.
        id: String,
    },
    /// An expectation of another owner's.
    Expectation {
        /// The parameter.
        name: String,
    },
    /// What another resource was asked for.
    Resource {
        /// ARN of its stack, or its owner where the record does not say.
        stack: String,
        /// Its name in the template.
        logical_id: String,
    },
    /// A policy of others on the role of ours.
    RolePolicy {
        /// Its name.
        policy: String,
    },
    /// A stack has taken over the thing.
    Stack {
        /// Its name.
        name: String,
    },
    /// The bucket that a key encrypts holds versions or delete markers.
    Versions {
        /// The bucket.
        bucket: String,
    },
    /// The bucket that a key encrypts cannot be looked at.
    Hidden {
        /// The bucket.
        bucket: String,
    },
    /// The thing bears no tag of the owner's: somebody put the alias on another key.
    NotOurs,
}

impl Claim {
    /// Whether it is a rule that no resource of ours stands behind.
    #[must_use]
    pub fn is_nobodys(&self) -> bool {
        matches!(self, Self::Rule { id, .. } if Owner::at_start_of(id).is_none())
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DefaultEncryption { bucket } => {
                write!(f, "the default encryption of bucket `{bucket}` names it")
            }
            Self::Rule { bucket, id } => {
                write!(f, "rule `{id}` of bucket `{bucket}` needs it")
            }
            Self::Expectation { name } => write!(f, "parameter `{name}` names it"),
            Self::Resource { stack, logical_id } => {
                write!(f, "resource `{logical_id}` of stack `{stack}` names it")
            }
            Self::RolePolicy { policy } => write!(f, "role policy `{policy}` names it"),
            Self::Stack { name } => write!(f, "stack `{name}` manages it"),
            Self::Versions { bucket } => write!(
                f,
                "bucket `{bucket}` holds object versions or delete markers"
            ),
            Self::Hidden { bucket } => write!(f, "bucket `{bucket}` cannot be looked at"),
            Self::NotOurs => f.write_str("it bears no owner's tag of this resource"),
        }
    }
}

/// A thing that stays though it was to go, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// What it is.
    pub thing: String,
    /// Who names it.
    pub claims: Vec<Claim>,
}

impl Kept {
    /// The thing, if anybody names it.
    #[must_use]
    pub fn where_claimed(thing: String, claims: Vec<Claim>) -> Option<Self> {
        (!claims.is_empty()).then_some(Self { thing, claims })
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// The others are as many words as a reader needs to find them.
        const MOST: usize = 3;
        let mut claims: Vec<_> = self
            .claims
            .iter()
            .take(MOST)
            .map(Claim::to_string)
            .collect();
        if let Some(more @ 1..) = self.claims.len().checked_sub(MOST) {
            claims.push(format!("{more} more"));
        }
        write!(f, "{} stays: {}", self.thing, claims.join(", "))
    }
}
