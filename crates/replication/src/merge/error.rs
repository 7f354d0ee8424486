//! Why ours cannot join what is there.

use thiserror::Error;

use crate::fault::{About, Fault, FaultKind};

/// Why ours cannot join what is there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum MergeError {
    /// A bucket has one role for all rules, and other rules use another one.
    #[error(
        "the bucket's {foreign} other rule(s) use role `{role}`, and a bucket has one replication role; \
         give that role as `Role`, with the permissions our rules need, or move those rules into this resource"
    )]
    ForeignRole {
        /// The role that is there.
        role: String,
        /// How many rules use it.
        foreign: usize,
    },
    /// A rule in the V1 schema.
    #[error(
        "the bucket's rule `{id}` is in S3's V1 schema, which allows one destination only and cannot stand \
         beside rules with a Filter; give it `Filter`, `Priority` and `DeleteMarkerReplication` first"
    )]
    V1Rule {
        /// The rule's `ID`.
        id: String,
    },
    /// A priority that the template asks for is taken.
    #[error(
        "priority {priority} of rule `{ours}` is the priority of the bucket's rule `{theirs}` too; choose another, \
         or leave `Priority` out to get a free one"
    )]
    PriorityTaken {
        /// The priority.
        priority: i32,
        /// Our rule.
        ours: String,
        /// The rule that has it.
        theirs: String,
    },
    /// S3 takes 1,000 rules.
    #[error("the bucket would have {rules} replication rules, S3 takes at most 1000")]
    TooMany {
        /// How many there would be.
        rules: usize,
    },
    /// The policy that is there is none.
    #[error("its present policy cannot be read: {0}")]
    UnreadablePolicy(String),
    /// The policy would be no JSON.
    #[error("its policy cannot be written: {0}")]
    UnwritablePolicy(String),
}

impl MergeError {
    /// The fault that it is of what it is `about`.
    #[must_use]
    pub fn fault(&self, about: About) -> Fault {
        let kind = match self {
            Self::ForeignRole { .. } | Self::V1Rule { .. } | Self::PriorityTaken { .. } => {
                FaultKind::Occupied
            }
            Self::TooMany { .. } => FaultKind::Limit,
            Self::UnreadablePolicy(_) | Self::UnwritablePolicy(_) => FaultKind::Unreadable,
        };
        Fault::of(about, kind, self)
    }
}
