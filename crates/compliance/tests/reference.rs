//! The page that is made from the code, beside what is in the repository.
//!
//! `cargo xtask reference` writes it anew.

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::path::PathBuf;
    use std::{env, fs};

    use aws_names::Home;
    use compliance::failure_reason::TABLE;
    use compliance::metrics::METRICS;
    use compliance::ports::Observed;
    use compliance::report::{self, FIELDS, SENTENCES, Stamp};
    use compliance::subject::{Key, ObjectVersion, ReplicationEvent, ReplicationOutcome};
    use compliance::verdict::{
        Allowed, Authority, Evidence, Expected, ExpectedKey, KeyState, Kind, ObservedKey, Standing,
        Verdict, judge_object, judge_replication,
    };
    use embedded_metrics::NAMESPACE;
    use evidence::{MEMBERS, Member, PARTITIONS};
    use expectation::Algorithm;
    use serde_json::Value;

    /// 2026-03-02T09:15:01.240Z.
    const NOW: i64 = 1_772_442_901_240;

    fn home() -> Home {
        let function = "arn:aws:lambda:us-west-2:111122223333:function:check-replica";
        Home::of_function(function).unwrap()
    }

    fn version(bucket: &str) -> ObjectVersion {
        ObjectVersion {
            bucket: bucket.to_owned(),
            key: Key::from_plain("Tax/2026/return.pdf").unwrap(),
            version_id: Some("v5KHn.4dKlQXz".to_owned()),
            region: None,
            bucket_owner: None,
            event_time_ms: Some(NOW - 900),
        }
    }

    /// A replica under another key than the expected one.
    fn under_another_key() -> Verdict {
        let key = |id: &str| home().key(id);
        let (right, wrong, former) = (key("1111"), key("9999"), key("0000"));
        let allowed = |key, standing| Allowed {
            algorithm: Some(Algorithm::Kms),
            standing,
            ..Allowed::current(ExpectedKey::Known(key))
        };
        let expected = Expected {
            from: Authority::Registry,
            keys: vec![
                allowed(right, Standing::Current),
                allowed(former, Standing::Former),
            ],
            several_owners: None,
        };
        let observed = Observed {
            algorithm: Some("aws:kms".to_owned()),
            kms_key: Some(wrong.to_string()),
            bucket_key_enabled: true,
            replication_status: Some("REPLICA".to_owned()),
            ..Observed::default()
        };
        let judgement = judge_object(Evidence {
            observed: &observed,
            arrived: None,
            key: Some(&ObservedKey::Known(wrong)),
            key_state: &KeyState::Usable,
            aws_managed: Some(false),
            expected: Some(&expected),
            region: Some("us-west-2"),
        });
        Verdict {
            version: version("tax-documents-replica"),
            judgement,
            observed: Some(observed),
            expected: Some(expected),
            replication: None,
            repaired: false,
        }
    }

    fn never_arrived() -> Verdict {
        let event = ReplicationEvent {
            outcome: ReplicationOutcome::Failed,
            version: version("tax-documents"),
            rule_id: Some("Tax".to_owned()),
            destination_bucket: Some("tax-documents-replica".to_owned()),
            operation: Some("OBJECT_PUT".to_owned()),
            failure_reason: Some("DstKmsKeyInvalidState".to_owned()),
        };
        Verdict {
            version: event.version.clone(),
            judgement: judge_replication(&event),
            observed: None,
            expected: None,
            replication: Some(event),
            repaired: false,
        }
    }

    fn told(verdict: &Verdict) -> String {
        let home = home();
        report::line(verdict, &Stamp::new(NOW, Some(&home))).unwrap()
    }

    /// The names of all fields of a line, those of members with a dot.
    fn fields(line: &str) -> Vec<String> {
        let line: Value = serde_json::from_str(line).unwrap();
        let mut names = Vec::new();
        for (name, value) in line.as_object().unwrap() {
            match value {
                Value::Object(members) => {
                    names.extend(members.keys().map(|member| format!("{name}.{member}")));
                }
                _ => names.push(name.clone()),
            }
        }
        names
    }

    fn the_line() -> String {
        let mut section = String::from(
            "\n## The line\n\nOne object of JSON for each verdict, in the checker's log group \
             (`CheckReplicaLogGroup`), as the `detail` of a finding's event, and as the answer to a direct \
             invocation. What is unknown is left out; `compliant` alone is `null` then. New fields may come.\n\n\
             | field | says |\n|---|---|\n",
        );
        for (name, meaning) in FIELDS.iter().chain(&SENTENCES) {
            let _ = writeln!(section, "| `{name}` | {meaning} |");
        }
        let _ = write!(
            section,
            "\nA replica under a wrong key, and one that never arrived:\n\n```json\n{}\n{}\n```\n",
            told(&under_another_key()),
            told(&never_arrived()),
        );
        section
    }

    #[test]
    fn the_table_has_every_field_that_a_line_can_have() {
        let mut repaired = under_another_key();
        repaired.repaired = true;
        let probe = "Tax/.encrypted-replication-probe-er0123456789abcdef0123-1";
        repaired.version.key = Key::from_plain(probe).unwrap();
        let mut found = fields(&told(&repaired));
        found.extend(fields(&told(&never_arrived())));
        found.sort();
        found.dedup();
        let mut listed: Vec<&str> = FIELDS
            .iter()
            .chain(&SENTENCES)
            .map(|(name, _)| *name)
            .collect();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }

    /// Data Firehose drops a member that is no column without a word, and a column that is no member is empty.
    #[test]
    fn the_table_of_the_evidence_has_every_field_and_no_other() {
        let parted = PARTITIONS.iter().filter(|name| **name != "day").copied();
        let mut columns: Vec<_> = MEMBERS.iter().map(|member| member.name).collect();
        columns.extend(parted);
        columns.sort_unstable();
        let fields = FIELDS.iter().chain(&SENTENCES);
        let mut listed: Vec<_> = fields.map(|(name, _)| *name).collect();
        listed.sort_unstable();
        assert_eq!(columns, listed);
    }

    /// A value of another type than its column's fails the whole record.
    #[test]
    fn the_fields_are_of_their_columns_types() {
        let mut repaired = under_another_key();
        repaired.repaired = true;
        for line in [told(&repaired), told(&never_arrived())] {
            let line: Value = serde_json::from_str(&line).unwrap();
            for Member { name, kind } in MEMBERS {
                let value = line.pointer(&format!("/{}", name.replace('.', "/")));
                let fits = match (kind, value) {
                    (_, None | Some(Value::Null))
                    | ("string", Some(Value::String(_)))
                    | ("boolean", Some(Value::Bool(_))) => true,
                    ("array<string>", Some(Value::Array(values))) => {
                        values.iter().all(Value::is_string)
                    }
                    _ => false,
                };
                assert!(fits, "{name} is no {kind} in {line}");
            }
        }
    }

    #[test]
    fn the_page_of_verdicts_metrics_and_failure_reasons() {
        let mut page = String::from(
            "# Verdicts, metrics and failure reasons\n\nMade from the code. What follows from each is in \
             [SEMANTICS](SEMANTICS.md), what to do about it in [TROUBLESHOOTING](TROUBLESHOOTING.md).\n\n## Verdicts\n\n\
             | verdict | `compliant` | when |\n|---|---|---|\n",
        );
        for kind in Kind::ALL {
            let compliant = kind
                .compliant()
                .map_or_else(|| "null".to_owned(), |compliant| compliant.to_string());
            let _ = writeln!(
                page,
                "| `{}` | {compliant} | {} |",
                kind.as_str(),
                kind.when()
            );
        }
        page += &the_line();
        let _ = write!(
            page,
            "\n## Metrics\n\nNamespace `{NAMESPACE}`, dimensions `Bucket`, and `Bucket` with `Verdict`.\n\n\
             | metric | unit | meaning |\n|---|---|---|\n"
        );
        for (name, unit, meaning) in METRICS {
            let _ = writeln!(page, "| `{name}` | {unit} | {meaning} |");
        }
        page += "\n## Failure reasons\n\nS3's, as a `ReplicationFailed` verdict explains them.\n\n\
                 | reason | means | mended by |\n|---|---|---|\n";
        for known in TABLE {
            let (explanation, remedy) = (known.explanation, known.remedy);
            let _ = writeln!(page, "| `{}` | {explanation} | {remedy} |", known.code);
        }

        let path = PathBuf::from("../../docs/VERDICTS.md");
        if env::var_os("UPDATE_REFERENCE").is_some() {
            fs::write(&path, &page).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            found == page,
            "docs/VERDICTS.md is stale; cargo xtask reference writes it anew"
        );
    }

    /// What people run in CloudWatch Logs Insights: printed in OPERATIONS, and on the dashboard. Nothing but AWS itself
    /// runs such queries; whether they ask for what lines have can be seen here.
    fn queries() -> Vec<String> {
        let page = fs::read_to_string("../../docs/OPERATIONS.md").unwrap();
        let template = fs::read_to_string("../../template.yaml").unwrap();
        let printed = page.split("```text\n").skip(1);
        let printed = printed.filter_map(|rest| rest.split_once("```"));
        let widgets = template.split("\"query\": \"").skip(1);
        let widgets = widgets.filter_map(|rest| rest.split_once('"'));
        let texts = printed.chain(widgets).map(|(text, _)| text.to_owned());
        texts.filter(|text| text.contains("filter ")).collect()
    }

    /// The words of a query, and its texts in quotation marks.
    fn split(query: &str) -> (Vec<String>, Vec<String>) {
        let (mut plain, mut texts) = (String::new(), Vec::<String>::new());
        let mut open = None;
        for c in query.chars() {
            match open {
                Some(quote) if c == quote => open = None,
                Some(_) => texts.last_mut().unwrap().push(c),
                None if matches!(c, '"' | '\'') => {
                    open = Some(c);
                    texts.push(String::new());
                }
                None => plain.push(c),
            }
        }
        let words = plain.split(|c: char| !c.is_ascii_alphanumeric() && !"._@".contains(c));
        let words = words.filter(|word| !word.is_empty());
        (words.map(str::to_owned).collect(), texts)
    }

    #[test]
    fn queries_of_the_log_ask_for_fields_and_verdicts_that_there_are() {
        /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html>
        const LANGUAGE: [&str; 20] = [
            "SOURCE",
            "fields",
            "filter",
            "stats",
            "sort",
            "limit",
            "by",
            "as",
            "in",
            "and",
            "or",
            "not",
            "asc",
            "desc",
            "latest",
            "count",
            "count_distinct",
            "ispresent",
            "@timestamp",
            "50",
        ];
        let queries = queries();
        assert_eq!(queries.len(), 6, "{queries:#?}");
        let findings = Kind::ALL.iter();
        let findings = findings.filter(|kind| kind.compliant() == Some(false));
        let mut findings: Vec<&str> = findings.map(|kind| kind.as_str()).collect();
        findings.sort_unstable();
        for query in &queries {
            let (words, texts) = split(query);
            let named = words.windows(2).filter(|pair| pair[0] == "as");
            let named: Vec<&String> = named.map(|pair| &pair[1]).collect();
            for word in &words {
                let mut fields = FIELDS.iter().chain(&SENTENCES);
                assert!(
                    LANGUAGE.contains(&word.as_str())
                        || named.contains(&word)
                        || fields.any(|(name, _)| name == word),
                    "{word} in {query}"
                );
            }
            // Where all findings are asked for, a kind that is new must not be missing.
            if words.windows(2).any(|pair| pair[1] == "in") {
                let mut asked: Vec<&str> = texts.iter().map(String::as_str).collect();
                asked.retain(|text| Kind::ALL.iter().any(|kind| kind.as_str() == *text));
                asked.sort_unstable();
                asked.dedup();
                assert_eq!(asked, findings, "{query}");
            }
        }
    }
}
