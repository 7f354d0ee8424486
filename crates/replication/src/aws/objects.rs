//! Probe objects over the SDK.

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::ServerSideEncryption;

use super::SdkAws;
use super::failure::failure;
use crate::configuration::Tag;
use crate::ports::{BucketRef, ObjectHead, Objects, Outcome};

/// What the probe says to a person who comes across it.
const CONTENT: &[u8] =
    b"Written to prove that replication works. It is removed as soon as it has arrived.\n";

fn named(bucket: BucketRef<'_>, key: &str) -> String {
    format!("object `{key}` of bucket `{}`", bucket.name)
}

impl Objects for SdkAws {
    async fn put_object(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        tags: &[Tag],
        kms_key: &str,
    ) -> Outcome<String> {
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let tagging = tags
            .iter()
            .map(|tag| format!("{}={}", encoded(&tag.key), encoded(&tag.value)));
        let tagging = tagging.collect::<Vec<_>>().join("&");
        let call = self
            .s3(bucket.region)
            .put_object()
            .bucket(bucket.name)
            .key(key);
        let written = call
            .set_tagging(Some(tagging).filter(|tagging| !tagging.is_empty()))
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(kms_key)
            .body(ByteStream::from_static(CONTENT))
            .expected_bucket_owner(&self.home.account)
            .send()
            .await
            .map_err(|error| failure("PutObject", named(bucket, key), bucket.region, &error))?;
        Ok(written.version_id.unwrap_or_default())
    }

    async fn head_object(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        version: &str,
    ) -> Outcome<Option<ObjectHead>> {
        let call = self
            .s3(bucket.region)
            .head_object()
            .bucket(bucket.name)
            .key(key);
        match call
            .version_id(version)
            .expected_bucket_owner(&self.home.account)
            .send()
            .await
        {
            Ok(head) => Ok(Some(ObjectHead {
                algorithm: head
                    .server_side_encryption
                    .map(|algorithm| algorithm.as_str().to_owned()),
                kms_key: head.ssekms_key_id,
                replication_status: head
                    .replication_status
                    .map(|status| status.as_str().to_owned()),
            })),
            Err(error)
                if error
                    .raw_response()
                    .is_some_and(|r| r.status().as_u16() == 404) =>
            {
                Ok(None)
            }
            Err(error) => Err(failure(
                "HeadObject",
                named(bucket, key),
                bucket.region,
                &error,
            )),
        }
    }

    async fn object_versions(&self, bucket: BucketRef<'_>, key: &str) -> Outcome<Vec<String>> {
        let call = self
            .s3(bucket.region)
            .list_object_versions()
            .bucket(bucket.name)
            .prefix(key);
        let found = call
            .expected_bucket_owner(&self.home.account)
            .send()
            .await
            .map_err(|error| {
                failure(
                    "ListObjectVersions",
                    named(bucket, key),
                    bucket.region,
                    &error,
                )
            })?;
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
        let call = self
            .s3(bucket.region)
            .delete_object()
            .bucket(bucket.name)
            .key(key);
        match call
            .version_id(version)
            .expected_bucket_owner(&self.home.account)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(error) => Err(failure(
                "DeleteObject",
                named(bucket, key),
                bucket.region,
                &error,
            )),
        }
    }
}
