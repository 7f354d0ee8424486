//! What S3's configurations have in common.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

/// How S3 wrote what was read.
#[derive(Clone, Debug, Default)]
pub struct AsRead {
    /// The XML, which goes back as it is; none for what is made here.
    pub xml: Option<Arc<str>>,
    /// XML of the members that are not understood.
    pub unknown: Vec<String>,
}

impl AsRead {
    /// Whether all of it is understood.
    #[must_use]
    pub fn is_understood(&self) -> bool {
        self.unknown.is_empty()
    }
}

/// In which words the rest is written makes no difference.
impl PartialEq for AsRead {
    fn eq(&self, other: &Self) -> bool {
        self.unknown == other.unknown
    }
}

impl Eq for AsRead {}

impl Serialize for AsRead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.unknown.serialize(serializer)
    }
}

/// S3's `Enabled` / `Disabled`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the words are S3's own")]
pub enum Status {
    Enabled,
    Disabled,
}

/// A tag of a bucket, key, role or object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Tag {
    /// The tag's name.
    pub key: String,
    /// The tag's value.
    pub value: String,
}

/// A list whose order means nothing.
pub(super) fn set<T: Ord>(list: &[T]) -> BTreeSet<&T> {
    list.iter().collect()
}
