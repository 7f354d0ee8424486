//! A day in UTC.

use std::fmt;
use std::str::FromStr;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SECONDS: i64 = 24 * 60 * 60;

/// A day of the calendar in UTC, from 0001-01-01 to 9999-12-31; `YYYY-MM-DD` in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

/// The text is no day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no day, such as 2026-11-27")]
pub struct NoDay(pub String);

impl Day {
    /// The day of a point in time, in seconds after 1970.
    #[must_use]
    pub const fn of(secs: i64) -> Self {
        Self(secs.div_euclid(SECONDS))
    }

    /// When it begins, in seconds after 1970.
    #[must_use]
    pub const fn begins(self) -> i64 {
        self.0 * SECONDS
    }

    /// The day after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The day before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0 - 1)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = DateTime::from_secs(self.begins()).fmt(Format::DateTime);
        let text = text.map_err(|_| fmt::Error)?;
        f.write_str(text.split('T').next().unwrap_or_default())
    }
}

impl FromStr for Day {
    type Err = NoDay;

    fn from_str(text: &str) -> Result<Self, NoDay> {
        let time = DateTime::from_str(&format!("{text}T00:00:00Z"), Format::DateTime);
        let day = time.ok().map(|time| Self::of(time.secs()));
        // Nothing is a day that is written otherwise, such as `2026-2-3`, or rolls over into another month.
        day.filter(|day| day.to_string() == text)
            .ok_or_else(|| NoDay(text.to_owned()))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written() {
        let day: Day = "2028-02-29".parse().unwrap();
        // `date -u -d 2028-02-29 +%s`
        assert_eq!(day.begins(), 1_835_395_200);
        assert_eq!(day.to_string(), "2028-02-29");
        assert_eq!(day.next().to_string(), "2028-03-01");
        assert_eq!(day.previous().to_string(), "2028-02-28");
        for text in [
            "",
            "2026",
            "2026-2-3",
            "2026-02-30",
            "2026-13-01",
            "2026-11-27T",
            "27-11-2026",
            " 2026-11-27",
        ] {
            assert_eq!(text.parse::<Day>(), Err(NoDay(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn a_day_ends_before_the_next_begins() {
        let day: Day = "2026-11-27".parse().unwrap();
        assert_eq!(Day::of(day.begins()), day);
        assert_eq!(Day::of(day.next().begins() - 1), day);
        assert_eq!(Day::of(day.begins() - 1), day.previous());
        assert_eq!(Day::of(-1).to_string(), "1969-12-31");
    }
}
