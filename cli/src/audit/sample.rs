//! A sample that anybody can draw again: the versions whose digest under a seed is smallest.
//!
//! Each version is drawn with the same chance, in one pass over a listing of any length and in memory for
//! the sample alone. Who has the seed and the listing gets the same versions, in whatever order they come.

use std::collections::BinaryHeap;

use sha2::{Digest, Sha256};

use crate::listing::Entry;

/// A sample on its way.
#[derive(Debug)]
pub struct Sample {
    seed: u64,
    most: usize,
    /// The greatest digest on top.
    drawn: BinaryHeap<Drawn>,
    of: u64,
}

#[derive(Debug)]
struct Drawn {
    digest: [u8; 32],
    entry: Entry,
}

impl PartialEq for Drawn {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Drawn {}

impl PartialOrd for Drawn {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Drawn {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.digest.cmp(&other.digest)
    }
}

impl Sample {
    /// Of `most` versions.
    #[must_use]
    pub fn new(seed: u64, most: usize) -> Self {
        Self {
            seed,
            most,
            drawn: BinaryHeap::new(),
            of: 0,
        }
    }

    /// Considers a version.
    pub fn consider(&mut self, entry: Entry) {
        self.of += 1;
        let digest = digest(self.seed, &entry);
        if self.drawn.len() < self.most {
            self.drawn.push(Drawn { digest, entry });
        } else if let Some(mut greatest) = self.drawn.peek_mut()
            && digest < greatest.digest
        {
            *greatest = Drawn { digest, entry };
        }
    }

    /// Of how many it was drawn so far.
    #[must_use]
    pub const fn of(&self) -> u64 {
        self.of
    }

    /// The versions, in the order of a listing.
    #[must_use]
    pub fn drawn(self) -> Vec<Entry> {
        let mut entries: Vec<_> = self.drawn.into_iter().map(|drawn| drawn.entry).collect();
        entries.sort_by(|one, other| {
            (&one.key, &one.version_id).cmp(&(&other.key, &other.version_id))
        });
        entries
    }
}

/// SHA-256 over the seed as decimal digits, the key and the version id, with a zero byte after the first
/// two: neither has one.
fn digest(seed: u64, entry: &Entry) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_string());
    hash.update([0]);
    hash.update(&entry.key);
    hash.update([0]);
    hash.update(&entry.version_id);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use expectation::Time;
    use proptest::prelude::*;

    use super::*;
    use crate::listing::EntryKind;

    fn entry(number: u32) -> Entry {
        Entry {
            key: format!("k{}", number / 3),
            version_id: format!("v{number}"),
            written: Time::from_secs(0),
            kind: EntryKind::Version,
        }
    }

    fn drawn(seed: u64, most: usize, numbers: impl Iterator<Item = u32>) -> Vec<Entry> {
        let mut sample = Sample::new(seed, most);
        numbers.for_each(|number| sample.consider(entry(number)));
        sample.drawn()
    }

    proptest! {
        #[test]
        fn the_same_seed_draws_the_same_versions_in_whatever_order(
            seed: u64, most in 0..50usize, count in 0..200u32,
        ) {
            let forth = drawn(seed, most, 0..count);
            prop_assert_eq!(&forth, &drawn(seed, most, (0..count).rev()));
            prop_assert_eq!(forth.len(), most.min(count as usize));
            // A larger sample has the smaller one in it.
            let larger = drawn(seed, most + 7, 0..count);
            prop_assert!(forth.iter().all(|entry| larger.contains(entry)));
        }
    }

    #[test]
    fn each_version_has_the_same_chance() {
        let (count, most, seeds) = (60, 15, 2_000);
        let mut times = vec![0_u32; 60];
        for seed in 0..seeds {
            for entry in drawn(seed, most, 0..count) {
                let number = entry.version_id.trim_start_matches(char::is_alphabetic);
                times[number.parse::<usize>().unwrap()] += 1;
            }
        }
        // A quarter of 2,000 each; six standard deviations to each side.
        assert!(
            times.iter().all(|times| (384..=616).contains(times)),
            "{times:?}"
        );
    }

    #[test]
    fn the_digest_is_as_the_documents_say() {
        // printf '7\0a/b\0v1' | sha256sum
        let entry = Entry {
            key: "a/b".to_owned(),
            version_id: "v1".to_owned(),
            ..entry(0)
        };
        let hex: Vec<_> = digest(7, &entry)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(
            hex.concat(),
            "997e301a56e5682467cec4adfc85fffe5ff676598aab9a096b02f5dccef58b20"
        );
    }
}
