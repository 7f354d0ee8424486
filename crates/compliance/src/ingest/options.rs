//! What the sender of a sweep or of a Batch Operations job may ask for beside.

use super::json::Json;

use super::error::IngestError;
use crate::findings::Publish;

/// The field, of a sweep and of a job's user arguments, that has `Compliant` verdicts published too.
pub const PUBLISH_COMPLIANT: &str = "PublishCompliant";
/// The field, of both, that forbids to repair: `false` only looks.
pub const REPAIR: &str = "Repair";

/// Reads [`PUBLISH_COMPLIANT`].
///
/// # Errors
/// Where it is neither `true` nor `false`.
pub(super) fn publish(holder: &Json<'_>, shape: &'static str) -> Result<Publish, IngestError> {
    Ok(match switch(holder, shape, PUBLISH_COMPLIANT)? {
        Some(true) => Publish::FindingsAndCompliant,
        Some(false) | None => Publish::Findings,
    })
}

/// Reads [`REPAIR`]: whether only to look.
///
/// # Errors
/// Where it is neither `true` nor `false`.
pub(super) fn only_looks(holder: &Json<'_>, shape: &'static str) -> Result<bool, IngestError> {
    Ok(switch(holder, shape, REPAIR)? == Some(false))
}

fn switch(
    holder: &Json<'_>,
    shape: &'static str,
    field: &'static str,
) -> Result<Option<bool>, IngestError> {
    match holder.get(field) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Bool(on)) => Ok(Some(*on)),
        Some(Json::Text(text)) if text == "true" => Ok(Some(true)),
        Some(Json::Text(text)) if text == "false" => Ok(Some(false)),
        Some(_) => Err(IngestError::Field {
            shape,
            field,
            expected: "`true` or `false`",
        }),
    }
}
