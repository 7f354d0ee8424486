//! Where things lie in the lake's bucket.

use std::fmt;

use aws_names::{is_old_bucket_name, is_plain};
use expectation::Time;

use crate::Day;

/// What all verdicts' keys begin with.
pub const VERDICTS: &str = "verdicts/";
/// What all digests' keys begin with.
pub const DIGESTS: &str = "digests/";
/// What the keys of all that could not be delivered begin with.
pub const ERRORS: &str = "errors/";

/// Where a verdict lies.
///
/// No part has a character that means something in a key, a partition or a query: accounts, Regions and bucket
/// names are letters, digits, dots, hyphens and underscores, and the checker takes no other. A verdict without
/// account or Region has no partition, and is found below [`ERRORS`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// Account of the bucket that the verdict is about.
    pub account: String,
    /// Region of that bucket.
    pub region: String,
    /// The bucket.
    pub bucket: String,
    /// Day of the verdict's `time`.
    pub day: Day,
}

impl Partition {
    /// The partition that the object of this key is in; `None` for any key that is not laid out so.
    #[must_use]
    pub fn of(key: &str) -> Option<Self> {
        let mut parts = key.strip_prefix(VERDICTS)?.split('/');
        let mut value = |name: &str| parts.next()?.strip_prefix(name)?.strip_prefix('=');
        let account = value("account").filter(|text| is_plain(text, 20))?;
        let region = value("region").filter(|text| is_plain(text, 40))?;
        let bucket = value("bucket").filter(|text| is_old_bucket_name(text))?;
        let day = value("day")?.parse().ok()?;
        parts.next().filter(|file| !file.is_empty())?;
        parts.next().is_none().then(|| Self {
            account: account.to_owned(),
            region: region.to_owned(),
            bucket: bucket.to_owned(),
            day,
        })
    }
}

/// What the keys of its objects begin with.
impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            account,
            region,
            bucket,
            day,
        } = self;
        write!(
            f,
            "{VERDICTS}account={account}/region={region}/bucket={bucket}/day={day}/"
        )
    }
}

/// What the keys of all records of sweeps begin with.
pub const SWEEPS: &str = "sweeps/";

/// The key of the record of a sweep at this time: keys sort as times do.
#[must_use]
pub fn sweep_key(at: Time) -> String {
    let day = Day::of(at.secs()).to_string().replace('-', "/");
    format!("{SWEEPS}{day}/{}.json", at.secs())
}

/// The key of a day's digest: keys sort as days do.
#[must_use]
pub fn digest_key(day: Day) -> String {
    format!("{DIGESTS}{}.json", day.to_string().replace('-', "/"))
}

/// The day whose digest has this key; `None` for any other key.
#[must_use]
pub fn day_of_digest(key: &str) -> Option<Day> {
    let path = key.strip_prefix(DIGESTS)?.strip_suffix(".json")?;
    let day: Day = path.replace('/', "-").parse().ok()?;
    (digest_key(day) == key).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_its_partition() {
        let key = "verdicts/account=111122223333/region=us-west-2/bucket=Tax_2017.old/day=2026-11-27/x.parquet";
        let partition = Partition::of(key).unwrap();
        assert_eq!(partition.account, "111122223333");
        assert_eq!(partition.region, "us-west-2");
        assert_eq!(partition.bucket, "Tax_2017.old");
        assert_eq!(partition.day.to_string(), "2026-11-27");
        assert_eq!(format!("{partition}x.parquet"), key);
    }

    #[test]
    fn no_other_key_is_in_a_partition() {
        for key in [
            "",
            "digests/2026/11/27.json",
            "verdicts/account=1/region=r/bucket=abc/day=2026-11-27/",
            "verdicts/account=1/region=r/bucket=abc/day=2026-11-27/x/y",
            "verdicts/account=1/region=r/bucket=abc/day=2026-11-31/x",
            "verdicts/account=1/region=r/bucket=a=b/day=2026-11-27/x",
            "verdicts/account=1/region=r/bucket=a%2Fb/day=2026-11-27/x",
            "verdicts/account=/region=r/bucket=abc/day=2026-11-27/x",
            "verdicts/region=r/account=1/bucket=abc/day=2026-11-27/x",
        ] {
            assert_eq!(Partition::of(key), None, "{key}");
        }
    }

    #[test]
    fn a_digest_s_key_and_its_day() {
        let day = "2026-03-02".parse().unwrap();
        assert_eq!(digest_key(day), "digests/2026/03/02.json");
        assert_eq!(day_of_digest("digests/2026/03/02.json"), Some(day));
        for key in [
            "digests/2026-03-02.json",
            "digests/2026/3/2.json",
            "digests/2026/03/02.json.bak",
            "digests/2026/02/30.json",
            "digests/",
        ] {
            assert_eq!(day_of_digest(key), None, "{key}");
        }
    }
}
