//! SHA-256.

use std::fmt;
use std::str::FromStr;

use aws_names::digest::digits;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256, 64 lower-case hexadecimal digits in documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

/// The text is no SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no SHA-256 of 64 lower-case hexadecimal digits")]
pub struct NoHash(pub String);

impl Hash {
    /// Of bytes that are there as a whole.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(bytes);
        hasher.finish()
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&digits(&self.0))
    }
}

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        read(text).ok_or_else(|| NoHash(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Hash> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        for digit in pair {
            let value = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return None,
            };
            *byte = *byte << 4 | value;
        }
    }
    Some(Hash(bytes))
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// SHA-256 of what comes piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Hasher {
    hash: Sha256,
    size: u64,
}

impl Hasher {
    /// Takes the next piece.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// How many bytes came.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The hash of all that came.
    #[must_use]
    pub fn finish(self) -> Hash {
        Hash(self.hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf abc | sha256sum`
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn pieces_hash_as_the_whole_does() {
        assert_eq!(Hash::of(b"abc").to_string(), ABC);
        let mut hasher = Hasher::default();
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.size(), 3);
        assert_eq!(hasher.finish(), Hash::of(b"abc"));
    }

    #[test]
    fn a_hash_is_read_as_it_is_written_and_no_other_way() {
        assert_eq!(ABC.parse(), Ok(Hash::of(b"abc")));
        let upper = ABC.to_uppercase();
        for text in [
            "",
            "ba",
            &upper,
            ABC.strip_prefix('b').unwrap(),
            &format!("{ABC}0"),
            &ABC.replace('b', "g"),
        ] {
            assert_eq!(text.parse::<Hash>(), Err(NoHash(text.to_owned())));
        }
    }
}
