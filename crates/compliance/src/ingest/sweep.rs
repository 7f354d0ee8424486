//! `{"Action":"Sweep","Bucket":…,"Prefix":…}`: a request to look through a bucket, sent to the function or
//! in a message of its queue.

use super::json::Json;
use expectation::Time;

use super::error::{IngestError, shorten};
use super::options::{PUBLISH_COMPLIANT, REPAIR};
use super::{fields, options};
use crate::findings::Publish;

const SHAPE: &str = "a Sweep action";
const SINCE: &str = "Since";

/// Where to look, and from where on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SweepRequest {
    /// The bucket's name.
    pub bucket: String,
    /// Only keys with this prefix; empty for all.
    pub prefix: String,
    /// Continue after this key, as a sweep that stopped said in `Next`.
    pub key_marker: Option<String>,
    /// Continue after this version of it.
    pub version_id_marker: Option<String>,
    /// Only versions that were written then or later; a replica bears the time of its source object.
    pub since: Option<Time>,
    /// Which verdicts become events.
    pub publish: Publish,
    /// Whether only to look, although the checker repairs.
    pub only_looks: bool,
}

/// Whether this is a direct action of ours.
pub(super) fn recognise(event: &Json<'_>) -> bool {
    event.get("Action").is_some()
}

/// Reads the request; its fields are not encoded. Unknown fields are refused: a misspelt `Prefix`
/// would sweep the whole bucket.
pub(super) fn read(event: &Json<'_>) -> Result<SweepRequest, IngestError> {
    const KNOWN: [&str; 6] = [
        "Action",
        "Bucket",
        "Prefix",
        "KeyMarker",
        "VersionIdMarker",
        SINCE,
    ];
    let action = fields::text(event, "Action").ok_or(fields::missing(SHAPE, "Action"))?;
    if action != "Sweep" {
        return Err(IngestError::UnknownAction(shorten(action)));
    }
    for (name, value) in event.as_object().into_iter().flatten() {
        if [PUBLISH_COMPLIANT, REPAIR].contains(&name.as_ref()) {
            continue;
        }
        if !KNOWN.contains(&name.as_ref()) || !matches!(value, Json::Text(_) | Json::Null) {
            return Err(IngestError::Field {
                shape: SHAPE,
                field: "Action, Bucket, Prefix, KeyMarker, VersionIdMarker, Since, PublishCompliant, Repair",
                expected: "texts, and no other field",
            });
        }
    }
    let since = match fields::text(event, SINCE) {
        None => None,
        Some(text) => Some(Time::parse(text).ok_or(IngestError::Field {
            shape: SHAPE,
            field: SINCE,
            expected: "a time such as 2026-11-27T18:00:00Z",
        })?),
    };
    Ok(SweepRequest {
        bucket: fields::bucket(event, "Bucket", SHAPE, "Bucket")?,
        prefix: fields::owned(event, "Prefix").unwrap_or_default(),
        key_marker: fields::owned(event, "KeyMarker"),
        version_id_marker: fields::owned(event, "VersionIdMarker"),
        since,
        publish: options::publish(event, SHAPE)?,
        only_looks: options::only_looks(event, SHAPE)?,
    })
}
