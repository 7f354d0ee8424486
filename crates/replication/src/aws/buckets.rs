//! S3 buckets over the SDK.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::{
    BlockedEncryptionTypes, BucketLocationConstraint, BucketVersioningStatus,
    CreateBucketConfiguration, EncryptionType, Payer, ServerSideEncryption,
    ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    Tag as S3Tag, Tagging, VersioningConfiguration,
};

use super::failure::failure;
use super::{SdkAws, notifications, replication};
use crate::configuration::{
    DefaultEncryption, NotificationConfiguration, ObjectLock, ReplicationConfiguration, Tag,
    Versioning,
};
use crate::error::{AwsError, ErrorKind};
use crate::ports::{BucketRef, Buckets, Outcome};

/// The one Region that `CreateBucket` takes no location constraint for. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>.
const WITHOUT_CONSTRAINT: &str = "us-east-1";

fn named(bucket: BucketRef<'_>) -> String {
    format!("bucket `{}`", bucket.name)
}

/// A value of ours that the SDK's types do not take.
pub(super) fn unfit(
    operation: &'static str,
    bucket: BucketRef<'_>,
    error: &impl std::error::Error,
) -> AwsError {
    AwsError {
        operation,
        resource: named(bucket),
        region: bucket.region.to_owned(),
        kind: ErrorKind::Invalid,
        code: "InvalidRequest".into(),
        message: error.to_string(),
        request_id: None,
    }
}

fn absent<T>(outcome: Outcome<T>, codes: &[&str]) -> Outcome<Option<T>> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(error) if codes.contains(&error.code.as_str()) => Ok(None),
        Err(error) => Err(error),
    }
}

fn blocked(found: Option<&BlockedEncryptionTypes>) -> Vec<String> {
    let kinds = found.map_or(&[][..], BlockedEncryptionTypes::encryption_type);
    kinds.iter().map(|kind| kind.as_str().to_owned()).collect()
}

fn to_blocked(kinds: &[String]) -> Option<BlockedEncryptionTypes> {
    let sdk = kinds.iter().map(|kind| EncryptionType::from(kind.as_str()));
    let built = BlockedEncryptionTypes::builder().set_encryption_type(Some(sdk.collect()));
    (!kinds.is_empty()).then(|| built.build())
}

impl Buckets for SdkAws {
    async fn bucket_region(&self, bucket: &str) -> Outcome<Option<String>> {
        // HEAD answers with the bucket's Region from every Region, also where it redirects.
        const HEADER: &str = "x-amz-bucket-region";
        let call = self.s3(&self.home.region).head_bucket().bucket(bucket);
        match call.expected_bucket_owner(&self.home.account).send().await {
            Ok(found) => Ok(Some(
                found
                    .bucket_region
                    .unwrap_or_else(|| self.home.region.clone()),
            )),
            Err(error) => {
                let response = error.raw_response();
                let status = response.map(|response| response.status().as_u16());
                let region = response.and_then(|response| response.headers().get(HEADER));
                match (status, region) {
                    (Some(404), _) => Ok(None),
                    (Some(301 | 307 | 400), Some(region)) => Ok(Some(region.to_owned())),
                    _ => {
                        let resource = format!("bucket `{bucket}`");
                        Err(failure("HeadBucket", resource, &self.home.region, &error))
                    }
                }
            }
        }
    }

    async fn create_bucket(&self, bucket: BucketRef<'_>) -> Outcome<()> {
        let constraint = (bucket.region != WITHOUT_CONSTRAINT).then(|| {
            CreateBucketConfiguration::builder()
                .location_constraint(BucketLocationConstraint::from(bucket.region))
                .build()
        });
        let call = self.s3(bucket.region).create_bucket().bucket(bucket.name);
        match call
            .set_create_bucket_configuration(constraint)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "CreateBucket",
                named(bucket),
                bucket.region,
                &error,
            )),
        }
    }

    async fn delete_bucket(&self, bucket: BucketRef<'_>) -> Outcome<()> {
        let call = self.s3(bucket.region).delete_bucket().bucket(bucket.name);
        let call = call.expected_bucket_owner(&self.home.account);
        done(call.send().await, "DeleteBucket", bucket)
    }

    async fn holds_versions(&self, bucket: BucketRef<'_>) -> Outcome<bool> {
        let call = self
            .s3(bucket.region)
            .list_object_versions()
            .bucket(bucket.name)
            .max_keys(1);
        let found = call
            .expected_bucket_owner(&self.home.account)
            .send()
            .await
            .map_err(|error| failure("ListObjectVersions", named(bucket), bucket.region, &error))?;
        Ok(!found.versions().is_empty() || !found.delete_markers().is_empty())
    }

    async fn versioning(&self, bucket: BucketRef<'_>) -> Outcome<Versioning> {
        let call = self
            .s3(bucket.region)
            .get_bucket_versioning()
            .bucket(bucket.name);
        let found = call
            .expected_bucket_owner(&self.home.account)
            .send()
            .await
            .map_err(|error| {
                failure("GetBucketVersioning", named(bucket), bucket.region, &error)
            })?;
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
        let call = self
            .s3(bucket.region)
            .put_bucket_versioning()
            .bucket(bucket.name);
        let call = call
            .versioning_configuration(enabled)
            .expected_bucket_owner(&self.home.account);
        done(call.send().await, "PutBucketVersioning", bucket)
    }

    async fn default_encryption(
        &self,
        bucket: BucketRef<'_>,
    ) -> Outcome<Option<DefaultEncryption>> {
        let call = self
            .s3(bucket.region)
            .get_bucket_encryption()
            .bucket(bucket.name);
        let answer = call.expected_bucket_owner(&self.home.account).send().await;
        let answer = answer
            .map_err(|error| failure("GetBucketEncryption", named(bucket), bucket.region, &error));
        let found = absent(answer, &["ServerSideEncryptionConfigurationNotFoundError"])?;
        let configuration = found.and_then(|found| found.server_side_encryption_configuration);
        let rule = configuration.and_then(|configuration| configuration.rules.into_iter().next());
        Ok(rule.and_then(|rule| {
            let default = rule.apply_server_side_encryption_by_default?;
            Some(DefaultEncryption {
                algorithm: default.sse_algorithm.as_str().to_owned(),
                kms_key: default.kms_master_key_id,
                bucket_key_enabled: rule.bucket_key_enabled.unwrap_or_default(),
                blocked: blocked(rule.blocked_encryption_types.as_ref()),
            })
        }))
    }

    async fn put_default_encryption(
        &self,
        bucket: BucketRef<'_>,
        to: &DefaultEncryption,
    ) -> Outcome<()> {
        let unfit = |error| unfit("PutBucketEncryption", bucket, &error);
        let default = ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(to.algorithm.as_str()))
            .set_kms_master_key_id(to.kms_key.clone())
            .build()
            .map_err(unfit)?;
        let rule = ServerSideEncryptionRule::builder()
            .apply_server_side_encryption_by_default(default)
            .bucket_key_enabled(to.bucket_key_enabled)
            .set_blocked_encryption_types(to_blocked(&to.blocked))
            .build();
        let configuration = ServerSideEncryptionConfiguration::builder()
            .rules(rule)
            .build()
            .map_err(unfit)?;
        let call = self
            .s3(bucket.region)
            .put_bucket_encryption()
            .bucket(bucket.name);
        let call = call.server_side_encryption_configuration(configuration);
        done(
            call.expected_bucket_owner(&self.home.account).send().await,
            "PutBucketEncryption",
            bucket,
        )
    }

    async fn object_lock(&self, bucket: BucketRef<'_>) -> Outcome<ObjectLock> {
        const OPERATION: &str = "GetObjectLockConfiguration";
        let call = self.s3(bucket.region).get_object_lock_configuration();
        let call = call.bucket(bucket.name);
        let answer = call.expected_bucket_owner(&self.home.account).send().await;
        let answer =
            answer.map_err(|error| failure(OPERATION, named(bucket), bucket.region, &error));
        let found = absent(answer, &["ObjectLockConfigurationNotFoundError"])?;
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
        const OPERATION: &str = "GetBucketRequestPayment";
        let call = self.s3(bucket.region).get_bucket_request_payment();
        let call = call.bucket(bucket.name);
        let answer = call.expected_bucket_owner(&self.home.account).send().await;
        let found =
            answer.map_err(|error| failure(OPERATION, named(bucket), bucket.region, &error))?;
        Ok(found.payer == Some(Payer::Requester))
    }

    async fn bucket_tags(&self, bucket: BucketRef<'_>) -> Outcome<Vec<Tag>> {
        let call = self
            .s3(bucket.region)
            .get_bucket_tagging()
            .bucket(bucket.name);
        let answer = call.expected_bucket_owner(&self.home.account).send().await;
        let answer = answer
            .map_err(|error| failure("GetBucketTagging", named(bucket), bucket.region, &error));
        let found = absent(answer, &["NoSuchTagSet"])?;
        let tags = found.map(|found| found.tag_set).unwrap_or_default();
        Ok(tags
            .into_iter()
            .map(|tag| Tag {
                key: tag.key,
                value: tag.value,
            })
            .collect())
    }

    async fn put_bucket_tags(&self, bucket: BucketRef<'_>, tags: &[Tag]) -> Outcome<()> {
        let unfit = |error| unfit("PutBucketTagging", bucket, &error);
        let tags: Result<Vec<_>, _> = tags
            .iter()
            .map(|tag| S3Tag::builder().key(&tag.key).value(&tag.value).build())
            .collect();
        let tagging = Tagging::builder()
            .set_tag_set(Some(tags.map_err(unfit)?))
            .build()
            .map_err(unfit)?;
        let call = self
            .s3(bucket.region)
            .put_bucket_tagging()
            .bucket(bucket.name)
            .tagging(tagging);
        done(
            call.expected_bucket_owner(&self.home.account).send().await,
            "PutBucketTagging",
            bucket,
        )
    }

    async fn notifications(&self, bucket: BucketRef<'_>) -> Outcome<NotificationConfiguration> {
        let call = self
            .s3(bucket.region)
            .get_bucket_notification_configuration()
            .bucket(bucket.name);
        let found = call
            .expected_bucket_owner(&self.home.account)
            .send()
            .await
            .map_err(|error| {
                failure(
                    "GetBucketNotificationConfiguration",
                    named(bucket),
                    bucket.region,
                    &error,
                )
            })?;
        Ok(notifications::from_sdk(found))
    }

    async fn put_notifications(
        &self,
        bucket: BucketRef<'_>,
        to: &NotificationConfiguration,
    ) -> Outcome<()> {
        const OPERATION: &str = "PutBucketNotificationConfiguration";
        let configuration =
            notifications::to_sdk(to).map_err(|error| unfit(OPERATION, bucket, &error))?;
        let call = self
            .s3(bucket.region)
            .put_bucket_notification_configuration()
            .bucket(bucket.name);
        let call = call.notification_configuration(configuration);
        done(
            call.expected_bucket_owner(&self.home.account).send().await,
            OPERATION,
            bucket,
        )
    }

    async fn replication(
        &self,
        bucket: BucketRef<'_>,
    ) -> Outcome<Option<ReplicationConfiguration>> {
        let call = self
            .s3(bucket.region)
            .get_bucket_replication()
            .bucket(bucket.name);
        let answer = call.expected_bucket_owner(&self.home.account).send().await;
        let answer = answer
            .map_err(|error| failure("GetBucketReplication", named(bucket), bucket.region, &error));
        let found = absent(answer, &["ReplicationConfigurationNotFoundError"])?;
        Ok(found
            .and_then(|found| found.replication_configuration)
            .map(replication::from_sdk))
    }

    async fn put_replication(
        &self,
        bucket: BucketRef<'_>,
        to: &ReplicationConfiguration,
    ) -> Outcome<()> {
        let configuration = replication::to_sdk(to)
            .map_err(|error| unfit("PutBucketReplication", bucket, &error))?;
        let call = self
            .s3(bucket.region)
            .put_bucket_replication()
            .bucket(bucket.name);
        let call = call.replication_configuration(configuration);
        done(
            call.expected_bucket_owner(&self.home.account).send().await,
            "PutBucketReplication",
            bucket,
        )
    }

    async fn delete_replication(&self, bucket: BucketRef<'_>) -> Outcome<()> {
        let call = self
            .s3(bucket.region)
            .delete_bucket_replication()
            .bucket(bucket.name);
        done(
            call.expected_bucket_owner(&self.home.account).send().await,
            "DeleteBucketReplication",
            bucket,
        )
    }
}

fn done<T, E>(
    answer: Result<T, SdkError<E>>,
    operation: &'static str,
    bucket: BucketRef<'_>,
) -> Outcome<()>
where
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::error::Error + 'static,
{
    match answer {
        Ok(_) => Ok(()),
        Err(error) => Err(failure(operation, named(bucket), bucket.region, &error)),
    }
}
