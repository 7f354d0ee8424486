//! What is changed behind a stack's back: seen by whoever asks, and by the schedule.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use end_to_end::{SOURCE_REGION, World, run};
use sandbox::sam::{self, SANDBOX_PARAMETERS, Stack};
use sandbox::wait::until;
use serde_json::{Value, json};

#[test]
fn rules_that_somebody_deletes_are_told_by_event_and_left_as_they_are() {
    run(async |world: &World| {
        let (watching, events) = ("watching", "drift-events");
        let (source, destination) = ("drifting-source", "drifting-destination");
        let installed = Stack {
            name: watching,
            region: SOURCE_REGION,
            template: None,
            account: None,
            parameters: &[SANDBOX_PARAMETERS, &[("DriftSchedule", "rate(1 minute)")]].concat(),
        };
        let listening = Stack {
            name: events,
            region: SOURCE_REGION,
            template: Some("tests/stacks/findings.yaml"),
            account: None,
            parameters: &[
                ("QueueName", events),
                ("DetailType", "Replication Drift"),
                ("Bucket", source),
            ],
        };
        tokio::try_join!(
            sam::deploy(&world.sandbox, &installed, |_| {}),
            sam::deploy(&world.sandbox, &listening, |_| {}),
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
        // Another provisioner of the Region leaves it alone.
        let answer = world.ask(&look).await?;
        ensure!(answer["Resources"] == json!([]), "{answer:#}");

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
        world.delete("drifting").await?;
        let left = world.grants(source, destination).await?;
        ensure!(left.is_empty(), "left behind: {left:?}");
        let answer = world.ask_of(watching, &look).await?;
        ensure!(answer["Resources"] == json!([]), "{answer:#}");
        for stack in [events, watching] {
            world.delete(stack).await?;
        }
        Ok(())
    });
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
    let body = until("an event of drift", Duration::from_mins(3), async || {
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
