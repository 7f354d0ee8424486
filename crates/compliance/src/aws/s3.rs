//! S3: the HEAD, the bucket's default encryption, the listing of versions.

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::types::{EncodingType, ObjectEncryption, ServerSideEncryption, SsekmsEncryption};

use aws_smithy_types::date_time::Format;
use expectation::Time;

use super::Aws;
use super::error::{answer, ask, header, status};
use crate::ports::{
    AskError, DefaultEncryption, InspectObject, Inspection, ListVersions, ListedVersion, Listing,
    Marker, Observed, Repair, RepairObject, Target, VersionPage,
};
use crate::subject::{Key, ObjectVersion};

impl InspectObject for Aws {
    /// One `HeadObject`. Checksum mode stays off: with it S3 asks for `kms:Decrypt`.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>.
    async fn inspect(
        &self,
        version: &ObjectVersion,
        owner: Option<&str>,
    ) -> Result<Inspection, AskError> {
        if let Attempt::Answered(inspection) = self.attempt(version, owner).await {
            return Ok(inspection);
        }
        // On the heap, as it is rare and large: each of a batch's futures would hold room for it.
        Box::pin(self.inspect_by_sdk(version, owner)).await
    }
}

/// What one HEAD came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// S3's answer.
    Answered(Inspection),
    /// S3 asks for fewer calls: 503. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>.
    SlowDown,
    /// Nothing to go by: the SDK knows how to go on.
    Undecided,
}

impl Aws {
    /// One HEAD without the SDK's retries, for who has a pace of his own; always undecided without
    /// [`Aws::with_direct_heads`].
    pub async fn attempt(&self, version: &ObjectVersion, owner: Option<&str>) -> Attempt {
        let Some(heads) = &self.heads else {
            return Attempt::Undecided;
        };
        let Some(answer) = heads.head(version, owner).await else {
            return Attempt::Undecided;
        };
        let headers = answer.headers();
        let header = |name: &'static str| headers.get(name);
        let inspection = match answer.status().as_u16() {
            200 => Some(observe_headers(header)),
            503 => return Attempt::SlowDown,
            // A skewed clock or an expired token is refused as well, and the SDK knows how to go on.
            400 | 403 => None,
            status => self.refused(status, header),
        };
        inspection.map_or(Attempt::Undecided, Attempt::Answered)
    }

    async fn inspect_by_sdk(
        &self,
        version: &ObjectVersion,
        owner: Option<&str>,
    ) -> Result<Inspection, AskError> {
        let head = self
            .s3
            .head_object()
            .bucket(&version.bucket)
            .key(version.key.as_str())
            .set_version_id(version.version_id.clone())
            .set_expected_bucket_owner(owner.map(str::to_owned));
        let error = match head.send().await {
            Ok(head) => return Ok(observe(head)),
            Err(error) => error,
        };
        let unknown = |error| {
            let resource = format!("bucket {} key {}", version.bucket, version.key);
            ask("s3:HeadObject", resource, error)
        };
        let Some(status) = status(&error) else {
            return Err(unknown(&error));
        };
        match self.refused(status, |name| header(&error, name)) {
            Some(Inspection::AccessDenied | Inspection::CustomerKey) => {
                self.why_refused(version, owner, status).await
            }
            Some(inspection) => Ok(inspection),
            None => Err(unknown(&error)),
        }
    }

    /// Why S3 refused a HEAD, whose answer has no body to say it: asked by a GET that never gets the
    /// object, as no `ETag` is what `If-Match` demands. 403 is said of a missing permission and of a wrong
    /// secret alike, 400 of SSE-C, a malformed version id and an expired token.
    async fn why_refused(
        &self,
        version: &ObjectVersion,
        owner: Option<&str>,
        head_status: u16,
    ) -> Result<Inspection, AskError> {
        let get = self
            .s3
            .get_object()
            .bucket(&version.bucket)
            .key(version.key.as_str())
            .set_version_id(version.version_id.clone())
            .set_expected_bucket_owner(owner.map(str::to_owned))
            .if_match("\"no object's\"");
        // The HEAD's own answer stands where this one adds nothing to it.
        let by_status = match head_status {
            400 => Inspection::CustomerKey,
            _ => Inspection::AccessDenied,
        };
        let Err(error) = get.send().await else {
            return Ok(by_status);
        };
        // Throttled, out of order or unreachable: nothing was said of why, and the message comes back.
        if status(&error).is_none_or(|status| status == 429 || status >= 500) {
            let resource = format!("bucket {} key {}", version.bucket, version.key);
            return Err(ask("s3:HeadObject", resource, &error));
        }
        match Refusal::of(error.code()) {
            Refusal::Permission => Ok(Inspection::AccessDenied),
            Refusal::Other => Ok(by_status),
            refusal => Err(AskError {
                operation: "s3:HeadObject",
                resource: format!("bucket {} key {}", version.bucket, version.key),
                answer: answer(&error),
                remedy: match refusal {
                    Refusal::VersionId => {
                        "correct the version id: it is none of S3's".to_owned()
                    }
                    _ => "the checker's own credentials are refused: where that stays so, deploy it again"
                        .to_owned(),
                },
            }),
        }
    }

    /// What a refused HEAD means; `None` where it means nothing for good. A HEAD's answer has no
    /// body, so the status and the headers have to do.
    fn refused<'a>(
        &self,
        status: u16,
        header: impl Fn(&'static str) -> Option<&'a str>,
    ) -> Option<Inspection> {
        let home = self.s3.config().region().map(AsRef::as_ref);
        let region = header("x-amz-bucket-region").filter(|region| home != Some(region));
        if let (301 | 307 | 400 | 403, Some(region)) = (status, region) {
            return Some(Inspection::OtherRegion(region.to_owned()));
        }
        let delete_marker = header("x-amz-delete-marker") == Some("true");
        match status {
            400 => Some(Inspection::CustomerKey),
            403 => Some(Inspection::AccessDenied),
            404 if delete_marker => Some(Inspection::DeleteMarker),
            404 => Some(Inspection::NotFound),
            // HEAD is not allowed on the version of a delete marker.
            405 => Some(Inspection::DeleteMarker),
            _ => None,
        }
    }
}

/// What a refusal is about, by S3's code; see
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Permission,
    Credentials,
    VersionId,
    Other,
}

impl Refusal {
    fn of(code: Option<&str>) -> Self {
        match code.unwrap_or_default() {
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Self::Permission,
            "SignatureDoesNotMatch"
            | "InvalidAccessKeyId"
            | "InvalidSecurity"
            | "InvalidToken"
            | "ExpiredToken"
            | "TokenRefreshRequired"
            | "RequestTimeTooSkewed"
            | "AuthorizationHeaderMalformed" => Self::Credentials,
            "InvalidArgument" | "NoSuchVersion" => Self::VersionId,
            _ => Self::Other,
        }
    }
}

fn observe(head: HeadObjectOutput) -> Inspection {
    let delete_marker = head.delete_marker == Some(true);
    let customer_key = head.sse_customer_algorithm.is_some();
    let observed = Observed {
        algorithm: head
            .server_side_encryption
            .map(|algorithm| algorithm.as_str().to_owned()),
        kms_key: head.ssekms_key_id.filter(|key| !key.is_empty()),
        bucket_key_enabled: head.bucket_key_enabled == Some(true),
        replication_status: head
            .replication_status
            .map(|status| status.as_str().to_owned()),
        version_id: head.version_id.filter(|id| !id.is_empty()),
        last_modified: head
            .last_modified
            .and_then(|time| time.fmt(Format::HttpDate).ok()),
    };
    inspection_of(delete_marker, customer_key, observed)
}

/// The same from the answer's headers.
fn observe_headers<'a>(header: impl Fn(&'static str) -> Option<&'a str>) -> Inspection {
    let text = |name| {
        header(name)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let delete_marker = header("x-amz-delete-marker") == Some("true");
    let customer_key = header("x-amz-server-side-encryption-customer-algorithm").is_some();
    let observed = Observed {
        algorithm: header("x-amz-server-side-encryption").map(str::to_owned),
        kms_key: text("x-amz-server-side-encryption-aws-kms-key-id"),
        bucket_key_enabled: header("x-amz-server-side-encryption-bucket-key-enabled")
            == Some("true"),
        replication_status: header("x-amz-replication-status").map(str::to_owned),
        version_id: text("x-amz-version-id"),
        last_modified: text("last-modified"),
    };
    inspection_of(delete_marker, customer_key, observed)
}

fn inspection_of(delete_marker: bool, customer_key: bool, observed: Observed) -> Inspection {
    if delete_marker {
        Inspection::DeleteMarker
    } else if customer_key && observed.algorithm.is_none() {
        Inspection::CustomerKey
    } else {
        Inspection::Object(observed)
    }
}

impl Aws {
    pub(super) async fn bucket_default(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        let request = self
            .s3
            .get_bucket_encryption()
            .bucket(bucket)
            .set_expected_bucket_owner(owner.map(str::to_owned));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error)
                if error.code() == Some("ServerSideEncryptionConfigurationNotFoundError") =>
            {
                return Ok(DefaultEncryption::Other);
            }
            Err(error) => {
                return Err(ask(
                    "s3:GetBucketEncryption",
                    format!("bucket {bucket}"),
                    &error,
                ));
            }
        };
        let rules = answer
            .server_side_encryption_configuration
            .map(|all| all.rules);
        let default = rules
            .into_iter()
            .flatten()
            .find_map(|rule| rule.apply_server_side_encryption_by_default);
        Ok(match default {
            Some(default) => {
                let key = default.kms_master_key_id.filter(|key| !key.is_empty());
                match default.sse_algorithm {
                    ServerSideEncryption::AwsKms => DefaultEncryption::Kms(key),
                    ServerSideEncryption::AwsKmsDsse => DefaultEncryption::Dsse(key),
                    _ => DefaultEncryption::Other,
                }
            }
            None => DefaultEncryption::Other,
        })
    }
}

impl RepairObject for Aws {
    /// One `UpdateObjectEncryption`.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_UpdateObjectEncryption.html>.
    async fn repair(
        &self,
        version: &ObjectVersion,
        target: &Target,
        owner: Option<&str>,
    ) -> Result<Repair, AskError> {
        let encryption = SsekmsEncryption::builder()
            .kms_key_arn(&target.key)
            .bucket_key_enabled(target.bucket_key)
            .build();
        let encryption = match encryption {
            Ok(encryption) => ObjectEncryption::Ssekms(encryption),
            Err(error) => return Ok(Repair::Refused(error.to_string())),
        };
        let request = self
            .s3
            .update_object_encryption()
            .bucket(&version.bucket)
            .key(version.key.as_str())
            .set_version_id(version.version_id.clone())
            .object_encryption(encryption)
            .set_expected_bucket_owner(owner.map(str::to_owned));
        match request.send().await {
            Ok(_) => Ok(Repair::Done),
            Err(error) if refused_for_good(error.code(), status(&error)) => {
                Ok(Repair::Refused(answer(&error)))
            }
            Err(error) => {
                let resource = format!("bucket {} key {}", version.bucket, version.key);
                Err(ask("s3:UpdateObjectEncryption", resource, &error))
            }
        }
    }
}

/// Whether S3 will give the same answer again; 501 is one that lacks the operation. It passes on what KMS says as 400, throttling too.
fn refused_for_good(code: Option<&str>, status: Option<u16>) -> bool {
    let throttled = code.is_some_and(|code| {
        code.contains("Throttl") || matches!(code, "SlowDown" | "RequestTimeout")
    });
    matches!(status, Some(400 | 403 | 404 | 405 | 501)) && !throttled
}

impl ListVersions for Aws {
    /// One page of up to 1,000 versions. Keys come URL-encoded: XML cannot carry every character.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>.
    async fn list(&self, listing: Listing<'_>) -> Result<VersionPage, AskError> {
        let Listing {
            bucket,
            prefix,
            after,
            owner,
        } = listing;
        let resource = || format!("bucket {bucket} prefix `{prefix}`");
        let page = self
            .s3
            .list_object_versions()
            .bucket(bucket)
            .prefix(prefix)
            .encoding_type(EncodingType::Url)
            .set_key_marker(after.key.clone())
            .set_version_id_marker(after.version_id.clone())
            .set_expected_bucket_owner(owner.map(str::to_owned))
            .send()
            .await
            .map_err(|error| ask("s3:ListObjectVersions", resource(), &error))?;
        let encoded = page.encoding_type == Some(EncodingType::Url);
        let decode = |text: &str| {
            Key::from_listing(text, encoded).map_err(|error| AskError {
                operation: "s3:ListObjectVersions",
                resource: resource(),
                answer: error.to_string(),
                remedy: "list the bucket by hand to find the key".to_owned(),
            })
        };
        let mut versions = Vec::new();
        for listed in page.versions.unwrap_or_default() {
            let version = ObjectVersion {
                bucket: bucket.to_owned(),
                key: decode(&listed.key.unwrap_or_default())?,
                version_id: listed.version_id.filter(|id| !id.is_empty()),
                region: None,
                bucket_owner: None,
                event_time_ms: None,
            };
            versions.push(ListedVersion {
                version,
                last_modified: listed
                    .last_modified
                    .map(|time| Time::from_secs(time.secs())),
            });
        }
        let next = match (page.is_truncated, page.next_key_marker) {
            (Some(true), Some(key)) => Some(Marker {
                key: Some(decode(&key)?.as_str().to_owned()),
                version_id: page.next_version_id_marker.filter(|id| !id.is_empty()),
            }),
            _ => None,
        };
        Ok(VersionPage { versions, next })
    }
}
