//! What the configuration of buckets, keys and rules shows. Pure.

mod buckets;
mod keys;
mod rules;

pub(crate) use self::buckets::told_failures;
pub(super) use self::buckets::{
    FAILED, arrival_events, buckets, failure_events, is_for_all_under, source_encryption, takers,
    versioning,
};
pub(super) use self::keys::{keys, unusable};
pub(super) use self::rules::{difference, metrics, rules};

/// CloudFormation asks nothing of a resource whose properties are as they were.
pub(crate) const CHANGE_A_PROPERTY: &str =
    "update the stack with any property of the resource changed";
