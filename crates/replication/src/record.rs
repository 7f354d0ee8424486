//! The record of what a resource was asked for, kept beside its stack, so that it can be looked after
//! without it.
//!
//! It is written when a request has succeeded and the stack's state is therefore what it says. A
//! Create or Update that fails writes none: the Delete or Update that rolls it back follows.

use std::collections::BTreeMap;

use custom_resource::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::owner::{Owner, PhysicalId, RECORDS, ROUNDS};
use crate::parameters::written;
use crate::ports::{Below, Outcome, Parameters};
use crate::spec::Site;
use crate::watched::Word;

/// The record's schema.
pub const SCHEMA: &str = "encrypted-replication/resource/1";

/// What a resource was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    schema: String,
    /// ARN of the provisioner: where several are installed in a Region, each looks after its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_token: Option<String>,
    /// ARN of the stack.
    pub stack_id: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// The resource's `Ref`.
    pub physical_resource_id: String,
    /// The properties as CloudFormation gave them, without its own.
    pub properties: Map<String, Value>,
    /// What was proved last, and of what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof: Option<Proved>,
    /// Destinations and keys that the rules have left, and where something of ours is still.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<Site>,
    /// What was seen of others' rules, where the resource watches them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub word: Option<Word>,
}

/// What a request proved, and answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Proved {
    /// Digest of the rules, keys and role that it is about.
    pub of: String,
    /// Type and id of the request: delivered again, it is answered as before.
    pub request: String,
    /// The attribute `Verification`.
    pub verification: String,
    /// The attribute `VerificationSeconds`.
    pub seconds: String,
    /// The attribute `Changes`.
    pub changes: String,
    /// `Id`s of the rules that no probe proved, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unproved: BTreeMap<String, String>,
    /// What the request changed, of what a person should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

impl Record {
    /// The record of what this request asks for.
    #[must_use]
    pub fn of(request: &Request, id: &PhysicalId) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            service_token: request.service_token.clone(),
            stack_id: request.stack_id.clone(),
            logical_resource_id: request.logical_resource_id.clone(),
            physical_resource_id: id.to_string(),
            properties: request.resource_properties.clone(),
            proof: None,
            left: Vec::new(),
            word: None,
        }
    }

    /// The stack's name, out of its ARN.
    #[must_use]
    pub fn stack_name(&self) -> &str {
        let mut parts = self.stack_id.split('/');
        parts.nth(1).unwrap_or(&self.stack_id)
    }

    /// The same with what was proved.
    #[must_use]
    pub(crate) fn proving(mut self, proof: Option<Proved>) -> Self {
        self.proof = proof;
        self
    }

    /// The same with where something of ours is left.
    #[must_use]
    pub(crate) fn leaving(mut self, left: Vec<Site>) -> Self {
        self.left = left;
        self
    }

    /// The same with what was seen of others' rules.
    #[must_use]
    pub(crate) fn saying(mut self, word: Word) -> Self {
        self.word = Some(word);
        self
    }

    /// Whether another provisioner than the function with this ARN looks after the resource. One behind
    /// a topic is not told apart.
    #[must_use]
    pub fn is_anothers(&self, function_arn: &str) -> bool {
        let token = self.service_token.as_deref().and_then(function);
        token.is_some_and(|token| function(function_arn).is_some_and(|own| own != token))
    }

    /// The record that these parameters hold, by name; `None` where there is none that can be read.
    #[must_use]
    pub fn in_parameters(owner: &Owner, parameters: &BTreeMap<String, String>) -> Option<Self> {
        let parts = by_owner(parameters.clone()).remove(owner)?;
        Self::read(owner, &parts).ok().map(|(record, _)| record)
    }

    /// As text, which goes into as many parameters as it takes.
    #[must_use]
    pub fn text(&self) -> String {
        // Our own types always serialise.
        written(&serde_json::to_value(self).unwrap_or_default())
    }

    /// Reads the record of `owner` from its parameters, by number.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn read(
        owner: &Owner,
        parts: &BTreeMap<usize, String>,
    ) -> Result<(Self, PhysicalId), String> {
        let record: Self =
            serde_json::from_str(&joined(parts)).map_err(|error| error.to_string())?;
        if record.schema != SCHEMA {
            return Err(format!("it has schema `{}`, not `{SCHEMA}`", record.schema));
        }
        let id = &record.physical_resource_id;
        match PhysicalId::parse(id).filter(|id| id.owner == *owner) {
            Some(id) => Ok((record, id)),
            None => Err(format!("it is about `{id}`, which is not of owner {owner}")),
        }
    }
}

/// All that is kept of `owner`, by name: its record, and what is remembered of its jobs.
///
/// # Errors
/// What AWS refused.
pub async fn kept_of<A: Parameters>(
    aws: &A,
    region: &str,
    owner: &Owner,
) -> Outcome<BTreeMap<String, String>> {
    let path = owner.record_path();
    aws.parameters(region, &path, Below::Directly).await
}

/// The parameters that hold the record of `owner`, by name.
///
/// # Errors
/// What AWS refused.
pub async fn parameters_of<A: Parameters>(
    aws: &A,
    region: &str,
    owner: &Owner,
) -> Outcome<BTreeMap<String, String>> {
    let mut found = kept_of(aws, region, owner).await?;
    found.retain(|name, _| Owner::of_job(name).is_none());
    Ok(found)
}

/// The parts of one record, by number.
pub type Parts = BTreeMap<usize, String>;

/// A record as it was before it was cut.
pub(crate) fn joined(parts: &Parts) -> String {
    parts.values().map(String::as_str).collect()
}

/// What a resource is called by its record: its physical id, or where that record is, where it cannot be read.
pub(crate) fn name_of(owner: &Owner, parts: &Parts) -> String {
    match Record::read(owner, parts) {
        Ok((record, _)) => record.physical_resource_id,
        Err(_) => owner.record_path(),
    }
}

/// What became of a resource while it was looked at.
pub(crate) enum Since {
    /// Its stack deleted it.
    Deleted,
    /// Its stack updated it: its record is another one.
    Updated(Parts),
    /// Nothing, or nobody knows.
    Nothing,
}

/// What became of the resource of `owner` since its record was `parts`.
pub(crate) async fn since<A: Parameters>(
    aws: &A,
    region: &str,
    owner: &Owner,
    parts: &Parts,
) -> Since {
    match of(aws, region, owner).await {
        Ok(now) if now.is_empty() => Since::Deleted,
        Ok(now) if now != *parts => Since::Updated(now),
        Ok(_) => Since::Nothing,
        Err(error) => {
            tracing::warn!(%error, "what was seen could not be confirmed");
            Since::Nothing
        }
    }
}

/// The parts of all records of a Region, by owner.
///
/// # Errors
/// What AWS refused.
pub async fn all<A: Parameters>(aws: &A, region: &str) -> Outcome<BTreeMap<Owner, Parts>> {
    Ok(by_owner(aws.parameters(region, RECORDS, Below::All).await?))
}

/// The parts of all records of a Region but those of other provisioners' resources, by owner. One that cannot be
/// read may be ours.
///
/// # Errors
/// What AWS refused.
pub async fn looked_after<A: Parameters>(
    aws: &A,
    region: &str,
    function_arn: &str,
) -> Outcome<BTreeMap<Owner, Parts>> {
    let mut all = all(aws, region).await?;
    all.retain(|owner, parts| {
        let read = Record::read(owner, parts);
        !read.is_ok_and(|(record, _)| record.is_anothers(function_arn))
    });
    Ok(all)
}

/// The parts of the record of `owner`; none where there is none.
///
/// # Errors
/// What AWS refused.
pub async fn of<A: Parameters>(aws: &A, region: &str, owner: &Owner) -> Outcome<Parts> {
    let found = by_owner(parameters_of(aws, region, owner).await?);
    Ok(found.into_values().next().unwrap_or_default())
}

/// The ARN of a function without version or alias; `None` for other ARNs.
fn function(arn: &str) -> Option<Vec<&str>> {
    let parts: Vec<_> = arn.split(':').take(7).collect();
    (parts.len() == 7 && parts.get(2) == Some(&"lambda")).then_some(parts)
}

fn by_owner(parameters: BTreeMap<String, String>) -> BTreeMap<Owner, Parts> {
    let mut found: BTreeMap<Owner, Parts> = BTreeMap::new();
    for (name, value) in parameters {
        if let Some((owner, number)) = Owner::of_record(&name) {
            found.entry(owner).or_default().insert(number, value);
        } else if Owner::of_job(&name).is_none() && !name.starts_with(ROUNDS) {
            tracing::warn!(name, "a parameter among the records is none of ours");
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "arn:aws:lambda:us-east-1:111122223333:function:ours";

    #[test]
    fn only_what_another_function_provisioned_is_anothers() {
        for (token, function, expected) in [
            (Some(OURS), OURS, false),
            (Some(&*format!("{OURS}:live")), OURS, false),
            (Some(OURS), &format!("{OURS}:$LATEST"), false),
            (Some(&*format!("{OURS}2")), OURS, true),
            (
                Some("arn:aws:sns:us-east-1:111122223333:topic"),
                OURS,
                false,
            ),
            (None, OURS, false),
            (Some(OURS), "", false),
        ] {
            let record = Record {
                schema: SCHEMA.into(),
                service_token: token.map(str::to_owned),
                stack_id: String::new(),
                logical_resource_id: String::new(),
                physical_resource_id: String::new(),
                properties: Map::new(),
                proof: None,
                left: Vec::new(),
                word: None,
            };
            assert_eq!(
                record.is_anothers(function),
                expected,
                "{token:?} {function}"
            );
        }
    }
}
