//! What is asked: whom to prove.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::format::{Format, reports};
use crate::owner::PhysicalId;
use crate::record::Record;

/// Replicas stay for this long beyond a checker's batch window: for EventBridge, the queue and a cold start.
const VERDICT_WITHIN: Duration = Duration::from_secs(30);

/// A direct invocation's payload.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Wanted {
    #[serde(rename = "Action")]
    _action: String,
    /// The `Ref` of the one resource to prove; all where there is no name at all.
    #[serde(default)]
    pub(super) physical_resource_id: Option<String>,
    /// Name of a source bucket, to prove the resources on it.
    #[serde(default)]
    source_bucket: Option<String>,
    /// Name or ARN of a stack, to prove its resources.
    #[serde(default)]
    stack_name: Option<String>,
    /// The resource's name in the template, where the stack has several.
    #[serde(default)]
    logical_resource_id: Option<String>,
    /// Whether to go on with a round that an invocation before had no time for.
    #[serde(default)]
    pub(super) continues: bool,
    /// The longest batch window of the checkers that judge the replicas, in seconds.
    #[serde(default)]
    batch_window_seconds: u16,
    /// Whether to tell it by events and metrics too, not only in the answer.
    #[serde(default = "reports")]
    pub(super) report: bool,
    /// How the answer is to be put.
    #[serde(default)]
    pub(crate) format: Format,
}

impl Wanted {
    /// What asks for it.
    pub(crate) const ACTION: &str = "Prove";

    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it, and what a right one looks like.
    pub(crate) fn read(payload: Value) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| {
            format!(
                "the question cannot be read: {why}; write {{\"Action\": \"{}\"}}, with \"PhysicalResourceId\", \
                 \"SourceBucket\" or \"StackName\" (and \"LogicalResourceId\") to prove those resources alone, and \
                 \"Report\": false for an answer and no events and metrics",
                Self::ACTION
            )
        };
        let wanted: Self = serde_json::from_value(payload).map_err(|error| wrong(&error))?;
        if wanted.logical_resource_id.is_some() && wanted.stack_name.is_none() {
            return Err(wrong(
                &"`LogicalResourceId` is a name within a stack, and there is no `StackName`",
            ));
        }
        if wanted.continues && (wanted.names_some() || !wanted.report) {
            return Err(wrong(&"`Continues` is about all there are, which are told"));
        }
        Ok(wanted)
    }

    /// How long replicas stay. Who only wants the answer waits for no checker.
    pub(super) fn keep(&self) -> Duration {
        if self.report {
            VERDICT_WITHIN + Duration::from_secs(self.batch_window_seconds.into())
        } else {
            Duration::ZERO
        }
    }

    /// Whether it is about some resources, and not about all there are.
    pub(super) const fn names_some(&self) -> bool {
        self.physical_resource_id.is_some()
            || self.source_bucket.is_some()
            || self.stack_name.is_some()
    }

    /// Whether a resource is among those it is about.
    pub(super) fn is_about(&self, record: &Record, id: &PhysicalId) -> bool {
        let is = |wanted: &Option<String>, matches: &dyn Fn(&str) -> bool| {
            wanted.as_deref().is_none_or(matches)
        };
        is(&self.physical_resource_id, &|text| {
            PhysicalId::parse(text).is_some_and(|wanted| wanted.owner == id.owner)
        }) && is(&self.source_bucket, &|bucket| bucket == id.source_bucket)
            && is(&self.stack_name, &|stack| {
                stack == record.stack_name() || stack == record.stack_id
            })
            && is(&self.logical_resource_id, &|name| {
                name == record.logical_resource_id
            })
    }

    /// The names in it, for a person.
    pub(super) fn names(&self) -> String {
        let named = [
            ("PhysicalResourceId", &self.physical_resource_id),
            ("SourceBucket", &self.source_bucket),
            ("StackName", &self.stack_name),
            ("LogicalResourceId", &self.logical_resource_id),
        ];
        let given = named
            .iter()
            .filter_map(|(name, value)| Some(format!("`{name}` `{}`", value.as_deref()?)));
        given.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn resource() -> (Record, PhysicalId) {
        let stack = "arn:aws:cloudformation:us-east-1:111122223333:stack/tax/5f7a";
        let id = PhysicalId::new(stack, "Replication", "source");
        let text = json!({"schema": "encrypted-replication/resource/1", "stackId": stack, "properties": {},
                          "logicalResourceId": "Replication", "physicalResourceId": id.to_string()});
        Record::read(&id.owner, &[(0, text.to_string())].into()).unwrap()
    }

    #[test]
    fn whom_a_question_is_about() {
        let (record, id) = resource();
        let other = PhysicalId::new("stack", "Replication", "source").to_string();
        for (given, some, expected) in [
            (json!({}), false, true),
            (json!({"PhysicalResourceId": id.to_string()}), true, true),
            (json!({"PhysicalResourceId": other}), true, false),
            (json!({"SourceBucket": "source"}), true, true),
            (json!({"SourceBucket": "sourc"}), true, false),
            (json!({"StackName": "tax"}), true, true),
            (json!({"StackName": record.stack_id}), true, true),
            (json!({"StackName": "ta"}), true, false),
            (
                json!({"StackName": "tax", "LogicalResourceId": "Replication"}),
                true,
                true,
            ),
            (
                json!({"StackName": "tax", "LogicalResourceId": "Second"}),
                true,
                false,
            ),
            (
                json!({"StackName": "tax", "SourceBucket": "other"}),
                true,
                false,
            ),
        ] {
            let mut payload = given.clone();
            payload["Action"] = json!("Prove");
            let wanted = Wanted::read(payload).unwrap();
            assert_eq!(wanted.names_some(), some, "{given}");
            assert_eq!(wanted.is_about(&record, &id), expected, "{given}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told_with_what_can() {
        for (payload, why) in [
            (
                json!({"Action": "Prove", "StackId": "s"}),
                "unknown field `StackId`",
            ),
            (
                json!({"Action": "Prove", "BatchWindowSeconds": -1}),
                "invalid value",
            ),
            (
                json!({"Action": "Prove", "LogicalResourceId": "R"}),
                "there is no `StackName`",
            ),
            (
                json!({"Action": "Prove", "StackName": "s", "Continues": true}),
                "is about all there are",
            ),
        ] {
            let error = Wanted::read(payload).unwrap_err();
            assert!(error.contains(why), "{error}");
            assert!(error.contains("write {\"Action\": \"Prove\"}"), "{error}");
        }
    }
}
