//! What is asked, and on whose behalf.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::configuration::ReplicationConfiguration;
use crate::drift::Look;
use crate::owner::{Owner, PhysicalId};
use crate::properties::scalar;

/// CloudFormation's own properties of a custom resource, which are not the resource's.
const OF_CLOUDFORMATION: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// What a direct invocation asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Something about given properties.
    Question(Question),
    /// What changed behind the stacks' backs.
    Look(Look),
}

/// Reads a payload.
///
/// # Errors
/// What is wrong with it, and what a right one looks like.
pub(crate) fn asked(payload: Value) -> Result<Asked, String> {
    if payload.get("Action").and_then(Value::as_str) == Some(Look::ACTION) {
        return Look::read(payload).map(Asked::Look);
    }
    Question::read(payload).map(Asked::Question)
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Action {
    /// What a Create or Update with these properties would do.
    Plan,
    /// Whether everything is as replication needs it.
    Diagnose,
}

/// A direct invocation's payload.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Question {
    /// What is asked.
    pub action: Action,
    /// The resource's properties, as in a template.
    pub resource_properties: Map<String, Value>,
    /// The resource's `Ref`, where it is there already.
    #[serde(default)]
    pub physical_resource_id: Option<String>,
}

impl Question {
    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it, and what a right one looks like.
    fn read(payload: Value) -> Result<Self, String> {
        let mut question: Self = serde_json::from_value(payload).map_err(|error| {
            format!(
                "the payload is neither a request of CloudFormation (it has no ResponseURL) nor a question: {error}; write \
                 {{\"Action\": \"Plan\" or \"Diagnose\", \"ResourceProperties\": {{…}}}} or {{\"Action\": \"DetectDrift\"}}"
            )
        })?;
        for name in OF_CLOUDFORMATION {
            question.resource_properties.remove(name);
        }
        Ok(question)
    }

    /// The source bucket as far as the properties say it.
    pub(super) fn source_bucket(&self) -> String {
        let bucket = self.resource_properties.get("SourceBucket");
        bucket.and_then(scalar).unwrap_or_default()
    }

    /// Who the resource is that `PhysicalResourceId` names.
    ///
    /// # Errors
    /// Where it is no physical id of ours, or another bucket's.
    pub(super) fn named(&self) -> Result<Option<PhysicalId>, String> {
        let Some(text) = &self.physical_resource_id else {
            return Ok(None);
        };
        match PhysicalId::parse(text) {
            Some(id) if id.source_bucket == self.source_bucket() => Ok(Some(id)),
            Some(id) => Err(format!(
                "`PhysicalResourceId` is of a resource on bucket `{}`, `SourceBucket` is `{}`",
                id.source_bucket,
                self.source_bucket()
            )),
            None => Err(format!(
                "`PhysicalResourceId` `{text}` is not what `Ref` gives for the resource: encrypted-replication/BUCKET/OWNER"
            )),
        }
    }
}

/// Whose resource the question is about where it does not say: the one that has rules on the
/// bucket, or, where none has, one that is still to be made.
///
/// # Errors
/// Where several have rules on it.
pub(super) fn whose(
    source_bucket: &str,
    configuration: Option<&ReplicationConfiguration>,
) -> Result<PhysicalId, String> {
    let rules = configuration.map_or(&[][..], |configuration| &configuration.rules);
    let owners: BTreeSet<_> = rules
        .iter()
        .filter_map(|rule| Owner::at_start_of(&rule.id))
        .collect();
    let mut ids = owners.into_iter().map(|owner| PhysicalId {
        source_bucket: source_bucket.to_owned(),
        owner,
    });
    match (ids.next(), ids.next()) {
        (None, _) => Ok(PhysicalId::new("", "still to be made", source_bucket)),
        (Some(one), None) => Ok(one),
        (Some(one), Some(two)) => {
            let all: Vec<_> = [one, two]
                .into_iter()
                .chain(ids)
                .map(|id| format!("`{id}`"))
                .collect();
            Err(format!(
                "several resources have rules on bucket `{source_bucket}`; say which by `PhysicalResourceId`: {}",
                all.join(", ")
            ))
        }
    }
}
