//! Replication rules.

use std::cmp::Ordering;
use std::sync::Arc;

use serde::Serialize;

use super::common::{AsRead, Status, Tag, set};

/// A bucket's replication configuration: one role, up to 1,000 rules.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationConfiguration.html>.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReplicationConfiguration {
    /// ARN of the one role that S3 assumes for all rules.
    pub role: String,
    /// The rules, in S3's order.
    pub rules: Vec<ReplicationRule>,
    /// XML of what else it holds.
    #[serde(rename = "NotUnderstood", skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Arc<str>>,
}

/// One replication rule.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRule.html>. Equal are rules that
/// mean the same: S3 may give tags back in another order, and what is `Disabled` is as good as absent.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReplicationRule {
    /// At most 255 ASCII characters, unique in the bucket.
    #[serde(rename = "ID")]
    pub id: String,
    /// Among rules for one destination the highest wins. Absent only in the V1 schema, and in a
    /// rule of ours until it is merged, when a free one is chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<i32>,
    /// Whether the rule is in force.
    pub status: Status,
    /// Which objects; absent only in the V1 schema.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Filter>,
    /// The V1 schema's filter. Never ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether delete markers are replicated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_marker_replication: Option<Status>,
    /// Whether objects encrypted with KMS keys are replicated at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sse_kms_encrypted_objects: Option<Status>,
    /// Whether changes made to a replica's metadata go back to the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replica_modifications: Option<Status>,
    /// No longer supported by S3, kept where an old rule has it. Never ours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub existing_object_replication: Option<Status>,
    /// Where replicas go.
    pub destination: Destination,
    /// How S3 wrote it.
    #[serde(
        rename = "NotUnderstood",
        skip_serializing_if = "AsRead::is_understood"
    )]
    pub as_read: AsRead,
}

impl PartialEq for ReplicationRule {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            id,
            priority,
            status,
            filter,
            prefix,
            delete_marker_replication,
            sse_kms_encrypted_objects,
            replica_modifications,
            existing_object_replication,
            destination,
            as_read,
        } = self;
        (id, priority, status) == (&other.id, &other.priority, &other.status)
            && (filter, prefix) == (&other.filter, &other.prefix)
            && on(*delete_marker_replication) == on(other.delete_marker_replication)
            && on(*sse_kms_encrypted_objects) == on(other.sse_kms_encrypted_objects)
            && on(*replica_modifications) == on(other.replica_modifications)
            && on(*existing_object_replication) == on(other.existing_object_replication)
            && (destination, as_read) == (&other.destination, &other.as_read)
    }
}

impl Eq for ReplicationRule {}

/// Whether a setting is in force: absent means the same as `Disabled`.
fn on(status: Option<Status>) -> bool {
    status == Some(Status::Enabled)
}

impl ReplicationConfiguration {
    /// Whether `rule` is among the rules; one without a priority may have been given any.
    #[must_use]
    pub fn has(&self, rule: &ReplicationRule) -> bool {
        let found = self.rules.iter().find(|found| found.id == rule.id);
        found.is_some_and(|found| {
            let priority = rule.priority.or(found.priority);
            *found
                == ReplicationRule {
                    priority,
                    ..rule.clone()
                }
        })
    }
}

impl ReplicationRule {
    /// Whether the rule is in S3's older schema, which has no `Filter`.
    #[must_use]
    pub fn is_v1(&self) -> bool {
        self.filter.is_none()
    }

    /// Whether an object with `key` and `tags` falls under the rule.
    #[must_use]
    pub fn covers(&self, key: &str, tags: &[Tag]) -> bool {
        match &self.filter {
            Some(filter) => filter.matches(key, tags),
            None => key.starts_with(self.prefix.as_deref().unwrap_or_default()),
        }
    }

    /// Whether the rule is for some of the objects under its prefix alone, by what a key does not tell:
    /// tags, exclusions, or something that is not understood.
    #[must_use]
    pub fn is_conditional(&self) -> bool {
        let filter = self.filter.as_ref();
        let narrow = |filter: &Filter| !filter.tags.is_empty() || !filter.not.is_empty();
        filter.is_some_and(narrow) || !self.as_read.is_understood()
    }

    /// Start of the keys that the rule's filter is for; empty for every key, and without a filter.
    #[must_use]
    pub fn filter_prefix(&self) -> &str {
        self.filter
            .as_ref()
            .map_or("", |filter| filter.prefix.as_str())
    }

    /// Start of the keys that the rule is for, in either version of the schema.
    #[must_use]
    pub fn covered_prefix(&self) -> &str {
        match &self.prefix {
            Some(prefix) => prefix,
            None => self.filter_prefix(),
        }
    }
}

#[cfg(test)]
impl ReplicationRule {
    /// A rule of the unit tests: every object of the source, KMS-encrypted ones too, to `destination`.
    pub(crate) fn example(id: &str, prefix: &str) -> Self {
        Self {
            id: id.into(),
            priority: Some(1),
            status: Status::Enabled,
            filter: Some(Filter {
                prefix: prefix.into(),
                ..Filter::default()
            }),
            prefix: None,
            delete_marker_replication: None,
            sse_kms_encrypted_objects: Some(Status::Enabled),
            replica_modifications: None,
            existing_object_replication: None,
            destination: Destination {
                bucket: "arn:aws:s3:::destination".into(),
                ..Destination::default()
            },
            as_read: AsRead::default(),
        }
    }
}

/// Which objects a rule is for: those under the prefix that have all the tags, but for those that are
/// excluded.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleFilter.html>.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    /// Start of the key; empty for every key.
    pub prefix: String,
    /// Tags that the object must have been uploaded with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// What the rule is not for.
    #[serde(skip_serializing_if = "Exclusions::is_empty")]
    pub not: Exclusions,
}

impl PartialEq for Filter {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Filter {}

impl PartialOrd for Filter {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Filter {
    fn cmp(&self, other: &Self) -> Ordering {
        self.meaning().cmp(&other.meaning())
    }
}

impl Filter {
    /// Tags and exclusions are sets.
    fn meaning(&self) -> impl Ord {
        let Self { prefix, tags, not } = self;
        (prefix, set(tags), set(&not.prefixes), set(&not.tags))
    }

    /// Whether an object with `key` and `tags` passes.
    #[must_use]
    pub fn matches(&self, key: &str, tags: &[Tag]) -> bool {
        key.starts_with(&self.prefix)
            && self.tags.iter().all(|tag| tags.contains(tag))
            && !self.not.match_any(key, tags)
    }
}

/// Objects that a rule leaves out: those under any of the prefixes, and those with any of the tags.
///
/// `Not` in <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleFilter.html>.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Exclusions {
    /// Starts of keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prefixes: Vec<String>,
    /// Tags, any of which is enough.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// Both lists are sets.
impl PartialEq for Exclusions {
    fn eq(&self, other: &Self) -> bool {
        let Self { prefixes, tags } = self;
        (set(prefixes), set(tags)) == (set(&other.prefixes), set(&other.tags))
    }
}

impl Eq for Exclusions {}

impl Exclusions {
    /// Whether nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prefixes.is_empty() && self.tags.is_empty()
    }

    /// Whether an object with `key` and `tags` is left out.
    #[must_use]
    pub fn match_any(&self, key: &str, tags: &[Tag]) -> bool {
        self.prefixes.iter().any(|prefix| key.starts_with(prefix))
            || self.tags.iter().any(|tag| tags.contains(tag))
    }
}

/// Where a rule's replicas go, and how.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Destination.html>.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Destination {
    /// ARN of the destination bucket.
    pub bucket: String,
    /// Account that owns the destination bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Storage class of the replicas; the source object's where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage_class: Option<String>,
    /// `Destination`: replicas belong to the destination bucket's owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner_override: Option<String>,
    /// The key that encrypts replicas of objects encrypted with KMS keys.
    #[serde(rename = "ReplicaKmsKeyID", skip_serializing_if = "Option::is_none")]
    pub replica_kms_key_id: Option<String>,
    /// Whether a replica of an object under a multi-Region key gets the related key of its own Region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_source_multi_region_key: Option<Status>,
    /// Replication metrics; without them S3 sends no failure events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Timed>,
    /// S3 Replication Time Control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_time: Option<Timed>,
}

impl PartialEq for Destination {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            bucket,
            account,
            storage_class,
            owner_override,
            replica_kms_key_id,
            use_source_multi_region_key,
            metrics,
            replication_time,
        } = self;
        let in_force = |timed: &Option<Timed>| {
            let timed = timed.clone();
            timed.filter(|timed| timed.status == Status::Enabled)
        };
        (bucket, account, storage_class) == (&other.bucket, &other.account, &other.storage_class)
            && owner_override == &other.owner_override
            && replica_kms_key_id == &other.replica_kms_key_id
            && on(*use_source_multi_region_key) == on(other.use_source_multi_region_key)
            && in_force(metrics) == in_force(&other.metrics)
            && in_force(replication_time) == in_force(&other.replication_time)
    }
}

impl Eq for Destination {}

impl Destination {
    /// Name of the destination bucket.
    #[must_use]
    pub fn bucket_name(&self) -> &str {
        self.bucket.rsplit(':').next().unwrap_or_default()
    }
}

/// A status with S3's threshold in minutes (15, the only value S3 takes).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Timed {
    /// Whether it is on.
    pub status: Status,
    /// `EventThreshold` of metrics, `Time` of replication time control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minutes: Option<i32>,
}

#[cfg(test)]
mod tests;
