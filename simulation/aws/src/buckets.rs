//! Buckets and their configuration.

use replication::configuration::{
    DefaultEncryption, NotificationConfiguration, ObjectLock, ReplicationConfiguration, Tag,
    Versioning,
};
use replication::error::ErrorKind;
use replication::ports::{BucketRef, Buckets, Outcome, Targets};

use super::things::{Bucket, is_kms};
use super::weather::New;
use super::{Refusal, World, notifications, refuse, rules};

fn named(bucket: BucketRef<'_>) -> String {
    format!("bucket `{}`", bucket.name)
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>: names of buckets that
/// are older than the rules are given to no new one.
fn can_be_made(name: &str) -> bool {
    let word = |word: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !word.is_empty() && word.chars().all(inner)
    };
    (3..=63).contains(&name.len())
        && name.split('.').all(word)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

impl World {
    fn on<T>(
        &self,
        operation: &'static str,
        at: BucketRef<'_>,
        effect: impl FnOnce(&mut Bucket) -> Result<T, Refusal>,
    ) -> Outcome<T> {
        self.call(operation, named(at), at.region, |state| {
            effect(state.bucket(at)?)
        })
    }

    /// The same for a write to the bucket's configuration.
    fn configure<T>(
        &self,
        operation: &'static str,
        at: BucketRef<'_>,
        effect: impl FnOnce(&mut Bucket) -> Result<T, Refusal>,
    ) -> Outcome<T> {
        self.call(operation, named(at), at.region, |state| {
            state.bucket(at)?;
            state.one_at_a_time(at.name)?;
            effect(state.bucket(at)?)
        })
    }

    /// What anybody else may try too. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html>: versioning
    /// of a bucket with a replication configuration cannot be suspended.
    pub fn suspend_versioning(&self, at: BucketRef<'_>) -> Outcome<()> {
        self.on("PutBucketVersioning", at, |bucket| {
            if bucket.replication.written().is_some() {
                return refuse(
                    ErrorKind::Conflict,
                    "InvalidBucketState",
                    "A replication configuration is present on this bucket, so you cannot change the versioning \
                     state. To change the versioning state, first delete the replication configuration.",
                );
            }
            bucket.versioning = Versioning::Suspended;
            Ok(())
        })
    }
}

impl Buckets for World {
    async fn buckets(&self, region: &str) -> Outcome<Vec<String>> {
        let account = format!("account `{}`", self.account);
        self.call("ListBuckets", account, region, |state| {
            let acting = state.acting.clone();
            let own = state.buckets.iter();
            let own = own.filter(|(_, one)| one.account == acting && one.region == region);
            Ok(own.map(|(name, _)| name.clone()).collect())
        })
    }

    async fn bucket_region(&self, bucket: &str) -> Outcome<Option<String>> {
        self.call("HeadBucket", format!("bucket `{bucket}`"), "", |state| {
            let others = |found: &Bucket| found.account != state.acting;
            if state.strangers.contains(bucket) || state.buckets.get(bucket).is_some_and(others) {
                return refuse(ErrorKind::AccessDenied, "HTTP 403", "");
            }
            Ok(state.buckets.get(bucket).map(|found| found.region.clone()))
        })
    }

    async fn create_bucket(&self, at: BucketRef<'_>, tags: &[Tag]) -> Outcome<()> {
        self.call("CreateBucket", named(at), at.region, |state| {
            if !can_be_made(at.name) {
                return refuse(
                    ErrorKind::Invalid,
                    "InvalidBucketName",
                    "The specified bucket is not valid.",
                );
            }
            let others = |found: &Bucket| found.account != state.acting;
            if state.strangers.contains(at.name) || state.buckets.get(at.name).is_some_and(others) {
                return refuse(
                    ErrorKind::Conflict,
                    "BucketAlreadyExists",
                    "The requested bucket name is not available",
                );
            }
            // us-east-1 answers 200 here for buckets of its own, see
            // https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html; the stricter answer is kept.
            if state.buckets.contains_key(at.name) {
                return refuse(
                    ErrorKind::AlreadyExists,
                    "BucketAlreadyOwnedByYou",
                    "Your previous request to create the named bucket succeeded and you already own it.",
                );
            }
            let mut bucket = Bucket::new(at.region, state.now);
            bucket.account.clone_from(&state.acting);
            bucket.tags = tags.to_vec();
            state.buckets.insert(at.name.to_owned(), bucket);
            state.is_new(New::Bucket(at.name));
            Ok(())
        })
    }

    async fn delete_bucket(&self, at: BucketRef<'_>) -> Outcome<()> {
        self.call("DeleteBucket", named(at), at.region, |state| {
            if !state.bucket(at)?.versions.is_empty() {
                return refuse(
                    ErrorKind::Conflict,
                    "BucketNotEmpty",
                    "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
                );
            }
            state.buckets.remove(at.name);
            Ok(())
        })
    }

    async fn holds_versions(&self, at: BucketRef<'_>) -> Outcome<bool> {
        self.on("ListObjectVersions", at, |bucket| {
            Ok(!bucket.versions.is_empty())
        })
    }

    async fn versioning(&self, at: BucketRef<'_>) -> Outcome<Versioning> {
        self.on("GetBucketVersioning", at, |bucket| Ok(bucket.versioning))
    }

    async fn enable_versioning(&self, at: BucketRef<'_>) -> Outcome<()> {
        self.call("PutBucketVersioning", named(at), at.region, |state| {
            state.bucket(at)?;
            state.one_at_a_time(at.name)?;
            state.bucket(at)?.versioning = Versioning::Enabled;
            state.is_new(New::Versioning(at.name));
            Ok(())
        })
    }

    async fn default_encryption(&self, at: BucketRef<'_>) -> Outcome<Option<DefaultEncryption>> {
        self.on("GetBucketEncryption", at, |bucket| {
            Ok(bucket.encryption.clone())
        })
    }

    async fn put_default_encryption(
        &self,
        at: BucketRef<'_>,
        to: &DefaultEncryption,
    ) -> Outcome<()> {
        self.configure("PutBucketEncryption", at, |bucket| {
            if !is_kms(to) && to.kms_key.is_some() {
                return refuse(
                    ErrorKind::Invalid,
                    "InvalidArgument",
                    "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms",
                );
            }
            bucket.encryption = Some(to.clone());
            Ok(())
        })
    }

    async fn object_lock(&self, at: BucketRef<'_>) -> Outcome<ObjectLock> {
        self.on("GetObjectLockConfiguration", at, |bucket| {
            Ok(bucket.object_lock)
        })
    }

    async fn requester_pays(&self, at: BucketRef<'_>) -> Outcome<bool> {
        self.on("GetBucketRequestPayment", at, |bucket| {
            Ok(bucket.requester_pays)
        })
    }

    async fn bucket_tags(&self, at: BucketRef<'_>) -> Outcome<Vec<Tag>> {
        self.on("GetBucketTagging", at, |bucket| Ok(bucket.tags.clone()))
    }

    async fn put_bucket_tags(&self, at: BucketRef<'_>, tags: &[Tag]) -> Outcome<()> {
        self.configure("PutBucketTagging", at, |bucket| {
            if tags.len() > 50 {
                return refuse(
                    ErrorKind::Invalid,
                    "InvalidTag",
                    "Bucket tag count cannot be greater than 50",
                );
            }
            bucket.tags = tags.to_vec();
            Ok(())
        })
    }

    async fn notifications(&self, at: BucketRef<'_>) -> Outcome<NotificationConfiguration> {
        self.on("GetBucketNotificationConfiguration", at, |bucket| {
            Ok(bucket.notifications.clone())
        })
    }

    async fn put_notifications(
        &self,
        at: BucketRef<'_>,
        to: &NotificationConfiguration,
        targets: Targets,
    ) -> Outcome<()> {
        const OPERATION: &str = "PutBucketNotificationConfiguration";
        self.call(OPERATION, named(at), at.region, |state| {
            let gone = state.gone_targets.clone();
            state.bucket(at)?;
            state.one_at_a_time(at.name)?;
            let bucket = state.bucket(at)?;
            notifications::check(to, &bucket.region)?;
            if targets == Targets::Checked {
                notifications::reached(to, &gone)?;
            }
            let switched_on = to.event_bridge && !bucket.notifications.event_bridge;
            bucket.notifications = to.clone();
            if switched_on {
                state.is_new(New::EventBridge(at.name));
            }
            Ok(())
        })
    }

    async fn replication(&self, at: BucketRef<'_>) -> Outcome<Option<ReplicationConfiguration>> {
        self.on("GetBucketReplication", at, |bucket| {
            Ok(bucket.replication.written().clone())
        })
    }

    async fn put_replication(
        &self,
        at: BucketRef<'_>,
        to: &ReplicationConfiguration,
    ) -> Outcome<()> {
        self.call("PutBucketReplication", named(at), at.region, |state| {
            let mut versioning = state.bucket(at)?.versioning;
            if !state.knows(New::Versioning(at.name)) {
                versioning = Versioning::Off;
            }
            state.one_at_a_time(at.name)?;
            rules::check(to, versioning, at.name, &state.buckets)?;
            let now = state.now;
            if state.deaf_to_rules {
                return Ok(());
            }
            state.bucket(at)?.replication.write(Some(to.clone()), now);
            Ok(())
        })
    }

    async fn delete_replication(&self, at: BucketRef<'_>) -> Outcome<()> {
        self.call("DeleteBucketReplication", named(at), at.region, |state| {
            state.bucket(at)?;
            state.one_at_a_time(at.name)?;
            let now = state.now;
            state.bucket(at)?.replication.write(None, now);
            Ok(())
        })
    }
}
