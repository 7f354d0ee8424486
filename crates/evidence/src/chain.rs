//! Whether the evidence is whole.

use std::collections::HashSet;

use crate::{Day, Digest, Fault, Hash, Object, SignedDigest, day_of_digest, digest_key, mark};

/// What is there of an object version that a digest lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// All its bytes were read.
    Bytes {
        /// How many.
        size: u64,
        /// Their hash.
        sha256: Hash,
    },
    /// It is not there.
    Nothing,
    /// It could not be read, for this reason.
    Unknown(String),
}

/// Holds digests, objects and a listing against each other, as they come.
///
/// 1. [`Chain::digest`] with each file below `digests/`, in the order of their keys, from the day before the
///    first that matters, where there is one, so that this is held against its predecessor.
/// 2. [`Chain::object`] with what is there of each object of a digest. Objects that are not told of are not
///    looked at: a sample of them proves that much and no more.
/// 3. [`Chain::listed`] with every object version that S3 lists below `verdicts/`, where all of them are asked
///    about.
/// 4. [`Chain::finish`].
///
/// It remembers 16 bytes for each object version, and each fault.
#[derive(Clone, Debug)]
pub struct Chain {
    bucket: String,
    from: Day,
    last: Option<Link>,
    /// The next day that needs a digest.
    next: Day,
    /// Objects in digests, by the first half of the hash of their names.
    sealed: HashSet<u128>,
    /// The first day that any digest speaks of, and whether all that was there before is in it.
    first: Option<(Day, bool)>,
    outcome: Outcome,
}

/// The digest that the next one has to name.
#[derive(Clone, Debug)]
struct Link {
    key: String,
    sha256: Hash,
}

/// What was looked at, and what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Digests that were read.
    pub digests: u64,
    /// Object versions that they list.
    pub objects: u64,
    /// Object versions whose bytes were held against a digest.
    pub hashed: u64,
    /// Object versions of days after the last digest: not sealed yet, which is no fault.
    pub not_sealed_yet: u64,
    /// SHA-256 of the last digest's file: the head of the chain.
    pub head: Option<Hash>,
    /// All that is wrong, in the order in which it was found.
    pub faults: Vec<Fault>,
}

impl Chain {
    /// The chain of the lake in `bucket`, which has to have a digest for each day beginning with `from`.
    #[must_use]
    pub fn new(bucket: &str, from: Day) -> Self {
        Self {
            bucket: bucket.to_owned(),
            from,
            last: None,
            next: from,
            sealed: HashSet::new(),
            first: None,
            outcome: Outcome::default(),
        }
    }

    /// Takes the next digest's file. `verify` says whether its signature is that of the key, or why not.
    ///
    /// Gives the digest, for its objects to be looked at, where it can be read at all.
    pub fn digest(
        &mut self,
        key: &str,
        file: &[u8],
        verify: impl FnOnce(&SignedDigest) -> Result<(), String>,
    ) -> Option<Digest> {
        let sha256 = Hash::of(file);
        let read = SignedDigest::read(file);
        let last = self.last.replace(Link {
            key: key.to_owned(),
            sha256,
        });
        self.outcome.digests += 1;
        self.outcome.head = Some(sha256);
        if let Some(day) = day_of_digest(key) {
            self.days_without_digest(day);
            self.next = day.next();
        }
        let read = match read {
            Ok(read) => read,
            Err(error) => {
                self.fault(Fault::Unreadable {
                    digest: key.to_owned(),
                    why: error.to_string(),
                });
                return None;
            }
        };
        if let Err(why) = verify(&read) {
            self.fault(Fault::NotSigned {
                digest: key.to_owned(),
                why,
            });
        }
        let digest = read.digest;
        self.place(key, &digest);
        self.predecessor(key, &digest, last);
        self.list(key, &digest);
        Some(digest)
    }

    fn days_without_digest(&mut self, until: Day) {
        let mut day = self.next;
        while day < until {
            self.fault(Fault::NoDigest { day });
            day = day.next();
        }
    }

    fn place(&mut self, key: &str, digest: &Digest) {
        if digest.lake.bucket != self.bucket {
            self.fault(Fault::OtherLake {
                digest: key.to_owned(),
                bucket: digest.lake.bucket.clone(),
            });
        }
        if digest_key(digest.day) != key {
            self.fault(Fault::OtherDay {
                digest: key.to_owned(),
                day: digest.day,
            });
        }
        if self.first.is_none() {
            self.first = Some((digest.day, digest.previous.is_none()));
        }
    }

    fn predecessor(&mut self, key: &str, digest: &Digest, last: Option<Link>) {
        // What stands before the first that is looked at, nobody has asked about.
        let Some(last) = last else { return };
        let follows = digest.previous.as_ref();
        match follows.filter(|previous| previous.key == last.key) {
            None => self.fault(Fault::OtherPrevious {
                digest: key.to_owned(),
                follows: follows.map_or_else(|| "none".to_owned(), |previous| previous.key.clone()),
                found: last.key,
            }),
            Some(previous) if previous.sha256 != last.sha256 => {
                self.fault(Fault::PreviousChanged {
                    digest: key.to_owned(),
                    previous: last.key,
                    expected: previous.sha256.to_string(),
                    found: last.sha256.to_string(),
                });
            }
            Some(_) => {}
        }
    }

    fn list(&mut self, key: &str, digest: &Digest) {
        let mut before: Option<&Object> = None;
        for object in &digest.objects {
            self.outcome.objects += 1;
            if before.is_some_and(|before| before.name() >= object.name()) {
                self.fault(Fault::OutOfOrder {
                    digest: key.to_owned(),
                    object: named(&object.key, &object.version_id),
                });
            } else if !self.sealed.insert(mark(&object.key, &object.version_id)) {
                self.fault(Fault::Twice {
                    digest: key.to_owned(),
                    object: named(&object.key, &object.version_id),
                });
            }
            before = Some(object);
        }
    }

    /// Takes what is there of an `object` that the digest under this key lists.
    pub fn object(&mut self, digest: &str, object: &Object, found: Found) {
        let name = || named(&object.key, &object.version_id);
        let fault = match found {
            Found::Bytes { size, sha256 } => {
                self.outcome.hashed += 1;
                if size == object.size && sha256 == object.sha256 {
                    return;
                }
                Fault::Changed {
                    object: name(),
                    digest: digest.to_owned(),
                    expected: format!("{} bytes of SHA-256 {}", object.size, object.sha256),
                    found: format!("{size} bytes of SHA-256 {sha256}"),
                }
            }
            Found::Nothing => Fault::Missing {
                object: name(),
                digest: digest.to_owned(),
            },
            Found::Unknown(why) => Fault::NotRead {
                object: name(),
                why,
            },
        };
        self.fault(fault);
    }

    /// Takes an object version that S3 lists below `verdicts/`, dated to `day` by its `LastModified`.
    ///
    /// All digests have come before.
    pub fn listed(&mut self, key: &str, version_id: &str, day: Day) {
        if day >= self.next {
            self.outcome.not_sealed_yet += 1;
            return;
        }
        let spoken_of = self
            .first
            .is_some_and(|(first, whole)| whole || day >= first);
        if (spoken_of || day >= self.from) && !self.sealed.contains(&mark(key, version_id)) {
            self.fault(Fault::Extra {
                object: named(key, version_id),
                day,
            });
        }
    }

    /// The outcome, of a chain that has to reach to the day `until`, and to end with the digest of this hash where
    /// one is `known` from elsewhere, such as a report: nothing else shows that the last digests were taken away.
    #[must_use]
    pub fn finish(mut self, until: Day, known: Option<Hash>) -> Outcome {
        self.days_without_digest(until.next());
        if let Some(expected) = known
            && self.outcome.head != Some(expected)
        {
            let found = self.outcome.head;
            self.fault(Fault::OtherHead {
                expected: expected.to_string(),
                found: found.map_or_else(|| "none".to_owned(), |hash| hash.to_string()),
            });
        }
        self.outcome
    }

    fn fault(&mut self, fault: Fault) {
        self.outcome.faults.push(fault);
    }
}

fn named(key: &str, version_id: &str) -> String {
    format!("{key} (version {version_id})")
}

#[cfg(test)]
mod tests;
