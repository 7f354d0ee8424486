//! SNS: records to a subscribed function, and the envelope that a subscribed queue receives.
//!
//! See <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html> and
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>.

use serde_json::Value;

use super::error::IngestError;
use super::fields;
use crate::subject::Subject;

const SHAPE: &str = "an SNS message";

/// Whether these are records that SNS sent to the function.
pub(super) fn recognise_records(event: &Value) -> bool {
    fields::records(event).is_some_and(|records| {
        !records.is_empty()
            && records
                .iter()
                .all(|record| fields::text(record, "EventSource") == Some("aws:sns"))
    })
}

/// Reads the events inside SNS records.
pub(super) fn read_records(event: &Value) -> Result<Vec<Subject>, IngestError> {
    let mut subjects = Vec::new();
    for record in fields::records(event).unwrap_or_default() {
        fields::check_version(SHAPE, fields::text(record, "EventVersion"), "1")?;
        let message = record.get("Sns").ok_or(fields::missing(SHAPE, "Sns"))?;
        subjects.extend(read_envelope(message)?);
    }
    Ok(subjects)
}

/// Whether this is the envelope that SNS puts around a message without raw delivery.
pub(super) fn recognise_envelope(event: &Value) -> bool {
    fields::text(event, "Type") == Some("Notification") && event.get("Message").is_some()
}

/// Reads the event inside an envelope; an envelope inside an envelope is not read.
pub(super) fn read_envelope(envelope: &Value) -> Result<Vec<Subject>, IngestError> {
    let text = fields::text(envelope, "Message").ok_or(fields::missing(SHAPE, "Message"))?;
    super::read_event(&super::parse(text)?)
}
