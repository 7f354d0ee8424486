//! The policies that people give themselves, beside the calls that the command makes: nothing is missing,
//! nothing is unused, and nothing writes.

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use encrypted_replication::calls::{CALLS, EVIDENCE};
    use serde_json::Value;

    /// By the API's name: the permissions.
    type Calls = &'static [(&'static str, &'static [&'static str])];

    const POLICIES: [(&str, Calls); 2] = [
        ("../docs/read-only-policy.json", CALLS),
        ("../docs/evidence-policy.json", EVIDENCE),
    ];

    fn allowed(policy: &str) -> BTreeSet<String> {
        let text = fs::read_to_string(policy).unwrap();
        let policy: Value = serde_json::from_str(&text).unwrap();
        let statements = policy["Statement"].as_array().unwrap().iter();
        statements
            .flat_map(|statement| {
                assert_eq!(statement["Effect"], "Allow");
                let actions = statement["Action"].as_array().unwrap().iter();
                actions.map(|action| action.as_str().unwrap().to_owned())
            })
            .collect()
    }

    #[test]
    fn a_policy_allows_what_the_calls_take_and_nothing_else() {
        for (policy, calls) in POLICIES {
            let taken = calls.iter().flat_map(|(_, permissions)| permissions.iter());
            let taken: BTreeSet<_> = taken.map(|one| (*one).to_owned()).collect();
            assert_eq!(allowed(policy), taken, "{policy}");
        }
    }

    /// But what Athena writes for whoever asks, into the bucket of its answers.
    #[test]
    fn nothing_that_they_allow_writes() {
        let answers = [
            "athena:StartQueryExecution",
            "kms:GenerateDataKey",
            "s3:PutObject",
        ];
        for (policy, calls) in POLICIES {
            let for_athena = calls.iter().any(|(call, _)| *call == "StartQueryExecution");
            for action in allowed(policy) {
                let (_, name) = action.split_once(':').unwrap();
                let reads = ["Get", "List", "Describe", "Simulate", "Assume", "Decrypt"];
                let reads = reads.iter().any(|verb| name.starts_with(verb));
                assert!(
                    reads || for_athena && answers.contains(&action.as_str()),
                    "{action}"
                );
            }
        }
        let text = fs::read_to_string("../docs/evidence-policy.json").unwrap();
        let policy: Value = serde_json::from_str(&text).unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            if statement["Action"].to_string().contains("PutObject") {
                let expected = [
                    "arn:aws:kms:REGION:ACCOUNT:key/KEY-OF-THE-BUCKET",
                    "arn:aws:s3:::RESULTS-BUCKET/*",
                ];
                assert_eq!(statement["Resource"], serde_json::json!(expected));
            }
        }
    }

    /// Who may look at settings and HEADs everywhere reads no object that is encrypted with KMS.
    #[test]
    fn objects_are_read_of_the_evidence_alone() {
        let everywhere = allowed("../docs/read-only-policy.json");
        assert!(!everywhere.contains("kms:Decrypt"));
        let text = fs::read_to_string("../docs/evidence-policy.json").unwrap();
        let policy: Value = serde_json::from_str(&text).unwrap();
        for statement in policy["Statement"].as_array().unwrap() {
            assert!(
                !statement["Resource"].to_string().contains("\"*\""),
                "{statement}"
            );
        }
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }

    /// Of the SDK's clients and of the crates' ports: the methods that write begin with such a verb.
    #[test]
    fn no_call_in_the_code_writes() {
        let mut files = Vec::new();
        sources(Path::new("src"), &mut files);
        assert!(files.len() > 10, "{files:?}");
        let verbs = [
            "put_",
            "delete_",
            "create_",
            "update_",
            "copy_",
            "tag_",
            "untag_",
            "restore_",
            "upload_",
            "abort_",
            "complete_",
            "schedule_",
            "cancel_",
            "enable_key",
            "disable_",
            "start_",
        ];
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            for line in text.lines() {
                let is_call = |part: &&str| {
                    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    part.trim_start_matches(word).starts_with('(')
                };
                let calls = line.split('.').skip(1).filter(is_call);
                // Neither is AWS's: a file that is new, and a time.
                let own = ["create_new(", "complete_up_to("];
                for call in calls.filter(|call| !own.iter().any(|name| call.starts_with(name))) {
                    let writes = verbs.iter().any(|verb| call.starts_with(verb));
                    assert!(!writes, "{}: {line}", file.display());
                }
            }
        }
    }
}
