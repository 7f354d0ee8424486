//! A judgement together with what it is about, and the id that tells one finding from another.

use aws_names::digest;
use expectation::is_probe;

use super::evidence::Expected;
use super::kind::Judgement;
use crate::ports::Observed;
use crate::subject::{ObjectVersion, ReplicationEvent, ReplicationOutcome};

/// The schema of the verdict line, and of the ids.
pub const SCHEMA: &str = "encrypted-replication/verdict/1";

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
    /// is unknown counts as empty. Left out on purpose: event times, the wording, what was expected,
    /// the repair and the key's state, which may differ between two deliveries of one finding.
    #[must_use]
    pub fn id(&self) -> String {
        let seen = self.observed.as_ref();
        let event = self.replication.as_ref();
        let parts = [
            SCHEMA,
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
            self.judgement.detail.as_str(),
        ];
        digest::hex(parts)
    }

    /// Whether this counts as a failed replication.
    #[must_use]
    pub fn is_replication_failure(&self) -> bool {
        self.replication
            .as_ref()
            .is_some_and(|event| event.outcome == ReplicationOutcome::Failed)
    }

    /// Whether it is about an object that the provisioner proves replication with.
    #[must_use]
    pub fn is_on_probe(&self) -> bool {
        is_probe(self.version.key.as_str())
    }

    /// Whether it tells nobody anything: a probe that did not arrive is what its proof, or the stack that waits for
    /// it, tells, with the cause. What did arrive is judged and told as anybody's.
    #[must_use]
    pub fn is_told_by_proof(&self) -> bool {
        self.is_replication_failure() && self.is_on_probe()
    }

    /// Whether it shows that the way from an upload to its verdict works: a probe arrived, and was judged by what is
    /// expected of it.
    #[must_use]
    pub fn is_proof(&self) -> bool {
        self.replication.is_none()
            && self.judgement.kind.compliant().is_some()
            && self.is_on_probe()
    }
}
