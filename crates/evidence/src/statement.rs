//! A statement about a report: that it was there at a time, as it is, and where the chain of digests ended then.

use expectation::Time;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{Hash, Lake, NotRead, Previous, Signature};

/// The schema of a statement.
pub const STATEMENT_SCHEMA: &str = "encrypted-replication/statement/1";
/// The schema of a statement's file.
pub const SIGNED_STATEMENT_SCHEMA: &str = "encrypted-replication/signed-statement/1";

/// Whoever may invoke the sealing function had it signed: that is who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// [`STATEMENT_SCHEMA`].
    pub schema: String,
    /// The lake.
    #[serde(flatten)]
    pub lake: Lake,
    /// SHA-256 of the report's file.
    pub sha256: Hash,
    /// The last digest; none in a lake that has none.
    pub head: Option<Previous>,
    /// When it was signed.
    pub at: Time,
    /// The KMS key that signs it.
    pub key_arn: String,
}

/// A statement's file as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedStatement {
    /// The statement.
    pub statement: Statement,
    /// What is signed: the member `statement` as it stands in the file.
    pub signed: Vec<u8>,
    /// The signature, which nobody has looked at.
    pub signature: Signature,
}

#[derive(Serialize, Deserialize)]
struct File<'a> {
    schema: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    statement: &'a RawValue,
    signature: Signature,
}

impl SignedStatement {
    /// Reads a statement's file.
    ///
    /// # Errors
    /// [`NotRead`].
    pub fn read(file: &[u8]) -> Result<Self, NotRead> {
        let read: File<'_> = serde_json::from_slice(file)?;
        if read.schema != SIGNED_STATEMENT_SCHEMA {
            return Err(NotRead::Schema(read.schema.into_owned()));
        }
        let signed = read.statement.get();
        let statement: Statement = serde_json::from_str(signed)?;
        if statement.schema != STATEMENT_SCHEMA {
            return Err(NotRead::Schema(statement.schema));
        }
        Ok(Self {
            statement,
            signed: signed.as_bytes().to_vec(),
            signature: read.signature,
        })
    }

    /// The file of a statement's bytes and what KMS signed of them.
    ///
    /// # Errors
    /// Where `signed` is no JSON.
    pub fn write(signed: &[u8], signature: &Signature) -> Result<Vec<u8>, serde_json::Error> {
        let file = File {
            schema: SIGNED_STATEMENT_SCHEMA.into(),
            statement: serde_json::from_slice(signed)?,
            signature: signature.clone(),
        };
        serde_json::to_vec(&file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignedDigest;

    fn statement() -> Statement {
        Statement {
            schema: STATEMENT_SCHEMA.to_owned(),
            lake: Lake {
                account: "111122223333".to_owned(),
                region: "us-east-1".to_owned(),
                bucket: "evidence".to_owned(),
            },
            sha256: Hash::of(b"report"),
            head: Some(Previous {
                key: "digests/2026/11/27.json".to_owned(),
                sha256: Hash::of(b"digest"),
            }),
            at: Time::from_secs(1_795_831_200),
            key_arn: "arn:aws:kms:us-east-1:111122223333:key/1".to_owned(),
        }
    }

    #[test]
    fn what_was_signed_is_read_byte_for_byte() {
        let signed = serde_json::to_vec(&statement()).unwrap();
        let signature = Signature::new(b"signature");
        let file = SignedStatement::write(&signed, &signature).unwrap();
        let read = SignedStatement::read(&file).unwrap();
        assert_eq!(read.statement, statement());
        assert_eq!((read.signed, read.signature), (signed, signature));
    }

    /// Neither is taken for the other, whatever was signed.
    #[test]
    fn a_statement_is_no_digest_and_a_digest_no_statement() {
        let signed = serde_json::to_vec(&statement()).unwrap();
        let file = SignedStatement::write(&signed, &Signature::new(b"s")).unwrap();
        assert!(SignedDigest::read(&file).is_err());
        let text = String::from_utf8(file).unwrap();
        let other = text.replacen("n/statement/1", "n/digest/1", 1);
        let told = SignedStatement::read(other.as_bytes()).unwrap_err();
        assert!(
            told.to_string().contains("encrypted-replication/digest/1"),
            "{told}"
        );
    }
}
