//! Points in time, as documents spell them.

use std::fmt;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, to the second; RFC 3339 in documents, with any offset when read, in UTC when written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// Seconds after 1970, before it where negative.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs)
    }

    /// Seconds after 1970.
    #[must_use]
    pub const fn secs(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339, such as `2026-11-27T18:00:00Z`; fractions of a second are dropped.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let time = DateTime::from_str(text, Format::DateTimeWithOffset).ok()?;
        // Seconds and nanoseconds both count on: dropping the fraction is the second before.
        Some(Self(time.secs()))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = DateTime::from_secs(self.0).fmt(Format::DateTime);
        f.write_str(&text.map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = DateTime::from_secs(self.0).fmt(Format::DateTime);
        serializer.serialize_str(&text.map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no point in time, such as 2026-11-27T18:00:00Z"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `date -u -d 2026-11-27T18:00:00Z +%s`.
    const SIX: i64 = 1_795_802_400;

    #[test]
    fn a_time_is_read_with_any_offset_and_written_in_utc() {
        for text in [
            "2026-11-27T18:00:00Z",
            "2026-11-27T18:00:00.999Z",
            "2026-11-27T19:30:00+01:30",
            "2026-11-27T10:00:00-08:00",
        ] {
            let time = Time::parse(text).unwrap();
            assert_eq!(time.secs(), SIX, "{text}");
            assert_eq!(time.to_string(), "2026-11-27T18:00:00Z");
        }
        for text in ["", "yesterday", "2026-11-27", "1795802400"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }
}
