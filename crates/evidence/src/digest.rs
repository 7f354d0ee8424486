//! The digest of a day.

use expectation::Time;
use serde::{Deserialize, Serialize};

use crate::{Day, Hash};

/// The schema of a digest.
pub const SCHEMA: &str = "encrypted-replication/digest/1";

/// Which lake it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lake {
    /// The account that the lake is in.
    pub account: String,
    /// Its Region.
    pub region: String,
    /// Its bucket.
    pub bucket: String,
}

/// What was written to the lake on a day.
///
/// Members stand in this order in documents, and new ones may come at the end; so the bytes that are signed are
/// those of the file, never those of a digest that was read and written again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Digest {
    /// [`SCHEMA`].
    pub schema: String,
    /// The lake.
    #[serde(flatten)]
    pub lake: Lake,
    /// The day.
    pub day: Day,
    /// The digest before it; none for the first of a lake.
    pub previous: Option<Previous>,
    /// When it was made. Days after `day` where the function did not run for days.
    pub made: Time,
    /// The KMS key that signs it.
    pub key_arn: String,
    /// Every object version, by key and version id in ascending order of their bytes.
    pub objects: Vec<Object>,
}

/// Names a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its file's key.
    pub key: String,
    /// SHA-256 of its file, signature included.
    pub sha256: Hash,
}

/// An object version of the lake, as it was when it was sealed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// Its key.
    pub key: String,
    /// Its version id.
    pub version_id: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes.
    pub sha256: Hash,
}

impl Object {
    /// What it is told from all others by.
    #[must_use]
    pub fn name(&self) -> (&str, &str) {
        (&self.key, &self.version_id)
    }
}

impl Digest {
    /// The digest with its objects in order.
    #[must_use]
    pub fn in_order(mut self) -> Self {
        self.objects.sort_unstable();
        self
    }

    /// The bytes that are signed, and stand in the file: JSON without white space.
    ///
    /// # Errors
    /// None that these types can cause, but for a time beyond year 9999; passed on rather than hidden.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }
}

/// An object version's name in 16 bytes: half of a hash, for sets of millions.
pub(crate) fn mark(key: &str, version_id: &str) -> u128 {
    let Hash(hash) = Hash::of(format!("{}\n{key}\n{version_id}", key.len()).as_bytes());
    hash.iter()
        .take(16)
        .fold(0, |mark, byte| mark << 8 | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        let object = |key: &str, bytes: &[u8]| Object {
            key: key.to_owned(),
            version_id: "v1".to_owned(),
            size: bytes.len() as u64,
            sha256: Hash::of(bytes),
        };
        let lake = Lake {
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            bucket: "evidence".to_owned(),
        };
        let previous = Previous {
            key: "digests/2026/11/26.json".to_owned(),
            sha256: Hash::of(b"before"),
        };
        let objects = vec![object("verdicts/b", b"abc"), object("verdicts/a", b"")];
        let digest = Digest {
            schema: SCHEMA.to_owned(),
            lake,
            day: "2026-11-27".parse().unwrap(),
            previous: Some(previous),
            made: Time::parse("2026-11-28T02:00:00Z").unwrap(),
            key_arn: "arn:aws:kms:us-east-1:111122223333:key/1".to_owned(),
            objects,
        };
        digest.in_order()
    }

    /// Written by hand; the hashes by sha256sum.
    const TEXT: &str = r#"{"schema":"encrypted-replication/digest/1","account":"111122223333","region":"us-east-1","bucket":"evidence","day":"2026-11-27","previous":{"key":"digests/2026/11/26.json","sha256":"6db7d803e74f1ffa7d8f5adc0bf95b3e15bf4c8373fffadf546227cc6c6742cb"},"made":"2026-11-28T02:00:00Z","keyArn":"arn:aws:kms:us-east-1:111122223333:key/1","objects":[{"key":"verdicts/a","versionId":"v1","size":0,"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},{"key":"verdicts/b","versionId":"v1","size":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}]}"#;

    #[test]
    fn a_digest_is_written_in_one_way() {
        let bytes = digest().to_bytes().unwrap();
        assert_eq!(String::from_utf8(bytes).unwrap(), TEXT);
        assert_eq!(serde_json::from_str::<Digest>(TEXT).unwrap(), digest());
    }

    #[test]
    fn the_first_digest_says_that_nothing_was_before_it() {
        let first = Digest {
            previous: None,
            ..digest()
        };
        let bytes = first.to_bytes().unwrap();
        assert!(
            String::from_utf8(bytes)
                .unwrap()
                .contains(r#""previous":null"#)
        );
    }
}
