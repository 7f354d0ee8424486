//! The verdicts there are, and a judgement: one of them with its words.

use std::borrow::Cow;

/// The verdicts, as the verdict line spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A replica under an expected key.
    Compliant,
    /// SSE-KMS or DSSE-KMS under any other key.
    WrongKey,
    /// SSE-S3 or none where a key is expected, or another kind of KMS encryption than is demanded.
    WrongAlgorithm,
    /// Under a key that was the expected one when it arrived and has been replaced since.
    FormerKey,
    /// The right key, but it cannot be used: the replica cannot be read.
    KeyUnusable,
    /// The replica never arrived.
    ReplicationFailed,
    /// Later than replication time control's threshold.
    ReplicationDelayed,
    /// No longer tracked by replication metrics.
    ReplicationNotTracked,
    /// Written straight to the bucket, or perhaps a source object.
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
    pub const ALL: [Self; 12] = [
        Self::Compliant,
        Self::WrongKey,
        Self::WrongAlgorithm,
        Self::FormerKey,
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
            Self::FormerKey => "FormerKey",
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
                "not encrypted with KMS where a key is expected, or with another kind of it than is demanded: a rule \
                 keeps the kind of encryption, so the source object's was the same"
            }
            Self::FormerKey => {
                "under a key that was the expected one when it arrived, and has been replaced since"
            }
            Self::KeyUnusable => {
                "the right key, which is disabled, pending deletion or gone: the replica cannot be read"
            }
            Self::ReplicationFailed => {
                "the replica never arrived, by an event of the source bucket; carries S3's reason"
            }
            Self::ReplicationDelayed => "later than S3 Replication Time Control promises",
            Self::ReplicationNotTracked => "no longer tracked by S3 Replication Time Control",
            Self::NotReplica => {
                "written straight to the bucket, or it may be a source object: no finding rests on that"
            }
            Self::Gone => "deleted, or covered by a delete marker, before it was looked at",
            Self::Uninspectable => {
                "under a customer-provided key, in another Region, or denied: names the permission; the alarm \
                 `Uninspectable` rings"
            }
            Self::NoExpectation => "nothing says which key is right",
        }
    }

    /// Whether the version is as it should be; `None` where that cannot be said.
    #[must_use]
    pub const fn compliant(self) -> Option<bool> {
        match self {
            Self::Compliant | Self::FormerKey => Some(true),
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

/// What tells two verdicts of one kind apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing: the kind says it all.
    #[default]
    None,
    /// KMS would not say which key an alias is.
    AliasRefused,
    /// There is no such alias.
    AliasMissing,
    /// A delete marker.
    DeleteMarker,
    /// No such version.
    NotFound,
    /// S3 answered 403.
    AccessDenied,
    /// A key that the customer provides.
    CustomerKey,
    /// A bucket of another Region.
    OtherRegion,
    /// KMS knows no such key.
    KeyMissing,
}

impl Detail {
    /// As it goes into a finding's id. The key's state does not.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None | Self::KeyMissing => "",
            Self::AliasRefused => "alias-refused",
            Self::AliasMissing => "alias-missing",
            Self::DeleteMarker => "delete-marker",
            Self::NotFound => "not-found",
            Self::AccessDenied => "access-denied",
            Self::CustomerKey => "customer-key",
            Self::OtherRegion => "other-region",
        }
    }

    /// Whether it may pass by itself: a permission that was just given is not known everywhere yet, nor are a
    /// key and an alias that were just made. Under a key that is gone nothing has arrived for a week.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::AccessDenied | Self::AliasRefused | Self::AliasMissing | Self::KeyMissing
        )
    }

    /// The operation whose answer it is, where it may pass.
    pub(crate) const fn operation(self) -> &'static str {
        match self {
            Self::AliasRefused | Self::AliasMissing | Self::KeyMissing => "kms:DescribeKey",
            _ => "s3:HeadObject",
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
    /// What tells two verdicts of one kind apart beyond algorithm, key and replication event.
    pub detail: Detail,
}

impl Judgement {
    pub(crate) fn new(kind: Kind, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            reason: reason.into(),
            remedy: None,
            detail: Detail::None,
        }
    }

    /// Whether it may be so only because what is remembered is out of date.
    pub(crate) fn may_be_outdated(&self) -> bool {
        self.kind.compliant() == Some(false)
            || matches!(self.detail, Detail::AliasRefused | Detail::AliasMissing)
    }

    pub(super) fn detail(mut self, detail: Detail) -> Self {
        self.detail = detail;
        self
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<Cow<'static, str>>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}
