//! The words about repairs, added to a judgement.

use super::finding::Verdict;
use super::kind::{Judgement, Kind};
use crate::ports::AskError;

/// A finding that stays one, and why.
pub(crate) fn not_repaired(verdict: Verdict, why: &str) -> Verdict {
    let reason = format!("{}; it was not repaired: {why}", verdict.judgement.reason);
    Verdict {
        judgement: Judgement {
            reason: reason.into(),
            ..verdict.judgement
        },
        ..verdict
    }
}

/// The finding on what S3 accepted to repair, where nobody could look at it since.
pub(crate) fn repaired_unseen(before: Verdict, error: &AskError) -> Verdict {
    let remedy = "look at this version again, by a sweep, to see that it is as it should be; and mend what made it \
                  arrive so, or the next replica needs a repair too";
    Verdict {
        judgement: Judgement {
            reason: format!(
                "{}; S3 accepted UpdateObjectEncryption, and could not be asked what it shows since: {error}",
                before.judgement.reason,
            )
            .into(),
            remedy: Some(remedy.into()),
            ..before.judgement
        },
        repaired: true,
        ..before
    }
}

/// The verdict after a repair, with what was wrong `before`, and what is to be mended so that the
/// next replica needs none.
pub(crate) fn repaired(after: Verdict, before: &Verdict) -> Verdict {
    let was = before.observed.as_ref().map_or("unknown", |seen| {
        let key = seen.kms_key.as_deref();
        key.or(seen.algorithm.as_deref()).unwrap_or("unknown")
    });
    let reason = format!(
        "{}; it was repaired with UpdateObjectEncryption, and was encrypted with {was} before",
        after.judgement.reason,
    );
    let cause = if before.judgement.kind == Kind::WrongAlgorithm {
        "set the source bucket's default encryption to SSE-KMS"
    } else {
        "correct ReplicaKmsKeyID of the replication rule"
    };
    let remedy = after
        .judgement
        .remedy
        .clone()
        .unwrap_or_else(|| format!("{cause}, so that the next replica needs no repair").into());
    Verdict {
        judgement: Judgement {
            reason: reason.into(),
            remedy: Some(remedy),
            ..after.judgement
        },
        repaired: true,
        ..after
    }
}
