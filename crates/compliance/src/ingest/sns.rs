//! SNS: records to a subscribed function, and the envelope that a subscribed queue receives.
//!
//! See <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html> and
//! <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>.

use super::json::Json;

use super::error::IngestError;
use super::reading::Reading;
use super::{event, fields};

const SHAPE: &str = "an SNS message";

/// Whether these are records that SNS sent to the function.
pub(super) fn recognise_records(event: &Json<'_>) -> bool {
    fields::records(event).is_some_and(|records| {
        !records.is_empty()
            && records
                .iter()
                .all(|record| fields::text(record, "EventSource") == Some("aws:sns"))
    })
}

/// Reads the events inside SNS records, each by itself.
pub(super) fn read_records(event: &Json<'_>) -> Reading {
    let mut reading = Reading::default();
    for record in fields::records(event).unwrap_or_default() {
        match message(record) {
            Ok(envelope) => reading.join(read_envelope(envelope)),
            Err(fault) => reading.join(fault.into()),
        }
    }
    reading
}

fn message<'a>(record: &'a Json<'a>) -> Result<&'a Json<'a>, IngestError> {
    fields::check_version(SHAPE, fields::text(record, "EventVersion"), "1")?;
    record.get("Sns").ok_or(fields::missing(SHAPE, "Sns"))
}

/// Whether this is the envelope that SNS puts around a message without raw delivery.
pub(super) fn recognise_envelope(event: &Json<'_>) -> bool {
    fields::text(event, "Type") == Some("Notification") && event.get("Message").is_some()
}

/// Reads the event inside an envelope; an envelope inside an envelope is not read.
pub(super) fn read_envelope(envelope: &Json<'_>) -> Reading {
    let inside = fields::text(envelope, "Message")
        .ok_or(fields::missing(SHAPE, "Message"))
        .and_then(event::parse);
    match inside {
        Ok(inside) => event::read(&inside),
        Err(fault) => fault.into(),
    }
}
