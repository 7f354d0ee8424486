//! S3 buckets over the SDK.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketNamespace, BucketVersioningStatus, CreateBucketConfiguration,
    Payer, Tag as S3Tag, Tagging, VersioningConfiguration,
};

use super::call::{absent, document, done, named, on, unfit};
use super::failure::failure;
use super::wire::{Answer, Document};
use super::{SdkAws, encryption, notifications, replication};
use crate::configuration::{
    DefaultEncryption, NotificationConfiguration, ObjectLock, ReplicationConfiguration, Tag,
    Versioning,
};
use crate::ports::{BucketRef, Buckets, Outcome, Targets};

/// The one Region that `CreateBucket` takes no location constraint for. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>.
const WITHOUT_CONSTRAINT: &str = "us-east-1";

fn to_sdk(tags: &[Tag]) -> Result<Vec<S3Tag>, BuildError> {
    let tags = tags.iter();
    tags.map(|tag| S3Tag::builder().key(&tag.key).value(&tag.value).build())
        .collect()
}

impl SdkAws {
    /// Whether a bucket's name says that it is in the account's own namespace. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/gpbucketnamespaces.html>.
    fn is_account_regional(&self, bucket: BucketRef<'_>) -> bool {
        let suffix = format!("-{}-{}-an", self.home.account, bucket.region);
        bucket.name.ends_with(&suffix)
    }
}

impl Buckets for SdkAws {
    async fn buckets(&self, region: &str) -> Outcome<Vec<String>> {
        /// As many as S3 gives at once, see
        /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>.
        const PAGE: i32 = 10_000;
        let call = self.s3(region).list_buckets().bucket_region(region);
        let mut pages = call.max_buckets(PAGE).into_paginator().send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| {
                let resource = format!("account `{}`", self.home.account);
                failure("ListBuckets", resource, region, &error)
            })?;
            let buckets = page.buckets.unwrap_or_default().into_iter();
            found.extend(buckets.filter_map(|bucket| bucket.name));
        }
        Ok(found)
    }

    async fn bucket_region(&self, bucket: &str) -> Outcome<Option<String>> {
        // HEAD answers with the bucket's Region from every Region, also where it redirects.
        const HEADER: &str = "x-amz-bucket-region";
        let home = &self.home.region;
        let call = self.s3(home).head_bucket().bucket(bucket);
        match call.send().await {
            Ok(found) => Ok(found.bucket_region.or_else(|| Some(home.clone()))),
            Err(error) => {
                let response = error.raw_response();
                let status = response.map(|response| response.status().as_u16());
                let region = response.and_then(|response| response.headers().get(HEADER));
                match (status, region) {
                    (Some(404), _) => Ok(None),
                    (Some(301 | 307 | 400), Some(region)) => Ok(Some(region.to_owned())),
                    _ => {
                        let resource = format!("bucket `{bucket}`");
                        Err(failure("HeadBucket", resource, home, &error))
                    }
                }
            }
        }
    }

    async fn create_bucket(&self, bucket: BucketRef<'_>, tags: &[Tag]) -> Outcome<()> {
        const OPERATION: &str = "CreateBucket";
        let constraint = (bucket.region != WITHOUT_CONSTRAINT)
            .then(|| BucketLocationConstraint::from(bucket.region));
        let tags =
            to_sdk(tags).map_err(|error| unfit(OPERATION, named(bucket), bucket.region, &error))?;
        let configuration = CreateBucketConfiguration::builder()
            .set_location_constraint(constraint)
            .set_tags(Some(tags))
            .build();
        let own = self.is_account_regional(bucket);
        let call = self.s3(bucket.region).create_bucket().bucket(bucket.name);
        let call = call
            .set_bucket_namespace(own.then_some(BucketNamespace::AccountRegional))
            .create_bucket_configuration(configuration);
        done(OPERATION, bucket, call.send()).await
    }

    async fn delete_bucket(&self, bucket: BucketRef<'_>) -> Outcome<()> {
        let call = self.s3(bucket.region).delete_bucket().bucket(bucket.name);
        done("DeleteBucket", bucket, call.send()).await
    }

    async fn holds_versions(&self, bucket: BucketRef<'_>) -> Outcome<bool> {
        let call = self.s3(bucket.region).list_object_versions();
        let call = call.bucket(bucket.name).max_keys(1);
        let found = on("ListObjectVersions", bucket, call.send()).await?;
        Ok(!found.versions().is_empty() || !found.delete_markers().is_empty())
    }

    async fn versioning(&self, bucket: BucketRef<'_>) -> Outcome<Versioning> {
        let call = self.s3(bucket.region).get_bucket_versioning();
        let call = call.bucket(bucket.name);
        let found = on("GetBucketVersioning", bucket, call.send()).await?;
        Ok(match found.status {
            Some(BucketVersioningStatus::Enabled) => Versioning::Enabled,
            Some(_) => Versioning::Suspended,
            None => Versioning::Off,
        })
    }

    async fn enable_versioning(&self, bucket: BucketRef<'_>) -> Outcome<()> {
        let enabled = VersioningConfiguration::builder()
            .status(BucketVersioningStatus::Enabled)
            .build();
        let call = self.s3(bucket.region).put_bucket_versioning();
        let call = call.bucket(bucket.name).versioning_configuration(enabled);
        done("PutBucketVersioning", bucket, call.send()).await
    }

    async fn default_encryption(
        &self,
        bucket: BucketRef<'_>,
    ) -> Outcome<Option<DefaultEncryption>> {
        const OPERATION: &str = "GetBucketEncryption";
        let body = Answer::new(encryption::ROOT);
        let call = self.s3(bucket.region).get_bucket_encryption();
        let call = call.bucket(bucket.name).customize();
        let answer = on(OPERATION, bucket, call.interceptor(body.clone()).send()).await;
        if absent(answer, "ServerSideEncryptionConfigurationNotFoundError")?.is_none() {
            return Ok(None);
        }
        let text = body.text().await;
        document(OPERATION, bucket, text, encryption::read)
    }

    async fn put_default_encryption(
        &self,
        bucket: BucketRef<'_>,
        to: &DefaultEncryption,
    ) -> Outcome<()> {
        const OPERATION: &str = "PutBucketEncryption";
        let document = encryption::write(to)
            .map_err(|why| unfit(OPERATION, named(bucket), bucket.region, &why))?;
        let call = self.s3(bucket.region).put_bucket_encryption();
        let call = call.bucket(bucket.name).customize();
        let call = call.interceptor(Document(document));
        done(OPERATION, bucket, call.send()).await
    }

    async fn object_lock(&self, bucket: BucketRef<'_>) -> Outcome<ObjectLock> {
        let call = self.s3(bucket.region).get_object_lock_configuration();
        let call = call.bucket(bucket.name);
        let answer = on("GetObjectLockConfiguration", bucket, call.send()).await;
        let found = absent(answer, "ObjectLockConfigurationNotFoundError")?;
        let configuration = found.and_then(|found| found.object_lock_configuration);
        Ok(configuration.map_or(ObjectLock::Off, |configuration| {
            let rule = configuration.rule.and_then(|rule| rule.default_retention);
            if rule.is_some() {
                ObjectLock::Retaining
            } else {
                ObjectLock::On
            }
        }))
    }

    async fn requester_pays(&self, bucket: BucketRef<'_>) -> Outcome<bool> {
        let call = self.s3(bucket.region).get_bucket_request_payment();
        let call = call.bucket(bucket.name);
        let found = on("GetBucketRequestPayment", bucket, call.send()).await?;
        Ok(found.payer == Some(Payer::Requester))
    }

    async fn bucket_tags(&self, bucket: BucketRef<'_>) -> Outcome<Vec<Tag>> {
        let call = self.s3(bucket.region).get_bucket_tagging();
        let call = call.bucket(bucket.name);
        let answer = on("GetBucketTagging", bucket, call.send()).await;
        let found = absent(answer, "NoSuchTagSet")?;
        let tags = found.map(|found| found.tag_set).unwrap_or_default();
        let tags = tags.into_iter();
        Ok(tags
            .map(|S3Tag { key, value, .. }| Tag { key, value })
            .collect())
    }

    async fn put_bucket_tags(&self, bucket: BucketRef<'_>, tags: &[Tag]) -> Outcome<()> {
        const OPERATION: &str = "PutBucketTagging";
        let tagging = to_sdk(tags).and_then(|tags| {
            let tagging = Tagging::builder().set_tag_set(Some(tags));
            tagging.build()
        });
        let tagging =
            tagging.map_err(|error| unfit(OPERATION, named(bucket), bucket.region, &error))?;
        let call = self.s3(bucket.region).put_bucket_tagging();
        let call = call.bucket(bucket.name).tagging(tagging);
        done(OPERATION, bucket, call.send()).await
    }

    async fn notifications(&self, bucket: BucketRef<'_>) -> Outcome<NotificationConfiguration> {
        const OPERATION: &str = "GetBucketNotificationConfiguration";
        let body = Answer::new(notifications::ROOT);
        let call = self
            .s3(bucket.region)
            .get_bucket_notification_configuration();
        let call = call.bucket(bucket.name).customize();
        on(OPERATION, bucket, call.interceptor(body.clone()).send()).await?;
        let text = body.text().await;
        document(OPERATION, bucket, text, notifications::read)
    }

    async fn put_notifications(
        &self,
        bucket: BucketRef<'_>,
        to: &NotificationConfiguration,
        targets: Targets,
    ) -> Outcome<()> {
        let call = self
            .s3(bucket.region)
            .put_bucket_notification_configuration();
        let skip = targets == Targets::AsTheyAre;
        let call = call
            .bucket(bucket.name)
            .set_skip_destination_validation(skip.then_some(true))
            .customize();
        let call = call.interceptor(Document(notifications::write(to)));
        done("PutBucketNotificationConfiguration", bucket, call.send()).await
    }

    async fn replication(
        &self,
        bucket: BucketRef<'_>,
    ) -> Outcome<Option<ReplicationConfiguration>> {
        const OPERATION: &str = "GetBucketReplication";
        let body = Answer::new(replication::ROOT);
        let call = self.s3(bucket.region).get_bucket_replication();
        let call = call.bucket(bucket.name).customize();
        let answer = on(OPERATION, bucket, call.interceptor(body.clone()).send()).await;
        if absent(answer, "ReplicationConfigurationNotFoundError")?.is_none() {
            return Ok(None);
        }
        let text = body.text().await;
        document(OPERATION, bucket, text, replication::read).map(Some)
    }

    async fn put_replication(
        &self,
        bucket: BucketRef<'_>,
        to: &ReplicationConfiguration,
    ) -> Outcome<()> {
        let call = self.s3(bucket.region).put_bucket_replication();
        let call = call.bucket(bucket.name).customize();
        let call = call.interceptor(Document(replication::write(to)));
        done("PutBucketReplication", bucket, call.send()).await
    }

    async fn delete_replication(&self, bucket: BucketRef<'_>) -> Outcome<()> {
        let call = self.s3(bucket.region).delete_bucket_replication();
        let call = call.bucket(bucket.name);
        done("DeleteBucketReplication", bucket, call.send()).await
    }
}
