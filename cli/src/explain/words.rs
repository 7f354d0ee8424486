//! Every word that can be explained.

use compliance::failure_reason;
use compliance::verdict;
use replication::diagnosis::names;

use super::{Explained, Kind};

/// What S3 says of an object's replication, and what follows; see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>.
const STATUSES: [(&str, &str, Option<&str>); 4] = [
    (
        "PENDING",
        "a source object that is not yet at every destination: under way, or S3 meets something that may pass",
        Some("wait; where it stays so for more than a day, look at the rule with `diagnose`"),
    ),
    (
        "COMPLETED",
        "a source object that is at every destination of its rules; S3 does not look again, so a replica that is \
         deleted since is not told",
        None,
    ),
    (
        "FAILED",
        "a source object that S3 gave up on, for good: it is not tried again",
        Some(
            "mend the cause (`diagnose`), then upload the object again or replicate it with S3 Batch Replication",
        ),
    ),
    ("REPLICA", "a replica, made by S3", None),
];

/// Every word there is.
pub fn all() -> impl Iterator<Item = Explained> {
    let verdicts = verdict::Kind::ALL.into_iter().map(|kind| Explained {
        word: kind.as_str(),
        kind: Kind::Verdict,
        means: kind.when(),
        remedy: None,
    });
    let checks = names::ALL.iter().map(|known| Explained {
        word: known.name,
        kind: Kind::Check,
        means: known.means,
        remedy: Some(known.remedy),
    });
    let reasons = failure_reason::TABLE.iter().map(|known| Explained {
        word: known.code,
        kind: Kind::FailureReason,
        means: known.explanation,
        remedy: Some(known.remedy),
    });
    let statuses = STATUSES.into_iter().map(|(word, means, remedy)| Explained {
        word,
        kind: Kind::ReplicationStatus,
        means,
        remedy,
    });
    verdicts.chain(checks).chain(reasons).chain(statuses)
}
