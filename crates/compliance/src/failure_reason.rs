//! S3's reasons for a failed replication: what each means, and what fixes it.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html#replication-failure-codes>.

/// What is known of one reason.
#[derive(Debug, PartialEq, Eq)]
pub struct Known {
    /// S3's code.
    pub code: &'static str,
    /// What it means: completes "S3 did not replicate the version: ".
    pub explanation: &'static str,
    /// What fixes it: an imperative clause.
    pub remedy: &'static str,
}

/// A failure reason. Codes that AWS adds are no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureReason {
    /// One of the codes that AWS documents.
    Known(&'static Known),
    /// Any other code.
    Unknown,
}

impl FailureReason {
    /// Looks `code` up.
    #[must_use]
    pub fn parse(code: &str) -> Self {
        TABLE
            .iter()
            .find(|known| known.code == code)
            .map_or(Self::Unknown, Self::Known)
    }

    /// What it means.
    #[must_use]
    pub const fn explanation(self) -> &'static str {
        match self {
            Self::Known(known) => known.explanation,
            Self::Unknown => "a reason that this checker does not know yet",
        }
    }

    /// What fixes it.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Known(known) => known.remedy,
            Self::Unknown => {
                "look the code up in AWS's list of Amazon S3 replication failure reasons"
            }
        }
    }
}

macro_rules! table {
    ($($code:literal: $explanation:literal => $remedy:literal;)*) => {
        /// Every reason that AWS documents.
        pub static TABLE: &[Known] =
            &[$(Known { code: $code, explanation: $explanation, remedy: $remedy }),*];
    };
}

table! {
    "AssumeRoleNotPermitted":
        "S3 cannot assume the replication role"
        => "let the role's trust policy allow sts:AssumeRole to s3.amazonaws.com, and check that the role still exists";
    "DstBucketInvalidRegion":
        "the destination bucket is not in the Region that the Batch Replication job names"
        => "start the job in the source bucket's Region, with the destination as it is in the rule";
    "DstBucketNotFound":
        "the destination bucket does not exist"
        => "create the bucket with versioning, or correct the rule's destination";
    "DstBucketObjectLockConfigMissing":
        "the source object has Object Lock settings, and the destination bucket has no Object Lock configuration"
        => "enable Object Lock on the destination bucket";
    "DstBucketUnversioned":
        "the destination bucket's versioning is not enabled"
        => "enable versioning on the destination bucket";
    "DstDelObjNotPermitted":
        "the role may not replicate deletions to the destination"
        => "allow the role s3:ReplicateDelete on the destination's objects, in its policy and in the bucket's";
    "DstKmsKeyInvalidState":
        "the replica key cannot be used: it is disabled or pending deletion"
        => "enable the key that the rule's ReplicaKmsKeyID names, or name another one";
    "DstKmsKeyNotFound":
        "the replica key does not exist in the destination bucket's Region"
        => "set the rule's ReplicaKmsKeyID to the ARN of a key in the destination bucket's Region";
    "DstMultipartCompleteNotPermitted":
        "the role may not complete a multipart upload at the destination"
        => "allow the role s3:ReplicateObject on the destination's objects, in its policy and in the bucket's, and kms:Decrypt on the replica key";
    "DstMultipartInitNotPermitted":
        "the role may not begin a multipart upload at the destination"
        => "allow the role s3:ReplicateObject on the destination's objects, in its policy and in the bucket's, and kms:GenerateDataKey and kms:Encrypt on the replica key";
    "DstMultipartUploadNotPermitted":
        "the role may not upload a part to the destination"
        => "allow the role s3:ReplicateObject on the destination's objects, in its policy and in the bucket's, and kms:Decrypt on the replica key";
    "DstObjectHardDeleted":
        "the version was deleted for good at the destination, and Batch Replication does not bring it back"
        => "copy the source version onto itself, which makes a new version that replicates";
    "DstPutAclNotPermitted":
        "the role may not write the replica's ACL"
        => "allow the role s3:ReplicateObject on the destination's objects, or set Object Ownership of the destination bucket to BucketOwnerEnforced";
    "DstPutLegalHoldNotPermitted":
        "the role may not put a legal hold on the replica"
        => "allow the role s3:PutObjectLegalHold on the destination's objects";
    "DstPutObjectNotPermitted":
        "the role may not write the replica, or may not encrypt it: S3 has no reason of its own for a refusal by KMS"
        => "allow the role s3:ReplicateObject on the destination's objects, and kms:Encrypt, kms:GenerateDataKey and kms:Decrypt on the replica key for the encryption context of the bucket and of its objects, in the key's policy too";
    "DstPutRetentionNotPermitted":
        "the role may not set the replica's retention"
        => "allow the role s3:PutObjectRetention on the destination's objects";
    "DstPutTaggingNotPermitted":
        "the role may not write the replica's tags"
        => "allow the role s3:ReplicateTags on the destination's objects, in its policy and in the bucket's";
    "DstVersionNotFound":
        "the version whose metadata should be replicated is not at the destination"
        => "replicate the version itself";
    "InitiateReplicationNotPermitted":
        "the Batch Replication job's role may not start the replication"
        => "allow the job's role s3:InitiateReplication on the source objects";
    "SrcBucketInvalidRegion":
        "the source bucket is not in the Region of the Batch Replication job"
        => "start the job in the source bucket's Region";
    "SrcBucketNotFound":
        "the source bucket does not exist, or the role cannot see it"
        => "check the bucket, and allow the role s3:ListBucket on it";
    "SrcBucketReplicationConfigMissing":
        "the source bucket has no replication configuration any more"
        => "put the replication configuration back";
    "SrcGetAclNotPermitted":
        "the role may not read the source version's ACL"
        => "allow the role s3:GetObjectVersionAcl on the source objects";
    "SrcGetLegalHoldNotPermitted":
        "the role may not read the source version's legal hold"
        => "allow the role s3:GetObjectLegalHold on the source objects";
    "SrcGetObjectNotPermitted":
        "the role may not read the source version, or may not decrypt it"
        => "allow the role s3:GetObjectVersionForReplication on the source objects (s3:GetObjectVersion is not enough for KMS) and kms:Decrypt on the source key for the encryption context of the bucket and of its objects, in the key's policy too";
    "SrcGetRetentionNotPermitted":
        "the role may not read the source version's retention"
        => "allow the role s3:GetObjectRetention on the source objects";
    "SrcGetTaggingNotPermitted":
        "the role may not read the source version's tags"
        => "allow the role s3:GetObjectVersionTagging on the source objects";
    "SrcHeadObjectNotPermitted":
        "the role may not read the source version's headers"
        => "allow the role s3:GetObjectVersionForReplication on the source objects and s3:ListBucket on the bucket";
    "SrcKeyNotFound":
        "the source object's key or version is not in the source bucket any more"
        => "upload the object again, if it is still needed";
    "SrcKmsKeyInvalidState":
        "the source object's KMS key cannot be used: it is disabled or pending deletion"
        => "enable the source object's KMS key";
    "SrcObjectNotEligible":
        "the object cannot be replicated: for example its storage class or its rule excludes it"
        => "restore the object from S3 Glacier, or extend a rule to it";
    "SrcObjectNotFound":
        "the source object does not exist"
        => "upload the object again, if it is still needed";
    "SrcReplicationNotPending":
        "S3 has replicated the version already, or no longer has it pending"
        => "read x-amz-replication-status of the source version, and look for the replica";
    "SrcVersionNotFound":
        "the source version does not exist any more"
        => "upload the object again, if it is still needed";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_documented_code_is_known_once() {
        let codes: BTreeSet<_> = TABLE.iter().map(|known| known.code).collect();
        assert_eq!(TABLE.len(), codes.len());
        assert_eq!(codes.len(), 34);
    }

    #[test]
    fn explanations_and_remedies_are_clauses_that_read_on() {
        for Known {
            code,
            explanation,
            remedy,
        } in TABLE
        {
            for clause in [explanation, remedy] {
                assert!(!clause.ends_with('.'), "{code}: {clause}");
                let first = clause.chars().next().unwrap();
                let second = clause.chars().nth(1).unwrap();
                assert!(first.is_lowercase() || second == '3', "{code}: {clause}");
            }
        }
    }

    #[test]
    fn codes_about_keys_name_the_key_to_mend() {
        assert!(
            FailureReason::parse("DstKmsKeyInvalidState")
                .remedy()
                .contains("ReplicaKmsKeyID")
        );
        assert!(
            FailureReason::parse("SrcKmsKeyInvalidState")
                .remedy()
                .contains("source object's KMS key")
        );
        assert!(
            FailureReason::parse("DstPutObjectNotPermitted")
                .remedy()
                .contains("kms:GenerateDataKey")
        );
        assert!(
            FailureReason::parse("SrcGetObjectNotPermitted")
                .remedy()
                .contains("kms:Decrypt")
        );
    }

    #[test]
    fn a_code_that_aws_adds_is_kept_and_explained_as_unknown() {
        let reason = FailureReason::parse("DstMoonPhaseWrong");
        assert_eq!(reason, FailureReason::Unknown);
        assert!(reason.remedy().contains("AWS's list"));
        assert_eq!(
            FailureReason::parse("dstkmskeynotfound"),
            FailureReason::Unknown
        );
    }
}
