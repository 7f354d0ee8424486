//! What is asked: to replay, or how a job goes.

use std::collections::BTreeSet;

use expectation::Time;
use serde::Deserialize;
use serde_json::Value;

use crate::format::{Format, reports};
use crate::jobs::{ObjectStatus, Selection};

/// What failed is to be replicated again.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Replay {
    #[serde(rename = "Action")]
    _action: String,
    /// The resource's `Ref`.
    #[serde(default)]
    pub(super) physical_resource_id: Option<String>,
    /// Name or ARN of the resource's stack.
    #[serde(default)]
    pub(super) stack_name: Option<String>,
    /// The resource's name in the template, where the stack has several.
    #[serde(default)]
    pub(super) logical_resource_id: Option<String>,
    #[serde(default = "failed")]
    statuses: BTreeSet<ObjectStatus>,
    #[serde(default)]
    created_after: Option<Time>,
    #[serde(default)]
    created_before: Option<Time>,
    #[serde(default)]
    prefix: Option<String>,
    /// Whether it is begun even where Diagnose fails.
    #[serde(default)]
    pub(super) force: bool,
    /// How the answer is to be put.
    #[serde(default)]
    pub(crate) format: Format,
}

fn failed() -> BTreeSet<ObjectStatus> {
    [ObjectStatus::Failed].into()
}

impl Replay {
    /// What asks for it.
    pub(crate) const ACTION: &str = "Replay";

    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it, and what a right one looks like.
    pub(crate) fn read(payload: Value) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| {
            format!(
                "the question cannot be read: {why}; write {{\"Action\": \"{}\"}} with \"PhysicalResourceId\" or \
                 \"StackName\", and, to narrow it, \"Statuses\": [\"FAILED\"], \"CreatedAfter\" and \"CreatedBefore\": \
                 \"2026-11-27T18:00:00Z\", \"Prefix\"",
                Self::ACTION
            )
        };
        let asked: Self = serde_json::from_value(payload).map_err(|error| wrong(&error))?;
        if asked.physical_resource_id.is_none() && asked.stack_name.is_none() {
            return Err(wrong(&"missing field `PhysicalResourceId` or `StackName`"));
        }
        if asked.statuses.is_empty() {
            return Err(wrong(&"`Statuses` has none"));
        }
        if let (Some(after), Some(before)) = (asked.created_after, asked.created_before)
            && after >= before
        {
            return Err(wrong(&format!(
                "nothing is created after {after} and before {before}"
            )));
        }
        Ok(asked)
    }

    /// The start of keys that it is limited to.
    pub(super) fn within(&self) -> Option<&str> {
        self.prefix.as_deref().filter(|prefix| !prefix.is_empty())
    }

    /// What it asks for under one start of keys.
    pub(super) fn selection(&self, prefix: Option<String>) -> Selection {
        Selection {
            prefix,
            statuses: self.statuses.clone(),
            created_after: self.created_after,
            created_before: self.created_before,
        }
    }
}

/// How a job goes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Job {
    #[serde(rename = "Action")]
    _action: String,
    /// The job; all whose outcome was not told yet where there is none.
    #[serde(default, rename = "JobId")]
    pub(super) id: Option<String>,
    /// The job's Region, where it is not the provisioner's and its outcome was told.
    #[serde(default)]
    pub(super) region: Option<String>,
    /// Whether an outcome is told by events too, not only in the answer.
    #[serde(default = "reports")]
    pub(crate) report: bool,
    /// How the answer is to be put.
    #[serde(default)]
    pub(crate) format: Format,
}

impl Job {
    /// What asks for it.
    pub(crate) const ACTION: &str = "Job";

    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it, and what a right one looks like.
    pub(crate) fn read(payload: Value) -> Result<Self, String> {
        serde_json::from_value(payload).map_err(|error| {
            format!(
                "the question cannot be read: {error}; write {{\"Action\": \"{}\", \"JobId\": \"…\"}}, without `JobId` for \
                 all jobs whose outcome was not told yet, and \"Report\": false for an answer and no events",
                Self::ACTION
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        for (question, part) in [
            (
                json!({"Action": "Replay"}),
                "missing field `PhysicalResourceId`",
            ),
            (
                json!({"Action": "Replay", "StackName": "s", "Statuses": []}),
                "has none",
            ),
            (
                json!({"Action": "Replay", "StackName": "s", "Statuses": ["PENDING"]}),
                "unknown variant `PENDING`",
            ),
            (
                json!({"Action": "Replay", "StackName": "s", "Status": "FAILED"}),
                "unknown field `Status`",
            ),
            (
                json!({"Action": "Replay", "StackName": "s", "CreatedAfter": "yesterday"}),
                "no point in time",
            ),
            (
                json!({"Action": "Replay", "StackName": "s", "CreatedAfter": "2026-11-28T00:00:00Z",
                       "CreatedBefore": "2026-11-27T00:00:00Z"}),
                "nothing is created after 2026-11-28T00:00:00Z",
            ),
        ] {
            let refused = Replay::read(question).unwrap_err();
            assert!(
                refused.contains(part) && refused.contains("\"Statuses\": [\"FAILED\"]"),
                "{refused}"
            );
        }
        let refused = Job::read(json!({"Action": "Job", "Id": "x"})).unwrap_err();
        assert!(refused.contains("unknown field `Id`"), "{refused}");
    }

    #[test]
    fn what_failed_is_what_is_replayed_unless_something_else_is_said() {
        let asked =
            Replay::read(json!({"Action": "Replay", "StackName": "s", "Prefix": ""})).unwrap();
        assert!(asked.selection(None).is_of_failed());
        assert_eq!((asked.within(), asked.force), (None, false));
        let asked = Replay::read(
            json!({"Action": "Replay", "StackName": "s", "Statuses": ["NONE", "FAILED"],
                                        "CreatedAfter": "2026-11-27T19:00:00+01:00"}),
        );
        let selection = asked.unwrap().selection(Some("Tax/".into()));
        assert_eq!(
            json!(selection),
            json!({"prefix": "Tax/", "statuses": ["NONE", "FAILED"], "createdAfter": "2026-11-27T18:00:00Z"})
        );
    }
}
