//! The denominator: the versions that are there, beside those that have a verdict.

use std::collections::HashSet;
use std::sync::Arc;

use evidence::{Day, Hash};

use super::model::{Coverage, Fields};
use crate::bucket::Bucket;
use crate::failure::Failure;
use crate::listing::{Prefixes, read};

/// More are a question for S3 Inventory: a listing of these takes ten minutes, and 16 bytes for each.
const MOST: usize = 5_000_000;

/// Which versions have a verdict. `?`: bucket, first day, last day.
pub(super) const JUDGED: &str = "SELECT
    key,
    coalesce(versionid, '') AS versionid,
    bool_or(compliant IS NOT NULL) AS judged
FROM verdicts
WHERE bucket = ? AND day BETWEEN ? AND ?
    AND verdict <> 'ReplicationFailed' AND (compliant IS NOT NULL OR verdict = 'NotReplica')
GROUP BY key, coalesce(versionid, '')
ORDER BY key, versionid";

/// Versions of a bucket, by a part of the hash of their names.
#[derive(Debug, Default)]
pub(super) struct Population {
    left: HashSet<u128>,
    coverage: Coverage,
}

impl Population {
    /// Those that were written from one day to another.
    ///
    /// # Errors
    /// Where the bucket cannot be listed; or in words, where there are too many.
    pub(super) async fn listed(
        bucket: Arc<Bucket>,
        (from, to): (Day, Day),
    ) -> Result<Result<Self, String>, Failure> {
        let mut found = Self::default();
        let mut listing = read(bucket, Prefixes::of([""]), None);
        loop {
            let page = listing.next().await;
            let page = page.map_err(|fault| Failure::Incomplete(fault.to_string()))?;
            let Some(page) = page else {
                return Ok(Ok(found));
            };
            for entry in page {
                let day = Day::of(entry.written.secs());
                if !entry.is_marker() && (from..=to).contains(&day) {
                    found.add(&entry.key, &entry.version_id);
                }
            }
            if found.left.len() > MOST {
                return Ok(Err(format!(
                    "it has more than {MOST} versions of that time: run the saved query `coverage` over S3 Inventory"
                )));
            }
        }
    }

    fn add(&mut self, key: &str, version_id: &str) {
        self.left.insert(mark(key, version_id));
        self.coverage.replicas += 1;
    }

    /// Takes a row of [`JUDGED`].
    pub(super) fn judged(&mut self, row: &Fields) {
        let field = |name| row.get(name).map_or("", String::as_str);
        let version = match field("versionid") {
            "" => "null",
            version => version,
        };
        if !self.left.remove(&mark(field("key"), version)) {
            // Deleted since, or of another time.
            return;
        }
        if field("judged") == "true" {
            self.coverage.judged += 1;
        } else {
            // Written straight to the bucket: it is no replica.
            self.coverage.replicas -= 1;
        }
    }

    pub(super) const fn coverage(&self) -> Coverage {
        self.coverage
    }
}

fn mark(key: &str, version_id: &str) -> u128 {
    let Hash(hash) = Hash::of(format!("{}\n{key}\n{version_id}", key.len()).as_bytes());
    let half = hash.iter().take(16);
    half.fold(0, |mark, byte| mark << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(key: &str, version: &str, judged: &str) -> Fields {
        let fields = [("key", key), ("versionid", version), ("judged", judged)];
        Fields::from(fields.map(|(name, text)| (name.to_owned(), text.to_owned())))
    }

    #[test]
    fn what_is_there_and_judged_is_covered_and_nothing_else_counts() {
        let mut population = Population::default();
        for (key, version) in [("a", "1"), ("a", "2"), ("b", "null"), ("straight", "1")] {
            population.add(key, version);
        }
        for row in [
            row("a", "1", "true"),
            row("b", "", "true"),
            row("straight", "1", "false"),
            row("deleted-since", "1", "true"),
            row("a", "1", "true"),
        ] {
            population.judged(&row);
        }
        let expected = Coverage {
            replicas: 3,
            judged: 2,
            late: None,
        };
        assert_eq!(population.coverage(), expected);
    }
}
