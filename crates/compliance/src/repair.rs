//! Repair: a replica under a wrong key is re-encrypted in place, then looked at again.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/update-sse-encryption.html>.

use crate::checker::Checker;
use crate::key_arn::{Home, KeyArn};
use crate::ports::{AskError, DescribeKey, FindExpectation, InspectObject, Repair, RepairObject};
use crate::subject::ObjectVersion;
use crate::verdict::{ExpectedKey, Kind, Verdict, not_repaired, repaired};

impl<A: InspectObject + FindExpectation + DescribeKey + RepairObject> Checker<A> {
    /// Repairs what the verdict finds wrong, where S3 can do it.
    ///
    /// # Guarantees
    /// - Only what is plainly a replica is changed, and only where one key alone is expected.
    /// - The verdict that comes back is on what S3 shows after the repair. One that could not be
    ///   done keeps its finding, and says why.
    ///
    /// # Errors
    /// Where AWS could not be asked, or not after the repair: tried again, S3 shows what became of it.
    pub(crate) async fn repair(
        &self,
        verdict: Verdict,
        owner: Option<&str>,
        home: Option<&Home>,
    ) -> Result<Verdict, AskError> {
        if !is_wrong(&verdict) {
            return Ok(verdict);
        }
        let (key, bucket_key) = match repairable(&verdict) {
            Ok((key, bucket_key)) => (key.to_string(), bucket_key),
            Err(why) => return Ok(not_repaired(verdict, why)),
        };
        // The version that was looked at: another one may be the current one by now.
        let version = &ObjectVersion {
            version_id: verdict.version_id().map(str::to_owned),
            ..verdict.version.clone()
        };
        let answer = self.aws().repair(version, &key, bucket_key, owner).await?;
        if let Repair::Refused(answer) = answer {
            let why = format!("S3 refused UpdateObjectEncryption: {answer}");
            return Ok(not_repaired(verdict, &why));
        }
        // Said at once: should the second look fail, the next one finds nothing to repair.
        tracing::info!(
            bucket = version.bucket,
            key = version.key.as_str(),
            version_id = version.version_id,
            kms_key_arn = key,
            "re-encrypted a replica whose verdict was {}",
            verdict.judgement.kind.as_str(),
        );
        let inspection = self.aws().inspect(version, owner).await?;
        let expected = Ok(verdict.expected.clone());
        let after = self.look(version, inspection, expected, home).await?;
        if is_wrong(&after) {
            return Ok(not_repaired(
                after,
                "S3 accepted UpdateObjectEncryption, and shows the wrong encryption all the same",
            ));
        }
        Ok(repaired(after, &verdict))
    }
}

fn is_wrong(verdict: &Verdict) -> bool {
    matches!(
        verdict.judgement.kind,
        Kind::WrongKey | Kind::WrongAlgorithm
    )
}

/// The key to encrypt with and whether to use an S3 Bucket Key; or why it is left alone.
fn repairable(verdict: &Verdict) -> Result<(&KeyArn, bool), &'static str> {
    let (Some(observed), Some(expected)) = (&verdict.observed, &verdict.expected) else {
        return Err("nothing says what it is and should be");
    };
    // PENDING and FAILED may be a source object's, and those are not ours to change.
    if observed.replication_status.as_deref() != Some("REPLICA") {
        return Err("its replication status is not REPLICA, so it may be a source object");
    }
    if !matches!(observed.algorithm.as_deref(), Some("AES256" | "aws:kms")) {
        return Err("UpdateObjectEncryption changes only objects with SSE-S3 or SSE-KMS");
    }
    match expected.keys.as_slice() {
        [ExpectedKey::Known(key)] => Ok((key, observed.bucket_key_enabled)),
        [_] => Err("UpdateObjectEncryption needs the ARN of the expected key, which is not known"),
        _ => Err("more than one key is expected, and nothing says which it should have"),
    }
}
