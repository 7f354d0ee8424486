//! S3's own configuration shapes, as values: what is read from a bucket and written back to it.
//!
//! They hold every field that S3 has, so that other people's rules and notifications survive our
//! read-change-write unchanged.

use serde::{Deserialize, Serialize};

/// S3's `Enabled` / `Disabled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words are S3's own")]
pub enum Status {
    Enabled,
    Disabled,
}

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
}

/// One replication rule.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRule.html>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
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

    /// Start of the keys that the rule's filter is for; empty for every key, and without a filter.
    #[must_use]
    pub fn filter_prefix(&self) -> &str {
        self.filter
            .as_ref()
            .map_or("", |filter| filter.prefix.as_str())
    }
}

/// Which objects a rule is for: those under the prefix that have all the tags.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    /// Start of the key; empty for every key.
    pub prefix: String,
    /// Tags that the object must have been uploaded with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl Filter {
    /// Whether an object with `key` and `tags` passes.
    #[must_use]
    pub fn matches(&self, key: &str, tags: &[Tag]) -> bool {
        key.starts_with(&self.prefix) && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

/// A tag of a bucket, key, role or object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The tag's name.
    pub key: String,
    /// The tag's value.
    pub value: String,
}

/// Where a rule's replicas go, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
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
    /// Replication metrics; without them S3 sends no failure events.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Timed>,
    /// S3 Replication Time Control.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replication_time: Option<Timed>,
}

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

/// A bucket's notification configuration.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_NotificationConfiguration.html>.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct NotificationConfiguration {
    /// To SQS queues.
    pub queues: Vec<Notification>,
    /// To SNS topics.
    pub topics: Vec<Notification>,
    /// To Lambda functions.
    pub functions: Vec<Notification>,
    /// Whether every event also goes to EventBridge.
    pub event_bridge: bool,
}

/// One notification: these events, of these keys, to this target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Notification {
    /// Unique in the bucket.
    pub id: String,
    /// The queue, topic or function.
    pub target_arn: String,
    /// Event types, `s3:` included.
    pub events: Vec<String>,
    /// Filters on the key: (`prefix` or `suffix`, value), as S3 returns them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub key_filters: Vec<(String, String)>,
}

/// A bucket's default encryption.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ServerSideEncryptionByDefault.html>.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DefaultEncryption {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub algorithm: String,
    /// Key as the bucket has it (ARN, id or alias); absent with KMS means the AWS managed key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
    /// Whether new objects use an S3 Bucket Key.
    pub bucket_key_enabled: bool,
    /// Kinds of encryption that uploads may not ask for, as S3 names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
}

impl DefaultEncryption {
    /// Whether new objects are encrypted under a KMS key.
    #[must_use]
    pub fn is_kms(&self) -> bool {
        self.algorithm.starts_with("aws:kms")
    }
}

/// Whether versions in a bucket can be kept from being deleted.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html>.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum ObjectLock {
    /// No.
    #[default]
    Off,
    /// Those that are uploaded so.
    On,
    /// All, by a default retention period.
    Retaining,
}

/// Whether a bucket keeps versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Versioning {
    /// As replication needs it.
    Enabled,
    /// Was enabled once.
    Suspended,
    /// Never enabled.
    Off,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(key: &str) -> Tag {
        Tag {
            key: key.into(),
            value: "1".into(),
        }
    }

    #[test]
    fn a_filter_wants_the_prefix_and_every_tag() {
        let filter = Filter {
            prefix: "Tax/".into(),
            tags: vec![tag("a"), tag("b")],
        };
        assert!(filter.matches("Tax/x", &[tag("b"), tag("a"), tag("c")]));
        assert!(!filter.matches("Tax/x", &[tag("a")]));
        assert!(!filter.matches("tax/x", &[tag("a"), tag("b")]));
        assert!(Filter::default().matches("anything", &[]));
    }
}
