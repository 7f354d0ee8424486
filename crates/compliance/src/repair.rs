//! What may be repaired, and with which key: pure.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/update-sse-encryption.html>.

use expectation::Algorithm;

use crate::ports::Target;
use crate::verdict::{Authority, ExpectedKey, Kind, Standing, Verdict, is_replica};

/// Whether the verdict is one that a repair may mend.
pub(crate) fn is_wrong(verdict: &Verdict) -> bool {
    matches!(
        verdict.judgement.kind,
        Kind::WrongKey | Kind::WrongAlgorithm
    )
}

/// What to encrypt it with; or why it is left alone. A repair cannot be taken back, so that it needs a
/// word that leaves no doubt: of the environment or of one owner alone, in force, and of one key.
pub(crate) fn target(verdict: &Verdict) -> Result<Target, &'static str> {
    let (Some(observed), Some(expected)) = (&verdict.observed, &verdict.expected) else {
        return Err("nothing says what it is and should be");
    };
    // PENDING and FAILED may be a source object's, and those are not ours to change.
    if !is_replica(observed.replication_status.as_deref()) {
        return Err("its replication status is not REPLICA, so it may be a source object");
    }
    if !matches!(observed.algorithm.as_deref(), Some("AES256" | "aws:kms")) {
        return Err("UpdateObjectEncryption changes only objects with SSE-S3 or SSE-KMS");
    }
    if expected.from == Authority::BucketDefault {
        return Err(
            "only the bucket's default encryption names a key, and that is no rule about its replicas",
        );
    }
    // Who left the bucket before it was made says nothing about it.
    let made = observed.last_modified();
    let over = |until| made.is_some_and(|made| made > until);
    if expected.several_owners.is_some_and(|until| !over(until)) {
        return Err(
            "several stacks say which key this object should have, and one repair would undo the other",
        );
    }
    let current = || {
        let keys = expected.keys.iter();
        keys.filter(|allowed| allowed.standing != Standing::Former)
    };
    let Some(only) = current()
        .next()
        .filter(|only| current().all(|one| one.key == only.key))
    else {
        return Err("more than one key is expected, and nothing says which it should have");
    };
    if only.standing != Standing::Current {
        return Err("the rule that names the expected key is disabled");
    }
    if current().all(|one| one.conditional) {
        return Err(
            "the rule that names the expected key has tags or exclusions, so that it may not be about this object",
        );
    }
    if current().any(|one| one.algorithm == Some(Algorithm::Dsse)) {
        return Err("UpdateObjectEncryption encrypts with SSE-KMS, and aws:kms:dsse is demanded");
    }
    match &only.key {
        ExpectedKey::Known(key) => Ok(Target {
            key: key.to_string(),
            bucket_key: observed.bucket_key_enabled,
        }),
        _ => Err("UpdateObjectEncryption needs the ARN of the expected key, which is not known"),
    }
}
