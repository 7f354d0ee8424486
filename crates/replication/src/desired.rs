//! The spec with every name resolved: which keys, which Regions, which role. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::configuration::ReplicationRule;
use crate::fault::Fault;

/// The spec with every name resolved: which keys, which Regions, which role. Keys that are still to
/// be made are named by the ARN of their alias.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desired {
    /// ARN of the role that S3 assumes.
    pub role_arn: String,
    /// Keys of the source objects.
    pub source_keys: BTreeSet<String>,
    /// The key of an upload that names none: that of the source bucket's default encryption.
    pub ordinary_key: Option<String>,
    /// The rules as S3 takes them, except for priorities left open.
    pub rules: Vec<ReplicationRule>,
    /// Region of each destination bucket.
    pub regions: BTreeMap<String, String>,
    /// Destination buckets in other accounts that cannot be looked at: nothing is made there, and
    /// nothing proved.
    pub unseen: BTreeSet<String>,
    /// Whether the source bucket has Object Lock, whose settings are replicated too.
    pub object_lock: bool,
    /// Buckets whose default retention would keep a probe from being removed.
    pub retaining: BTreeSet<String>,
    /// Whether others use the source bucket's configuration too.
    pub shared: bool,
    /// Keys that S3 cannot use at present, and that a request did not bring in: whatever needs one of them
    /// cannot be proved.
    pub unusable: BTreeSet<String>,
    /// `ID`s of rules of ours that decide for nothing, by rules of others.
    pub outranked: BTreeSet<String>,
    /// What rules that no resource of ours stands behind rest on.
    pub(crate) by_hand: ByHand,
    /// What is there and cannot be used any more.
    pub(crate) broken: Vec<Fault>,
    /// What else a person should know of.
    pub(crate) warnings: Vec<Fault>,
    /// Keys to make: bucket and Region, by alias ARN.
    pub(crate) new_keys: BTreeMap<String, (String, String)>,
    /// Keys of ours whose deletion is to be taken back: bucket and Region, by ARN.
    pub(crate) restored_keys: BTreeMap<String, (String, String)>,
    /// Default encryption that the source bucket is to get.
    pub(crate) source_default: Option<String>,
}

/// One way that objects take: from a prefix of the source to a destination under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route<'a> {
    /// Start of the keys of the objects.
    pub prefix: &'a str,
    /// Name of the destination bucket.
    pub destination_bucket: &'a str,
    /// Region of the destination bucket.
    pub destination_region: &'a str,
    /// ARN of the key for the replicas; empty where none is used.
    pub replica_key: &'a str,
    /// Whether replicas are to belong to the destination's owner.
    pub owner_override: bool,
}

/// What rules that no resource of ours stands behind need of the permissions that are ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ByHand {
    /// Their `ID`s.
    pub(crate) rules: BTreeSet<String>,
    /// The ways that their objects take.
    pub(crate) ways: Vec<Way>,
    /// Keys of the source objects.
    pub(crate) source_keys: BTreeSet<String>,
}

/// A [`Route`] of somebody else's rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) prefix: String,
    pub(crate) bucket: String,
    pub(crate) region: String,
    pub(crate) key: String,
    pub(crate) owner_override: bool,
    /// Whether statements of ours in another account let it in there.
    pub(crate) granted: bool,
}

impl Way {
    pub(crate) fn route(&self) -> Route<'_> {
        Route {
            prefix: &self.prefix,
            destination_bucket: &self.bucket,
            destination_region: &self.region,
            replica_key: &self.key,
            owner_override: self.owner_override,
        }
    }
}

impl Desired {
    pub(crate) fn routes(&self) -> Vec<Route<'_>> {
        let routes = self.rules.iter().filter_map(|rule| {
            let bucket = rule.destination.bucket_name();
            Some(Route {
                prefix: rule.filter_prefix(),
                destination_bucket: bucket,
                destination_region: self.regions.get(bucket)?,
                replica_key: rule.destination.replica_kms_key_id.as_deref()?,
                owner_override: rule.destination.owner_override.is_some(),
            })
        });
        routes.collect()
    }

    pub(crate) fn first_key_for(&self, bucket: &str) -> Option<&String> {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.destination.bucket_name() == bucket)?;
        rule.destination.replica_kms_key_id.as_ref()
    }
}
