//! After an outage: what failed is replicated again, by three questions that a person asks, and told.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::ReplicationStatus;
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World};
use sandbox::cloudformation;
use sandbox::sam::Stack;
use sandbox::wait::until;
use serde_json::json;

use crate::next;

/// An object fails while the replicas' key is disabled; the key is enabled, and the object is replayed.
#[expect(
    clippy::indexing_slicing,
    reason = "what is not there reads as null, and fails the test"
)]
pub(crate) async fn what_failed_arrives(
    world: &World,
    stack: &str,
    (source, destination): (&str, &str),
) -> Result<()> {
    let queue = &listening(world, source).await?;
    let replica_key = world
        .output_of(stack, SOURCE_REGION, "ReplicaKmsKeyArns")
        .await?;
    let kms = aws_sdk_kms::Client::new(&world.sandbox.config(REPLICA_REGION));
    kms.disable_key().key_id(&replica_key).send().await?;
    let s3 = world.s3(SOURCE_REGION);
    let key = "Tax/in an outage";
    let put = s3.put_object().bucket(source).key(key).send().await?;
    let version = put.version_id().context("the source has no versions")?;
    let verdict = world.verdict(SOURCE_REGION, source, key).await?;
    ensure!(verdict.verdict == "ReplicationFailed", "{verdict:?}");

    let replay = json!({"Action": "Replay", "StackName": stack});
    let refused = match world.ask(&replay).await {
        Ok(answer) => answer.to_string(),
        Err(error) => format!("{error:#}"),
    };
    ensure!(
        refused.contains("it would fail again") && refused.contains(&replica_key),
        "not refused by its cause: {refused}"
    );
    kms.enable_key().key_id(&replica_key).send().await?;
    let begun = world.ask(&replay).await?;
    let id = begun["JobId"].as_str();
    let id = id.with_context(|| format!("no job: {begun:#}"))?;
    ensure!(begun["AlreadyUnderWay"] == json!(false), "{begun:#}");

    let question = json!({"Action": "Job", "JobId": id});
    let seen = until("the end of the job", Duration::from_mins(1), async || {
        let seen = world.ask(&question).await?;
        Ok((seen["Over"] == json!(true)).then_some(seen))
    });
    let seen = seen.await?;
    ensure!(
        seen["Status"] == "Complete"
            && [&seen["Tasks"], &seen["Succeeded"], &seen["Failed"]] == [1, 1, 0]
            && seen["Failures"] == json!([])
            && seen["ReportLocation"].is_string(),
        "{seen:#}"
    );
    let head = s3.head_object().bucket(source).key(key).send().await?;
    ensure!(
        head.replication_status() == Some(&ReplicationStatus::Completed)
            && head.version_id() == Some(version),
        "the source object is {head:?}"
    );
    // It arrived as the same version, and somebody judged it.
    let verdict = world.verdict(REPLICA_REGION, destination, key).await?;
    let found = verdict.observed.as_ref();
    ensure!(
        verdict.verdict == "Compliant"
            && verdict.version_id.as_deref() == Some(version)
            && found.and_then(|found| found.kms_key_arn.as_ref()) == Some(&replica_key),
        "{verdict:?}"
    );

    // Its failure is over, and the job's outcome is told.
    let sqs = aws_sdk_sqs::Client::new(&world.sandbox.config(SOURCE_REGION));
    let mut told = [next(&sqs, queue).await?, next(&sqs, queue).await?];
    told.sort_by_key(|event| event["detail-type"].to_string());
    let [resolved, outcome] = &told;
    ensure!(
        resolved["detail-type"] == "Replica Finding Resolved"
            && resolved["detail"]["versionId"] == version
            && resolved["detail"]["verdict"] == "ReplicationFailed"
            && resolved["detail"]["compliant"] == json!(true),
        "{told:#?}"
    );
    ensure!(
        outcome["detail-type"] == "Replication Replay"
            && outcome["detail"]["jobId"] == id
            && outcome["detail"]["succeeded"] == 1
            && outcome["detail"]["failed"] == 0,
        "{told:#?}"
    );
    // As the schedule asks: it is told once.
    let rest = world.ask(&json!({"Action": "Job"})).await?;
    ensure!(rest["Jobs"] == json!([]), "{rest:#}");
    Ok(())
}

/// URL of a queue that gets what is told of a source bucket's failures.
async fn listening(world: &World, source: &str) -> Result<String> {
    let name = "replay-events";
    let types = "Replication Replay,Replica Finding Resolved";
    let stack = Stack {
        name,
        region: SOURCE_REGION,
        template: Some("tests/stacks/findings.yaml"),
        account: None,
        parameters: &[
            ("QueueName", name),
            ("DetailType", types),
            ("Bucket", source),
        ],
    };
    cloudformation::deploy(&world.sandbox, &stack).await?;
    let sqs = aws_sdk_sqs::Client::new(&world.sandbox.config(SOURCE_REGION));
    let queue = sqs.get_queue_url().queue_name(name).send().await?;
    let url = queue.queue_url().map(str::to_owned);
    url.context("the queue has no address")
}
