//! What else is set on a bucket: notifications, default encryption, Object Lock, versioning.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::common::{AsRead, set};

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
    /// XML of what else it holds, such as targets of another kind.
    #[serde(rename = "NotUnderstood", skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Arc<str>>,
}

/// One notification: these events, of these keys, to this target.
#[derive(Clone, Debug, Eq, Serialize)]
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
    /// How S3 wrote it.
    #[serde(
        rename = "NotUnderstood",
        skip_serializing_if = "AsRead::is_understood"
    )]
    pub as_read: AsRead,
}

/// Events and filters are sets, and S3 takes a filter's name in either case.
impl PartialEq for Notification {
    fn eq(&self, other: &Self) -> bool {
        let Self {
            id,
            target_arn,
            events,
            key_filters,
            as_read,
        } = self;
        let filters = |of: &[(String, String)]| -> BTreeSet<(String, String)> {
            let named = of.iter();
            named
                .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
                .collect()
        };
        (id, target_arn, as_read) == (&other.id, &other.target_arn, &other.as_read)
            && set(events) == set(&other.events)
            && filters(key_filters) == filters(&other.key_filters)
    }
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
    /// How S3 wrote all of it.
    #[serde(
        rename = "NotUnderstood",
        skip_serializing_if = "AsRead::is_understood"
    )]
    pub as_read: AsRead,
}

impl DefaultEncryption {
    /// This default in place of the `present` one, whose other settings stay as they are: S3 keeps them
    /// in the same document.
    #[must_use]
    pub fn in_place_of(self, present: Option<Self>) -> Self {
        let Some(present) = present else { return self };
        Self {
            blocked: present.blocked,
            as_read: present.as_read,
            ..self
        }
    }

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
