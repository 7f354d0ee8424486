//! What is changed behind a stack's back, and what no longer replicates: seen by whoever asks, and by the schedule.

mod breaking;
mod replaying;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World, run};
use sandbox::cloudformation;
use sandbox::sam::Stack;
use sandbox::wait::until;
use serde_json::{Value, json};

#[test]
fn rules_that_somebody_deletes_are_told_by_event_and_left_as_they_are() {
    run(async |world: &World| {
        let (watching, events) = ("watching", "drift-events");
        let (source, destination) = ("drifting-source", "drifting-destination");
        let on_call = "on-call";
        let (topic, calls) = world.on_call(on_call, SOURCE_REGION).await?;
        let parameters = [
            ("DriftSchedule", "rate(1 minute)"),
            ("ProofSchedule", "rate(30 days)"),
            ("AlarmTopicArn", &topic),
        ];
        let listening = Stack {
            name: events,
            region: SOURCE_REGION,
            template: Some("tests/stacks/findings.yaml"),
            account: None,
            parameters: &[
                ("QueueName", events),
                ("DetailType", "Replication Drift,Replication Proof"),
                ("Bucket", source),
            ],
        };
        tokio::try_join!(
            world.install(watching, SOURCE_REGION, &parameters),
            cloudformation::deploy(&world.sandbox, &listening),
        )?;
        let parameters = [
            ("ReplicationStack", watching),
            ("SourceBucket", source),
            ("DestinationBucket", destination),
        ];
        let template = "examples/walkthrough.yaml";
        world.deploy_with("drifting", template, &parameters).await?;
        let look = json!({"Action": "DetectDrift"});
        let answer = world.ask_of(watching, &look).await?;
        let resource = only(&answer)?;
        ensure!(
            resource["Result"] == "IN_SYNC" && resource["LogicalResourceId"] == "Replication",
            "{answer:#}"
        );
        // Another provisioner of the Region leaves it alone; it has resources of its own.
        let answer = world.ask(&look).await?;
        let resources = answer["Resources"].as_array().context("no list")?;
        ensure!(
            resources
                .iter()
                .all(|other| other["SourceBucket"] != source),
            "{answer:#}"
        );

        let s3 = world.s3(SOURCE_REGION);
        s3.delete_bucket_replication().bucket(source).send().await?;
        let answer = world.ask_of(watching, &look).await?;
        let resource = only(&answer)?;
        let step = format!("put 1 replication rule(s) on bucket `{source}`");
        ensure!(
            resource["Result"] == "DRIFTED" && resource["Changes"] == json!([step]),
            "{answer:#}"
        );

        // One for the look above, and one for the schedule's.
        let sqs = aws_sdk_sqs::Client::new(&world.sandbox.config(SOURCE_REGION));
        let queue = sqs.get_queue_url().queue_name(events).send().await?;
        let queue = queue.queue_url().context("the queue has no address")?;
        let first = next(&sqs, queue).await?;
        ensure!(
            first["source"] == "encrypted-replication"
                && first["detail"]["result"] == "DRIFTED"
                && first["detail"]["changes"] == json!([step])
                && first["detail"]["physicalResourceId"] == resource["PhysicalResourceId"]
                && first["resources"][1] == format!("arn:aws:s3:::{source}"),
            "{first:#}"
        );
        let second = next(&sqs, queue).await?;
        ensure!(second["id"] != first["id"], "one event twice: {second:#}");
        ensure!(second["detail"] == first["detail"], "{second:#}");

        let rules = s3.get_bucket_replication().bucket(source).send().await;
        ensure!(rules.is_err(), "a look changed something: {rules:?}");

        a_proof_rings(world, watching, (&sqs, queue, &calls)).await?;
        world.delete("drifting").await?;
        let left = world.grants(source, destination).await?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        let answer = world.ask_of(watching, &look).await?;
        ensure!(answer["Resources"] == json!([]), "{answer:#}");
        for stack in [events, watching, on_call] {
            world.delete(stack).await?;
        }
        Ok(())
    });
}

#[test]
fn a_proof_goes_all_the_way_to_its_verdict_and_says_what_is_broken() {
    run(async |world: &World| {
        let (name, source, destination) = ("proved", "proved-source", "proved-destination");
        let template = "examples/walkthrough.yaml";
        world.deploy(name, template, (source, destination)).await?;
        let id = world
            .ask(&json!({"Action": "Diagnose", "StackName": name}))
            .await?;
        let owner = id["PhysicalResourceId"]
            .as_str()
            .and_then(|id| id.rsplit('/').next());
        let owner = owner.with_context(|| format!("no id in {id:#}"))?;
        let key = format!("Tax.encrypted-replication-probe-{owner}-1");
        let verdicts = async || world.verdicts(REPLICA_REGION, destination, &key).await;
        let of_stack = verdicts().await?.len();

        let prove = json!({"Action": "Prove", "StackName": name});
        let answer = world.ask(&prove).await?;
        let resource = only(&answer)?;
        ensure!(
            resource["Result"] == "COMPLETED" && resource["Seconds"].is_number(),
            "{answer:#}"
        );
        let verdict = until("the probe's verdict", Duration::from_mins(1), async || {
            Ok(verdicts().await?.into_iter().nth(of_stack))
        });
        let verdict = verdict.await?;
        ensure!(
            verdict.verdict == "Compliant" && verdict.probe,
            "{verdict:?}"
        );

        let s3 = world.s3(SOURCE_REGION);
        let encryption = s3.get_bucket_encryption().bucket(source).send().await?;
        let rules = encryption.server_side_encryption_configuration();
        let rule = rules.and_then(|found| found.rules().first());
        let default = rule.and_then(|rule| rule.apply_server_side_encryption_by_default());
        let kms_key = default.and_then(|default| default.kms_master_key_id());
        let kms = aws_sdk_kms::Client::new(&world.sandbox.config(SOURCE_REGION));
        kms.disable_key()
            .set_key_id(kms_key.map(str::to_owned))
            .send()
            .await?;
        let answer = world.ask(&prove).await?;
        let resource = only(&answer)?;
        let remedy = resource["Remedy"].as_str().unwrap_or_default();
        ensure!(
            resource["Result"] == "FAILED" && remedy.contains("kms:EnableKey"),
            "{answer:#}"
        );
        for (region, bucket) in [(SOURCE_REGION, source), (REPLICA_REGION, destination)] {
            let versions = world.s3(region).list_object_versions();
            let left = versions.bucket(bucket).send().await?;
            ensure!(left.versions().is_empty(), "left in {bucket}: {left:?}");
        }
        kms.enable_key()
            .set_key_id(kms_key.map(str::to_owned))
            .send()
            .await?;
        replaying::what_failed_arrives(world, name, (source, destination)).await?;
        world.delete(name).await
    });
}

// Last by its name: it is mostly waiting, and what begins before it waits longer.
#[test]
fn ten_ways_of_breaking_ring_within_one_schedule() {
    run(breaking::each_rings);
}

/// Nothing is replicated any more, which a proof shows: in its answer, by an event and by an alarm.
#[expect(
    clippy::indexing_slicing,
    reason = "what is not there reads as null, and fails the test"
)]
async fn a_proof_rings(
    world: &World,
    stack: &str,
    (sqs, events, calls): (&aws_sdk_sqs::Client, &str, &str),
) -> Result<()> {
    let answer = world.ask_of(stack, &json!({"Action": "Prove"})).await?;
    let resource = only(&answer)?;
    ensure!(
        resource["Result"] == "FAILED" && resource["Findings"][0]["Check"] == "Rules",
        "{answer:#}"
    );
    let event = loop {
        let event = next(sqs, events).await?;
        if event["detail-type"] == "Replication Proof" {
            break event;
        }
    };
    ensure!(
        event["detail"]["result"] == "FAILED"
            && event["detail"]["reason"] == resource["Reason"]
            && event["detail"]["findings"][0]["check"] == "Rules",
        "{event:#}"
    );
    loop {
        let call = next(sqs, calls).await?;
        if call["Trigger"]["MetricName"] == "FailedProofs" {
            ensure!(call["NewStateValue"] == "ALARM", "{call:#}");
            return Ok(());
        }
    }
}

/// The one resource of the answer.
fn only(answer: &Value) -> Result<&Value> {
    match answer["Resources"].as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one),
        _ => anyhow::bail!("not one resource: {answer:#}"),
    }
}

/// Takes the next event out of the queue.
async fn next(sqs: &aws_sdk_sqs::Client, queue: &str) -> Result<Value> {
    let body = until("an event or a call", Duration::from_mins(3), async || {
        let answer = sqs.receive_message().queue_url(queue).send().await?;
        let Some(message) = answer.messages().first() else {
            return Ok(None);
        };
        let handle = message.receipt_handle().context("no receipt")?;
        let delete = sqs.delete_message().queue_url(queue);
        delete.receipt_handle(handle).send().await?;
        Ok(message.body().map(str::to_owned))
    })
    .await?;
    Ok(serde_json::from_str(&body)?)
}
