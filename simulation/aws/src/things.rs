//! What there is in an account: buckets, versions, keys, roles, jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use replication::configuration::{
    AsRead, DefaultEncryption, NotificationConfiguration, ObjectLock, ReplicationConfiguration,
    Tag, Versioning,
};
use replication::jobs::Selection;
use tokio::time::Instant;

use super::ACCOUNT;

#[derive(Clone, Debug)]
pub struct Bucket {
    pub account: String,
    pub region: String,
    pub versioning: Versioning,
    pub encryption: Option<DefaultEncryption>,
    pub tags: Vec<Tag>,
    pub notifications: NotificationConfiguration,
    pub replication: Lagging<Option<ReplicationConfiguration>>,
    pub versions: Vec<Version>,
    pub policy: Option<String>,
    pub object_lock: ObjectLock,
    pub requester_pays: bool,
}

impl Bucket {
    /// As S3 makes buckets: encrypted under SSE-S3, see
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html>.
    pub fn new(region: &str, now: Instant) -> Self {
        Self {
            account: ACCOUNT.to_owned(),
            region: region.to_owned(),
            versioning: Versioning::Off,
            encryption: Some(DefaultEncryption {
                algorithm: "AES256".into(),
                kms_key: None,
                bucket_key_enabled: false,
                // As S3 blocks it on new buckets since 2026.
                blocked: vec!["SSE-C".into()],
                as_read: AsRead::default(),
            }),
            tags: Vec::new(),
            notifications: NotificationConfiguration::default(),
            replication: Lagging::new(None, now),
            versions: Vec::new(),
            policy: None,
            object_lock: ObjectLock::Off,
            requester_pays: false,
        }
    }
}

impl Bucket {
    /// Takes a version out: a job may replicate one that is there already.
    pub fn take_out(&mut self, version: &Version) {
        self.versions
            .retain(|there| (&there.key, &there.id) != (&version.key, &version.id));
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub key: String,
    pub id: String,
    pub tags: Vec<Tag>,
    pub algorithm: String,
    pub kms_key: Option<String>,
    pub bucket_key: bool,
    pub replication_status: Option<&'static str>,
    pub written: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    pub region: String,
    pub state: String,
    pub usage: String,
    pub spec: String,
    pub manager: String,
    pub policy: String,
    pub tags: Vec<Tag>,
    pub rotates: bool,
    pub deletion_days: Option<i32>,
}

#[derive(Clone, Debug)]
pub struct Role {
    pub arn: String,
    pub trust_policy: String,
    pub permissions_boundary: Option<String>,
    pub tags: Vec<Tag>,
    pub policies: Lagging<BTreeMap<String, String>>,
}

/// Whether objects that name no key are encrypted under one of KMS.
pub fn is_kms(default: &DefaultEncryption) -> bool {
    default.algorithm.starts_with("aws:kms")
}

/// One job.
#[derive(Clone, Debug)]
pub struct JobRun {
    pub region: String,
    pub source: String,
    pub role_arn: String,
    pub report_bucket: String,
    pub report_prefix: String,
    pub selection: Selection,
    /// Key and version id of what it took.
    pub taken: Vec<(String, String)>,
    /// Of these, what came of them: nothing where it was replicated, else S3's reason.
    pub outcome: Option<Vec<(String, String, Option<String>)>>,
    /// A status that somebody gave it, with S3's reason.
    pub status: Option<(String, String)>,
}

/// A value that takes a while to be in force.
#[derive(Clone, Debug)]
pub struct Lagging<T>(Vec<(Instant, T)>);

impl<T> Lagging<T> {
    pub fn new(value: T, now: Instant) -> Self {
        Self(vec![(now, value)])
    }

    pub fn written(&self) -> &T {
        &self.0.last().expect("never empty").1
    }

    pub fn write(&mut self, value: T, now: Instant) {
        self.0.push((now, value));
    }

    /// What is in force at `at`; `None` before the first value is.
    pub fn in_force(&self, at: Instant, lag: Duration) -> Option<&T> {
        let known = self.0.iter().rev().find(|(since, _)| *since + lag <= at);
        known.map(|(_, value)| value)
    }
}
