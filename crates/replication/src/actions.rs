//! What S3 does in the replication role's name, by what it does it to.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html>
//! and <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.

/// To the source bucket.
pub(crate) const SOURCE_BUCKET: &[&str] = &["s3:GetReplicationConfiguration", "s3:ListBucket"];
/// To source objects. Plain `s3:GetObjectVersion` does not let KMS objects be replicated.
pub(crate) const SOURCE_OBJECTS: &[&str] = &[
    "s3:GetObjectVersionForReplication",
    "s3:GetObjectVersionAcl",
    "s3:GetObjectVersionTagging",
];
/// To the annotations of source objects: without it they stay behind, and nothing says so. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/annotations-overview.html>.
pub(crate) const SOURCE_ANNOTATIONS: &str = "s3:GetObjectVersionAnnotationForReplication";
/// To source objects of a bucket with Object Lock.
pub(crate) const LOCKED_SOURCE_OBJECTS: &[&str] =
    &["s3:GetObjectRetention", "s3:GetObjectLegalHold"];
/// To their replicas.
pub(crate) const LOCKED_REPLICA_OBJECTS: &[&str] =
    &["s3:PutObjectRetention", "s3:PutObjectLegalHold"];
/// To the keys of source objects.
pub(crate) const SOURCE_KEY: &[&str] = &["kms:Decrypt"];
/// To replicas.
pub(crate) const REPLICA_OBJECTS: &[&str] = &[
    "s3:ReplicateObject",
    "s3:ReplicateDelete",
    "s3:ReplicateTags",
];
/// To replicas that are to belong to the destination bucket's owner.
pub(crate) const REPLICA_OWNER: &str = "s3:ObjectOwnerOverrideToBucketOwner";
/// To the keys of replicas: the last two where an S3 Bucket Key is in use.
pub(crate) const REPLICA_KEY: &[&str] = &["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"];
