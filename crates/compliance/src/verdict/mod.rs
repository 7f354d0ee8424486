//! The verdict on one replica version: what was observed against what was expected.

mod judge;
mod repair;
mod replication;
mod text;

use std::borrow::Cow;

use sha2::{Digest, Sha256};

pub(crate) use self::judge::is_replica;
pub use self::judge::{Evidence, Expected, ExpectedKey, KeyState, ObservedKey, judge_object};
pub(crate) use self::repair::{not_repaired, repaired};
pub use self::replication::judge_replication;
pub use self::text::{access_denied, customer_key, gone, other_region, unresolved};
use crate::ports::Observed;
use crate::subject::{ObjectVersion, ReplicationEvent, ReplicationOutcome};

/// The verdicts, as the verdict line spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A replica under an expected key.
    Compliant,
    /// SSE-KMS or DSSE-KMS under any other key.
    WrongKey,
    /// SSE-S3 or none where a key is expected.
    WrongAlgorithm,
    /// The right key, but it cannot be used: the replica cannot be read.
    KeyUnusable,
    /// The replica never arrived.
    ReplicationFailed,
    /// Later than replication time control's threshold.
    ReplicationDelayed,
    /// No longer tracked by replication metrics.
    ReplicationNotTracked,
    /// Written straight to the bucket.
    NotReplica,
    /// Deleted before it was looked at.
    Gone,
    /// Cannot be looked at.
    Uninspectable,
    /// Nothing says which key is right.
    NoExpectation,
}

impl Kind {
    /// All verdicts.
    pub const ALL: [Self; 11] = [
        Self::Compliant,
        Self::WrongKey,
        Self::WrongAlgorithm,
        Self::KeyUnusable,
        Self::ReplicationFailed,
        Self::ReplicationDelayed,
        Self::ReplicationNotTracked,
        Self::NotReplica,
        Self::Gone,
        Self::Uninspectable,
        Self::NoExpectation,
    ];

    /// The verdict's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "Compliant",
            Self::WrongKey => "WrongKey",
            Self::WrongAlgorithm => "WrongAlgorithm",
            Self::KeyUnusable => "KeyUnusable",
            Self::ReplicationFailed => "ReplicationFailed",
            Self::ReplicationDelayed => "ReplicationDelayed",
            Self::ReplicationNotTracked => "ReplicationNotTracked",
            Self::NotReplica => "NotReplica",
            Self::Gone => "Gone",
            Self::Uninspectable => "Uninspectable",
            Self::NoExpectation => "NoExpectation",
        }
    }

    /// When it is given, as a phrase of Markdown.
    #[must_use]
    pub const fn when(self) -> &'static str {
        match self {
            Self::Compliant => "a replica under an expected key",
            Self::WrongKey => {
                "under any other key; says whether it is another Region's, another account's, or AWS managed"
            }
            Self::WrongAlgorithm => {
                "not encrypted with KMS where a key is expected: a rule keeps the kind of encryption, so the source \
                 object was not either"
            }
            Self::KeyUnusable => {
                "the right key, which is disabled, pending deletion or gone: the replica cannot be read"
            }
            Self::ReplicationFailed => {
                "the replica never arrived, by an event of the source bucket; carries S3's reason"
            }
            Self::ReplicationDelayed => "later than S3 Replication Time Control promises",
            Self::ReplicationNotTracked => "no longer tracked by S3 Replication Time Control",
            Self::NotReplica => "written straight to the bucket",
            Self::Gone => "deleted, or covered by a delete marker, before it was looked at",
            Self::Uninspectable => {
                "under a customer-provided key, in another Region, or denied: names the permission"
            }
            Self::NoExpectation => "nothing says which key is right",
        }
    }

    /// Whether the version is as it should be; `None` where that cannot be said.
    #[must_use]
    pub const fn compliant(self) -> Option<bool> {
        match self {
            Self::Compliant => Some(true),
            Self::WrongKey | Self::WrongAlgorithm | Self::KeyUnusable | Self::ReplicationFailed => {
                Some(false)
            }
            Self::ReplicationDelayed
            | Self::ReplicationNotTracked
            | Self::NotReplica
            | Self::Gone
            | Self::Uninspectable
            | Self::NoExpectation => None,
        }
    }
}

/// What was found, why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub kind: Kind,
    /// One sentence.
    pub reason: Cow<'static, str>,
    /// One sentence; `None` where nothing needs doing.
    pub remedy: Option<Cow<'static, str>>,
    /// What tells two findings of one kind apart beyond algorithm, key and replication event.
    pub discriminator: &'static str,
}

impl Judgement {
    pub(crate) fn new(kind: Kind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            remedy: None,
            discriminator: "",
        }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

/// A judgement together with what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The version judged.
    pub version: ObjectVersion,
    /// The judgement.
    pub judgement: Judgement,
    /// What S3 said of the version; `None` where nobody could look.
    pub observed: Option<Observed>,
    /// What was expected; `None` where nothing was, or nobody asked.
    pub expected: Option<Expected>,
    /// The source bucket's event, where it was one.
    pub replication: Option<ReplicationEvent>,
    /// Whether this checker re-encrypted the version; the judgement is on what it is since.
    pub repaired: bool,
}

impl Verdict {
    /// The version's id: the event's, or the one S3 named when asked.
    #[must_use]
    pub fn version_id(&self) -> Option<&str> {
        let observed = || {
            self.observed
                .as_ref()
                .and_then(|seen| seen.version_id.as_deref())
        };
        self.version.version_id.as_deref().or_else(observed)
    }

    /// The finding's id: the same for the same finding on the same version at every delivery.
    ///
    /// The lower-case hexadecimal SHA-256 over these texts, each preceded by its length in bytes as
    /// eight bytes, big-endian: the verdict schema, the verdict, bucket, decoded key, version id,
    /// the observed algorithm and KMS key, the replication event's name, rule id, destination bucket
    /// and failure reason, and a word that tells the kinds of `Uninspectable` and `Gone` apart; what
    /// is unknown counts as empty. Left out on purpose: event times, the wording, what was expected
    /// the repair and the key's state, which may differ between two deliveries of one finding.
    #[must_use]
    pub fn id(&self) -> String {
        let seen = self.observed.as_ref();
        let event = self.replication.as_ref();
        let parts = [
            crate::report::SCHEMA,
            self.judgement.kind.as_str(),
            &self.version.bucket,
            self.version.key.as_str(),
            self.version_id().unwrap_or_default(),
            seen.and_then(|seen| seen.algorithm.as_deref())
                .unwrap_or_default(),
            seen.and_then(|seen| seen.kms_key.as_deref())
                .unwrap_or_default(),
            event.map_or("", |event| event.outcome.event()),
            event
                .and_then(|event| event.rule_id.as_deref())
                .unwrap_or_default(),
            event
                .and_then(|event| event.destination_bucket.as_deref())
                .unwrap_or_default(),
            event
                .and_then(|event| event.failure_reason.as_deref())
                .unwrap_or_default(),
            self.judgement.discriminator,
        ];
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        hex(&hash.finalize())
    }

    /// Whether this counts as a failed replication.
    #[must_use]
    pub fn is_replication_failure(&self) -> bool {
        self.replication
            .as_ref()
            .is_some_and(|event| event.outcome == ReplicationOutcome::Failed)
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.push(
                DIGITS
                    .get(usize::from(nibble))
                    .copied()
                    .map_or('0', char::from),
            );
        }
    }
    text
}
