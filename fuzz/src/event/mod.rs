//! The checker: every record becomes something to judge or an error that says what was seen, and what is
//! judged is told.

mod aws;
mod handling;

use compliance::ingest::{self, Content, IngestError, Payload, Reading};
use compliance::subject::{ObjectVersion, Subject};
use serde_json::{Value, json};

use crate::names_a_bucket;

/// An error goes into one log line and one answer.
const LONGEST_ERROR: usize = 4096;
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>.
const LONGEST_KEY: usize = 1024;

/// Reads the bytes as an invocation's payload, and as a message's body beside others.
///
/// # Panics
/// Where more subjects come out than records went in, a message or task loses its id, a subject names no version that S3
/// could mean, an error is no line, or the sound message is not read; where a message is neither told
/// nor returned, or both.
pub fn check(bytes: &[u8]) {
    // What is no JSON never comes to the function as a payload.
    if let Ok(payload) = serde_json::from_slice(bytes) {
        let _ = taken(&payload);
    }
    beside_others(&String::from_utf8_lossy(bytes));
}

/// Reads the payload and handles it.
fn taken(payload: &Value) -> Result<Payload, IngestError> {
    let read = ingest::read(payload);
    match &read {
        Ok(read) => is_read_well(read, payload),
        Err(error) => is_a_line(error),
    }
    handling::handled(payload, &read);
    read
}

fn is_read_well(read: &Payload, payload: &Value) {
    match read {
        Payload::Direct(read) => {
            let records = payload.get("Records").and_then(Value::as_array);
            // A notification inside SNS may hold several records.
            let most = records.map_or(1, |records| records.len().max(notified(records)));
            let records = read.subjects.len() + read.faults.len();
            assert!(records <= most, "{read:?} of {payload}");
            is_sound_reading(read);
        }
        Payload::Queue(messages) => {
            let given = ids(payload, "/Records", "messageId");
            let read: Vec<&str> = messages.iter().map(|message| message.id.as_str()).collect();
            assert_eq!(read, given, "{payload}");
            for message in messages {
                match &message.content {
                    Content::Event(read) => is_sound_reading(read),
                    Content::Sweep(request) => names_a_bucket(&request.bucket),
                }
            }
        }
        Payload::BatchOperations(job) => {
            let given = ids(payload, "/tasks", "taskId");
            let read: Vec<&str> = job.tasks.iter().map(|task| task.id.as_str()).collect();
            assert_eq!(read, given, "{payload}");
            for task in &job.tasks {
                match &task.version {
                    Ok(version) => names_one_version(version),
                    Err(error) => is_a_line(error),
                }
            }
        }
        Payload::Sweep(request) => names_a_bucket(&request.bucket),
    }
}

/// Behind a message of two records that get no answer, and before a sound one.
fn beside_others(body: &str) {
    let record = |key: &str| {
        json!({"eventSource": "aws:s3", "eventVersion": "2.1", "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": "destination"}, "object": {"key": key, "versionId": "v"}}})
    };
    let unanswered = json!({"Records": [record("seven-1"), record("seven-2")]});
    let sound = json!({"Records": [record("b")]});
    let message =
        |id: &str, body: &str| json!({"eventSource": "aws:sqs", "messageId": id, "body": body});
    let records = [
        message("unanswered", &unanswered.to_string()),
        message("fuzzed", body),
        message("sound", &sound.to_string()),
    ];
    let batch = json!({"Records": records});
    let Ok(Payload::Queue(messages)) = taken(&batch) else {
        panic!("a batch that is not read for the body {body}");
    };
    let sound = messages.last().map(|message| &message.content);
    assert!(
        matches!(sound, Some(Content::Event(read)) if read.subjects.len() == 1 && read.faults.is_empty()),
        "{sound:?} beside {body}"
    );
}

/// How many records the notifications hold that these SNS records carry.
fn notified(records: &[Value]) -> usize {
    let carried = records.iter().map(|record| {
        let text = record.pointer("/Sns/Message").and_then(Value::as_str);
        let event = text.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let inner = event.as_ref().and_then(|event| event.get("Records"));
        inner.and_then(Value::as_array).map_or(1, Vec::len)
    });
    carried.sum()
}

fn ids<'a>(payload: &'a Value, list: &str, name: &str) -> Vec<&'a str> {
    let items = payload.pointer(list).and_then(Value::as_array);
    let ids = items.into_iter().flatten().map(|item| item.get(name));
    ids.map(|id| id.and_then(Value::as_str).unwrap_or_default())
        .collect()
}

fn is_sound_reading(read: &Reading) {
    read.subjects.iter().for_each(is_sound);
    read.faults.iter().for_each(is_a_line);
}

fn is_sound(subject: &Subject) {
    names_one_version(subject.version());
}

fn names_one_version(version: &ObjectVersion) {
    names_a_bucket(&version.bucket);
    let key = version.key.as_str();
    assert!((1..=LONGEST_KEY).contains(&key.len()), "{version:?}");
    // An empty version id would ask S3 for the latest version: another object than was meant.
    assert_ne!(version.version_id.as_deref(), Some(""), "{version:?}");
    if let Some(owner) = &version.bucket_owner {
        let digits = owner.bytes().all(|byte| byte.is_ascii_digit());
        assert!(digits && owner.len() == 12, "{version:?}");
    }
}

fn is_a_line(error: &IngestError) {
    let text = error.to_string();
    assert!(!text.is_empty() && text.len() <= LONGEST_ERROR, "{text}");
    assert!(!text.chars().any(char::is_control), "{text:?}");
}
