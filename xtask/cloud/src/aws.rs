//! What demo and soak both ask of the cloud.

use anyhow::{Context, Result};
use aws_sdk_kms::types::Tag;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, ServerSideEncryption};

/// S3 takes no smaller part but the last:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART_SIZE: usize = 5 * 1024 * 1024;

/// What an object is uploaded under; the default is the bucket's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Under {
    /// The kind of encryption.
    pub(crate) algorithm: Option<ServerSideEncryption>,
    /// The key, for a kind that has one.
    pub(crate) kms_key: Option<String>,
}

impl Under {
    /// SSE-KMS with this key.
    pub(crate) fn key(arn: &str) -> Self {
        Self {
            algorithm: Some(ServerSideEncryption::AwsKms),
            kms_key: Some(arn.to_owned()),
        }
    }

    /// SSE-S3.
    pub(crate) fn sse() -> Self {
        Self {
            algorithm: Some(ServerSideEncryption::Aes256),
            kms_key: None,
        }
    }
}

/// Uploads an object of two parts; returns its version id.
pub(crate) async fn put_in_parts(
    s3: &aws_sdk_s3::Client,
    bucket: &str,
    key: &str,
    under: Under,
) -> Result<Option<String>> {
    let upload = s3
        .create_multipart_upload()
        .bucket(bucket)
        .key(key)
        .set_server_side_encryption(under.algorithm)
        .set_ssekms_key_id(under.kms_key)
        .send()
        .await
        .with_context(|| format!("cannot begin the multipart upload of `{key}`"))?;
    let id = upload.upload_id.context("S3 gave no upload id")?;
    let mut parts = CompletedMultipartUpload::builder();
    for (number, size) in [(1, PART_SIZE), (2, 1)] {
        let part = s3
            .upload_part()
            .bucket(bucket)
            .key(key)
            .upload_id(&id)
            .part_number(number)
            .body(vec![b'x'; size].into())
            .send()
            .await
            .with_context(|| format!("cannot upload part {number} of `{key}`"))?;
        let part = CompletedPart::builder()
            .part_number(number)
            .set_e_tag(part.e_tag)
            .build();
        parts = parts.parts(part);
    }
    let done = s3
        .complete_multipart_upload()
        .bucket(bucket)
        .key(key)
        .upload_id(&id)
        .multipart_upload(parts.build())
        .send()
        .await
        .with_context(|| format!("cannot complete the multipart upload of `{key}`"))?;
    Ok(done.version_id)
}

/// The default key of a bucket.
pub(crate) async fn default_key(s3: &aws_sdk_s3::Client, bucket: &str) -> Result<String> {
    let answer = s3.get_bucket_encryption().bucket(bucket).send().await;
    let answer = answer.with_context(|| format!("cannot read the encryption of `{bucket}`"))?;
    let rules = answer
        .server_side_encryption_configuration
        .map(|found| found.rules);
    rules
        .iter()
        .flatten()
        .find_map(|rule| {
            rule.apply_server_side_encryption_by_default()?
                .kms_master_key_id()
        })
        .map(str::to_owned)
        .with_context(|| format!("bucket `{bucket}` has no default KMS key"))
}

/// Creates a key; returns its ARN.
pub(crate) async fn create_key(
    kms: &aws_sdk_kms::Client,
    description: &str,
    policy: Option<String>,
) -> Result<String> {
    let tag = Tag::builder()
        .tag_key("purpose")
        .tag_value("demo")
        .build()?;
    let answer = kms
        .create_key()
        .description(description)
        .tags(tag)
        .set_policy(policy);
    let answer = answer
        .send()
        .await
        .with_context(|| format!("cannot create {description}"))?;
    let arn = answer.key_metadata.and_then(|key| key.arn);
    arn.with_context(|| format!("KMS gave no ARN for {description}"))
}

/// The policy of a key that `role` may encrypt replicas with, in the account of the key `beside`.
pub(crate) fn policy_for(role: &str, beside: &str) -> Result<String> {
    let (prefix, _) = beside.split_once(":key/").context("not a key ARN")?;
    let account = prefix.rsplit(':').next().unwrap_or_default();
    let partition = beside.split(':').nth(1).unwrap_or("aws");
    let root = format!("arn:{partition}:iam::{account}:root");
    Ok(format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Effect":"Allow","Principal":{{"AWS":"{root}"}},"Action":"kms:*","Resource":"*"}},
        {{"Effect":"Allow","Principal":{{"AWS":"{role}"}},
          "Action":["kms:Encrypt","kms:GenerateDataKey","kms:Decrypt"],"Resource":"*"}}]}}"#
    ))
}
