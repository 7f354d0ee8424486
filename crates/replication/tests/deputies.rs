//! Every statement in the templates that lets a service in says for whom the service must act.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>. What the provisioner
//! writes itself is in `scenarios/deputies.rs`.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::PathBuf;

    use serde_yaml_ng::Value as Yaml;

    /// Keys that bind a service to an account, to one of its resources, or to an organisation; the last is what
    /// CloudWatch Logs says of the log group that it encrypts:
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html>.
    const BINDING: [&str; 4] = [
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "kms:encryptioncontext:aws:logs:arn",
    ];
    /// Operators that are not met where the key is absent.
    const STRICT: [&str; 4] = ["ArnEquals", "ArnLike", "StringEquals", "StringLike"];

    /// Where AWS sends none of the keys, or does not say that it does: a condition that is never met
    /// would stop the service without a word.
    const EXCEPTIONS: [(&str, &str, &str); 7] = [
        // "The `aws:SourceArn` condition key applies only to policies where your Lambda function is the
        // target resource": https://docs.aws.amazon.com/lambda/latest/dg/permissions-source-function-arn.html.
        // Lambda gives a function only a role of its own account, which whoever configures it may pass.
        (
            "template.yaml",
            "ProvisionReplicationRole",
            "lambda.amazonaws.com",
        ),
        ("template.yaml", "CheckReplicaRole", "lambda.amazonaws.com"),
        ("evidence.yaml", "SealEvidenceRole", "lambda.amazonaws.com"),
        ("evidence.yaml", "AskEvidenceRole", "lambda.amazonaws.com"),
        // They are not supported in key policies for EventBridge's way to an encrypted topic:
        // https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html.
        ("template.yaml", "FindingsKey", "events.amazonaws.com"),
        // "You can't use `Condition` blocks in Amazon SNS topic policies for EventBridge":
        // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-sns-permissions.
        (
            "template.yaml",
            "FindingsTopicPolicy",
            "events.amazonaws.com",
        ),
        // AWS's own trust policy has none, and no page says that S3 Batch Operations sends them:
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-iam-role-policies.html.
        (
            "examples/sweep-batch-operations.yaml",
            "SweepRole",
            "batchoperations.s3.amazonaws.com",
        ),
    ];

    /// A statement that lets a service in.
    #[derive(Debug)]
    struct Grant {
        service: String,
        bound: bool,
    }

    fn repository() -> PathBuf {
        PathBuf::from("../..")
    }

    fn templates() -> Vec<String> {
        let mut found = ["template.yaml", "evidence.yaml", "evidence-region.yaml"]
            .map(str::to_owned)
            .to_vec();
        for folder in ["examples", "examples/organisation", "examples/two-accounts"] {
            for entry in fs::read_dir(repository().join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|kind| kind == "yaml") {
                    let name = path.file_name().unwrap().to_str().unwrap();
                    found.push(format!("{folder}/{name}"));
                }
            }
        }
        found
    }

    fn texts(value: &Yaml) -> Vec<String> {
        match value {
            Yaml::Sequence(items) => items.iter().flat_map(texts).collect(),
            Yaml::String(text) => vec![text.clone()],
            Yaml::Tagged(tagged) => texts(&tagged.value),
            other => panic!("neither text nor a list of texts: {other:?}"),
        }
    }

    fn is_bound(conditions: &Yaml) -> bool {
        let Yaml::Mapping(operators) = conditions else {
            return false;
        };
        operators.iter().any(|(operator, keys)| {
            let strict = operator.as_str().is_some_and(|name| STRICT.contains(&name));
            let mut keys = keys.as_mapping().unwrap().keys();
            strict
                && keys.any(|key| BINDING.contains(&key.as_str().unwrap().to_lowercase().as_str()))
        })
    }

    fn collect(value: &Yaml, grants: &mut Vec<Grant>) {
        match value {
            Yaml::Sequence(items) => items.iter().for_each(|item| collect(item, grants)),
            Yaml::Tagged(tagged) => collect(&tagged.value, grants),
            Yaml::Mapping(members) => {
                if let Some(Yaml::Mapping(principal)) = members.get("Principal")
                    && let Some(services) = principal.get("Service")
                    && value["Effect"] == "Allow"
                {
                    let bound = is_bound(&value["Condition"]);
                    let services = texts(services).into_iter();
                    grants.extend(services.map(|service| Grant { service, bound }));
                }
                members.values().for_each(|member| collect(member, grants));
            }
            _ => {}
        }
    }

    #[test]
    fn services_are_let_in_for_this_account_or_for_one_resource_of_it() {
        let (mut bound, mut free) = (0, BTreeSet::new());
        for file in templates() {
            let text = fs::read_to_string(repository().join(&file)).unwrap();
            let template: Yaml = serde_yaml_ng::from_str(&text).unwrap();
            for (name, resource) in template["Resources"].as_mapping().unwrap() {
                let mut grants = Vec::new();
                collect(resource, &mut grants);
                for grant in grants {
                    if grant.bound {
                        bound += 1;
                    } else {
                        let name = name.as_str().unwrap().to_owned();
                        free.insert((file.clone(), name, grant.service));
                    }
                }
            }
        }
        // Queues, and the roles of EventBridge and Step Functions.
        assert!(bound >= 6, "the walk has missed statements: {bound}");
        let excepted: BTreeSet<_> = EXCEPTIONS
            .map(|(file, name, service)| (file.to_owned(), name.to_owned(), service.to_owned()))
            .into();
        assert_eq!(free, excepted);
    }

    #[test]
    fn a_condition_that_is_met_without_the_key_binds_nothing() {
        let parse = |text: &str| serde_yaml_ng::from_str::<Yaml>(text).unwrap();
        for (bound, text) in [
            (true, "StringEquals: { aws:SourceAccount: '1' }"),
            (true, "ArnLike: { AWS:SourceArn: 'arn:aws:s3:::*' }"),
            (false, "StringEqualsIfExists: { aws:SourceAccount: '1' }"),
            (false, "StringNotEquals: { aws:SourceAccount: '1' }"),
            (false, "Bool: { aws:SecureTransport: 'true' }"),
            (false, "null"),
        ] {
            assert_eq!(is_bound(&parse(text)), bound, "{text}");
        }
    }
}
