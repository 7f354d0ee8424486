//! Which buckets the evidence has lines on, whether or not anything is expected of them.

use std::collections::BTreeSet;

use compliance::ports::Marker;
use evidence::{Day, Partition, VERDICTS};

use super::model::Told;
use crate::listing::ListEntries;
use crate::pace::{Fault, Patience};

/// The buckets that anything was told of in these days, and where, by two pages at most for each that has more lines than one.
///
/// # Errors
/// Where S3 does not list.
pub(super) async fn told_of<L: ListEntries>(
    lake: &L,
    (from, to): (Day, Day),
) -> Result<BTreeSet<Told>, Fault> {
    let mut found = BTreeSet::new();
    let mut at = Marker::default();
    // What lies before it says nothing new.
    let mut skipped = String::new();
    loop {
        let page = Patience::for_pages()
            .insist(|| lake.page(VERDICTS, &at))
            .await?;
        for entry in page.entries {
            let Some(partition) = Partition::of(&entry.key).filter(|_| entry.key > skipped) else {
                continue;
            };
            let days = entry.key.find("/day=").unwrap_or_default();
            let days = entry.key.get(..days).unwrap_or_default();
            skipped = if partition.day < from {
                format!("{days}/day={from}")
            } else {
                if partition.day <= to {
                    found.insert(Told {
                        account: partition.account,
                        region: partition.region,
                        bucket: partition.bucket,
                    });
                }
                // After every digit.
                format!("{days}/day=~")
            };
        }
        let Some(next) = page.next else {
            return Ok(found);
        };
        at = if next.key.as_ref().is_some_and(|key| *key >= skipped) {
            next
        } else {
            Marker {
                key: Some(skipped.clone()),
                version_id: None,
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use expectation::Time;

    use super::*;
    use crate::listing::{Entry, EntryKind, Page};

    /// Lists two keys at a time, and counts.
    struct Listed {
        keys: Vec<String>,
        pages: AtomicUsize,
    }

    impl ListEntries for Listed {
        async fn page(&self, prefix: &str, after: &Marker) -> Result<Page, Fault> {
            self.pages.fetch_add(1, Ordering::Relaxed);
            let after = after.key.clone().unwrap_or_default();
            let under = self.keys.iter().filter(|key| key.starts_with(prefix));
            let mut left = under.filter(|key| **key > after).cloned();
            let keys: Vec<_> = left.by_ref().take(2).collect();
            let next = left.next().and(keys.last().cloned()).map(|key| Marker {
                key: Some(key),
                version_id: Some("1".to_owned()),
            });
            let entry = |key| Entry {
                key,
                version_id: "1".to_owned(),
                written: Time::from_secs(0),
                kind: EntryKind::Version,
            };
            Ok(Page {
                entries: keys.into_iter().map(entry).collect(),
                next,
            })
        }
    }

    fn told_of_days(from: &str, to: &str) -> (Vec<String>, usize) {
        let mut keys = vec![
            "digests/2026/07/01.json".to_owned(),
            "verdicts/none".to_owned(),
        ];
        let mut add = |account: &str, bucket: &str, days: &[&str], files: usize| {
            for day in days {
                for file in 0..files {
                    let place = format!("verdicts/account={account}/region=r/bucket={bucket}");
                    keys.push(format!("{place}/day={day}/{file}.parquet"));
                }
            }
        };
        add("1", "before", &["2026-06-29", "2026-06-30"], 9);
        add("1", "first", &["2026-06-30", "2026-07-01"], 9);
        add("1", "last", &["2026-09-30", "2026-10-01"], 9);
        add("1", "later", &["2026-10-01"], 9);
        add("1", "round", &["2026-06-30", "2026-10-01"], 9);
        add("2", "of-others", &["2026-08-01"], 1);
        keys.sort();
        let listed = Listed {
            keys,
            pages: AtomicUsize::new(0),
        };
        let days = (from.parse().unwrap(), to.parse().unwrap());
        let found = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(told_of(&listed, days));
        let told = found.unwrap().into_iter();
        let found = told.map(|told| format!("{} {}", told.account, told.bucket));
        let found = found.collect();
        (found, listed.pages.into_inner())
    }

    #[test]
    fn buckets_with_lines_of_these_days_are_found_by_a_few_pages() {
        let (found, pages) = told_of_days("2026-07-01", "2026-09-30");
        assert_eq!(found, ["1 first", "1 last", "2 of-others"]);
        assert!(pages <= 12, "{pages}");
        let (found, _) = told_of_days("2026-10-01", "2026-10-01");
        assert_eq!(found, ["1 last", "1 later", "1 round"]);
        let (found, _) = told_of_days("2025-10-01", "2025-10-01");
        assert!(found.is_empty(), "{found:?}");
    }
}
