//! The calls to AWS that the commands make, and the permission that each takes.
//!
//! From the service authorization reference, see
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
//! `docs/read-only-policy.json` allows these and no more.

/// By the API's name: the permissions. None of them writes.
pub const CALLS: &[(&str, &[&str])] = &[
    ("AssumeRole", &["sts:AssumeRole"]),
    ("DescribeKey", &["kms:DescribeKey"]),
    ("GetBucketEncryption", &["s3:GetEncryptionConfiguration"]),
    ("GetBucketLocation", &["s3:GetBucketLocation"]),
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

/// What a call takes; none where it is none of ours.
#[must_use]
pub fn permissions_of(call: &str) -> &'static [&'static str] {
    let found = CALLS.iter().find(|(name, _)| *name == call);
    found.map_or(&[], |(_, permissions)| permissions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_writes() {
        for (call, permissions) in CALLS {
            let reads = ["Get", "List", "Describe", "Head", "Simulate", "Assume"];
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
        assert!(CALLS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
