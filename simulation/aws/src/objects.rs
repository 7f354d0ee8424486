//! Objects.

use replication::configuration::{Tag, Versioning};
use replication::error::ErrorKind;
use replication::ports::{BucketRef, ObjectHead, Objects, Outcome};

use super::things::{Version, is_kms};
use super::{World, refuse};

fn named(bucket: BucketRef<'_>, key: &str) -> String {
    format!("object `{key}` in bucket `{}`", bucket.name)
}

impl Objects for World {
    async fn put_object(
        &self,
        at: BucketRef<'_>,
        key: &str,
        tags: &[Tag],
        kms_key: Option<&str>,
    ) -> Outcome<String> {
        self.call("PutObject", named(at, key), at.region, |state| {
            if key.len() > 1024 {
                return refuse(
                    ErrorKind::Invalid,
                    "KeyTooLongError",
                    "Your key is too long",
                );
            }
            // Without a key the bucket's default encryption decides, see
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html.
            let default = state.bucket(at)?.encryption.clone();
            let named = match (kms_key, &default) {
                (Some(named), _) => Some(named.to_owned()),
                (None, Some(default)) if is_kms(default) => {
                    let managed = || "alias/aws/s3".to_owned();
                    Some(default.kms_key.clone().unwrap_or_else(managed))
                }
                (None, _) => None,
            };
            let algorithm = if named.is_some() { "aws:kms" } else { "AES256" };
            let by_kms = named.is_some();
            let kms_key = named.and_then(|named| state.key_arn(at.region, &named));
            let usable = kms_key.as_ref().and_then(|arn| state.keys.get(arn));
            match usable.map(|key| key.state.as_str()) {
                None if !by_kms => {}
                Some("Enabled") if kms_key.as_deref().is_some_and(|key| !state.goes_by_tags_of(key)) => {
                    return refuse(
                        ErrorKind::AccessDenied,
                        "AccessDenied",
                        "not authorized to perform: kms:GenerateDataKey on the resource because no identity-based \
                         policy allows the kms:GenerateDataKey action",
                    );
                }
                Some("Enabled") => {}
                Some("Disabled") => {
                    return refuse(
                        ErrorKind::Invalid,
                        "KMS.DisabledException",
                        "the key is disabled",
                    );
                }
                Some(_) => {
                    return refuse(
                        ErrorKind::Invalid,
                        "KMS.KMSInvalidStateException",
                        "the key is pending deletion",
                    );
                }
                None => {
                    return refuse(
                        ErrorKind::Invalid,
                        "KMS.NotFoundException",
                        "no such key in the bucket's Region",
                    );
                }
            }
            let id = format!("version-{}", state.draw());
            let (now, lag) = (state.now, state.lag.max(state.weather.rules));
            let bucket = state.bucket(at)?;
            let versioned = bucket.versioning == Versioning::Enabled;
            // S3 looks for a rule when the object is written, never again.
            let rules = bucket
                .replication
                .in_force(now, lag)
                .and_then(Option::as_ref);
            let eligible = versioned
                && rules.is_some_and(|found| {
                    found
                        .rules
                        .iter()
                        .any(|rule| super::replicate::applies(rule, key, tags, by_kms))
                });
            // A request that names a key and no Bucket Key gets the bucket's setting, see
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html.
            let bucket_key = default.is_some_and(|default| default.bucket_key_enabled);
            let version = Version {
                key: key.to_owned(),
                id: id.clone(),
                tags: tags.to_vec(),
                algorithm: algorithm.into(),
                kms_key,
                bucket_key,
                replication_status: eligible.then_some("PENDING"),
                written: now,
            };
            bucket.versions.push(version.clone());
            state.hears_of_object(at.name, &version, None, now);
            Ok(id)
        })
    }

    async fn head_object(
        &self,
        at: BucketRef<'_>,
        key: &str,
        version: &str,
    ) -> Outcome<Option<ObjectHead>> {
        self.call("HeadObject", named(at, key), at.region, |state| {
            let mut versions = state.bucket(at)?.versions.iter();
            let found = versions.find(|found| found.key == key && found.id == version);
            Ok(found.map(|found| ObjectHead {
                algorithm: Some(found.algorithm.clone()),
                kms_key: found.kms_key.clone(),
                replication_status: found.replication_status.map(str::to_owned),
            }))
        })
    }

    async fn object_versions(&self, at: BucketRef<'_>, key: &str) -> Outcome<Vec<String>> {
        self.call("ListObjectVersions", named(at, key), at.region, |state| {
            let versions = state.bucket(at)?.versions.iter();
            let found = versions.filter(|found| found.key == key);
            Ok(found.map(|found| found.id.clone()).collect())
        })
    }

    async fn delete_object_version(
        &self,
        at: BucketRef<'_>,
        key: &str,
        version: &str,
    ) -> Outcome<()> {
        self.call("DeleteObject", named(at, key), at.region, |state| {
            let versions = &mut state.bucket(at)?.versions;
            versions.retain(|found| found.key != key || found.id != version);
            Ok(())
        })
    }
}
