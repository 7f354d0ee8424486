//! What an event is about: one version of one object, named the same way whatever shape named it.

use std::fmt;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>.
const LONGEST_KEY: usize = 1024;

/// An object's key as S3 stores it, decoded exactly once.
///
/// There are two ways in, and the shape of the event decides which: [`Key::from_encoded`] where the
/// shape URL-encodes keys, [`Key::from_plain`] where it carries them as they are. A listing has both:
/// [`Key::from_listing`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key(String);

impl Key {
    /// Takes a key that the shape carries as it is (EventBridge).
    ///
    /// # Errors
    /// A key is never empty, and never longer than S3 takes.
    pub fn from_plain(text: &str) -> Result<Self, KeyError> {
        match text.len() {
            0 => Err(KeyError::Empty),
            1..=LONGEST_KEY => Ok(Self(text.to_owned())),
            bytes => Err(KeyError::TooLong(bytes)),
        }
    }

    /// Decodes a key that the shape form-encodes: `+` is a space, `%XX` a byte.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>.
    ///
    /// # Errors
    /// Where a `%` is not followed by two hexadecimal digits, or the bytes are no UTF-8: S3 encodes
    /// every `%`, so the text was not encoded, and decoding it would name another object. And as
    /// [`Key::from_plain`].
    pub fn from_encoded(text: &str) -> Result<Self, KeyError> {
        if !text.bytes().any(|byte| byte == b'+' || byte == b'%') {
            return Self::from_plain(text);
        }
        let mut decoded = Vec::with_capacity(text.len());
        let mut bytes = text.bytes();
        while let Some(byte) = bytes.next() {
            decoded.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let high = bytes
                        .next()
                        .and_then(hex_digit)
                        .ok_or(KeyError::BadEscape)?;
                    let low = bytes
                        .next()
                        .and_then(hex_digit)
                        .ok_or(KeyError::BadEscape)?;
                    high << 4 | low
                }
                other => other,
            });
        }
        let decoded = String::from_utf8(decoded).map_err(|_| KeyError::NotUtf8)?;
        Self::from_plain(&decoded)
    }

    /// Takes a key of a listing, which says itself whether it encodes them.
    ///
    /// # Errors
    /// As [`Key::from_encoded`] and [`Key::from_plain`].
    pub fn from_listing(text: &str, is_encoded: bool) -> Result<Self, KeyError> {
        if is_encoded {
            Self::from_encoded(text)
        } else {
            Self::from_plain(text)
        }
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// Why a text is no object key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No characters.
    #[error("the object key is empty")]
    Empty,
    /// More bytes than S3 takes.
    #[error("the object key has {0} bytes, S3 takes at most {LONGEST_KEY}")]
    TooLong(usize),
    /// A `%` without two hexadecimal digits after it.
    #[error("the object key has a `%` without two hexadecimal digits after it")]
    BadEscape,
    /// The decoded bytes are not UTF-8.
    #[error("the decoded object key is not UTF-8")]
    NotUtf8,
}

/// One version of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectVersion {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: Key,
    /// `None` where the event names no version (an unversioned bucket); `null` is a version id.
    pub version_id: Option<String>,
    /// The bucket's Region, where the event says it.
    pub region: Option<String>,
    /// The account that owns the bucket, where the event says it: twelve digits.
    pub bucket_owner: Option<String>,
    /// When the event happened, in milliseconds since 1970; `None` where the shape has no time.
    pub event_time_ms: Option<i64>,
}

impl ObjectVersion {
    /// What tells one version from another: bucket, key, version id.
    #[must_use]
    pub fn identity(&self) -> (&str, &str, Option<&str>) {
        (&self.bucket, self.key.as_str(), self.version_id.as_deref())
    }
}

/// One thing to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A version arrived, or is to be looked at again.
    Arrival(ObjectVersion),
    /// The source bucket says how a replication went.
    Replication(ReplicationEvent),
}

impl Subject {
    /// The version it is about.
    #[must_use]
    pub fn version(&self) -> &ObjectVersion {
        match self {
            Self::Arrival(version) => version,
            Self::Replication(event) => &event.version,
        }
    }
}

/// An `s3:Replication:*` event: S3's own word about one version, sent by the source bucket.
///
/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicationEvent {
    /// Which of the four events.
    pub outcome: ReplicationOutcome,
    /// The version in the source bucket.
    pub version: ObjectVersion,
    /// The rule's id.
    pub rule_id: Option<String>,
    /// The destination bucket's name.
    pub destination_bucket: Option<String>,
    /// `OBJECT_PUT`, or another operation that S3 replicates.
    pub operation: Option<String>,
    /// S3's code for what went wrong, see [`crate::failure_reason`].
    pub failure_reason: Option<String>,
}

/// The four events S3 sends about replications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicationOutcome {
    /// `OperationFailedReplication`.
    Failed,
    /// `OperationMissedThreshold`: not replicated within the 15 minutes of replication time control.
    MissedThreshold,
    /// `OperationReplicatedAfterThreshold`: replicated, but after those 15 minutes.
    ReplicatedAfterThreshold,
    /// `OperationNotTracked`: no longer tracked by replication metrics.
    NotTracked,
}

impl ReplicationOutcome {
    /// The event's name, without `s3:Replication:`.
    #[must_use]
    pub const fn event(self) -> &'static str {
        match self {
            Self::Failed => "OperationFailedReplication",
            Self::MissedThreshold => "OperationMissedThreshold",
            Self::ReplicatedAfterThreshold => "OperationReplicatedAfterThreshold",
            Self::NotTracked => "OperationNotTracked",
        }
    }

    /// The outcome that S3 calls `event`; `None` for an event that is not known.
    #[must_use]
    pub fn from_event(event: &str) -> Option<Self> {
        [
            Self::Failed,
            Self::MissedThreshold,
            Self::ReplicatedAfterThreshold,
            Self::NotTracked,
        ]
        .into_iter()
        .find(|outcome| outcome.event() == event)
    }
}

/// Reads an RFC 3339 time as milliseconds since 1970; `None` where it is none.
#[must_use]
pub fn parse_time_ms(text: &str) -> Option<i64> {
    DateTime::from_str(text, Format::DateTimeWithOffset)
        .ok()?
        .to_millis()
        .ok()
}

#[cfg(test)]
mod tests {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    /// What S3 leaves as it is when it encodes a key, `/` included.
    const S3_ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'*')
        .remove(b'/');

    #[test]
    fn a_form_encoded_key_decodes_to_what_was_uploaded() {
        let table = [
            ("Tax/document1", "Tax/document1"),
            ("this+im+%2B+age+blah.txt", "this im + age blah.txt"),
            ("a%40b%3Dc", "a@b=c"),
            (
                "100%25/%C3%9Cbersicht+%E6%97%A5.pdf",
                "100%/Übersicht 日.pdf",
            ),
            ("%252B", "%2B"),
            ("lower%c3%9f", "lowerß"),
        ];
        for (encoded, plain) in table {
            assert_eq!(
                Key::from_encoded(encoded).unwrap().as_str(),
                plain,
                "{encoded}"
            );
        }
    }

    #[test]
    fn a_key_that_cannot_have_been_encoded_is_refused() {
        assert_eq!(Key::from_encoded(""), Err(KeyError::Empty));
        assert_eq!(Key::from_encoded("100%"), Err(KeyError::BadEscape));
        assert_eq!(Key::from_encoded("100%2"), Err(KeyError::BadEscape));
        assert_eq!(Key::from_encoded("50%+more"), Err(KeyError::BadEscape));
        assert_eq!(Key::from_encoded("%FF"), Err(KeyError::NotUtf8));
        assert_eq!(Key::from_plain(""), Err(KeyError::Empty));
    }

    #[test]
    fn a_plain_key_is_never_decoded() {
        assert_eq!(Key::from_plain("a+b%20c").unwrap().as_str(), "a+b%20c");
    }

    #[test]
    fn times_are_milliseconds_and_offsets_count() {
        assert_eq!(parse_time_ms("1970-01-01T00:00:01.250Z"), Some(1_250));
        assert_eq!(
            parse_time_ms("2024-09-05T21:03:59.168Z"),
            Some(1_725_570_239_168)
        );
        assert_eq!(
            parse_time_ms("2024-09-05T21:03:59Z"),
            Some(1_725_570_239_000)
        );
        assert_eq!(parse_time_ms("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(parse_time_ms("yesterday"), None);
    }

    proptest! {
        #[test]
        fn every_key_comes_back_as_it_was(key in "\\PC{1,200}|.{1,200}") {
            let encoded = utf8_percent_encode(&key, S3_ENCODED).to_string().replace("%20", "+");
            let decoded = Key::from_encoded(&encoded).unwrap();
            prop_assert_eq!(decoded.as_str(), key.as_str());
            let plain = Key::from_plain(&key).unwrap();
            prop_assert_eq!(plain.as_str(), key.as_str());
        }

        #[test]
        fn decoding_never_panics(text in ".{0,64}|[%+0-9a-fA-F]{0,32}") {
            let _ = Key::from_encoded(&text);
        }
    }
}
