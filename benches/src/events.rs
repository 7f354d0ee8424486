//! The batches: SQS messages with EventBridge arrivals, and S3's own events, made from the samples in `events/`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::{Value, json};

/// The sample that every message is made from.
const SAMPLE: &str = include_str!("../../events/sqs-eventbridge-object-created.json");
/// The same of an event that S3 sends to the function itself.
const DIRECT: &str = include_str!("../../events/s3-object-created.json");

/// The replicas' bucket, as the sample has it.
pub(crate) const BUCKET: &str = "destination";
/// The key that every replica is under.
pub(crate) const KEY_ARN: &str =
    "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// The version that S3 answers with.
pub(crate) const VERSION: &str = "096fKKXTRTtl3on89fVO.nfljtsv6qko";

/// A batch of `size` messages, each about another object; `round` keeps batches apart.
pub(crate) fn batch(size: usize, round: usize) -> Result<Bytes> {
    let sample: Value = serde_json::from_str(SAMPLE)?;
    let message = sample
        .pointer("/Records/0")
        .context("the sample has no message")?;
    let body: Value = serde_json::from_str(
        message
            .pointer("/body")
            .and_then(Value::as_str)
            .context("the sample's message has no body")?,
    )?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
    let records: Vec<Value> = (0..size)
        .map(|number| {
            let mut body = body.clone();
            set(
                &mut body,
                "/detail/object/key",
                json!(format!("Tax/2026/{round}/document-{number}.pdf")),
            );
            set(
                &mut body,
                "/detail/object/version-id",
                json!(format!("{VERSION}{round:04}{number:04}")),
            );
            let mut message = message.clone();
            set(&mut message, "/body", json!(body.to_string()));
            set(
                &mut message,
                "/messageId",
                json!(format!("059f36b4-87a3-44ab-83d2-{round:06}{number:06}")),
            );
            set(
                &mut message,
                "/attributes/SentTimestamp",
                json!(now.to_string()),
            );
            message
        })
        .collect();
    Ok(Bytes::from(json!({"Records": records}).to_string()))
}

/// One event of `size` records, each about another object.
pub(crate) fn direct(size: usize) -> Result<Bytes> {
    let sample: Value = serde_json::from_str(DIRECT)?;
    let record = sample
        .pointer("/Records/0")
        .context("the sample has no record")?;
    let records: Vec<Value> = (0..size)
        .map(|number| {
            let mut record = record.clone();
            let key = json!(format!("Tax/2026/document-{number}.pdf"));
            set(&mut record, "/s3/object/key", key);
            let version = json!(format!("{VERSION}{number:08}"));
            set(&mut record, "/s3/object/versionId", version);
            record
        })
        .collect();
    Ok(Bytes::from(json!({"Records": records}).to_string()))
}

fn set(value: &mut Value, pointer: &str, to: Value) {
    if let Some(place) = value.pointer_mut(pointer) {
        *place = to;
    }
}
