//! What is uploaded, drawn from the seed, and what should become of it by how it was made.

use fastrand::Rng;

/// Objects of more than one part cost time and show little more in numbers.
const MOST_IN_PARTS: usize = 10;
/// Of those that could overwrite an earlier one, one in so many does.
const OVERWRITES: usize = 5;
/// What keys are made of: what is encoded differently in addresses, events and signatures.
const WORDS: [&str; 16] = [
    "return",
    "2026",
    "a b",
    "a+b",
    "100%",
    "%2F",
    "Übersicht",
    "税",
    "🧾",
    "x=y&z",
    "semi;colon",
    "quote'd",
    "#1",
    "~tilde",
    "(final)",
    "re:port@home",
];

/// Where an object goes: a rule of the stack, or none. Each has its own fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A rule as it should be.
    Tax,
    /// Another one, with another key.
    Payroll,
    /// A rule that somebody pointed at another key.
    Misrouted,
    /// A rule whose key is disabled before the replicas are looked at.
    Frozen,
    /// A rule whose replicas are deleted before they are looked at.
    Removed,
    /// A rule to a bucket of which nobody can say what is expected, until it is mended.
    Late,
    /// Straight into the destination bucket.
    Direct,
    /// Into the source bucket, where no rule covers it.
    Uncovered,
}

impl Place {
    /// All of them, and how many of a hundred uploads go there.
    pub(crate) const ALL: [(Self, usize); 8] = [
        (Self::Tax, 40),
        (Self::Payroll, 30),
        (Self::Misrouted, 10),
        (Self::Frozen, 3),
        (Self::Removed, 3),
        (Self::Late, 2),
        (Self::Direct, 6),
        (Self::Uncovered, 6),
    ];

    /// The keys' prefix.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Tax => "Tax/",
            Self::Payroll => "Payroll/",
            Self::Misrouted => "Misrouted/",
            Self::Frozen => "Frozen/",
            Self::Removed => "Removed/",
            Self::Late => "Late/",
            Self::Direct => "Direct/",
            Self::Uncovered => "Uncovered/",
        }
    }

    /// Whether its objects have to be there before anything is looked at.
    pub(crate) const fn comes_first(self) -> bool {
        matches!(self, Self::Frozen | Self::Removed)
    }
}

/// What an object is uploaded under.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Encryption {
    /// Nothing said: the bucket's default, which is the source key.
    Default,
    /// The source key, by name.
    SourceKey,
    /// SSE-S3.
    Sse,
    /// A key that the replication role may not use.
    ForeignKey,
}

/// One object to upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    /// Where it goes.
    pub(crate) place: Place,
    /// What it is uploaded under.
    pub(crate) encryption: Encryption,
    /// Its key. Others may have the same: each is a version of its own.
    pub(crate) key: String,
    /// Its size in bytes.
    pub(crate) size: usize,
    /// Whether it is uploaded in parts.
    pub(crate) in_parts: bool,
}

/// Which bucket a verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The source, of what did not arrive.
    Source,
    /// Where it arrived.
    Arrived,
}

/// What should become of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Should {
    /// This verdict.
    Get(Side, &'static str),
    /// None at all.
    StayUnjudged,
}

impl Upload {
    /// What should become of it.
    pub(crate) const fn should(&self) -> Should {
        match (self.place, self.encryption) {
            (Place::Uncovered, _) => Should::StayUnjudged,
            (Place::Direct, _) => Should::Get(Side::Arrived, "NotReplica"),
            (_, Encryption::ForeignKey) => Should::Get(Side::Source, "ReplicationFailed"),
            (Place::Removed, _) => Should::Get(Side::Arrived, "Gone"),
            // A rule keeps the source's type of encryption:
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html#bucket-encryption-replication
            (_, Encryption::Sse) => Should::Get(Side::Arrived, "WrongAlgorithm"),
            (Place::Misrouted, _) => Should::Get(Side::Arrived, "WrongKey"),
            (Place::Frozen, _) => Should::Get(Side::Arrived, "KeyUnusable"),
            (Place::Tax | Place::Payroll | Place::Late, _) => {
                Should::Get(Side::Arrived, "Compliant")
            }
        }
    }

    /// Whether its verdict has to wait until somebody mends what is broken.
    pub(crate) fn waits(&self) -> bool {
        self.place == Place::Late && matches!(self.should(), Should::Get(Side::Arrived, _))
    }
}

/// `count` uploads: the same for the same seed.
pub(crate) fn draw(seed: u64, count: usize) -> Vec<Upload> {
    let mut rng = Rng::with_seed(seed);
    let mut uploads: Vec<Upload> = Vec::with_capacity(count);
    let mut in_parts = 0;
    for number in 0..count {
        let place = place(&mut rng);
        let encryption = encryption(&mut rng, place);
        let earlier = uploads.get(rng.usize(..count));
        let key = match earlier {
            Some(earlier) if earlier.place == place && rng.usize(..OVERWRITES) == 0 => {
                earlier.key.clone()
            }
            _ => key(&mut rng, place, number),
        };
        let parts = in_parts < MOST_IN_PARTS && rng.usize(..50) == 0;
        in_parts += usize::from(parts);
        uploads.push(Upload {
            place,
            encryption,
            key,
            size: size(&mut rng),
            in_parts: parts,
        });
    }
    uploads
}

fn place(rng: &mut Rng) -> Place {
    let mut at = rng.usize(..100);
    for (place, share) in Place::ALL {
        if at < share {
            return place;
        }
        at -= share;
    }
    Place::Tax
}

fn encryption(rng: &mut Rng, place: Place) -> Encryption {
    let drawn = match rng.usize(..10) {
        0..4 => Encryption::Default,
        4..7 => Encryption::SourceKey,
        7..9 => Encryption::Sse,
        _ => Encryption::ForeignKey,
    };
    // The keys with names are the other Region's.
    if place == Place::Direct && drawn != Encryption::Default {
        return Encryption::Sse;
    }
    drawn
}

/// Sometimes as long as S3 takes them, 1,024 bytes.
fn key(rng: &mut Rng, place: Place, number: usize) -> String {
    let mut key = format!("{}{number}", place.prefix());
    let words = if rng.usize(..50) == 0 {
        usize::MAX
    } else {
        rng.usize(1..4)
    };
    for _ in 0..words {
        let word = rng.choice(WORDS).unwrap_or_default();
        if key.len() + 1 + word.len() > 1024 {
            break;
        }
        key.push(if rng.bool() { '/' } else { ' ' });
        key.push_str(word);
    }
    key
}

fn size(rng: &mut Rng) -> usize {
    match rng.usize(..100) {
        0..10 => 0,
        10 => 1024 * 1024,
        _ => rng.usize(1..4096),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use super::*;

    #[test]
    fn the_same_seed_draws_the_same_uploads_and_another_draws_others() {
        assert_eq!(draw(1, 500), draw(1, 500));
        assert_ne!(draw(1, 500), draw(2, 500));
    }

    #[test]
    fn a_short_soak_has_everything_in_it() {
        for seed in 0..20 {
            let uploads = draw(seed, 500);
            let places: BTreeSet<_> = uploads.iter().map(|upload| upload.place).collect();
            assert_eq!(places.len(), Place::ALL.len(), "seed {seed}");
            let verdicts: BTreeSet<_> = uploads
                .iter()
                .filter_map(|upload| match upload.should() {
                    Should::Get(_, verdict) => Some(verdict),
                    Should::StayUnjudged => None,
                })
                .collect();
            assert_eq!(verdicts.len(), 7, "seed {seed}: {verdicts:?}");
            let mut keys = HashMap::new();
            for upload in &uploads {
                *keys.entry(upload.key.as_str()).or_insert(0) += 1;
            }
            assert!(keys.values().any(|&versions| versions > 1), "seed {seed}");
            assert!(keys.keys().all(|key| key.len() <= 1024));
            assert!(keys.keys().any(|key| key.len() > 1000), "seed {seed}");
            assert!(uploads.iter().any(|upload| upload.size == 0));
            assert!(uploads.iter().any(|upload| upload.in_parts));
            assert!(uploads.iter().any(Upload::waits), "seed {seed}");
        }
    }

    #[test]
    fn what_becomes_of_an_upload_follows_from_how_it_was_made() {
        use Encryption::{Default, ForeignKey, SourceKey, Sse};
        let arrived = |verdict| Should::Get(Side::Arrived, verdict);
        let failed = Should::Get(Side::Source, "ReplicationFailed");
        for (place, encryption, should) in [
            (Place::Tax, Default, arrived("Compliant")),
            (Place::Payroll, SourceKey, arrived("Compliant")),
            (Place::Tax, Sse, arrived("WrongAlgorithm")),
            (Place::Tax, ForeignKey, failed),
            (Place::Misrouted, Default, arrived("WrongKey")),
            (Place::Misrouted, Sse, arrived("WrongAlgorithm")),
            (Place::Frozen, SourceKey, arrived("KeyUnusable")),
            (Place::Frozen, Sse, arrived("WrongAlgorithm")),
            (Place::Removed, Sse, arrived("Gone")),
            (Place::Removed, ForeignKey, failed),
            (Place::Late, Default, arrived("Compliant")),
            (Place::Direct, Sse, arrived("NotReplica")),
            (Place::Uncovered, Default, Should::StayUnjudged),
        ] {
            let upload = Upload {
                place,
                encryption,
                key: String::new(),
                size: 0,
                in_parts: false,
            };
            assert_eq!(upload.should(), should, "{place:?} {encryption:?}");
            assert_eq!(upload.waits(), place == Place::Late);
        }
    }
}
