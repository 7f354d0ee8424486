//! What the evidence's bucket itself has to say: where its chain ends, what was swept, and which buckets it is about.

use std::collections::BTreeSet;

use evidence::asking::Sweep;
use evidence::{Day, Hash, SWEEPS, day_of_digest};

use super::buckets::told_of;
use super::model::{End, Head, Told};
use crate::bucket::{Bucket, Way};
use crate::failure::Failure;
use crate::session::Session;
use crate::verify::lake::Lake;
use crate::verify::walk::Evidence as _;

/// What it says.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) head: Head,
    pub(super) sweeps: Vec<Sweep>,
    /// The buckets that anything was told of, and where.
    pub(super) told_of: BTreeSet<Told>,
}

/// Where the chain ends, the records of the sweeps of these days, and which buckets there are lines on.
///
/// # Errors
/// Where the bucket cannot be listed or read.
pub(super) async fn of_lake(
    session: &Session,
    bucket: &str,
    days: (Day, Day),
) -> Result<Said, Failure> {
    let way = Way {
        session,
        role_name: None,
    };
    let lake = Lake {
        bucket: Bucket::find(way, bucket, None).await?.shared(),
    };
    // Whoever may delete can have any key listed, by its delete marker.
    let digests = lake.digests().await?.into_iter();
    let digests = digests.filter(|key| day_of_digest(key).is_some());
    let end = match digests.max() {
        None => End::NoDigest,
        Some(digest) => match lake.file(&digest).await? {
            None => End::Hidden { digest },
            Some(file) => End::Found {
                digest,
                sha256: Hash::of(&file),
            },
        },
    };
    let head = Head {
        bucket: bucket.to_owned(),
        end,
    };
    let mut sweeps = Vec::new();
    for key in lake.keys(SWEEPS).await? {
        if !is_of(&key, days) {
            continue;
        }
        let Some(file) = lake.file(&key).await? else {
            continue;
        };
        let sweep = serde_json::from_slice(&file);
        sweeps.push(sweep.map_err(|error| {
            Failure::Incomplete(format!(
                "{key} in {bucket} is no record of a sweep: {error}"
            ))
        })?);
    }
    let told_of = told_of(&*lake.bucket, days).await;
    let told_of = told_of.map_err(|fault| Failure::Incomplete(fault.to_string()))?;
    Ok(Said {
        head,
        sweeps,
        told_of,
    })
}

/// Whether a record is of these days, by its key.
fn is_of(key: &str, (from, to): (Day, Day)) -> bool {
    let day = key.strip_prefix(SWEEPS).and_then(|rest| rest.get(..10));
    let day = day.and_then(|day| day.replace('/', "-").parse::<Day>().ok());
    day.is_some_and(|day| (from..=to).contains(&day))
}

#[cfg(test)]
mod tests {
    use evidence::sweep_key;
    use expectation::Time;

    use super::*;

    #[test]
    fn a_sweep_is_of_the_day_on_which_it_began() {
        let key = sweep_key(Time::parse("2026-11-27T12:30:00Z").unwrap());
        let day = |text: &str| text.parse::<Day>().unwrap();
        assert!(is_of(&key, (day("2026-11-27"), day("2026-11-27"))), "{key}");
        assert!(!is_of(&key, (day("2026-11-28"), day("2026-12-31"))));
        assert!(!is_of(
            "sweeps/readme",
            (day("2026-01-01"), day("2026-12-31"))
        ));
    }
}
