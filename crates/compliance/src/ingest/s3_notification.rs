//! The S3 notification: `{"Records":[{"eventSource":"aws:s3",…}]}`.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.

use super::json::Json;

use super::error::{IngestError, shorten};
use super::reading::Reading;
use super::s3_record::{self, NOTIFICATION as SHAPE};
use super::{fields, replication_event};
use crate::subject::Subject;

/// Event families of S3 that say nothing about an arrival.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>.
const OTHER_FAMILIES: [&str; 9] = [
    "ObjectRemoved",
    "ObjectRestore",
    "ObjectTagging",
    "ObjectAcl",
    "ObjectAnnotation",
    "LifecycleExpiration",
    "LifecycleTransition",
    "IntelligentTiering",
    "ReducedRedundancyLostObject",
];

/// Whether any record is S3's; true for no records at all.
pub(super) fn recognise(event: &Json<'_>) -> bool {
    fields::records(event).is_some_and(|records| records.is_empty() || records.iter().any(is_s3s))
}

fn is_s3s(record: &Json<'_>) -> bool {
    fields::text(record, "eventSource") == Some("aws:s3")
}

/// Reads all records, each by itself.
pub(super) fn read(event: &Json<'_>) -> Reading {
    let records = fields::records(event).unwrap_or_default();
    let mut reading = Reading::of(records.len());
    for record in records {
        reading.add(read_record(record));
    }
    reading
}

fn read_record(record: &Json<'_>) -> Result<Option<Subject>, IngestError> {
    if !is_s3s(record) {
        return Err(IngestError::Field {
            shape: SHAPE,
            field: "Records[].eventSource",
            expected: "`aws:s3`",
        });
    }
    fields::check_version(SHAPE, fields::text(record, "eventVersion"), "2")?;
    let name = fields::text(record, "eventName").ok_or(fields::missing(SHAPE, "eventName"))?;
    // Test messages and configurations spell the prefix, records do not.
    let name = name.strip_prefix("s3:").unwrap_or(name);
    let (family, rest) = name.split_once(':').unwrap_or((name, ""));
    match family {
        "ObjectCreated" => Ok(Some(Subject::Arrival(s3_record::version(record)?))),
        "Replication" => {
            replication_event::read(record, rest).map(|event| Some(Subject::Replication(event)))
        }
        other if OTHER_FAMILIES.contains(&other) => {
            tracing::info!(event = name, "event concerns no arrival");
            Ok(None)
        }
        _ => Err(IngestError::UnknownEvent {
            shape: SHAPE,
            event: shorten(name),
        }),
    }
}
