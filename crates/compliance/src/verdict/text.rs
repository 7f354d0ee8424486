//! The words of the judgements: one sentence of reason, one of remedy.

use super::judge::{Evidence, Expected, ExpectedKey, ObservedKey};
use super::{Judgement, Kind};
use crate::subject::ObjectVersion;

/// The reason of the verdict that is nearly always given.
pub(super) const COMPLIANT: &str = "the replica is encrypted with an expected key";

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

pub(super) fn no_expectation() -> Judgement {
    Judgement::new(
        Kind::NoExpectation,
        "nothing says which key is right: no EXPECTED_KMS_KEY_ARNS, no registry rule for this key, \
         and the bucket's default encryption names no KMS key",
    )
    .remedy(
        "provision the replication with Custom::EncryptedReplication, which writes the registry, or \
         set EXPECTED_KMS_KEY_ARNS, or give the bucket a default KMS key",
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
        "set the source bucket's default encryption to SSE-KMS and upload the object again, or change \
         this replica with UpdateObjectEncryption",
    )
}

pub(super) fn no_key_named() -> Judgement {
    Judgement::new(
        Kind::WrongKey,
        "the replica is encrypted with KMS, but S3 names no key, so it cannot be an expected one",
    )
    .remedy(CORRECT)
}

pub(super) fn compliant_state_unknown(why: &str) -> Judgement {
    Judgement::new(
        Kind::Compliant,
        format!("{COMPLIANT}; whether that key is usable could not be read: {why}"),
    )
}

pub(super) fn key_unusable(key: &ObservedKey, state: &str) -> Judgement {
    let key = key_name(key);
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
    let key = key_name(key);
    Judgement::new(
        Kind::KeyUnusable,
        format!(
            "the replica is encrypted with the expected key {key}, but KMS knows no such key, so the \
             replica cannot be read any more",
        ),
    )
    .remedy(
        "nothing brings a deleted key back: point the rule at a key that exists and replicate the \
         source version again with S3 Batch Replication",
    )
}

pub(super) fn wrong_key(
    evidence: Evidence<'_>,
    expected: &Expected,
    key: &ObservedKey,
) -> Judgement {
    let name = key_name(key);
    let known: Vec<_> = expected
        .keys
        .iter()
        .filter_map(|key| {
            if let ExpectedKey::Known(arn) = key {
                Some(arn)
            } else {
                None
            }
        })
        .collect();
    let ObservedKey::Known(seen) = key else {
        return Judgement::new(
            Kind::WrongKey,
            format!("the replica is encrypted with {name}, which is not an expected key"),
        )
        .remedy(CORRECT);
    };
    if evidence.aws_managed == Some(true) {
        return Judgement::new(
            Kind::WrongKey,
            format!(
                "the replica is encrypted with the AWS managed key {name}, not with an expected key: \
                 its policy cannot be changed, and no other account can read what it encrypts",
            ),
        )
        .remedy(CORRECT);
    }
    if !known.is_empty() && known.iter().all(|arn| arn.account != seen.account) {
        return Judgement::new(
            Kind::WrongKey,
            format!(
                "the replica is encrypted with {name}, a key of account {}, not with an expected key: \
                 that account decides who can read it",
                seen.account,
            ),
        )
        .remedy(CORRECT);
    }
    // Only where no expected key is in the key's Region is the Region the difference.
    if !known.is_empty() && known.iter().all(|arn| arn.region != seen.region) {
        return other_regions_key(evidence, &name, seen, &known);
    }
    Judgement::new(
        Kind::WrongKey,
        format!("the replica is encrypted with {name}, which is not an expected key"),
    )
    .remedy(CORRECT)
}

/// S3 uses a key only in the bucket's own Region, multi-Region keys included; see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.
fn other_regions_key(
    evidence: Evidence<'_>,
    name: &str,
    seen: &crate::key_arn::KeyArn,
    known: &[&crate::key_arn::KeyArn],
) -> Judgement {
    let relation = if known.iter().any(|arn| arn.id == seen.id) {
        "the same multi-Region key in another Region, which S3 treats as another key"
    } else {
        "a key of another Region than the expected one's"
    };
    let judgement = Judgement::new(
        Kind::WrongKey,
        format!(
            "the replica is encrypted with {name}: {relation} ({})",
            seen.region
        ),
    );
    if evidence.region == Some(seen.region.as_str()) {
        judgement.remedy(format!(
            "correct the expectation: a replica's key is always in its bucket's Region, {}, so the \
             expected key can never be used there",
            seen.region,
        ))
    } else {
        judgement.remedy(CORRECT)
    }
}

/// Says so where the status is not plainly a replica's.
pub(super) fn with_status(judgement: Judgement, status: Option<&str>) -> Judgement {
    match status {
        Some(status) if status != "REPLICA" => {
            let reason = format!(
                "{}; its replication status is {status}, as of a replica under replica modification \
                 sync",
                judgement.reason,
            );
            Judgement {
                reason: reason.into(),
                ..judgement
            }
        }
        _ => judgement,
    }
}

/// The judgement where the allowed key is an alias that KMS did not resolve.
#[must_use]
pub fn unresolved(alias: &str, refusal: Option<&str>) -> Judgement {
    match refusal {
        Some(refusal) => Judgement {
            discriminator: "alias-refused",
            ..Judgement::new(
                Kind::Uninspectable,
                format!("the expected key is {alias}, and KMS would not say which key that is: {refusal}"),
            )
            .remedy(
                "allow the checker's role kms:DescribeKey on the key behind the alias, or name the \
                 key by its ARN",
            )
        },
        None => Judgement {
            discriminator: "alias-missing",
            ..Judgement::new(
                Kind::NoExpectation,
                format!("the expected key is {alias}, and there is no such alias"),
            )
            .remedy("name the expected key by its ARN, or create the alias")
        },
    }
}

/// The version is not there any more.
#[must_use]
pub fn gone(delete_marker: bool) -> Judgement {
    if delete_marker {
        let reason = "a delete marker covers the object, or the version is one";
        Judgement {
            discriminator: "delete-marker",
            ..Judgement::new(Kind::Gone, reason)
        }
    } else {
        let reason = "the version was deleted before it was looked at";
        Judgement {
            discriminator: "not-found",
            ..Judgement::new(Kind::Gone, reason)
        }
    }
}

/// S3 answered 403.
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
    Judgement {
        discriminator: "access-denied",
        ..Judgement::new(
            Kind::Uninspectable,
            format!(
                "S3 refused HeadObject on bucket {bucket} (403): {action} is missing, or denied"
            ),
        )
        .remedy(format!(
            "allow the checker's role {action} on the objects of bucket {bucket} and s3:ListBucket \
             on the bucket, in its own policy and in the bucket's{belongs}",
        ))
    }
}

/// S3 answered 400.
#[must_use]
pub fn customer_key() -> Judgement {
    Judgement {
        discriminator: "customer-key",
        ..Judgement::new(
            Kind::Uninspectable,
            "S3 refused HeadObject (400), as it does for an object encrypted with a key that the \
             customer provides (SSE-C): its headers cannot be read without that key",
        )
        .remedy("use SSE-KMS for source objects instead of SSE-C, and block SSE-C on both buckets")
    }
}

/// The bucket is in another Region.
#[must_use]
pub fn other_region(bucket: &str, region: &str) -> Judgement {
    Judgement {
        discriminator: "other-region",
        ..Judgement::new(
            Kind::Uninspectable,
            format!(
                "bucket {bucket} is in {region}, and this checker looks only at its own Region"
            ),
        )
        .remedy(format!(
            "deploy the checker in {region} too, and send the bucket's events there"
        ))
    }
}

fn key_name(key: &ObservedKey) -> String {
    match key {
        ObservedKey::Known(arn) => arn.to_string(),
        ObservedKey::Named(name) => name.clone(),
    }
}
