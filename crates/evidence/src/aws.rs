//! The ports of sealing and asking, over the AWS SDK: each request spelled out, each answer mapped, nothing decided.

mod athena;
mod cloud;

use std::error::Error;
use std::time::{Duration, SystemTime};

use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ChecksumAlgorithm;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use expectation::Time;
use sdk_environment::answered;

use crate::seal::{AskError, Clock, Created, Listed, Page, Signer, Store};
use crate::{Hash, Hasher, Signature};

pub use self::athena::{Asked, Athena, AthenaError, Row};
pub use self::cloud::{Account, Places};

/// The lake's bucket.
#[derive(Clone, Debug)]
pub struct Bucket {
    s3: aws_sdk_s3::Client,
    name: String,
    owner: String,
}

impl Bucket {
    /// The bucket of this name, of the account `owner`.
    #[must_use]
    pub fn new(sdk: &SdkConfig, name: String, owner: String) -> Self {
        Self {
            s3: s3(sdk),
            name,
            owner,
        }
    }

    /// The last key that begins with this and lies between two others.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>.
    pub(crate) async fn last(
        &self,
        prefix: &str,
        (after, before): (&str, &str),
    ) -> Result<Option<String>, AskError> {
        let pages = self
            .s3
            .list_objects_v2()
            .bucket(&self.name)
            .expected_bucket_owner(&self.owner)
            .prefix(prefix)
            .start_after(after);
        let mut pages = pages.into_paginator().send();
        let mut last = None;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.ask("s3:ListObjectsV2", prefix, &error))?;
            let keys = page.contents.unwrap_or_default().into_iter();
            let keys = keys.filter_map(|object| object.key);
            let keys = keys.filter(|key| key.as_str() < before);
            last = keys.chain(last).max();
        }
        Ok(last)
    }

    fn ask<E>(
        &self,
        operation: &'static str,
        key: &str,
        error: &SdkError<E, HttpResponse>,
    ) -> AskError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        ask(operation, format!("bucket {} key {key}", self.name), error)
    }

    fn broken(&self, key: &str, error: &(dyn Error + 'static)) -> AskError {
        AskError {
            operation: "s3:GetObject",
            resource: format!("bucket {} key {key}", self.name),
            answer: DisplayErrorContext(error).to_string(),
        }
    }
}

/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>.
impl Store for Bucket {
    async fn list(&self, prefix: &str, after: Option<(String, String)>) -> Result<Page, AskError> {
        let (key, version_id) = after.unzip();
        let answer = self
            .s3
            .list_object_versions()
            .bucket(&self.name)
            .expected_bucket_owner(&self.owner)
            .prefix(prefix)
            .set_key_marker(key)
            .set_version_id_marker(version_id)
            .send()
            .await
            .map_err(|error| self.ask("s3:ListObjectVersions", prefix, &error))?;
        let more = answer.is_truncated.unwrap_or_default();
        let next = answer.next_key_marker.zip(answer.next_version_id_marker);
        let versions = answer.versions.unwrap_or_default().into_iter();
        let versions = versions.filter_map(|one| {
            Some(Listed {
                key: one.key?,
                version_id: one.version_id?,
                modified: Time::from_secs(one.last_modified?.secs()),
            })
        });
        Ok(Page {
            versions: versions.collect(),
            next: next.filter(|_| more),
        })
    }

    async fn hash(&self, key: &str, version_id: &str) -> Result<Option<(u64, Hash)>, AskError> {
        let asked = self
            .s3
            .get_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.owner)
            .key(key)
            .version_id(version_id)
            .send()
            .await;
        let mut body = match asked {
            Ok(answer) => answer.body,
            Err(error) if matches!(error.code(), Some("NoSuchKey" | "NoSuchVersion")) => {
                return Ok(None);
            }
            Err(error) => return Err(self.ask("s3:GetObject", key, &error)),
        };
        let mut hasher = Hasher::default();
        while let Some(piece) = body.next().await {
            hasher.update(&piece.map_err(|error| self.broken(key, &error))?);
        }
        Ok(Some((hasher.size(), hasher.finish())))
    }

    async fn read(&self, key: &str) -> Result<Vec<u8>, AskError> {
        let answer = self
            .s3
            .get_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.owner)
            .key(key)
            .send()
            .await
            .map_err(|error| self.ask("s3:GetObject", key, &error))?;
        let body = answer.body.collect().await;
        Ok(body.map_err(|error| self.broken(key, &error))?.to_vec())
    }

    /// With a checksum, which S3 asks for where objects are kept by Object Lock.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html>.
    async fn create(&self, key: &str, bytes: Vec<u8>) -> Result<Created, AskError> {
        let asked = self
            .s3
            .put_object()
            .bucket(&self.name)
            .expected_bucket_owner(&self.owner)
            .key(key)
            .content_type("application/json")
            .if_none_match("*")
            .checksum_algorithm(ChecksumAlgorithm::Sha256)
            .body(ByteStream::from(bytes))
            .send()
            .await;
        match asked {
            Ok(_) => Ok(Created::Yes),
            Err(error) if error.code() == Some("PreconditionFailed") => Ok(Created::AlreadyThere),
            // 409 is another writer's at this moment: the next run sees what it wrote.
            Err(error) => Err(self.ask("s3:PutObject", key, &error)),
        }
    }
}

/// The KMS key.
#[derive(Clone, Debug)]
pub struct Key {
    kms: aws_sdk_kms::Client,
    arn: String,
}

impl Key {
    /// The key of this ARN, an asymmetric one of spec `ECC_NIST_P256`.
    #[must_use]
    pub fn new(sdk: &SdkConfig, arn: String) -> Self {
        Self {
            kms: aws_sdk_kms::Client::new(sdk),
            arn,
        }
    }
}

/// See <https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html>.
impl Signer for Key {
    fn key_arn(&self) -> &str {
        &self.arn
    }

    async fn sign(&self, hash: Hash) -> Result<Signature, AskError> {
        let answer = self
            .kms
            .sign()
            .key_id(&self.arn)
            .message(Blob::new(hash.0))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .send()
            .await
            .map_err(|error| ask("kms:Sign", self.arn.clone(), &error))?;
        let signature = answer.signature.ok_or_else(|| AskError {
            operation: "kms:Sign",
            resource: self.arn.clone(),
            answer: "no signature".to_owned(),
        })?;
        Ok(Signature::new(signature.as_ref()))
    }

    async fn verify(&self, hash: Hash, signature: &Signature) -> Result<bool, AskError> {
        let Ok(bytes) = signature.bytes() else {
            return Ok(false);
        };
        let asked = self
            .kms
            .verify()
            .key_id(&self.arn)
            .message(Blob::new(hash.0))
            .message_type(MessageType::Digest)
            .signing_algorithm(SigningAlgorithmSpec::EcdsaSha256)
            .signature(Blob::new(bytes))
            .send()
            .await;
        match asked {
            Ok(answer) => Ok(answer.signature_valid),
            Err(error) if error.code() == Some("KMSInvalidSignatureException") => Ok(false),
            Err(error) => Err(ask("kms:Verify", self.arn.clone(), &error)),
        }
    }
}

fn s3(sdk: &SdkConfig) -> aws_sdk_s3::Client {
    let by_path = sdk_environment::s3_by_path(sdk);
    let config = aws_sdk_s3::config::Builder::from(sdk).force_path_style(by_path);
    aws_sdk_s3::Client::from_conf(config.build())
}

/// This machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let secs = since.map_or(0, |since| since.as_secs());
        Time::from_secs(i64::try_from(secs).unwrap_or(i64::MAX))
    }
}

fn ask<E>(operation: &'static str, resource: String, error: &SdkError<E, HttpResponse>) -> AskError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    AskError {
        operation,
        resource,
        answer: answer(error),
    }
}

/// What was answered, or what went wrong on the way, on one line.
fn answer<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error.raw_response() {
        None => DisplayErrorContext(error)
            .to_string()
            .replace(['\n', '\r'], " "),
        Some(response) => answered(response.status().as_u16(), error),
    }
}

/// For what asks Athena, AWS Config and Lambda, which are busy now and then: five tries, a second after the first.
fn patient(config: &SdkConfig) -> SdkConfig {
    let retries = RetryConfig::standard()
        .with_max_attempts(5)
        .with_initial_backoff(Duration::from_secs(1));
    config.to_builder().retry_config(retries).build()
}
