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

/// The same of `verify`, on the evidence's bucket and keys.
pub const EVIDENCE: &[(&str, &[&str])] = &[
    ("GetCallerIdentity", &[]),
    // The evidence is encrypted with KMS.
    (
        "GetObject",
        &["s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt"],
    ),
    ("GetPublicKey", &["kms:GetPublicKey"]),
    ("HeadBucket", &["s3:ListBucket"]),
    ("ListObjectVersions", &["s3:ListBucketVersions"]),
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
        for (call, permissions) in CALLS.iter().chain(EVIDENCE) {
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
