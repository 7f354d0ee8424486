//! What a bucket holds, as S3 lists it: versions and delete markers, page by page, in S3's order.
//!
//! S3 lists keys in the order of their UTF-8 bytes, and the versions of a key newest first. See
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html>.

mod prefixes;
mod stream;

use std::future::Future;

use compliance::ports::Marker;
use expectation::Time;

use crate::pace::Fault;

pub use self::prefixes::Prefixes;
pub use self::stream::{Listing, read};

/// A version or a delete marker in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key, decoded.
    pub key: String,
    /// `null` for what was written while the bucket kept no versions.
    pub version_id: String,
    /// `Last-Modified`; a replica bears its source version's.
    pub written: Time,
    /// Which of the two it is.
    pub kind: EntryKind,
}

/// What stands in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// A version of an object.
    Version,
    /// A version in a storage class that S3 does not replicate from: it has to be restored first. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-what-is-isnot-replicated.html>.
    Archived,
    /// A delete marker.
    DeleteMarker,
}

impl Entry {
    /// Whether it is a delete marker.
    #[must_use]
    pub fn is_marker(&self) -> bool {
        self.kind == EntryKind::DeleteMarker
    }
}

/// One page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Versions and delete markers, in S3's order.
    pub entries: Vec<Entry>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Marker>,
}

/// Lists one bucket.
pub trait ListEntries: Send + Sync {
    /// One page of what is under `prefix`.
    ///
    /// # Errors
    /// Where S3 did not list, for whatever reason.
    fn page(
        &self,
        prefix: &str,
        after: &Marker,
    ) -> impl Future<Output = Result<Page, Fault>> + Send;
}
