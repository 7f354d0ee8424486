//! `{"Action":"Sweep","Bucket":…,"Prefix":…}`: a direct invocation that looks through a bucket.

use serde_json::Value;

use super::PUBLISH_COMPLIANT;
use super::error::{IngestError, shorten};
use super::fields;
use crate::findings::Publish;

const SHAPE: &str = "a direct action";

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
    /// Which verdicts become events.
    pub publish: Publish,
}

/// Whether this is a direct action of ours.
pub(super) fn recognise(event: &Value) -> bool {
    event.get("Action").is_some()
}

/// Reads the request; its fields are not encoded. Unknown fields are refused: a misspelt `Prefix`
/// would sweep the whole bucket.
pub(super) fn read(event: &Value) -> Result<SweepRequest, IngestError> {
    const KNOWN: [&str; 5] = ["Action", "Bucket", "Prefix", "KeyMarker", "VersionIdMarker"];
    let action = fields::text(event, "Action").ok_or(fields::missing(SHAPE, "Action"))?;
    if action != "Sweep" {
        return Err(IngestError::UnknownEvent {
            shape: SHAPE,
            event: shorten(action),
        });
    }
    for (name, value) in event.as_object().into_iter().flatten() {
        if name == PUBLISH_COMPLIANT {
            continue;
        }
        if !KNOWN.contains(&name.as_str()) || !(value.is_string() || value.is_null()) {
            return Err(IngestError::Field {
                shape: SHAPE,
                field: "Action, Bucket, Prefix, KeyMarker, VersionIdMarker, PublishCompliant",
                expected: "texts, and no other field",
            });
        }
    }
    Ok(SweepRequest {
        bucket: fields::bucket(event, "Bucket", SHAPE, "Bucket")?,
        prefix: fields::owned(event, "Prefix").unwrap_or_default(),
        key_marker: fields::owned(event, "KeyMarker"),
        version_id_marker: fields::owned(event, "VersionIdMarker"),
        publish: super::read_publish(event, SHAPE)?,
    })
}
