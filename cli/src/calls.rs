//! The calls to AWS that the commands make, and the permission that each takes.
//!
//! From the service authorization reference, see
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
//! `docs/read-only-policy.json` allows those of [`CALLS`] and no more, `docs/evidence-policy.json` those of
//! [`EVIDENCE`]: what reads objects is granted on the evidence alone.

/// By the API's name: the permissions. None of them writes.
pub const CALLS: &[(&str, &[&str])] = &[
    ("AssumeRole", &["sts:AssumeRole"]),
    ("DescribeKey", &["kms:DescribeKey"]),
    ("GetBucketEncryption", &["s3:GetEncryptionConfiguration"]),
    (
        "GetBucketNotificationConfiguration",
        &["s3:GetBucketNotification"],
    ),
    ("GetBucketPolicy", &["s3:GetBucketPolicy"]),
    ("GetBucketReplication", &["s3:GetReplicationConfiguration"]),
    ("GetBucketRequestPayment", &["s3:GetBucketRequestPayment"]),
    ("GetBucketTagging", &["s3:GetBucketTagging"]),
    ("GetBucketVersioning", &["s3:GetBucketVersioning"]),
    // Nobody needs a permission for it.
    ("GetCallerIdentity", &[]),
    ("GetKeyPolicy", &["kms:GetKeyPolicy"]),
    (
        "GetObjectLockConfiguration",
        &["s3:GetBucketObjectLockConfiguration"],
    ),
    ("GetObjectTagging", &["s3:GetObjectVersionTagging"]),
    ("GetParametersByPath", &["ssm:GetParametersByPath"]),
    ("GetRole", &["iam:GetRole"]),
    ("GetRolePolicy", &["iam:GetRolePolicy"]),
    ("HeadBucket", &["s3:ListBucket"]),
    ("HeadObject", &["s3:GetObjectVersion"]),
    ("ListAccounts", &["organizations:ListAccounts"]),
    ("ListBuckets", &["s3:ListAllMyBuckets"]),
    ("ListObjectVersions", &["s3:ListBucketVersions"]),
    ("ListRolePolicies", &["iam:ListRolePolicies"]),
    ("SimulatePrincipalPolicy", &["iam:SimulatePrincipalPolicy"]),
];

/// The same of `verify` and `report`, on the evidence: its bucket, keys, tables and workgroup. Athena keeps the
/// answers of queries in the workgroup's bucket, in the name of whoever asks; nothing else is written. See
/// <https://docs.aws.amazon.com/athena/latest/ug/querying-finding-output-files.html>.
pub const EVIDENCE: &[(&str, &[&str])] = &[
    ("GetCallerIdentity", &[]),
    // The evidence is encrypted with KMS.
    (
        "GetObject",
        &["s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt"],
    ),
    ("GetParameterHistory", &["ssm:GetParameterHistory"]),
    ("GetParametersByPath", &["ssm:GetParametersByPath"]),
    ("GetPublicKey", &["kms:GetPublicKey"]),
    ("GetQueryExecution", &["athena:GetQueryExecution"]),
    ("GetQueryResults", &["athena:GetQueryResults"]),
    ("GetTable", &["glue:GetTable"]),
    ("HeadBucket", &["s3:ListBucket"]),
    ("ListObjectVersions", &["s3:ListBucketVersions"]),
    (
        "StartQueryExecution",
        &[
            "athena:StartQueryExecution",
            "glue:GetDatabase",
            "glue:GetTable",
            "glue:GetTables",
            "glue:GetPartition",
            "glue:GetPartitions",
            "s3:GetBucketLocation",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:PutObject",
            "kms:Decrypt",
            "kms:GenerateDataKey",
        ],
    ),
];

/// What a call takes; none where it is none of ours.
#[must_use]
pub fn permissions_of(call: &str) -> &'static [&'static str] {
    let found = CALLS.iter().chain(EVIDENCE).find(|(name, _)| *name == call);
    found.map_or(&[], |(_, permissions)| permissions)
}

/// Which policy of `docs/` allows a call.
#[must_use]
pub fn policy_of(call: &str) -> &'static str {
    if CALLS.iter().any(|(name, _)| *name == call) {
        "read-only-policy.json"
    } else {
        "evidence-policy.json"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_writes() {
        let asks = |call: &str| call == "StartQueryExecution";
        let all = CALLS.iter().chain(EVIDENCE);
        for (call, permissions) in all.filter(|(call, _)| !asks(call)) {
            let reads = [
                "Get", "List", "Describe", "Head", "Simulate", "Assume", "Decrypt",
            ];
            assert!(reads.iter().any(|verb| call.starts_with(verb)), "{call}");
            for permission in *permissions {
                let (_, action) = permission.split_once(':').unwrap();
                assert!(
                    reads.iter().any(|verb| action.starts_with(verb)),
                    "{permission}"
                );
            }
        }
    }

    #[test]
    fn the_calls_stand_in_order_and_once() {
        for calls in [CALLS, EVIDENCE] {
            assert!(calls.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
    }
}
