//! The key that signs digests, as far as everybody may know it.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ParsedPublicKey};
use aws_smithy_types::base64;
use evidence::{Signature, SignedDigest, SignedStatement};

/// A public key on P-256.
pub struct PublicKey(ParsedPublicKey);

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey")
    }
}

impl PublicKey {
    /// Reads what `GetPublicKey` of KMS gives, or the same as PEM (`BEGIN PUBLIC KEY`).
    ///
    /// See <https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html>.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub fn read(bytes: &[u8]) -> Result<Self, String> {
        let der = match str::from_utf8(bytes) {
            Ok(text) if text.contains("-----BEGIN PUBLIC KEY-----") => of_pem(text)?,
            _ => bytes.to_vec(),
        };
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &der);
        let key = key.map_err(|_| {
            "it is no public key on P-256 (ECC_NIST_P256), neither as DER nor as PEM".to_owned()
        })?;
        Ok(Self(key))
    }

    /// Whether a digest bears this key's signature.
    ///
    /// # Errors
    /// What is wrong with the signature, in words.
    pub fn verify(&self, digest: &SignedDigest) -> Result<(), String> {
        let SignedDigest {
            signed, signature, ..
        } = digest;
        let signs = self.signs(signed, signature);
        signs.map_err(|why| format!("{why}; the digest names {}", digest.digest.key_arn))
    }

    /// The same of a statement about a report.
    ///
    /// # Errors
    /// What is wrong with the signature, in words.
    pub fn verify_statement(&self, file: &SignedStatement) -> Result<(), String> {
        let signs = self.signs(&file.signed, &file.signature);
        signs.map_err(|why| format!("{why}; the statement names {}", file.statement.key_arn))
    }

    fn signs(&self, signed: &[u8], signature: &Signature) -> Result<(), String> {
        let verified = self.0.verify_sig(signed, &signature.bytes()?);
        verified.map_err(|_| "the signature is not that of the key for these bytes".to_owned())
    }
}

fn of_pem(text: &str) -> Result<Vec<u8>, String> {
    let lines = text.lines().map(str::trim);
    let inner = lines
        .skip_while(|line| *line != "-----BEGIN PUBLIC KEY-----")
        .skip(1)
        .take_while(|line| *line != "-----END PUBLIC KEY-----");
    base64::decode(inner.collect::<String>()).map_err(|_| "it is no PEM: no Base64".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    // Made by `openssl ecparam -name prime256v1 -genkey` and `openssl ec -pubout`; what is signed by
    // `openssl dgst -sha256 -sign`.
    const PEM: &str = include_str!("signature/public.pem");
    const FILE: &[u8] = include_bytes!("signature/27.json");

    #[test]
    fn a_signature_of_openssl_is_taken_and_no_other() {
        let key = PublicKey::read(PEM.as_bytes()).unwrap();
        let file = SignedDigest::read(FILE).unwrap();
        assert_eq!(key.verify(&file), Ok(()));
        let der = PublicKey::read(&of_pem(PEM).unwrap()).unwrap();
        assert_eq!(der.verify(&file), Ok(()));
        let mut other = file.clone();
        other.signed.push(b' ');
        let told = key.verify(&other).unwrap_err();
        assert!(told.contains("not that of the key"), "{told}");
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in [
            "",
            "-----BEGIN PUBLIC KEY-----\n!\n-----END PUBLIC KEY-----",
            "ssh-rsa AAAA",
        ] {
            assert!(PublicKey::read(text.as_bytes()).is_err(), "{text}");
        }
    }
}
