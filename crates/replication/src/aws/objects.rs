//! Probe objects over the SDK.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::SdkAws;
use super::call::of;
use crate::configuration::Tag;
use crate::error::ErrorKind;
use crate::ports::{BucketRef, ObjectHead, Objects, Outcome};

/// What the probe says to a person who comes across it.
const CONTENT: &[u8] =
    b"Written to prove that replication works. It is removed as soon as it has arrived.\n";

impl Objects for SdkAws {
    async fn put_object(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        tags: &[Tag],
        kms_key: Option<&str>,
    ) -> Outcome<String> {
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let tagging = tags
            .iter()
            .map(|tag| format!("{}={}", encoded(&tag.key), encoded(&tag.value)));
        let tagging = tagging.collect::<Vec<_>>().join("&");
        let call = self.s3(bucket.region).put_object();
        let call = call
            .bucket(bucket.name)
            .key(key)
            .set_tagging(Some(tagging).filter(|tagging| !tagging.is_empty()))
            .set_server_side_encryption(kms_key.map(|_| ServerSideEncryption::AwsKms))
            .set_ssekms_key_id(kms_key.map(str::to_owned))
            .body(ByteStream::from_static(CONTENT));
        let written = on_object("PutObject", bucket, key, call.send()).await?;
        Ok(written.version_id.unwrap_or_default())
    }

    async fn head_object(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        version: &str,
    ) -> Outcome<Option<ObjectHead>> {
        let call = self.s3(bucket.region).head_object();
        let call = call.bucket(bucket.name).key(key).version_id(version);
        let answer = on_object("HeadObject", bucket, key, call.send()).await;
        let head = match answer {
            Err(error) if error.kind == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        Ok(Some(ObjectHead {
            algorithm: head
                .server_side_encryption
                .map(|algorithm| algorithm.as_str().to_owned()),
            kms_key: head.ssekms_key_id,
            replication_status: head
                .replication_status
                .map(|status| status.as_str().to_owned()),
        }))
    }

    async fn object_versions(&self, bucket: BucketRef<'_>, key: &str) -> Outcome<Vec<String>> {
        let call = self.s3(bucket.region).list_object_versions();
        let call = call.bucket(bucket.name).prefix(key);
        let found = on_object("ListObjectVersions", bucket, key, call.send()).await?;
        let versions = found
            .versions()
            .iter()
            .map(|version| (version.key(), version.version_id()));
        let markers = found
            .delete_markers()
            .iter()
            .map(|marker| (marker.key(), marker.version_id()));
        // A prefix also finds longer keys.
        let ours = versions
            .chain(markers)
            .filter(|(found, _)| *found == Some(key));
        Ok(ours
            .filter_map(|(_, version)| version.map(str::to_owned))
            .collect())
    }

    async fn delete_object_version(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        version: &str,
    ) -> Outcome<()> {
        let call = self.s3(bucket.region).delete_object();
        let call = call.bucket(bucket.name).key(key).version_id(version);
        let answer = on_object("DeleteObject", bucket, key, call.send()).await;
        answer.map(drop)
    }
}

fn on_object<T, E>(
    operation: &'static str,
    bucket: BucketRef<'_>,
    key: &str,
    call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
) -> impl Future<Output = Outcome<T>>
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let resource = format!("object `{key}` of bucket `{}`", bucket.name);
    of(operation, resource, bucket.region, call)
}
