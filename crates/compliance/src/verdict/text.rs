//! The words of the judgements: one sentence of reason, one of remedy.

use expectation::{Algorithm, Time};

use super::evidence::ObservedKey;
use super::kind::{Detail, Judgement, Kind};
use crate::subject::ObjectVersion;

/// The reason of the verdict that is nearly always given.
const COMPLIANT: &str = "the replica is encrypted with an expected key";

const CORRECT: &str = "correct ReplicaKmsKeyID of the replication rule, then re-encrypt the replica \
                       with UpdateObjectEncryption or replicate the version again with S3 Batch \
                       Replication";

pub(super) fn not_replica(status: Option<&str>) -> Judgement {
    match status {
        None => Judgement::new(
            Kind::NotReplica,
            "the object has no replication status: it was written straight to the bucket",
        ),
        Some(status) => Judgement::new(
            Kind::NotReplica,
            format!(
                "the object's replication status is {status}: it is a source object, not a replica"
            ),
        ),
    }
}

/// The status is a replica's under replica modification sync, and a source object's, too.
pub(super) fn perhaps_source(status: &str) -> Judgement {
    Judgement::new(
        Kind::NotReplica,
        format!(
            "the object's replication status is {status}: it may be a source object that is not replicated, or a \
             replica under replica modification sync, and S3 does not tell the two apart",
        ),
    )
}

pub(super) fn no_expectation() -> Judgement {
    Judgement::new(
        Kind::NoExpectation,
        "nothing says which key is right: no EXPECTED_KMS_KEY_ARNS, and no registry rule that speaks of this \
         object at its time",
    )
    .remedy(
        "provision the replication with Custom::EncryptedReplication, which writes the registry, or set \
         EXPECTED_KMS_KEY_ARNS; a bucket's default encryption says nothing about replicas, unless \
         TrustBucketDefault says that it does",
    )
}

/// A rule keeps the source object's type of encryption, and the destination's default encryption is
/// not used; see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.
pub(super) fn wrong_algorithm(algorithm: Option<&str>) -> Judgement {
    let seen = match algorithm {
        Some("AES256") => "the replica has SSE-S3 where a KMS key is expected: a replication rule \
                           keeps the source object's type of encryption, and that was not KMS"
            .into(),
        None => "the replica has no server-side encryption that S3 names, where a KMS key is \
                 expected: its source object was not encrypted with KMS"
            .into(),
        Some(other) => format!(
            "the replica's server-side encryption is {other}, where a KMS key is expected: a \
             replication rule keeps the source object's type of encryption",
        ),
    };
    Judgement::new(Kind::WrongAlgorithm, seen).remedy(
        "set the source bucket's default encryption to SSE-KMS; where it is that already, the uploader asked for \
         another encryption (x-amz-server-side-encryption): change the uploader, and let the bucket's policy deny \
         s3:PutObject with another s3:x-amz-server-side-encryption than aws:kms; then upload the object again, or \
         change this replica with UpdateObjectEncryption",
    )
}

/// KMS, but not of the kind that is demanded.
pub(super) fn other_algorithm(seen: Option<&str>, demanded: Algorithm) -> Judgement {
    Judgement::new(
        Kind::WrongAlgorithm,
        format!(
            "the replica is encrypted with the expected key, but by {}, where {demanded} is demanded: a replication \
             rule keeps the source object's type of encryption",
            seen.unwrap_or("nothing that S3 names"),
        ),
    )
    .remedy(format!(
        "set the source bucket's default encryption to {demanded}, let its policy deny s3:PutObject with another \
         s3:x-amz-server-side-encryption, and upload the object again",
    ))
}

pub(super) fn no_key_named() -> Judgement {
    Judgement::new(
        Kind::WrongKey,
        "the replica is encrypted with KMS, but S3 names no key, so it cannot be an expected one",
    )
    .remedy(CORRECT)
}

/// Under a key that is right, or was `until` then; whether it is usable is unknown where there is a `why`.
pub(super) fn right(key: &ObservedKey, until: Option<Time>, why: Option<&str>) -> Judgement {
    let judgement = match until {
        None => Judgement::new(Kind::Compliant, COMPLIANT),
        Some(until) => Judgement::new(
            Kind::FormerKey,
            format!(
                "the replica is encrypted with {}, which was the expected key until {until} and has been replaced \
                 since: it was right when the replica arrived",
                key.name(),
            ),
        ),
    };
    match why {
        None => judgement,
        Some(why) => {
            let reason = format!(
                "{}; whether that key is usable could not be read: {why}",
                judgement.reason
            );
            Judgement {
                reason: reason.into(),
                ..judgement
            }
        }
    }
}

pub(super) fn key_unusable(key: &ObservedKey, state: &str) -> Judgement {
    let key = key.name();
    let remedy = match state {
        "PendingDeletion" | "PendingReplicaDeletion" => format!(
            "cancel the deletion and enable the key before its waiting period ends: kms \
             cancel-key-deletion, then enable-key, for {key}",
        ),
        "PendingImport" => format!("import the key material of {key} again"),
        "Unavailable" => format!("connect the custom key store of {key} again"),
        _ => format!("enable the key: kms enable-key for {key}"),
    };
    Judgement::new(
        Kind::KeyUnusable,
        format!(
            "the replica is encrypted with the expected key {key}, but that key's state is {state}, \
             so the replica cannot be read",
        ),
    )
    .remedy(remedy)
}

pub(super) fn key_missing(key: &ObservedKey) -> Judgement {
    let key = key.name();
    Judgement::new(
        Kind::KeyUnusable,
        format!(
            "the replica is encrypted with the expected key {key}, but KMS knows no such key, so the \
             replica cannot be read any more",
        ),
    )
    .detail(Detail::KeyMissing)
    .remedy(
        "nothing brings a deleted key back: point the rule at a key that exists and replicate the \
         source version again with S3 Batch Replication",
    )
}

/// What a wrong key differs in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Difference<'a> {
    /// It is another one, and that is all.
    Key,
    AwsManaged,
    /// It is this account's, and no expected one is.
    Account(&'a str),
    /// It is of another Region than the expected ones.
    Region {
        region: &'a str,
        /// Whether it is a multi-Region key that is expected in another Region.
        same_multi_region_key: bool,
        /// Whether the bucket is in that Region.
        bucket_is_there: bool,
    },
}

/// S3 uses a key only in the bucket's own Region, multi-Region keys included; see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.
pub(super) fn wrong_key(key: &ObservedKey, difference: Difference<'_>) -> Judgement {
    let name = key.name();
    let encrypted = "the replica is encrypted with ";
    let reason = match difference {
        Difference::Key => format!("{encrypted}{name}, which is not an expected key"),
        Difference::AwsManaged => format!(
            "{encrypted}the AWS managed key {name}, not with an expected key: its policy cannot be changed, and no \
             other account can read what it encrypts",
        ),
        Difference::Account(account) => format!(
            "{encrypted}{name}, a key of account {account}, not with an expected key: that account decides who can \
             read it",
        ),
        Difference::Region {
            region,
            same_multi_region_key,
            ..
        } => {
            let relation = if same_multi_region_key {
                "the same multi-Region key in another Region, which S3 treats as another key"
            } else {
                "a key of another Region than the expected one's"
            };
            format!("{encrypted}{name}: {relation} ({region})")
        }
    };
    let judgement = Judgement::new(Kind::WrongKey, reason);
    match difference {
        Difference::Region {
            region,
            bucket_is_there: true,
            ..
        } => judgement.remedy(format!(
            "correct the expectation: a replica's key is always in its bucket's Region, {region}, so the expected key \
             can never be used there",
        )),
        _ => judgement.remedy(CORRECT),
    }
}

/// Says so where the status is not plainly a replica's.
pub(super) fn with_status(judgement: Judgement, status: &str) -> Judgement {
    let reason = format!(
        "{}; its replication status is {status}, as of a replica under replica modification sync",
        judgement.reason,
    );
    Judgement {
        reason: reason.into(),
        ..judgement
    }
}

/// The judgement where the allowed key is an alias that KMS did not resolve.
pub(super) fn unresolved(alias: &str, refusal: Option<&str>) -> Judgement {
    match refusal {
        Some(refusal) => Judgement::new(
            Kind::Uninspectable,
            format!("the expected key is {alias}, and KMS would not say which key that is: {refusal}"),
        )
        .detail(Detail::AliasRefused)
        .remedy(
            "allow the checker's role kms:DescribeKey on the key behind the alias, or name the key by its ARN",
        ),
        None => Judgement::new(
            Kind::NoExpectation,
            format!("the expected key is {alias}, and there is no such alias"),
        )
        .detail(Detail::AliasMissing)
        .remedy("name the expected key by its ARN, or create the alias"),
    }
}

/// The version is not there any more.
#[must_use]
pub fn gone(delete_marker: bool) -> Judgement {
    let (reason, detail) = if delete_marker {
        (
            "a delete marker covers the object, or the version is one",
            Detail::DeleteMarker,
        )
    } else {
        (
            "the version was deleted before it was looked at",
            Detail::NotFound,
        )
    };
    Judgement::new(Kind::Gone, reason).detail(detail)
}

/// S3 answered 403, again and again where that could be waited for.
///
/// Without `s3:ListBucket` S3 answers 403 also for a version that is gone; see
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html>.
#[must_use]
pub fn access_denied(version: &ObjectVersion, owner: Option<&str>) -> Judgement {
    let bucket = &version.bucket;
    let action = if version.version_id.is_some() {
        "s3:GetObjectVersion"
    } else {
        "s3:GetObject"
    };
    let belongs = owner.map_or_else(String::new, |owner| {
        format!(", and check that account {owner} owns the bucket")
    });
    Judgement::new(
        Kind::Uninspectable,
        format!("S3 refused HeadObject on bucket {bucket} (403): {action} is missing, or denied"),
    )
    .detail(Detail::AccessDenied)
    .remedy(format!(
        "allow the checker's role {action} on the objects of bucket {bucket} and s3:ListBucket on the bucket, in its \
         own policy and in the bucket's{belongs}",
    ))
}

/// S3 answered 400, and said nothing else when it was asked why.
#[must_use]
pub fn customer_key() -> Judgement {
    Judgement::new(
        Kind::Uninspectable,
        "S3 refused HeadObject (400), as it does for an object encrypted with a key that the customer provides \
         (SSE-C): its headers cannot be read without that key",
    )
    .detail(Detail::CustomerKey)
    .remedy("use SSE-KMS for source objects instead of SSE-C, and block SSE-C on both buckets")
}

/// The bucket is in another Region.
#[must_use]
pub fn other_region(bucket: &str, region: &str) -> Judgement {
    Judgement::new(
        Kind::Uninspectable,
        format!("bucket {bucket} is in {region}, and this checker looks only at its own Region"),
    )
    .detail(Detail::OtherRegion)
    .remedy(format!(
        "deploy the checker in {region} too, and send the bucket's events there"
    ))
}
