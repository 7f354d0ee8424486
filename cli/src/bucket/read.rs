//! What is asked of S3: pages of versions, HEADs, tags. Nothing else.

use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::types::{
    DeleteMarkerEntry, EncodingType, ObjectVersion as ListedVersion, ObjectVersionStorageClass,
};
use aws_smithy_types::timeout::TimeoutConfig;
use compliance::aws::Attempt;
use compliance::ports::{AskError, InspectObject, Inspection, Marker};
use compliance::subject::{Key, ObjectVersion};
use expectation::Time;
use replication::configuration::Tag;

use super::Bucket;
use super::fault::fault;
use crate::listing::{Entry, EntryKind, ListEntries, Page};
use crate::looking::{HeadVersion, ReadTags};
use crate::pace::{Fault, FaultKind};

const GET: &str = "GetObject";
const LIST: &str = "ListObjectVersions";
const TAGS: &str = "GetObjectTagging";

/// A page may take long where many delete markers are skipped.
pub(super) fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(40))
        .build()
}

impl ListEntries for Bucket {
    /// One page of up to 1,000. Keys come URL-encoded: XML cannot carry every character.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>.
    async fn page(&self, prefix: &str, after: &Marker) -> Result<Page, Fault> {
        let resource = || format!("bucket {} prefix `{prefix}`", self.name);
        let page = self
            .s3
            .list_object_versions()
            .bucket(&self.name)
            .prefix(prefix)
            .encoding_type(EncodingType::Url)
            .set_key_marker(after.key.clone())
            .set_version_id_marker(after.version_id.clone())
            .set_expected_bucket_owner(self.owner.clone())
            .send()
            .await
            .map_err(|error| fault(LIST, resource(), &error))?;
        let encoded = page.encoding_type == Some(EncodingType::Url);
        let decode = |text: &str| {
            let key = Key::from_listing(text, encoded).map_err(|error| Fault {
                error: AskError {
                    operation: LIST,
                    resource: resource(),
                    answer: format!("`{text}`: {error}"),
                    remedy: "list the bucket by hand to find the key".to_owned(),
                },
                kind: FaultKind::Refused,
            })?;
            Ok(key.as_str().to_owned())
        };
        let mut versions = Vec::new();
        for version in page.versions.unwrap_or_default() {
            versions.push(version_entry(version, decode)?);
        }
        let mut markers = Vec::new();
        for marker in page.delete_markers.unwrap_or_default() {
            markers.push(marker_entry(marker, decode)?);
        }
        let next = match (page.is_truncated, page.next_key_marker) {
            (Some(true), Some(key)) => Some(Marker {
                key: Some(decode(&key)?),
                version_id: page.next_version_id_marker.filter(|id| !id.is_empty()),
            }),
            _ => None,
        };
        Ok(Page {
            entries: merged(versions, markers),
            next,
        })
    }
}

/// The SDK gives versions and delete markers apart, each in the order of its keys.
fn merged(versions: Vec<Entry>, markers: Vec<Entry>) -> Vec<Entry> {
    if markers.is_empty() {
        return versions;
    }
    let mut all = Vec::with_capacity(versions.len() + markers.len());
    let (mut versions, mut markers) = (versions.into_iter().peekable(), markers.into_iter());
    for marker in &mut markers {
        while let Some(version) = versions.next_if(|version| version.key <= marker.key) {
            all.push(version);
        }
        all.push(marker);
    }
    all.extend(versions);
    all
}

fn version_entry(
    version: ListedVersion,
    decode: impl Fn(&str) -> Result<String, Fault>,
) -> Result<Entry, Fault> {
    let archived = version.storage_class.as_ref().is_some_and(is_archived);
    Ok(Entry {
        key: decode(&version.key.unwrap_or_default())?,
        version_id: version.version_id.unwrap_or_else(|| "null".to_owned()),
        written: Time::from_secs(version.last_modified.map_or(0, |time| time.secs())),
        kind: if archived {
            EntryKind::Archived
        } else {
            EntryKind::Version
        },
    })
}

fn is_archived(class: &ObjectVersionStorageClass) -> bool {
    matches!(class.as_str(), "GLACIER" | "DEEP_ARCHIVE")
}

fn marker_entry(
    marker: DeleteMarkerEntry,
    decode: impl Fn(&str) -> Result<String, Fault>,
) -> Result<Entry, Fault> {
    Ok(Entry {
        key: decode(&marker.key.unwrap_or_default())?,
        version_id: marker.version_id.unwrap_or_else(|| "null".to_owned()),
        written: Time::from_secs(marker.last_modified.map_or(0, |time| time.secs())),
        kind: EntryKind::DeleteMarker,
    })
}

impl Bucket {
    /// Gives the bytes of an object to `take`, piece by piece; whether it is there.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html>.
    ///
    /// # Errors
    /// Where S3 did not give them all, for whatever reason.
    pub async fn bytes(
        &self,
        key: &str,
        version_id: Option<&str>,
        mut take: impl FnMut(&[u8]),
    ) -> Result<bool, Fault> {
        let resource = || format!("bucket {} key {key}", self.name);
        let answer = self
            .s3
            .get_object()
            .bucket(&self.name)
            .key(key)
            .set_version_id(version_id.map(str::to_owned))
            .set_expected_bucket_owner(self.owner.clone())
            .send()
            .await;
        let mut object = match answer {
            Ok(object) => object,
            Err(error) if is_absent(&error) => return Ok(false),
            Err(error) => return Err(fault(GET, resource(), &error)),
        };
        while let Some(piece) = object.body.next().await {
            let piece = piece.map_err(|error| Fault {
                error: AskError {
                    operation: GET,
                    resource: resource(),
                    answer: format!("the answer broke off: {error}"),
                    remedy: String::new(),
                },
                kind: FaultKind::Busy,
            })?;
            take(&piece);
        }
        Ok(true)
    }
}

/// Of a version that is a delete marker S3 says 405.
fn is_absent<E>(error: &SdkError<E, HttpResponse>) -> bool {
    let status = error.raw_response().map(HttpResponse::status);
    status.is_some_and(|status| matches!(status.as_u16(), 404 | 405))
}

impl HeadVersion for Bucket {
    async fn head(&self, version: &ObjectVersion) -> Result<Inspection, Fault> {
        let owner = self.owner.as_deref();
        match self.aws.attempt(version, owner).await {
            Attempt::Answered(inspection) => Ok(inspection),
            Attempt::SlowDown => Err(Fault {
                error: AskError {
                    operation: "s3:HeadObject",
                    resource: format!("bucket {} key {}", version.bucket, version.key),
                    answer: "status 503".to_owned(),
                    remedy: "ask less of the prefix at the same time".to_owned(),
                },
                kind: FaultKind::SlowDown,
            }),
            // On the heap, as it is rare and large.
            Attempt::Undecided => {
                Box::pin(self.aws.inspect(version, owner))
                    .await
                    .map_err(|error| Fault {
                        error,
                        kind: FaultKind::Busy,
                    })
            }
        }
    }
}

impl ReadTags for Bucket {
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html>.
    async fn tags(&self, version: &ObjectVersion) -> Result<Vec<Tag>, Fault> {
        let answer = self
            .s3
            .get_object_tagging()
            .bucket(&version.bucket)
            .key(version.key.as_str())
            .set_version_id(version.version_id.clone())
            .set_expected_bucket_owner(self.owner.clone())
            .send()
            .await
            .map_err(|error| {
                let resource = format!("bucket {} key {}", version.bucket, version.key);
                fault(TAGS, resource, &error)
            })?;
        let tags = answer.tag_set.into_iter();
        let tag = |tag: aws_sdk_s3::types::Tag| Tag {
            key: tag.key,
            value: tag.value,
        };
        Ok(tags.map(tag).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn entry(key: &str, kind: EntryKind) -> Entry {
        Entry {
            key: key.to_owned(),
            version_id: String::new(),
            written: Time::from_secs(0),
            kind,
        }
    }

    proptest! {
        #[test]
        fn versions_and_markers_come_together_in_the_order_of_their_keys(
            mut versions in proptest::collection::vec("[ab\u{ff}\u{1f600}]{1,3}", 0..20),
            mut markers in proptest::collection::vec("[ab\u{ff}\u{1f600}]{1,3}", 0..20),
        ) {
            versions.sort();
            markers.sort();
            let of = |keys: &[String], kind| keys.iter().map(|key| entry(key, kind)).collect::<Vec<_>>();
            let all = merged(of(&versions, EntryKind::Version), of(&markers, EntryKind::DeleteMarker));
            prop_assert!(all.is_sorted_by(|one, next| one.key.as_bytes() <= next.key.as_bytes()));
            let only = |marker| all.iter().filter(|entry| entry.is_marker() == marker)
                .map(|entry| entry.key.clone()).collect::<Vec<_>>();
            prop_assert_eq!(only(false), versions);
            prop_assert_eq!(only(true), markers);
        }
    }
}
