//! What is wrong with the evidence.

use crate::Day;

/// One thing that is not as the digests say, or as a chain of them must be. Each names what it is about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No digest of this day is there.
    #[error("{day} has no digest: nothing shows what was written on that day")]
    NoDigest {
        /// The day.
        day: Day,
    },
    /// The file is no digest.
    #[error("{digest} cannot be read: {why}")]
    Unreadable {
        /// Key of the digest.
        digest: String,
        /// What is wrong with it.
        why: String,
    },
    /// The signature is not that of the key for what stands in the file.
    #[error("{digest} is not signed by the key: {why}")]
    NotSigned {
        /// Key of the digest.
        digest: String,
        /// What is wrong with the signature.
        why: String,
    },
    /// A digest under the key of another day.
    #[error("{digest} holds the digest of {day}: the days are out of order")]
    OtherDay {
        /// Key of the digest.
        digest: String,
        /// The day that it says.
        day: Day,
    },
    /// A digest of another lake.
    #[error("{digest} is the digest of bucket {bucket}, not of this one")]
    OtherLake {
        /// Key of the digest.
        digest: String,
        /// The bucket that it names.
        bucket: String,
    },
    /// It does not name the digest before it.
    #[error(
        "{digest} follows {follows}, and {found} stands before it: a digest is missing, added or out of order"
    )]
    OtherPrevious {
        /// Key of the digest.
        digest: String,
        /// What it says that it follows.
        follows: String,
        /// What stands before it.
        found: String,
    },
    /// The digest before it has other bytes than those that it names.
    #[error(
        "{previous} was changed after {digest} was made: its SHA-256 is {found}, not {expected}"
    )]
    PreviousChanged {
        /// Key of the digest that names it.
        digest: String,
        /// Key of the changed digest.
        previous: String,
        /// SHA-256 that is named.
        expected: String,
        /// SHA-256 of what is there.
        found: String,
    },
    /// The chain ends with another digest than it is known to end with.
    #[error("the chain ends with a digest of SHA-256 {found}, not {expected}")]
    OtherHead {
        /// What was known.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The objects of a digest are not in order, or one stands there twice.
    #[error("{digest} lists {object} out of order")]
    OutOfOrder {
        /// Key of the digest.
        digest: String,
        /// The object.
        object: String,
    },
    /// Two digests list the same object version.
    #[error("{digest} lists {object}, which an earlier digest lists too")]
    Twice {
        /// Key of the later digest.
        digest: String,
        /// The object.
        object: String,
    },
    /// Other bytes than were sealed.
    #[error("{object} was changed: {found}, and {digest} says {expected}")]
    Changed {
        /// The object.
        object: String,
        /// Key of the digest that lists it.
        digest: String,
        /// Size and hash that were sealed.
        expected: String,
        /// Those that are there.
        found: String,
    },
    /// Sealed, and not there any more.
    #[error("{object} is missing: {digest} lists it")]
    Missing {
        /// The object.
        object: String,
        /// Key of the digest that lists it.
        digest: String,
    },
    /// It could not be read, so that nobody knows.
    #[error("{object} could not be read: {why}")]
    NotRead {
        /// The object.
        object: String,
        /// What AWS answered.
        why: String,
    },
    /// The report is not the one that was signed, or the chain is not the one that it was signed with.
    #[error("the report is not as it was signed: {why}")]
    OtherReport {
        /// What is wrong.
        why: String,
    },
    /// There, on a day that is sealed, and in no digest.
    #[error("{object}, of {day}, is in no digest: it was added after that day was sealed")]
    Extra {
        /// The object.
        object: String,
        /// The day that it is dated to.
        day: Day,
    },
}

impl Fault {
    /// Its name, which does not change.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NoDigest { .. } => "NoDigest",
            Self::Unreadable { .. } => "Unreadable",
            Self::NotSigned { .. } => "NotSigned",
            Self::OtherDay { .. } => "OtherDay",
            Self::OtherLake { .. } => "OtherLake",
            Self::OtherPrevious { .. } => "OtherPrevious",
            Self::PreviousChanged { .. } => "PreviousChanged",
            Self::OtherHead { .. } => "OtherHead",
            Self::OutOfOrder { .. } => "OutOfOrder",
            Self::Twice { .. } => "Twice",
            Self::Changed { .. } => "Changed",
            Self::Missing { .. } => "Missing",
            Self::NotRead { .. } => "NotRead",
            Self::OtherReport { .. } => "OtherReport",
            Self::Extra { .. } => "Extra",
        }
    }
}
