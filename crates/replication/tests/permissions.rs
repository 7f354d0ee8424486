//! The provisioner's permissions beside the calls that it makes: none is missing, none is unused.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use serde_yaml_ng::Value as Yaml;

    /// Each call with the permissions that it takes, from the service authorization reference, see
    /// <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.
    /// What a call takes besides its own permission is said beside it.
    const CALLS: [(&str, &[&str]); 53] = [
        ("AssumeRole", &["sts:AssumeRole"]),
        ("CancelKeyDeletion", &["kms:CancelKeyDeletion"]),
        ("CreateAlias", &["kms:CreateAlias"]),
        // With tags from the beginning.
        ("CreateBucket", &["s3:CreateBucket", "s3:TagResource"]),
        // The job runs under a role that is passed.
        ("CreateJob", &["s3:CreateJob", "iam:PassRole"]),
        // With tags from the beginning.
        ("CreateKey", &["kms:CreateKey", "kms:TagResource"]),
        ("CreateRole", &["iam:CreateRole", "iam:TagRole"]),
        ("DeleteBucket", &["s3:DeleteBucket"]),
        ("DeleteBucketPolicy", &["s3:DeleteBucketPolicy"]),
        (
            "DeleteBucketReplication",
            &["s3:PutReplicationConfiguration"],
        ),
        // Always of one version.
        ("DeleteObject", &["s3:DeleteObjectVersion"]),
        ("DeleteParameter", &["ssm:DeleteParameter"]),
        ("DeleteRole", &["iam:DeleteRole"]),
        ("DeleteRolePolicy", &["iam:DeleteRolePolicy"]),
        ("DescribeJob", &["s3:DescribeJob"]),
        ("DescribeKey", &["kms:DescribeKey"]),
        ("EnableKey", &["kms:EnableKey"]),
        ("EnableKeyRotation", &["kms:EnableKeyRotation"]),
        ("GetBucketEncryption", &["s3:GetEncryptionConfiguration"]),
        (
            "GetBucketNotificationConfiguration",
            &["s3:GetBucketNotification"],
        ),
        ("GetBucketPolicy", &["s3:GetBucketPolicy"]),
        ("GetBucketReplication", &["s3:GetReplicationConfiguration"]),
        ("GetBucketTagging", &["s3:GetBucketTagging"]),
        ("GetBucketVersioning", &["s3:GetBucketVersioning"]),
        ("GetBucketRequestPayment", &["s3:GetBucketRequestPayment"]),
        ("GetKeyPolicy", &["kms:GetKeyPolicy"]),
        // Of a job's report, which names no version.
        ("GetObject", &["s3:GetObject"]),
        (
            "GetObjectLockConfiguration",
            &["s3:GetBucketObjectLockConfiguration"],
        ),
        ("GetParametersByPath", &["ssm:GetParametersByPath"]),
        ("GetRole", &["iam:GetRole"]),
        ("GetRolePolicy", &["iam:GetRolePolicy"]),
        ("HeadBucket", &["s3:ListBucket"]),
        // Always of one version.
        ("HeadObject", &["s3:GetObjectVersion"]),
        ("ListBuckets", &["s3:ListAllMyBuckets"]),
        ("ListObjectVersions", &["s3:ListBucketVersions"]),
        ("ListResourceTags", &["kms:ListResourceTags"]),
        ("ListRolePolicies", &["iam:ListRolePolicies"]),
        ("PutBucketEncryption", &["s3:PutEncryptionConfiguration"]),
        (
            "PutBucketNotificationConfiguration",
            &["s3:PutBucketNotification"],
        ),
        ("PutBucketPolicy", &["s3:PutBucketPolicy"]),
        // Replication runs under a role that is passed.
        (
            "PutBucketReplication",
            &["s3:PutReplicationConfiguration", "iam:PassRole"],
        ),
        ("PutBucketTagging", &["s3:PutBucketTagging"]),
        ("PutBucketVersioning", &["s3:PutBucketVersioning"]),
        ("PutEvents", &["events:PutEvents"]),
        ("PutKeyPolicy", &["kms:PutKeyPolicy"]),
        // Under a KMS key, and with the tags that a rule asks for. Decrypt, as the object may be
        // written in parts or under a Bucket Key.
        (
            "PutObject",
            &[
                "s3:PutObject",
                "s3:PutObjectTagging",
                "kms:GenerateDataKey",
                "kms:Decrypt",
            ],
        ),
        ("PutParameter", &["ssm:PutParameter"]),
        (
            "PutRolePermissionsBoundary",
            &["iam:PutRolePermissionsBoundary"],
        ),
        ("PutRolePolicy", &["iam:PutRolePolicy"]),
        ("ScheduleKeyDeletion", &["kms:ScheduleKeyDeletion"]),
        ("SimulatePrincipalPolicy", &["iam:SimulatePrincipalPolicy"]),
        ("TagRole", &["iam:TagRole"]),
        ("UpdateAssumeRolePolicy", &["iam:UpdateAssumeRolePolicy"]),
    ];

    /// Made at destinations in other accounts alone, in the name of a role there.
    const ELSEWHERE: [&str; 3] = ["DeleteBucketPolicy", "PutBucketPolicy", "PutKeyPolicy"];
    /// Lambda's own, for the function's log, its dead-letter queue and its traces.
    const OF_LAMBDA: [&str; 5] = [
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "sqs:SendMessage",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    ];

    fn repository() -> PathBuf {
        PathBuf::from("../..")
    }

    /// All actions that the policies of a role in a template allow.
    fn allowed(template: &str, role: &str) -> BTreeSet<String> {
        let text = fs::read_to_string(repository().join(template)).unwrap();
        let template: Yaml = serde_yaml_ng::from_str(&text).unwrap();
        let mut actions = BTreeSet::new();
        collect(
            &template["Resources"][role]["Properties"]["Policies"],
            &mut actions,
        );
        actions
    }

    fn collect(value: &Yaml, actions: &mut BTreeSet<String>) {
        match value {
            Yaml::Sequence(items) => items.iter().for_each(|item| collect(item, actions)),
            Yaml::Tagged(tagged) => collect(&tagged.value, actions),
            // What is denied is not allowed.
            Yaml::Mapping(_) if value["Effect"] == "Deny" => {}
            Yaml::Mapping(members) => {
                for (name, value) in members {
                    match (name.as_str(), value) {
                        (Some("Action"), Yaml::Sequence(many)) => {
                            actions.extend(many.iter().map(|one| one.as_str().unwrap().to_owned()));
                        }
                        (Some("Action"), one) => drop(actions.insert(one.as_str().unwrap().into())),
                        _ => collect(value, actions),
                    }
                }
            }
            _ => {}
        }
    }

    fn taken(calls: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let calls = CALLS.iter().filter(|(name, _)| calls(name));
        calls
            .flat_map(|(_, actions)| actions.iter().map(|action| (*action).to_owned()))
            .collect()
    }

    /// The names of the calls in the adapters to the SDK, where each is told in its error.
    fn calls_in_the_code() -> BTreeSet<String> {
        let folder = PathBuf::from("src/aws");
        let mut names = BTreeSet::new();
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // Error codes have the same form, and so have members of documents.
            let others = ["failure.rs", "job_documents.rs", "replication.rs"];
            if others.iter().any(|other| path.ends_with(other)) {
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            let verbs = [
                "Assume", "Cancel", "Create", "Delete", "Describe", "Enable", "Get", "Head",
                "List", "Put", "Schedule", "Simulate", "Tag", "Update",
            ];
            let quoted = text.split('"').skip(1).step_by(2);
            names.extend(
                quoted
                    .filter(|text| text.chars().all(|c| c.is_ascii_alphabetic()))
                    .filter(|text| {
                        verbs.iter().any(|verb| {
                            text.strip_prefix(verb)
                                .is_some_and(|rest| rest.starts_with(|c: char| c.is_uppercase()))
                        })
                    })
                    .map(str::to_owned),
            );
        }
        names
    }

    #[test]
    fn every_call_in_the_code_is_listed_and_every_listed_one_is_made() {
        let listed: BTreeSet<_> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(calls_in_the_code(), listed);
    }

    #[test]
    fn the_provisioners_role_has_what_its_calls_take_and_nothing_else() {
        let mut has = allowed("template.yaml", "ProvisionReplicationRole");
        for action in OF_LAMBDA {
            assert!(has.remove(action), "{action}");
        }
        assert_eq!(has, taken(|call| !ELSEWHERE.contains(&call)));
    }

    #[test]
    fn the_role_of_the_other_account_has_nothing_that_no_call_takes() {
        let has = allowed("examples/two-accounts/destination.yaml", "DestinationRole");
        let taken = taken(|_| true);
        let unused: Vec<_> = has.difference(&taken).collect();
        assert!(unused.is_empty(), "{unused:?}");
        for call in ELSEWHERE {
            let (_, actions) = CALLS.iter().find(|(name, _)| *name == call).unwrap();
            assert!(actions.iter().all(|action| has.contains(*action)), "{call}");
        }
    }
}
