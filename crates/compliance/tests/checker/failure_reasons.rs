//! Each of S3's reasons for a failed replication, from its event to the words of the verdict.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Bench, Fake, sample};

/// As AWS lists them:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-metrics-events.html#replication-failure-codes>.
const DOCUMENTED: [&str; 34] = [
    "AssumeRoleNotPermitted",
    "DstBucketInvalidRegion",
    "DstBucketNotFound",
    "DstBucketObjectLockConfigMissing",
    "DstBucketUnversioned",
    "DstDelObjNotPermitted",
    "DstKmsKeyInvalidState",
    "DstKmsKeyNotFound",
    "DstMultipartCompleteNotPermitted",
    "DstMultipartInitNotPermitted",
    "DstMultipartUploadNotPermitted",
    "DstObjectHardDeleted",
    "DstPutAclNotPermitted",
    "DstPutLegalHoldNotPermitted",
    "DstPutObjectNotPermitted",
    "DstPutRetentionNotPermitted",
    "DstPutTaggingNotPermitted",
    "DstVersionNotFound",
    "InitiateReplicationNotPermitted",
    "SrcBucketInvalidRegion",
    "SrcBucketNotFound",
    "SrcBucketReplicationConfigMissing",
    "SrcGetAclNotPermitted",
    "SrcGetLegalHoldNotPermitted",
    "SrcGetObjectNotPermitted",
    "SrcGetRetentionNotPermitted",
    "SrcGetTaggingNotPermitted",
    "SrcHeadObjectNotPermitted",
    "SrcKeyNotFound",
    "SrcKmsKeyInvalidState",
    "SrcObjectNotEligible",
    "SrcObjectNotFound",
    "SrcReplicationNotPending",
    "SrcVersionNotFound",
];

async fn verdict(reason: &str) -> Value {
    let bench = Bench::new(Fake::default(), &[], 8);
    let mut event = sample("replication-failed");
    event["Records"][0]["replicationEventData"]["failureReason"] = json!(reason);
    let answer = bench.send(&event).await.unwrap();
    answer["verdicts"][0].clone()
}

#[tokio::test(start_paused = true)]
async fn every_documented_reason_is_explained_and_has_a_remedy_of_its_own() {
    let unknown = verdict("SomethingNew").await;
    let explanation = |line: &Value, code: &str| {
        let reason = line["reason"].as_str().unwrap();
        let (_, explanation) = reason.split_once(&format!("{code}: ")).unwrap();
        explanation.to_owned()
    };
    let mut explanations = BTreeSet::from([explanation(&unknown, "SomethingNew")]);
    for code in DOCUMENTED {
        let line = verdict(code).await;
        assert_eq!(line["verdict"], "ReplicationFailed", "{code}");
        let explained = explanation(&line, code);
        assert!(explained.split(' ').count() >= 5, "{code}: {explained}");
        explanations.insert(explained);
        assert_ne!(line["remedy"], unknown["remedy"], "{code}");
        let remedy = line["remedy"].as_str().unwrap();
        let (mend, again) = remedy
            .split_once(", then use S3 Batch Replication")
            .unwrap();
        assert!(mend.split(' ').count() >= 4, "{code}: {mend}");
        assert!(again.ends_with("does not try again by itself"));
    }
    assert_eq!(explanations.len(), 35, "each has words of its own");
}
