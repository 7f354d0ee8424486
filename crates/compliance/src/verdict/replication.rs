//! The judgement on what the source bucket says of a replication: no request is needed for it.

use super::kind::{Judgement, Kind};
use crate::failure_reason::FailureReason;
use crate::subject::{ReplicationEvent, ReplicationOutcome};

/// Judges an `s3:Replication:*` event.
#[must_use]
pub fn judge_replication(event: &ReplicationEvent) -> Judgement {
    let to = event.destination_bucket.as_deref().map_or_else(
        || "the destination".to_owned(),
        |bucket| format!("bucket {bucket}"),
    );
    match event.outcome {
        ReplicationOutcome::Failed => failed(event, &to),
        ReplicationOutcome::MissedThreshold => Judgement::new(
            Kind::ReplicationDelayed,
            format!("the version has not reached {to} within the 15 minutes of replication time control"),
        )
        .remedy(
            "wait for OperationReplicatedAfterThreshold, and look at ReplicationLatency, KMS request \
             quotas and the request rate of both buckets",
        ),
        ReplicationOutcome::ReplicatedAfterThreshold => Judgement::new(
            Kind::ReplicationDelayed,
            format!("the version reached {to}, but later than the 15 minutes of replication time control"),
        )
        .remedy(
            "the replica's own event is judged by itself; where delays recur, look at \
             ReplicationLatency and KMS request quotas",
        ),
        ReplicationOutcome::NotTracked => Judgement::new(
            Kind::ReplicationNotTracked,
            format!("S3 no longer tracks the replication of the version to {to} in its metrics"),
        )
        .remedy(
            "read x-amz-replication-status of the source version: where it is FAILED, or stays \
             PENDING, correct the cause and use S3 Batch Replication",
        ),
    }
}

fn failed(event: &ReplicationEvent, to: &str) -> Judgement {
    let operation = event
        .operation
        .as_deref()
        .map_or_else(String::new, |operation| format!(" ({operation})"));
    let Some(code) = event.failure_reason.as_deref() else {
        return Judgement::new(
            Kind::ReplicationFailed,
            format!("S3 did not replicate the version{operation} to {to}, and gave no reason"),
        )
        .remedy(
            "check the role, both keys and both buckets, then use S3 Batch Replication: S3 does not \
             try again by itself",
        );
    };
    let reason = FailureReason::parse(code);
    Judgement::new(
        Kind::ReplicationFailed,
        format!(
            "S3 did not replicate the version{operation} to {to}: {code}: {}",
            reason.explanation(),
        ),
    )
    .remedy(format!(
        "{}, then use S3 Batch Replication: S3 does not try again by itself",
        reason.remedy(),
    ))
}
