//! What we need of AWS, as narrow traits over our own types: the SDK behind them in production, an
//! in-memory AWS in tests.
//!
//! Every call says in which Region it is to be made. Nothing here decides anything.

use std::collections::BTreeMap;
use std::future::Future;

pub use embedded_metrics::Metric;
use event_bus::{Event, Refusal};
use expectation::Time;

use crate::configuration::{
    DefaultEncryption, NotificationConfiguration, ObjectLock, ReplicationConfiguration, Tag,
    Versioning,
};
use crate::error::AwsError;
use crate::jobs::Selection;

/// The outcome of a call.
pub type Outcome<T> = Result<T, AwsError>;

/// A call under way.
pub trait Call<T>: Future<Output = Outcome<T>> + Send {}
impl<T, F: Future<Output = Outcome<T>> + Send> Call<T> for F {}

/// A bucket, and the Region to speak to it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketRef<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its Region.
    pub region: &'a str,
}

/// What S3 is to do about the queues, topics and functions of notifications.
///
/// See `SkipDestinationValidation` in
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketNotificationConfiguration.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Targets {
    /// See that it may send to each, other people's too, and send each a test event.
    Checked,
    /// Take them as they are.
    AsTheyAre,
}

/// S3 buckets and their configuration. Reads of a bucket that does not exist fail with
/// [`ErrorKind::NotFound`](crate::error::ErrorKind::NotFound).
pub trait Buckets: Send + Sync {
    /// Names of the account's buckets in a Region.
    fn buckets(&self, region: &str) -> impl Call<Vec<String>>;
    /// The Region of a bucket of this account, wherever it is; `None` where there is no such bucket.
    fn bucket_region(&self, bucket: &str) -> impl Call<Option<String>>;
    /// Makes a bucket with these tags, and with Block Public Access as S3 sets it on new buckets.
    fn create_bucket(&self, bucket: BucketRef<'_>, tags: &[Tag]) -> impl Call<()>;
    /// Deletes an empty bucket.
    fn delete_bucket(&self, bucket: BucketRef<'_>) -> impl Call<()>;
    /// Whether the bucket holds any object version or delete marker.
    fn holds_versions(&self, bucket: BucketRef<'_>) -> impl Call<bool>;
    /// Whether the bucket keeps versions.
    fn versioning(&self, bucket: BucketRef<'_>) -> impl Call<Versioning>;
    /// Makes the bucket keep versions.
    fn enable_versioning(&self, bucket: BucketRef<'_>) -> impl Call<()>;
    /// The bucket's default encryption; `None` where none is set.
    fn default_encryption(&self, bucket: BucketRef<'_>) -> impl Call<Option<DefaultEncryption>>;
    /// Sets the bucket's default encryption.
    fn put_default_encryption(
        &self,
        bucket: BucketRef<'_>,
        to: &DefaultEncryption,
    ) -> impl Call<()>;
    /// Whether versions can be kept from being deleted.
    fn object_lock(&self, bucket: BucketRef<'_>) -> impl Call<ObjectLock>;
    /// Whether requesters pay for what they do to the bucket.
    fn requester_pays(&self, bucket: BucketRef<'_>) -> impl Call<bool>;
    /// The bucket's tags.
    fn bucket_tags(&self, bucket: BucketRef<'_>) -> impl Call<Vec<Tag>>;
    /// Replaces the bucket's tags.
    fn put_bucket_tags(&self, bucket: BucketRef<'_>, tags: &[Tag]) -> impl Call<()>;
    /// The bucket's notifications.
    fn notifications(&self, bucket: BucketRef<'_>) -> impl Call<NotificationConfiguration>;
    /// Replaces the bucket's notifications.
    fn put_notifications(
        &self,
        bucket: BucketRef<'_>,
        to: &NotificationConfiguration,
        targets: Targets,
    ) -> impl Call<()>;
    /// The bucket's replication configuration.
    fn replication(&self, bucket: BucketRef<'_>) -> impl Call<Option<ReplicationConfiguration>>;
    /// Replaces the bucket's replication configuration.
    fn put_replication(
        &self,
        bucket: BucketRef<'_>,
        to: &ReplicationConfiguration,
    ) -> impl Call<()>;
    /// Removes the bucket's replication configuration.
    fn delete_replication(&self, bucket: BucketRef<'_>) -> impl Call<()>;
}

/// What a HEAD of an object shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectHead {
    /// `AES256`, `aws:kms` or `aws:kms:dsse`.
    pub algorithm: Option<String>,
    /// ARN of the key.
    pub kms_key: Option<String>,
    /// `PENDING`, `COMPLETED`, `FAILED` or `REPLICA`.
    pub replication_status: Option<String>,
}

/// Objects: the probe and nothing else.
pub trait Objects: Send + Sync {
    /// Writes a small object under a KMS key; as people upload, without naming one, where that is `None`.
    /// Returns its version id.
    fn put_object(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        tags: &[Tag],
        kms_key: Option<&str>,
    ) -> impl Call<String>;
    /// HEAD of one version; `None` where there is none.
    fn head_object(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        version: &str,
    ) -> impl Call<Option<ObjectHead>>;
    /// Ids of all versions and delete markers of one key.
    fn object_versions(&self, bucket: BucketRef<'_>, key: &str) -> impl Call<Vec<String>>;
    /// Removes one version for good.
    fn delete_object_version(
        &self,
        bucket: BucketRef<'_>,
        key: &str,
        version: &str,
    ) -> impl Call<()>;
}

/// A KMS key, as `DescribeKey` tells it.
///
/// See <https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDescription {
    /// ARN of the key itself, never of an alias.
    pub arn: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, …
    pub state: String,
    /// `ENCRYPT_DECRYPT`, …
    pub usage: String,
    /// `SYMMETRIC_DEFAULT`, …
    pub spec: String,
    /// `CUSTOMER` or `AWS`.
    pub manager: String,
}

impl KeyDescription {
    /// Whether KMS deletes it when its waiting period is over.
    #[must_use]
    pub fn is_about_to_go(&self) -> bool {
        self.state == "PendingDeletion"
    }
}

/// KMS keys.
pub trait Keys: Send + Sync {
    /// The key behind an ARN, id or alias; `None` where there is none.
    fn describe_key(&self, region: &str, key: &str) -> impl Call<Option<KeyDescription>>;
    /// Makes a symmetric key with KMS's default policy, and returns its ARN.
    fn create_key(&self, region: &str, description: &str, tags: &[Tag]) -> impl Call<String>;
    /// Gives a key an alias.
    fn create_alias(&self, region: &str, alias: &str, key_arn: &str) -> impl Call<()>;
    /// Rotates the key's material every year.
    fn enable_key_rotation(&self, region: &str, key_arn: &str) -> impl Call<()>;
    /// Has KMS delete the key after `days`.
    fn schedule_key_deletion(&self, region: &str, key_arn: &str, days: i32) -> impl Call<()>;
    /// Takes a key's deletion back; it is disabled then.
    fn cancel_key_deletion(&self, region: &str, key_arn: &str) -> impl Call<()>;
    /// Enables a key.
    fn enable_key(&self, region: &str, key_arn: &str) -> impl Call<()>;
    /// The key's tags.
    fn key_tags(&self, region: &str, key_arn: &str) -> impl Call<Vec<Tag>>;
}

/// A role, without its policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleDescription {
    /// The role's ARN.
    pub arn: String,
    /// ARN of its permissions boundary.
    pub permissions_boundary: Option<String>,
    /// Who may assume it, as JSON.
    pub trust_policy: String,
    /// Its tags.
    pub tags: Vec<Tag>,
}

/// What a new role is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewRole<'a> {
    /// Name, without the path.
    pub name: &'a str,
    /// Path, with both slashes.
    pub path: &'a str,
    /// Who may assume it, as JSON.
    pub trust_policy: &'a str,
    /// ARN of its permissions boundary.
    pub permissions_boundary: Option<&'a str>,
    /// What the role is for.
    pub description: &'a str,
    /// Its tags.
    pub tags: &'a [Tag],
}

/// IAM roles and their inline policies.
pub trait Roles: Send + Sync {
    /// The role; `None` where there is none.
    fn role(&self, name: &str) -> impl Call<Option<RoleDescription>>;
    /// Makes a role.
    fn create_role(&self, role: NewRole<'_>) -> impl Call<()>;
    /// Sets who may assume the role, as JSON.
    fn put_trust_policy(&self, role: &str, document: &str) -> impl Call<()>;
    /// Sets the role's permissions boundary.
    fn put_permissions_boundary(&self, role: &str, policy_arn: &str) -> impl Call<()>;
    /// Sets a tag of the role.
    fn tag_role(&self, role: &str, tag: &Tag) -> impl Call<()>;
    /// Deletes a role that has no policies; fails with
    /// [`ErrorKind::Conflict`](crate::error::ErrorKind::Conflict) where it has some.
    fn delete_role(&self, name: &str) -> impl Call<()>;
    /// Names of the role's inline policies; none where there is no role.
    fn role_policies(&self, role: &str) -> impl Call<Vec<String>>;
    /// An inline policy, as JSON; `None` where there is none.
    fn role_policy(&self, role: &str, policy: &str) -> impl Call<Option<String>>;
    /// Writes an inline policy.
    fn put_role_policy(&self, role: &str, policy: &str, document: &str) -> impl Call<()>;
    /// Removes an inline policy.
    fn delete_role_policy(&self, role: &str, policy: &str) -> impl Call<()>;
}

/// How far down to look for parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Below {
    /// One level.
    Directly,
    /// All levels.
    All,
}

/// SSM parameters.
pub trait Parameters: Send + Sync {
    /// The values of the parameters below a path, by name.
    fn parameters(
        &self,
        region: &str,
        path: &str,
        below: Below,
    ) -> impl Call<BTreeMap<String, String>>;
    /// Writes a parameter, over an older value too; `description` says what it is for.
    fn put_parameter(
        &self,
        region: &str,
        name: &str,
        value: &str,
        description: &str,
    ) -> impl Call<()>;
    /// Removes a parameter.
    fn delete_parameter(&self, region: &str, name: &str) -> impl Call<()>;
}

/// What a role would do: some actions on one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// For example `kms:Decrypt`.
    pub actions: Vec<&'static str>,
    /// ARN of the resource.
    pub resource: String,
    /// What the request would carry, by condition key.
    pub context: BTreeMap<&'static str, String>,
}

/// IAM's word on one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The action.
    pub action: String,
    /// `allowed`, `implicitDeny` or `explicitDeny`.
    pub decision: String,
}

/// Policies of buckets and keys, and what those of a role come to.
pub trait Policies: Send + Sync {
    /// The bucket's policy, as JSON; `None` where it has none.
    fn bucket_policy(&self, bucket: BucketRef<'_>) -> impl Call<Option<String>>;
    /// Replaces the bucket's policy.
    fn put_bucket_policy(&self, bucket: BucketRef<'_>, policy: &str) -> impl Call<()>;
    /// Removes the bucket's policy.
    fn delete_bucket_policy(&self, bucket: BucketRef<'_>) -> impl Call<()>;
    /// The key's policy, as JSON; `None` where there is no such key.
    fn key_policy(&self, region: &str, key_arn: &str) -> impl Call<Option<String>>;
    /// Replaces the key's policy.
    fn put_key_policy(&self, region: &str, key_arn: &str, policy: &str) -> impl Call<()>;
    /// What IAM makes of the role's own policies, its boundary and its organisation's. See
    /// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html>.
    fn simulate(&self, role_arn: &str, access: &Access) -> impl Call<Vec<Decision>>;
}

/// An S3 Batch Replication job: versions of a bucket that its rules cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicationJob<'a> {
    /// The source bucket.
    pub source: BucketRef<'a>,
    /// Which versions.
    pub selection: &'a Selection,
    /// Bucket for the report.
    pub report_bucket: &'a str,
    /// Where in that bucket.
    pub report_prefix: &'a str,
    /// ARN of the role that S3 Batch Operations assumes.
    pub role_arn: &'a str,
    /// What the job is for.
    pub description: &'a str,
    /// A second request with the same token starts no second job.
    pub token: &'a str,
}

/// A job, as `DescribeJob` tells it.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_JobDescriptor.html>.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobDescription {
    /// Its id.
    pub id: String,
    /// `Active`, `Complete`, `Failed`, …
    pub status: String,
    /// ARN of the role that it acts by.
    pub role_arn: String,
    /// Versions that it takes, as far as S3 knows them yet.
    pub tasks: u64,
    /// Of these, replicated.
    pub succeeded: u64,
    /// Of these, not replicated.
    pub failed: u64,
    /// Why S3 ended it: codes and words.
    pub failures: Vec<(String, String)>,
    /// Why it has the status, where S3 or a person says so.
    pub reason: Option<String>,
    /// Bucket of its report.
    pub report_bucket: Option<String>,
    /// Start of the keys of its report.
    pub report_prefix: Option<String>,
}

/// A part of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The part.
    pub bytes: Vec<u8>,
    /// How long the object is.
    pub of: u64,
}

/// S3 Batch Operations.
pub trait Jobs: Send + Sync {
    /// Starts a job and returns its id. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_CreateJob.html>.
    fn start_replication_job(&self, job: ReplicationJob<'_>) -> impl Call<String>;
    /// A job of this account in `region`; `None` where there is none.
    fn job(&self, region: &str, id: &str) -> impl Call<Option<JobDescription>>;
    /// About a MiB of a job's report from the byte `from` on; `None` where it is not there.
    fn report_part(&self, bucket: BucketRef<'_>, key: &str, from: u64) -> impl Call<Option<Part>>;
}

/// Event buses.
pub trait Events: Send + Sync {
    /// Puts at most ten events on a bus of `region`; one result for each, in their order. See
    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.
    fn put_events(
        &self,
        region: &str,
        bus: &str,
        events: &[&Event],
    ) -> impl Call<Vec<Result<(), Refusal>>>;
}

/// CloudWatch.
pub trait Metrics: Send + Sync {
    /// Counts, as metrics of the function with this name.
    ///
    /// # Errors
    /// Where they cannot be written.
    fn count(&self, function: &str, counts: &[(&'static str, usize)]) -> std::io::Result<()>;
    /// Measures, as metrics of this bucket.
    ///
    /// # Errors
    /// Where they cannot be written.
    fn measure(&self, bucket: &str, metrics: Vec<Metric>) -> std::io::Result<()>;
    /// Writes a line into the function's log.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn log(&self, line: &str) -> std::io::Result<()>;
}

/// Other accounts.
pub trait Assume: Sized + Send + Sync {
    /// The same AWS in the name of a role, in the role's account.
    fn assuming(&self, role_arn: &str) -> impl Call<Self>;
}

/// The time of day.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Time;
}

/// All of it.
pub trait Aws:
    Buckets + Objects + Keys + Roles + Parameters + Policies + Jobs + Events + Metrics + Assume + Clock
{
}
impl<
    T: Buckets
        + Objects
        + Keys
        + Roles
        + Parameters
        + Policies
        + Jobs
        + Events
        + Metrics
        + Assume
        + Clock,
> Aws for T
{
}
