//! A job's completion report: where its parts are, what a row says, and what the rows come to. Pure.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-examples-reports.html>.

use std::borrow::Cow;
use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use crate::cut::cut;

/// Different reasons that are kept apart; what comes after is counted together.
const MOST_REASONS: usize = 40;
/// Keys told for a reason.
const MOST_EXAMPLES: usize = 3;
/// Bytes of a reason's words.
const LONGEST_WORDS: usize = 300;
/// Reasons beyond those that are kept apart.
const OTHERS: &str = "other reasons";

/// `manifest.json`: which files there are.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Manifest {
    format: String,
    #[serde(default)]
    results: Vec<File>,
    #[serde(default)]
    report_schema: String,
}

/// One file of a report.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct File {
    task_execution_status: String,
    pub(super) bucket: String,
    pub(super) key: String,
}

impl Manifest {
    /// Reads it; its files must be where the report's are, and nowhere else.
    ///
    /// # Errors
    /// Why it is no report of ours.
    pub(super) fn read(bytes: &[u8], bucket: &str, folder: &str) -> Result<Self, String> {
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("it cannot be read: {error}"))?;
        if manifest.format != "Report_CSV_20180820" {
            return Err(format!("its format is `{}`", manifest.format));
        }
        let elsewhere = |file: &&File| file.bucket != bucket || !file.key.starts_with(folder);
        if let Some(file) = manifest.results.iter().find(elsewhere) {
            return Err(format!(
                "it names `{}` in bucket `{}`, which is outside the report",
                file.key, file.bucket
            ));
        }
        Ok(manifest)
    }

    /// The files of versions with this outcome: `succeeded` or `failed`.
    pub(super) fn files(&self, outcome: &'static str) -> impl Iterator<Item = &File> {
        let all = self.results.iter();
        all.filter(move |file| file.task_execution_status == outcome)
    }

    pub(super) fn columns(&self) -> Columns {
        Columns::of(&self.report_schema)
    }
}

/// Where in a row what stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Columns {
    bucket: usize,
    key: usize,
    version: usize,
    codes: [usize; 2],
    words: usize,
}

impl Columns {
    fn of(schema: &str) -> Self {
        let names: Vec<_> = schema.split(',').map(str::trim).collect();
        let at = |name: &str, otherwise: usize| {
            names
                .iter()
                .position(|one| *one == name)
                .unwrap_or(otherwise)
        };
        Self {
            bucket: at("Bucket", 0),
            key: at("Key", 1),
            version: at("VersionId", 2),
            codes: [at("ErrorCode", 4), at("HTTPStatusCode", 5)],
            words: at("ResultMessage", 6),
        }
    }

    /// What a row says.
    pub(super) fn row(&self, fields: &[String]) -> Row {
        let field = |at: usize| fields.get(at).map(String::as_str).unwrap_or_default();
        // AWS's own example has the two codes the other way round than its schema.
        let is_word = |code: &&str| !code.is_empty() && !code.bytes().all(|b| b.is_ascii_digit());
        let code = self.codes.into_iter().map(field).find(is_word);
        Row {
            bucket: field(self.bucket).to_owned(),
            key: decoded(field(self.key)),
            version: field(self.version).to_owned(),
            code: code.unwrap_or_default().to_owned(),
            words: field(self.words).to_owned(),
        }
    }
}

/// One version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) version: String,
    pub(super) code: String,
    pub(super) words: String,
}

impl Row {
    /// S3's reason, as its failure events name it where it is one of those.
    fn reason(&self) -> String {
        // What S3 Batch Operations calls every failure that it does not try again.
        let told = !self.code.is_empty() && self.code != "PermanentFailure";
        let reason = if told { &self.code } else { &self.words };
        if reason.is_empty() {
            return "no reason given".to_owned();
        }
        shortened(reason)
    }
}

fn shortened(text: &str) -> String {
    cut(text, LONGEST_WORDS)
}

/// A key as manifests have it, URL-encoded.
fn decoded(text: &str) -> String {
    let plain = text.replace('+', " ");
    let bytes = percent_decode_str(&plain);
    bytes
        .decode_utf8()
        .map_or_else(|_| text.to_owned(), Cow::into_owned)
}

/// How far the versions that were replicated were read, where there was no time for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// Files that were read to their end.
    pub(super) files: usize,
    /// Bytes of the next one that were read.
    pub(super) bytes: u64,
    /// Versions whose failure was told to be over.
    pub(super) resolved: u64,
}

/// What the failed rows come to, by reason. Bounded, however long the report is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(pub(super) BTreeMap<String, Failures>);

/// Versions that failed for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Failures {
    pub(super) count: u64,
    /// S3's words, of the first.
    pub(super) words: String,
    /// Keys of some.
    pub(super) examples: Vec<String>,
}

impl Tally {
    pub(super) fn add(&mut self, row: &Row) {
        let mut reason = row.reason();
        if self.0.len() >= MOST_REASONS && !self.0.contains_key(&reason) {
            OTHERS.clone_into(&mut reason);
        }
        let failures = self.0.entry(reason).or_insert_with(|| Failures {
            words: shortened(&row.words),
            ..Failures::default()
        });
        failures.count += 1;
        if failures.examples.len() < MOST_EXAMPLES {
            failures.examples.push(row.key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SCHEMA: &str =
        "Bucket, Key, VersionId, TaskStatus, ErrorCode, HTTPStatusCode, ResultMessage";

    fn manifest(bucket: &str, key: &str) -> Vec<u8> {
        let result = |status: &str, key: &str| json!({"TaskExecutionStatus": status, "Bucket": bucket, "MD5Checksum": "0", "Key": key});
        let results = [
            result("succeeded", key),
            result("failed", "r/er1/job-1/results/b.csv"),
        ];
        let manifest = json!({"Format": "Report_CSV_20180820", "ReportCreationDate": "2026-11-27T18:00:00Z",
                              "Results": results, "ReportSchema": SCHEMA});
        manifest.to_string().into_bytes()
    }

    #[test]
    fn files_are_told_apart_by_their_outcome() {
        let read = manifest("reports", "r/er1/job-1/results/a.csv");
        let read = Manifest::read(&read, "reports", "r/er1/job-1/").unwrap();
        let keys = |outcome| -> Vec<_> {
            let files = read.files(outcome);
            files
                .map(|file| file.key.rsplit('/').next().unwrap())
                .collect()
        };
        assert_eq!(
            (keys("failed"), keys("succeeded")),
            (vec!["b.csv"], vec!["a.csv"])
        );
    }

    #[test]
    fn nothing_outside_the_report_is_read() {
        for (bucket, key) in [
            ("reports", "secret.csv"),
            ("other", "r/er1/job-1/results/a.csv"),
        ] {
            let refused = Manifest::read(&manifest(bucket, key), "reports", "r/er1/job-1/");
            assert!(refused.unwrap_err().contains("outside"), "{bucket} {key}");
        }
        let refused = Manifest::read(b"{\"Format\": \"ORC\"}", "reports", "r/").unwrap_err();
        assert!(refused.contains("ORC"), "{refused}");
    }

    #[test]
    fn a_row_says_which_version_failed_and_why() {
        let columns = Columns::of(SCHEMA);
        for (row, key, reason) in [
            (
                [
                    "b",
                    "Tax/a",
                    "v",
                    "failed",
                    "DstKmsKeyInvalidState",
                    "400",
                    "m",
                ],
                "Tax/a",
                "DstKmsKeyInvalidState",
            ),
            // As in AWS's example.
            (
                [
                    "b",
                    "a",
                    "",
                    "failed",
                    "200",
                    "PermanentFailure",
                    "Lambda said no",
                ],
                "a",
                "Lambda said no",
            ),
            (
                ["b", "%E7%A8%8E%2Fa+b%25", "v", "failed", "", "", ""],
                "税/a b%",
                "no reason given",
            ),
            (
                ["b", "100%", "v", "failed", "409", "DstBucketNotFound", ""],
                "100%",
                "DstBucketNotFound",
            ),
        ] {
            let row = columns.row(&row.map(str::to_owned));
            assert_eq!((row.key.as_str(), row.reason().as_str()), (key, reason));
        }
    }

    #[test]
    fn what_is_kept_of_a_report_does_not_grow_with_it() {
        let mut tally = Tally::default();
        let columns = Columns::of(SCHEMA);
        for number in 0..10_000 {
            let code = format!("Code{}", number % 100);
            let key = format!("key-{number}");
            let words = "w".repeat(10_000);
            let row = ["b", &key, "v", "failed", &code, "400", &words];
            tally.add(&columns.row(&row.map(str::to_owned)));
        }
        let all: u64 = tally.0.values().map(|failures| failures.count).sum();
        assert_eq!(all, 10_000);
        assert_eq!(tally.0["Code0"].count, 100);
        assert_eq!(tally.0["Code0"].examples, ["key-0", "key-100", "key-200"]);
        assert_eq!(tally.0["other reasons"].count, 6_000);
        assert_eq!(tally.0.len(), MOST_REASONS + 1);
        assert!(serde_json::to_string(&tally.0).unwrap().len() < 30_000);
    }
}
