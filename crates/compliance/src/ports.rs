//! What the checker asks of AWS, in its own words: six narrow traits and their answers.
//!
//! An answer is `Ok` wherever AWS gave one that a verdict can be built on, a refusal included.
//! [`AskError`] means that nobody knows: the message goes back to the queue.

use std::future::Future;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use event_bus::{Event, Refusal};
use expectation::Time;

use crate::subject::ObjectVersion;

/// AWS could not be asked, or its answer decides nothing: worth trying again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} on {resource} failed: {answer}{}{remedy}", if .remedy.is_empty() { "" } else { "; " })]
pub struct AskError {
    /// The API operation, such as `s3:HeadObject`.
    pub operation: &'static str,
    /// Bucket, key, parameter path or KMS key.
    pub resource: String,
    /// What AWS answered: status, code, request id; or what went wrong on the way.
    pub answer: String,
    /// What to do, where anything can be done; empty otherwise. What happens next the caller knows.
    pub remedy: String,
}

/// What S3 says of an object version's encryption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// `AES256`, `aws:kms`, `aws:kms:dsse`, …; `None` where S3 names none.
    pub algorithm: Option<String>,
    /// The key as S3 names it: an ARN on AWS.
    pub kms_key: Option<String>,
    /// Whether an S3 Bucket Key was used.
    pub bucket_key_enabled: bool,
    /// `REPLICA`, `PENDING`, `COMPLETED`, `FAILED`; `None` where S3 says nothing.
    pub replication_status: Option<String>,
    /// The version that was looked at, where S3 says it.
    pub version_id: Option<String>,
    /// `Last-Modified` as S3 writes it: of a replica, when its source object was written. It is read only
    /// where it matters, see [`Observed::last_modified`].
    pub last_modified: Option<String>,
}

impl Observed {
    /// When the version was written; a replica bears the time of its source object. `None` where S3 does
    /// not say it.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html>.
    #[must_use]
    pub fn last_modified(&self) -> Option<Time> {
        let text = self.last_modified.as_deref()?;
        let time = DateTime::from_str(text, Format::HttpDate).ok()?;
        Some(Time::from_secs(time.secs()))
    }
}

/// The answer to one `HeadObject`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspection {
    /// The version is there and can be looked at.
    Object(Observed),
    /// 404: it is not there.
    NotFound,
    /// 404 or 405 with `x-amz-delete-marker`: a delete marker covers it, or is it.
    DeleteMarker,
    /// 403.
    AccessDenied,
    /// 400: without the customer's key S3 shows nothing of an SSE-C object.
    CustomerKey,
    /// The bucket is in the Region named here, not in the checker's.
    OtherRegion(String),
}

/// Looks at one object version: one request, with version id and expected bucket owner.
pub trait InspectObject: Send + Sync {
    /// Asks S3 for the version's headers.
    ///
    /// # Errors
    /// Throttling, server faults, timeouts: after the SDK's own retries.
    fn inspect(
        &self,
        version: &ObjectVersion,
        owner: Option<&str>,
    ) -> impl Future<Output = Result<Inspection, AskError>> + Send;
}

/// One parameter under `/encrypted-replication/<bucket>/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryParameter {
    /// The parameter's full name.
    pub name: String,
    /// Its value: an expectation document.
    pub value: String,
}

/// A bucket's default encryption, as far as it says which key is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DefaultEncryption {
    /// SSE-KMS under this key; `None` is the AWS managed key `aws/s3`.
    Kms(Option<String>),
    /// DSSE-KMS likewise.
    Dsse(Option<String>),
    /// SSE-S3, or nothing set: says nothing about keys.
    Other,
}

/// Where it is written which keys are right.
pub trait FindExpectation: Send + Sync {
    /// All of the bucket's registry parameters, from all pages.
    ///
    /// # Errors
    /// Where they cannot be read, for whatever reason: that is no proof that there are none.
    fn registry(
        &self,
        bucket: &str,
    ) -> impl Future<Output = Result<Vec<RegistryParameter>, AskError>> + Send;

    /// The bucket's default encryption.
    ///
    /// # Errors
    /// Where it cannot be read, for whatever reason.
    fn default_encryption(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> impl Future<Output = Result<DefaultEncryption, AskError>> + Send;
}

/// What KMS says of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyAnswer {
    /// The key is there.
    Found(KeyDescription),
    /// There is no such key or alias.
    NotFound,
    /// KMS would not say, for example for want of `kms:DescribeKey`; with what it answered.
    Refused(String),
}

/// A key that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDescription {
    /// The key's ARN, also where an alias or id was asked for.
    pub arn: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, …, as KMS spells it.
    pub state: String,
    /// Whether AWS manages the key (such as `aws/s3`).
    pub aws_managed: bool,
}

/// Asks KMS about keys.
pub trait DescribeKey: Send + Sync {
    /// Describes the key of this ARN, id or alias.
    ///
    /// # Errors
    /// Throttling, server faults, timeouts: after the SDK's own retries.
    fn describe(&self, key: &str) -> impl Future<Output = Result<KeyAnswer, AskError>> + Send;
}

/// Where a listing goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marker {
    /// `KeyMarker`.
    pub key: Option<String>,
    /// `VersionIdMarker`.
    pub version_id: Option<String>,
}

/// A version in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The version.
    pub version: ObjectVersion,
    /// When it was written, where S3 says it.
    pub last_modified: Option<Time>,
}

/// One page of a bucket's versions, delete markers left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// The versions.
    pub versions: Vec<ListedVersion>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Marker>,
}

/// What is to be listed.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// The bucket.
    pub bucket: &'a str,
    /// Start of the keys.
    pub prefix: &'a str,
    /// Where the page starts.
    pub after: &'a Marker,
    /// The account that the bucket is expected to be of.
    pub owner: Option<&'a str>,
}

/// Lists the versions of a bucket, for a sweep.
pub trait ListVersions: Send + Sync {
    /// One page.
    ///
    /// # Errors
    /// Where S3 will not list, for whatever reason.
    fn list(
        &self,
        listing: Listing<'_>,
    ) -> impl Future<Output = Result<VersionPage, AskError>> + Send;
}

/// The answer to one `UpdateObjectEncryption`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repair {
    /// S3 re-encrypted the version.
    Done,
    /// S3 will not, or may not; with what it answered.
    Refused(String),
}

/// What a replica is to be encrypted with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The key's ARN.
    pub key: String,
    /// Whether with an S3 Bucket Key, as it is today.
    pub bucket_key: bool,
}

/// Re-encrypts one object version in place.
pub trait RepairObject: Send + Sync {
    /// Has S3 encrypt the version's data key with SSE-KMS under that key.
    ///
    /// # Errors
    /// Throttling, server faults, timeouts: after the SDK's own retries. S3 may have done it.
    fn repair(
        &self,
        version: &ObjectVersion,
        target: &Target,
        owner: Option<&str>,
    ) -> impl Future<Output = Result<Repair, AskError>> + Send;
}

/// Puts findings on an event bus.
pub trait PublishFindings: Send + Sync {
    /// One `PutEvents`; one result for each event, in their order.
    ///
    /// # Errors
    /// Where the request as a whole failed, for whatever reason: after the SDK's own retries.
    fn put(
        &self,
        bus: &str,
        events: &[&Event],
    ) -> impl Future<Output = Result<Vec<Result<(), Refusal>>, AskError>> + Send;
}

/// What verdicts and repairs take.
pub trait CheckerPorts: InspectObject + FindExpectation + DescribeKey + RepairObject {}

impl<A: InspectObject + FindExpectation + DescribeKey + RepairObject> CheckerPorts for A {}

/// All of it: AWS, or a stand-in for it.
pub trait AllPorts: CheckerPorts + ListVersions + PublishFindings {}

impl<A: CheckerPorts + ListVersions + PublishFindings> AllPorts for A {}
