//! What is asked, and on whose behalf.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::configuration::ReplicationConfiguration;
use crate::drift::Look;
use crate::format::Format;
use crate::owner::{Kind, Owner, PhysicalId};
use crate::properties::scalar;
use crate::proving::Wanted;
use crate::replay::{Job, Replay};
use crate::watched::{Everywhere, kind_of};

/// CloudFormation's own properties of a custom resource, which are not the resource's.
const OF_CLOUDFORMATION: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// What a direct invocation asks for.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Something about given properties.
    Question(Question),
    /// What changed behind the stacks' backs.
    Look(Look),
    /// Whose a name is.
    Whose(Whose),
    /// What nobody watches.
    Everywhere(Everywhere),
    /// Whether replication still works.
    Proof(Wanted),
    /// What failed is to be replicated again.
    Replay(Replay),
    /// How a job goes.
    Job(Job),
}

/// Which resource a name with an owner in it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Whose {
    #[serde(rename = "Action")]
    _action: String,
    /// An owner, or any name that has one in it: a rule's, a policy's, a notification's, a parameter's.
    pub owner: String,
    #[serde(default)]
    pub format: Format,
}

impl Whose {
    /// What asks for it.
    pub(crate) const ACTION: &str = "Owner";

    fn read(payload: Value) -> Result<Self, String> {
        serde_json::from_value(payload).map_err(|error| {
            format!(
                "the question cannot be read: {error}; write {{\"Action\": \"{}\", \"Owner\": \"er…\"}}, with a name that \
                 has an owner in it",
                Self::ACTION
            )
        })
    }
}

/// Reads a payload.
///
/// # Errors
/// What is wrong with it, and what a right one looks like.
pub(crate) fn asked(payload: Value) -> Result<Asked, String> {
    match payload.get("Action").and_then(Value::as_str) {
        Some(Look::ACTION) => Look::read(payload).map(Asked::Look),
        Some(Whose::ACTION) => Whose::read(payload).map(Asked::Whose),
        Some(Everywhere::ACTION) => Everywhere::read(payload).map(Asked::Everywhere),
        Some(Wanted::ACTION) => Wanted::read(payload).map(Asked::Proof),
        Some(Replay::ACTION) => Replay::read(payload).map(Asked::Replay),
        Some(Job::ACTION) => Job::read(payload).map(Asked::Job),
        _ => Question::read(payload).map(Asked::Question),
    }
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
    /// The resource's properties, as in a template; those that it was last provisioned with where there
    /// are none, but a name of it.
    #[serde(default)]
    pub resource_properties: Option<Map<String, Value>>,
    /// The resource's `Ref`, where it is there already.
    #[serde(default)]
    pub physical_resource_id: Option<String>,
    /// Name or ARN of the resource's stack.
    #[serde(default)]
    pub stack_name: Option<String>,
    /// The resource's name in the template, where the stack has several.
    #[serde(default)]
    pub logical_resource_id: Option<String>,
    /// The resource's type, where the properties are no `Custom::EncryptedReplication`'s and nothing else
    /// says so.
    #[serde(default)]
    pub resource_type: Option<String>,
    /// How the answer is to be put.
    #[serde(default)]
    pub format: Format,
}

impl Question {
    /// About a resource, by one of its names.
    pub(crate) fn about(
        physical_resource_id: Option<String>,
        stack_name: Option<String>,
        logical_resource_id: Option<String>,
    ) -> Self {
        Self {
            action: Action::Diagnose,
            resource_properties: None,
            physical_resource_id,
            stack_name,
            logical_resource_id,
            resource_type: None,
            format: Format::default(),
        }
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// What is wrong with it, and what a right one looks like.
    fn read(payload: Value) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| {
            format!(
                "the payload is neither a request of CloudFormation (it has no ResponseURL) nor a question: {why}; write \
                 {{\"Action\": \"Plan\" or \"Diagnose\"}} with \"ResourceProperties\": {{…}}, \"PhysicalResourceId\" or \
                 \"StackName\", or {{\"Action\": \"DetectDrift\"}}, {{\"Action\": \"Replay\"}} or {{\"Action\": \"Job\"}}"
            )
        };
        let mut question: Self = serde_json::from_value(payload).map_err(|error| wrong(&error))?;
        let named = question.physical_resource_id.is_some() || question.stack_name.is_some();
        match &mut question.resource_properties {
            Some(properties) => {
                for name in OF_CLOUDFORMATION {
                    properties.remove(name);
                }
            }
            None if named => {}
            None => {
                return Err(wrong(
                    &"missing field `ResourceProperties`, and no `PhysicalResourceId` or `StackName` whose record has them",
                ));
            }
        }
        Ok(question)
    }

    /// The source bucket as far as the properties say it.
    pub(super) fn source_bucket(&self) -> String {
        let properties = self.resource_properties.as_ref();
        let bucket = properties.and_then(|properties| properties.get("SourceBucket"));
        bucket.and_then(scalar).unwrap_or_default()
    }

    /// What the resource is to its source bucket.
    ///
    /// # Errors
    /// Where its id says another type than the question.
    pub(super) fn kind(&self, named: Option<&PhysicalId>) -> Result<Kind, String> {
        let said = self.resource_type.as_deref().map(kind_of);
        match (named.map(|id| id.kind), said) {
            (Some(of_id), Some(said)) if of_id != said => Err(format!(
                "`ResourceType` says `{}`, and `PhysicalResourceId` is of a resource of another type",
                self.resource_type.as_deref().unwrap_or_default()
            )),
            (of_id, said) => Ok(of_id.or(said).unwrap_or(Kind::Provisioned)),
        }
    }

    /// Who the resource is that `PhysicalResourceId` names.
    ///
    /// # Errors
    /// Where it is no physical id of ours, or another bucket's.
    pub(crate) fn named(&self) -> Result<Option<PhysicalId>, String> {
        let Some(text) = &self.physical_resource_id else {
            return Ok(None);
        };
        match PhysicalId::parse(text) {
            Some(id)
                if self.resource_properties.is_none()
                    || id.source_bucket == self.source_bucket() =>
            {
                Ok(Some(id))
            }
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
pub(super) fn resource_with_rules_on(
    source_bucket: &str,
    configuration: Option<&ReplicationConfiguration>,
) -> Result<PhysicalId, String> {
    let rules = configuration.map_or(&[][..], |configuration| &configuration.rules);
    let owners: BTreeSet<_> = rules
        .iter()
        .filter_map(|rule| Owner::at_start_of(&rule.id))
        .collect();
    let mut ids = owners.into_iter().map(|owner| PhysicalId {
        kind: Kind::Provisioned,
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
