//! The note that a resource never succeeded: what it made is nobody's, and its Delete takes it away.
//!
//! A record tells that a resource succeeded, but the lack of one tells nothing: a Delete that is delivered
//! twice finds none the second time. So a Create that fails after it has begun to write, or the Update that
//! begins a replacement, leaves a parameter of this kind. It goes with the first success, or with what it
//! speaks of.

use std::collections::BTreeSet;

use serde_json::json;

use crate::owner::{Owner, PhysicalId};
use crate::ports::{Below, Outcome, Parameters};

/// Path of the notes. No bucket's name begins with `_`, so that it is no destination's path.
pub const UNFINISHED: &str = "/encrypted-replication/_unfinished";

/// The note's schema.
pub const SCHEMA: &str = "encrypted-replication/unfinished/1";

/// What the parameter is for, for people who find it.
pub(crate) const DESCRIPTION: &str =
    "A resource of a stack that never succeeded: its Delete takes away what it made";

fn path(owner: &Owner) -> String {
    format!("{UNFINISHED}/{owner}")
}

/// Name of the note of `owner`.
#[must_use]
pub fn name(owner: &Owner) -> String {
    format!("{}/1", path(owner))
}

/// What the note says to whoever finds it.
#[must_use]
pub fn text(stack_id: &str, logical_resource_id: &str, id: &PhysicalId) -> String {
    let note = json!({
        "schema": SCHEMA,
        "stackId": stack_id,
        "logicalResourceId": logical_resource_id,
        "physicalResourceId": id.to_string(),
    });
    note.to_string()
}

/// Names of the notes of `owner`; none where there is none.
///
/// # Errors
/// What AWS refused.
pub async fn notes_of<A: Parameters>(
    aws: &A,
    region: &str,
    owner: &Owner,
) -> Outcome<BTreeSet<String>> {
    let path = path(owner);
    let found = aws.parameters(region, &path, Below::Directly).await?;
    Ok(found.into_keys().collect())
}
