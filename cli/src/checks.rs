//! Checks as rows.

use replication::diagnosis::{Check, CheckResult, Fix};
use replication::error::{AwsError, ErrorKind};
use serde::Serialize;

use crate::calls::permissions_of;
use crate::output::{Row, Tone};

/// One condition of a bucket's replication.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CheckRow {
    /// The source bucket.
    pub bucket: String,
    /// What the look showed.
    pub result: CheckResult,
    /// Name of the condition.
    pub check: &'static str,
    /// What was looked at.
    pub resource: String,
    /// What the look showed, in words about the resource.
    pub finding: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What to write for that: the statement of a policy, a part of a configuration, or a command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<Fix>,
}

impl CheckRow {
    /// A check of a bucket's replication. Where AWS denied the look, it says what to allow.
    #[must_use]
    pub fn of(bucket: &str, check: Check) -> Self {
        let (finding, remedy) = match check.unread.as_deref() {
            Some(error) => (error.answer().to_string(), to_look(error).or(check.remedy)),
            None => (check.finding, check.remedy),
        };
        Self {
            bucket: bucket.to_owned(),
            result: check.result,
            check: check.check,
            resource: check.resource,
            finding,
            remedy,
            write: check.write,
        }
    }
}

/// What it takes to be able to look.
fn to_look(error: &AwsError) -> Option<String> {
    let permissions = permissions_of(error.operation).join(" and ");
    let denied = error.kind == ErrorKind::AccessDenied && !permissions.is_empty();
    denied.then(|| {
        let elsewhere = if error.resource.starts_with("bucket") {
            ", or name a role in the bucket's account by --assume-role"
        } else {
            ""
        };
        format!("allow yourself {permissions} (docs/read-only-policy.json){elsewhere}")
    })
}

/// The result as people read it.
#[must_use]
pub const fn word(result: CheckResult) -> &'static str {
    match result {
        CheckResult::Pass => "PASS",
        CheckResult::Fail => "FAIL",
        CheckResult::Warn => "WARN",
        CheckResult::Skipped => "SKIPPED",
    }
}

/// What must be read first comes first.
#[must_use]
pub const fn weight(result: CheckResult) -> u8 {
    match result {
        CheckResult::Fail => 0,
        CheckResult::Warn => 1,
        CheckResult::Skipped => 2,
        CheckResult::Pass => 3,
    }
}

impl Row for CheckRow {
    const COLUMNS: &'static [&'static str] = &["result", "check", "resource", "finding", "remedy"];

    fn cells(&self) -> Vec<String> {
        vec![
            word(self.result).to_owned(),
            self.check.to_owned(),
            self.resource.clone(),
            self.finding.clone(),
            self.remedy.clone().unwrap_or_default(),
        ]
    }

    fn tone(&self, column: &str) -> Tone {
        match (column, self.result) {
            ("result", CheckResult::Pass) => Tone::Good,
            ("result", CheckResult::Fail) => Tone::Bad,
            ("result", CheckResult::Warn) => Tone::Doubtful,
            ("result", CheckResult::Skipped) => Tone::Faint,
            _ => Tone::Plain,
        }
    }
}
