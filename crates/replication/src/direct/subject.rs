//! What is known of resources by their records: which one a question means, and whose a name is.

use serde_json::{Map, Value, json};

use super::question::{Question, Whose};
use crate::naming;
use crate::owner::{Owner, PhysicalId};
use crate::ports::Parameters;
use crate::record::{self, Record};

/// The properties that a resource was last provisioned with, and its id: of the one that `named` says, or
/// of the stack that the question names.
///
/// # Errors
/// Where there is no such record, or several.
pub(crate) async fn recorded<A: Parameters>(
    aws: &A,
    region: &str,
    question: &Question,
    named: Option<PhysicalId>,
) -> Result<(PhysicalId, Map<String, Value>), String> {
    if let Some(id) = named {
        let parts = record::of(aws, region, &id.owner).await;
        let parts = parts.map_err(|error| error.to_string())?;
        if parts.is_empty() {
            return Err(format!(
                "there is no record of `{id}` in {region}: it is not there, is another Region's, or was last updated by a \
                 version that kept none; give its `ResourceProperties` as they are in the template"
            ));
        }
        let (record, id) = Record::read(&id.owner, &parts)
            .map_err(|why| format!("the record of `{id}` cannot be read: {why}"))?;
        return Ok((id, record.properties));
    }
    let stack = question.stack_name.as_deref().unwrap_or_default();
    let all = record::all(aws, region).await;
    let all = all.map_err(|error| error.to_string())?;
    let read = all
        .iter()
        .filter_map(|(owner, parts)| Record::read(owner, parts).ok());
    let of_stack = read.filter(|(record, _)| {
        let resource = question.logical_resource_id.as_ref();
        let is_asked = resource.is_none_or(|resource| *resource == record.logical_resource_id);
        is_asked && (record.stack_name() == stack || record.stack_id == stack)
    });
    let mut found: Vec<_> = of_stack.collect();
    match (found.pop(), found.as_slice()) {
        (Some((record, id)), []) => Ok((id, record.properties)),
        (None, _) => Err(format!(
            "there is no record of a resource of stack `{stack}` in {region}: the stack has none, is another Region's, or \
             was last updated by a version that kept none; give `ResourceProperties` as they are in the template"
        )),
        (Some(last), others) => {
            let all = others.iter().chain([&last]);
            let mut all: Vec<_> = all
                .map(|(record, id)| format!("`{}` (`{id}`)", record.logical_resource_id))
                .collect();
            all.sort();
            Err(format!(
                "stack `{stack}` has several resources; say which by `LogicalResourceId` or `PhysicalResourceId`: {}",
                all.join(", ")
            ))
        }
    }
}

/// The resource of the owner in a name.
///
/// # Errors
/// Where there is no owner in it, or no record of the owner's.
pub(crate) async fn whose<A: Parameters>(
    aws: &A,
    region: &str,
    asked: &Whose,
) -> Result<Value, String> {
    let text = &asked.owner;
    let Some(owner) = Owner::all_in(text).into_iter().next() else {
        return Err(format!(
            "`{text}` has no owner in it, which is `er` and 20 hexadecimal digits"
        ));
    };
    let found = naming::record_of(aws, region, &owner).await?;
    let Some((record, id)) = found else {
        return Err(format!(
            "owner {owner} has no record in {region}: it is another Region's or account's, was deleted, or was last \
             updated by a version that kept none"
        ));
    };
    Ok(json!({
        "Action": Whose::ACTION,
        "Owner": owner.as_str(),
        "PhysicalResourceId": id.to_string(),
        "StackName": record.stack_name(),
        "StackId": record.stack_id,
        "LogicalResourceId": record.logical_resource_id,
        "SourceBucket": id.source_bucket,
    }))
}
