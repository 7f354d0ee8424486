//! What the replication should be: the properties, read, checked and with every default filled in.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::configuration::ReplicationRule;
use aws_names::Home;

/// The desired replication of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Name of the bucket whose objects are replicated.
    pub source_bucket: String,
    /// Its Region.
    pub source_region: String,
    /// Keys that encrypt source objects, as given (ARN, alias ARN, id or alias name); empty: the key
    /// of the bucket's default encryption, or a new one.
    pub source_kms_keys: Vec<String>,
    /// At least one.
    pub rules: Vec<Rule>,
    /// ARN of a role that S3 is to assume; `None`: a role of ours.
    pub role: Option<String>,
    /// ARN of a policy that bounds the role of ours.
    pub permissions_boundary: Option<String>,
    /// Whether buckets and keys that do not exist are made.
    pub when_missing: WhenMissing,
    /// What the probe object must show.
    pub verification: Verification,
    /// Any text: a change of it has the replication looked at, mended and proved.
    pub revision: Option<String>,
    /// What becomes of objects that are older than the rules.
    pub existing_objects: ExistingObjects,
    /// What becomes of buckets of ours when the resource is deleted.
    pub on_delete_buckets: OnDeleteBuckets,
    /// What becomes of keys of ours when the resource is deleted.
    pub on_delete_keys: OnDeleteKeys,
}

impl Spec {
    /// The account of a destination bucket: the provisioner's own where no rule says another.
    #[must_use]
    pub fn account_of<'a>(&'a self, bucket: &str, home: &'a Home) -> &'a str {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.destination_bucket == bucket);
        rule.and_then(|rule| rule.rule.destination.account.as_deref())
            .unwrap_or(&home.account)
    }

    /// The destinations, rule by rule.
    #[must_use]
    pub fn sites(&self) -> Vec<Site> {
        let sites = self.rules.iter().map(|rule| {
            let to = &rule.rule.destination;
            Site {
                bucket: rule.destination_bucket.clone(),
                region: rule.destination_region.clone(),
                account: to.account.clone(),
                assume_role_arn: self
                    .assumed_for(&rule.destination_bucket)
                    .map(str::to_owned),
                keys: to.replica_kms_key_id.iter().cloned().collect(),
            }
        });
        sites.collect()
    }

    /// The role to assume for everything in a destination bucket's account.
    #[must_use]
    pub fn assumed_for(&self, bucket: &str) -> Option<&str> {
        let mut rules = self
            .rules
            .iter()
            .filter(|rule| rule.destination_bucket == bucket);
        rules.find_map(|rule| rule.assume_role_arn.as_deref())
    }
}

/// One rule, with the properties that S3 does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule as S3 takes it; its `id` bears our owner, its `replica_kms_key_id` is as given.
    pub rule: ReplicationRule,
    /// Name of the destination bucket.
    pub destination_bucket: String,
    /// Region of the destination, where the template or the key's ARN says it.
    pub destination_region: Option<String>,
    /// ARN of a role in the destination's account that we are to assume for everything there.
    pub assume_role_arn: Option<String>,
}

/// A destination, as far as it takes to find there what is ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Site {
    /// Name of the bucket.
    pub bucket: String,
    /// Its Region, where that is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Its account; `None`: the provisioner's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// ARN of the role to assume there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assume_role_arn: Option<String>,
    /// Keys that are or were named for it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub keys: BTreeSet<String>,
}

/// Buckets and keys that do not exist.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenMissing {
    /// Make them.
    #[default]
    Create,
    /// Fail, naming them.
    Fail,
}

/// How sure the resource must be that replication works before it reports success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verification {
    /// Only a probe that arrived under the right key is success.
    Required,
    /// A probe that has not arrived in a few minutes is reported as pending; one that failed fails.
    #[default]
    BestEffort,
    /// No probe.
    None,
}

/// Objects that are older than the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExistingObjects {
    /// They are not replicated.
    #[default]
    Ignore,
    /// An S3 Batch Replication job replicates them, once.
    Replicate,
}

/// Buckets of ours at Delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDeleteBuckets {
    /// They stay.
    #[default]
    Retain,
    /// They go if they hold no object version.
    DeleteWhenEmpty,
}

/// Keys of ours at Delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnDeleteKeys {
    /// They stay: what they encrypt stays readable.
    #[default]
    Retain,
    /// KMS deletes them after 30 days.
    ScheduleDeletion,
}

/// What is to be taken away besides what grants, where nobody else names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taking {
    /// Buckets of ours that hold nothing.
    pub buckets: bool,
    /// Keys of ours.
    pub keys: bool,
}

impl Taking {
    /// Everything of ours: what a resource leaves that never succeeded is nobody's.
    pub const EVERYTHING: Self = Self {
        buckets: true,
        keys: true,
    };

    /// What the properties ask for.
    #[must_use]
    pub fn asked(spec: &Spec) -> Self {
        Self {
            buckets: spec.on_delete_buckets == OnDeleteBuckets::DeleteWhenEmpty,
            keys: spec.on_delete_keys == OnDeleteKeys::ScheduleDeletion,
        }
    }
}
