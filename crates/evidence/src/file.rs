//! The file of a digest: the digest and its signature.

use aws_smithy_types::base64;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Digest, Hash, SCHEMA};

/// The schema of a digest's file.
pub const FILE_SCHEMA: &str = "encrypted-replication/signed-digest/1";
/// The one way in which digests are signed, by KMS's name: a key of spec `ECC_NIST_P256`, in DER.
///
/// See <https://docs.aws.amazon.com/kms/latest/developerguide/symm-asymm-choose-key-spec.html>.
pub const ALGORITHM: &str = "ECDSA_SHA_256";

/// The signature of a digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// [`ALGORITHM`].
    pub algorithm: String,
    /// The signature in Base64.
    pub value: String,
}

impl Signature {
    /// What KMS answered to `Sign` with [`ALGORITHM`].
    #[must_use]
    pub fn new(signature: &[u8]) -> Self {
        Self {
            algorithm: ALGORITHM.to_owned(),
            value: base64::encode(signature),
        }
    }

    /// The bytes of the signature.
    ///
    /// # Errors
    /// What is wrong with it, in words, where it is another algorithm's or no Base64.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        if self.algorithm != ALGORITHM {
            return Err(format!(
                "its algorithm is `{}`, not {ALGORITHM}",
                self.algorithm
            ));
        }
        base64::decode(&self.value).map_err(|_| "it is no Base64".to_owned())
    }
}

/// A digest's file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedDigest {
    /// The digest.
    pub digest: Digest,
    /// What is signed: the member `digest` as it stands in the file.
    pub signed: Vec<u8>,
    /// The signature, which nobody has looked at.
    pub signature: Signature,
    /// SHA-256 of the file, by which the next digest names it.
    pub sha256: Hash,
}

/// The bytes are no such file.
#[derive(Debug, thiserror::Error)]
pub enum NotRead {
    /// They are something else, or were changed so that they are no document any more.
    #[error("it is no signed document: {0}")]
    Shape(#[from] serde_json::Error),
    /// They are a document of another kind, or of a later release.
    #[error("its schema is `{0}`, which this release does not read here")]
    Schema(String),
}

#[derive(Serialize, Deserialize)]
struct File<'a> {
    schema: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    digest: &'a RawValue,
    signature: Signature,
}

impl SignedDigest {
    /// Reads a digest's file. Whether the signature is right is another question, of `signed` and `signature`.
    ///
    /// # Errors
    /// [`NotRead`].
    pub fn read(file: &[u8]) -> Result<Self, NotRead> {
        let read: File<'_> = serde_json::from_slice(file)?;
        if read.schema != FILE_SCHEMA {
            return Err(NotRead::Schema(read.schema.into_owned()));
        }
        let signed = read.digest.get();
        let digest: Digest = serde_json::from_str(signed)?;
        if digest.schema != SCHEMA {
            return Err(NotRead::Schema(digest.schema));
        }
        Ok(Self {
            digest,
            signed: signed.as_bytes().to_vec(),
            signature: read.signature,
            sha256: Hash::of(file),
        })
    }

    /// The file of what [`Digest::to_bytes`] gave and KMS signed.
    ///
    /// # Errors
    /// Where `signed` is no JSON.
    pub fn write(signed: &[u8], signature: &Signature) -> Result<Vec<u8>, serde_json::Error> {
        let file = File {
            schema: FILE_SCHEMA.into(),
            digest: serde_json::from_slice(signed)?,
            signature: signature.clone(),
        };
        serde_json::to_vec(&file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Lake;
    use expectation::Time;

    fn digest() -> Digest {
        let lake = Lake {
            account: "111122223333".to_owned(),
            region: "us-east-1".to_owned(),
            bucket: "evidence".to_owned(),
        };
        let day = "2026-11-27".parse().unwrap();
        Digest {
            schema: SCHEMA.to_owned(),
            lake,
            day,
            previous: None,
            made: Time::from_secs(1_795_831_200),
            key_arn: "arn:aws:kms:us-east-1:111122223333:key/1".to_owned(),
            objects: Vec::new(),
        }
    }

    #[test]
    fn what_was_signed_is_read_byte_for_byte() {
        let signed = digest().to_bytes().unwrap();
        let signature = Signature::new(b"\0signature\xff");
        let file = SignedDigest::write(&signed, &signature).unwrap();
        let text = String::from_utf8(file.clone()).unwrap();
        assert_eq!(
            text,
            format!(
                "{{\"schema\":\"encrypted-replication/signed-digest/1\",\"digest\":{},\"signature\":{{\
                 \"algorithm\":\"ECDSA_SHA_256\",\"value\":\"AHNpZ25hdHVyZf8=\"}}}}",
                str::from_utf8(&signed).unwrap()
            )
        );
        let read = SignedDigest::read(&file).unwrap();
        assert_eq!(read.digest, digest());
        assert_eq!(read.signed, signed);
        assert_eq!(read.signature.bytes().unwrap(), b"\0signature\xff");
        assert_eq!(read.sha256, Hash::of(&file));
    }

    #[test]
    fn members_of_a_later_release_stay_in_what_was_signed() {
        let signed = String::from_utf8(digest().to_bytes().unwrap()).unwrap();
        let later = signed.replacen("\"objects\":[]", "\"objects\":[], \"later\": 1", 1);
        let file = SignedDigest::write(later.as_bytes(), &Signature::new(b"s")).unwrap();
        assert_eq!(SignedDigest::read(&file).unwrap().signed, later.as_bytes());
    }

    #[test]
    fn what_is_no_signed_digest_is_refused_with_its_reason() {
        let refused = |file: &str| SignedDigest::read(file.as_bytes()).unwrap_err().to_string();
        assert!(refused("{").starts_with("it is no signed document: "));
        assert!(refused("{}").contains("missing field `schema`"));
        let signed = digest().to_bytes().unwrap();
        let file = SignedDigest::write(&signed, &Signature::new(b"s")).unwrap();
        let file = String::from_utf8(file).unwrap();
        let later = file.replacen("signed-digest/1", "signed-digest/2", 1);
        assert!(
            refused(&later).starts_with("its schema is `encrypted-replication/signed-digest/2`")
        );
        let later = file.replacen("n/digest/1", "n/digest/2", 1);
        assert!(refused(&later).starts_with("its schema is `encrypted-replication/digest/2`"));
    }

    #[test]
    fn a_signature_of_another_kind_is_none() {
        let mut signature = Signature::new(b"s");
        signature.value.push('!');
        assert_eq!(signature.bytes().unwrap_err(), "it is no Base64");
        signature.algorithm = "RSASSA_PSS_SHA_256".to_owned();
        assert!(
            signature
                .bytes()
                .unwrap_err()
                .contains("RSASSA_PSS_SHA_256")
        );
    }
}
