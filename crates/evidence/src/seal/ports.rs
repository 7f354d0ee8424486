//! What sealing asks of AWS, in its own words.

use std::future::Future;

use expectation::Time;

use crate::{Hash, Signature};

/// AWS could not be asked, or refused: what was attempted, on what, and what it answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} on {resource} failed: {answer}")]
pub struct AskError {
    /// The API operation, such as `s3:ListObjectVersions`.
    pub operation: &'static str,
    /// Bucket and key, or KMS key.
    pub resource: String,
    /// What AWS answered: status, code, request id; or what went wrong on the way.
    pub answer: String,
}

/// An object version as S3 lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its version id.
    pub version_id: String,
    /// Its `LastModified`: when it was written, or its multipart upload began.
    pub modified: Time,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Object versions, without delete markers.
    pub versions: Vec<Listed>,
    /// Key and version id after which the next page begins; none after the last page.
    pub next: Option<(String, String)>,
}

/// Whether an object was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was.
    Yes,
    /// There is one of this key already, which stays as it is.
    AlreadyThere,
}

/// The lake's bucket.
pub trait Store: Send + Sync {
    /// One page of the object versions whose keys begin with `prefix`, in the order of keys.
    ///
    /// # Errors
    /// [`AskError`].
    fn list(
        &self,
        prefix: &str,
        after: Option<(String, String)>,
    ) -> impl Future<Output = Result<Page, AskError>> + Send;

    /// Size and hash of an object version, read piece by piece; `None` where it is not there any more.
    ///
    /// # Errors
    /// [`AskError`].
    fn hash(
        &self,
        key: &str,
        version_id: &str,
    ) -> impl Future<Output = Result<Option<(u64, Hash)>, AskError>> + Send;

    /// An object as a whole.
    ///
    /// # Errors
    /// [`AskError`], also where it is not there.
    fn read(&self, key: &str) -> impl Future<Output = Result<Vec<u8>, AskError>> + Send;

    /// Writes an object where there is none of this key, as one act.
    ///
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.
    ///
    /// # Errors
    /// [`AskError`].
    fn create(
        &self,
        key: &str,
        bytes: Vec<u8>,
    ) -> impl Future<Output = Result<Created, AskError>> + Send;
}

/// The key that digests are signed with.
pub trait Signer: Send + Sync {
    /// Its ARN.
    fn key_arn(&self) -> &str;

    /// The signature of what has this hash.
    ///
    /// # Errors
    /// [`AskError`].
    fn sign(&self, hash: Hash) -> impl Future<Output = Result<Signature, AskError>> + Send;

    /// Whether this is the key's signature of what has this hash.
    ///
    /// # Errors
    /// [`AskError`].
    fn verify(
        &self,
        hash: Hash,
        signature: &Signature,
    ) -> impl Future<Output = Result<bool, AskError>> + Send;
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Time;
}
