//! The checker behind its queue: notifications of S3 itself, and what is no event at all.

mod evidence;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_calls::{Parameter, ParameterStore};
use aws_sdk_s3::types::{
    Event, EventBridgeConfiguration, NotificationConfiguration, QueueConfiguration,
    ReplicationStatus, ServerSideEncryption,
};
use aws_sdk_sqs::types::QueueAttributeName;
use end_to_end::{REPLICA_REGION, SOURCE_REGION, World, run};
use sandbox::cloudformation;
use sandbox::sam::Stack;
use sandbox::verdicts::{self, Verdict};
use sandbox::wait::until;
use serde_json::{Value, json};

#[test]
fn a_plain_notification_of_s3_is_judged_like_an_event_of_eventbridge() {
    run(async |world: &World| {
        let (bucket, key) = ("plain-notification", "a b+c%/ü.txt");
        let s3 = world.s3(SOURCE_REGION);
        s3.create_bucket().bucket(bucket).send().await?;
        let queue = world.output(SOURCE_REGION, "CheckQueueArn").await?;
        let created = QueueConfiguration::builder()
            .queue_arn(queue)
            .events(Event::S3ObjectCreated);
        let configuration = NotificationConfiguration::builder()
            .queue_configurations(created.build()?)
            .build();
        s3.put_bucket_notification_configuration()
            .bucket(bucket)
            .notification_configuration(configuration)
            .send()
            .await?;
        s3.put_object().bucket(bucket).key(key).send().await?;
        let verdict = world.verdict(SOURCE_REGION, bucket, key).await?;
        ensure!(
            verdict.verdict == "NotReplica" && verdict.compliant.is_none(),
            "{verdict:?}"
        );
        Ok(())
    });
}

#[test]
fn a_payload_that_is_no_event_is_tried_again_and_then_kept_in_the_dead_letter_queue() {
    run(async |world: &World| {
        let sqs = aws_sdk_sqs::Client::new(&world.sandbox.config(REPLICA_REGION));
        let queue = world.output(REPLICA_REGION, "CheckQueueUrl").await?;
        let dead_letters = world.output(REPLICA_REGION, "DeadLetterQueueUrl").await?;
        // The tries would take half an hour at the time that a real batch may need.
        sqs.set_queue_attributes()
            .queue_url(&queue)
            .attributes(QueueAttributeName::VisibilityTimeout, "1")
            .send()
            .await?;
        let body = r#"{"hello":"world"}"#;
        sqs.send_message()
            .queue_url(&queue)
            .message_body(body)
            .send()
            .await?;
        let kept = until(
            "the message in the dead-letter queue",
            Duration::from_mins(2),
            async || receive(&sqs, &dead_letters).await,
        )
        .await?;
        ensure!(kept == body, "another message: {kept}");
        Ok(())
    });
}

#[test]
fn a_finding_becomes_an_event_that_a_rule_of_another_stack_can_take() {
    run(async |world: &World| {
        let (name, bucket, key) = ("findings", "source-of-findings", "a b+c%/ü.txt");
        let stack = Stack {
            name,
            region: SOURCE_REGION,
            template: Some("tests/stacks/findings.yaml"),
            account: None,
            parameters: &[("QueueName", name), ("Bucket", bucket)],
        };
        cloudformation::deploy(&world.sandbox, &stack).await?;
        let sqs = aws_sdk_sqs::Client::new(&world.sandbox.config(SOURCE_REGION));
        let events = sqs.get_queue_url().queue_name(name).send().await?;
        let events = events.queue_url().context("the queue has no address")?;
        let queue = world.output(SOURCE_REGION, "CheckQueueUrl").await?;
        let failure = include_str!("../events/replication-failed.json")
            .replace(r#""name": "source""#, &format!(r#""name": "{bucket}""#))
            .replace("Tax/document1", "a+b%2Bc%25/%C3%BC.txt");
        sqs.send_message()
            .queue_url(queue)
            .message_body(failure)
            .send()
            .await?;
        let verdict = world.verdict(SOURCE_REGION, bucket, key).await?;
        let told = until("the finding's event", Duration::from_mins(1), async || {
            receive(&sqs, events).await
        })
        .await?;
        let event: Value = serde_json::from_str(&told)?;
        ensure!(
            event["source"] == "encrypted-replication"
                && event["detail-type"] == "Replica Finding"
                && event["region"] == SOURCE_REGION
                && event["resources"]
                    == serde_json::json!([
                        format!("arn:aws:s3:::{bucket}/{key}"),
                        format!("arn:aws:s3:::{bucket}")
                    ])
                && event["detail"]["id"] == verdict.id.as_str()
                && event["detail"]["verdict"] == "ReplicationFailed"
                && event["detail"]["key"] == key,
            "{event:#}"
        );
        world.delete(name).await
    });
}

#[test]
fn a_replica_without_kms_is_repaired_where_the_template_is_told_to_and_rings_an_alarm() {
    run(async |world: &World| {
        let (name, source, destination) = ("repairing", "repaired-source", "repaired-destination");
        let on_call = "on-call";
        let (topic, calls) = world.on_call(on_call, REPLICA_REGION).await?;
        let parameters = [("Repair", "true"), ("AlarmTopicArn", &topic)];
        world.install(name, REPLICA_REGION, &parameters).await?;
        world
            .deploy(
                "repaired",
                "examples/walkthrough.yaml",
                (source, destination),
            )
            .await?;
        let key = "Tax/with SSE-S3.txt";
        let s3 = world.s3(SOURCE_REGION);
        s3.put_object()
            .bucket(source)
            .key(key)
            .server_side_encryption(ServerSideEncryption::Aes256)
            .send()
            .await?;
        let config = world.sandbox.config(REPLICA_REGION);
        let group = verdicts::log_group(&config, name).await?;
        let verdict = until("the repair", Duration::from_mins(1), async || {
            let lines = verdicts::read(&config, &group).await?;
            Ok(lines.into_iter().find(|line| line.key == key))
        })
        .await?;
        ensure!(
            verdict.verdict == "Compliant" && verdict.repaired,
            "{verdict:?}"
        );
        let head = world.s3(REPLICA_REGION).head_object();
        let head = head.bucket(destination).key(key).send().await?;
        let expected = verdict.expected.context("nothing was expected")?;
        ensure!(
            head.ssekms_key_id() == expected.kms_key_arns.first().map(String::as_str),
            "{head:?}"
        );
        let sqs = aws_sdk_sqs::Client::new(&config);
        let call = until("the alarm's call", Duration::from_mins(1), async || {
            receive(&sqs, &calls).await
        })
        .await?;
        let call: Value = serde_json::from_str(&call)?;
        ensure!(
            call["NewStateValue"] == "ALARM"
                && call["Region"] == REPLICA_REGION
                && call["Trigger"]["MetricName"] == format!("{name}-Repaired"),
            "{call:#}"
        );
        world.delete_from(REPLICA_REGION, name).await?;
        world.delete_from(REPLICA_REGION, on_call).await
    });
}

#[test]
fn a_permission_taken_away_and_an_expectation_that_is_gone_show_as_what_they_are() {
    run(async |world: &World| {
        let (source, destination) = ("unseen-source", "unseen-destination");
        let walkthrough = "examples/walkthrough.yaml";
        world
            .deploy("unseen", walkthrough, (source, destination))
            .await?;
        let judged = async |key: &str| -> Result<Verdict> {
            let put = world.s3(SOURCE_REGION).put_object();
            put.bucket(source).key(key).send().await?;
            world.verdict(REPLICA_REGION, destination, key).await
        };

        let iam = aws_sdk_iam::Client::new(&world.sandbox.config(REPLICA_REGION));
        let role = world.resource(REPLICA_REGION, "CheckReplicaRole").await?;
        let (policy, objects) = ("taken-away", format!("arn:aws:s3:::{destination}/*"));
        let denial = json!({"Version": "2012-10-17", "Statement":
            [{"Effect": "Deny", "Action": ["s3:GetObject", "s3:GetObjectVersion"], "Resource": objects}]});
        iam.put_role_policy()
            .role_name(&role)
            .policy_name(policy)
            .policy_document(denial.to_string())
            .send()
            .await?;
        let put = world.s3(SOURCE_REGION).put_object();
        put.bucket(source).key("Tax/unseen").send().await?;
        // The queue's message comes back, as a permission may be on its way; a call is answered at once.
        let event = json!({"source": "aws.s3", "detail-type": "Object Created", "region": REPLICA_REGION,
            "detail": {"version": "0", "bucket": {"name": destination}, "object": {"key": "Tax/unseen"}}});
        let answer = world.check(REPLICA_REGION, &event).await?;
        let verdict = &answer["verdicts"][0];
        ensure!(
            verdict["verdict"] == "Uninspectable"
                && verdict["compliant"].is_null()
                && verdict["reason"]
                    .as_str()
                    .is_some_and(|reason| reason.contains("is missing, or denied")),
            "{answer}"
        );
        iam.delete_role_policy()
            .role_name(&role)
            .policy_name(policy)
            .send()
            .await?;
        let verdict = judged("Tax/seen").await?;
        ensure!(verdict.verdict == "Compliant", "{verdict:?}");

        let store = ParameterStore::new(&world.sandbox.config(REPLICA_REGION));
        let path = format!("/encrypted-replication/{destination}/");
        let found = store.by_path(&path, false).await?;
        ensure!(found.len() == 1, "{found:?}");
        for parameter in &found {
            store.delete(&parameter.name).await?;
        }
        // The bucket's default encryption is nobody's word about a replica.
        let verdict = judged("Tax/unexpected").await?;
        ensure!(
            verdict.verdict == "NoExpectation" && verdict.compliant.is_none(),
            "{verdict:?}"
        );
        what_arrived_unheard_is_looked_at_when_the_expectation_comes(
            world,
            (source, destination),
            &found,
        )
        .await?;
        world.delete("unseen").await
    });
}

/// S3 sends a bucket's events some minutes after the switch: what arrived before is looked at later, by
/// the event of the expectation that is new. Here the switch is off for a while, and the expectation made
/// anew.
async fn what_arrived_unheard_is_looked_at_when_the_expectation_comes(
    world: &World,
    (source, destination): (&str, &str),
    expectations: &[Parameter],
) -> Result<()> {
    let sqs = aws_sdk_sqs::Client::new(&world.sandbox.config(REPLICA_REGION));
    let queue = world.resource(REPLICA_REGION, "CatchUpQueue").await?;
    sqs.set_queue_attributes()
        .queue_url(queue)
        .attributes(QueueAttributeName::DelaySeconds, "1")
        .send()
        .await?;
    let there = world.s3(REPLICA_REGION);
    let configure = async |configuration| {
        there
            .put_bucket_notification_configuration()
            .bucket(destination)
            .notification_configuration(configuration)
            .send()
            .await
    };
    configure(NotificationConfiguration::builder().build()).await?;
    let (key, here) = ("Tax/unheard", world.s3(SOURCE_REGION));
    here.put_object().bucket(source).key(key).send().await?;
    until("the replica", Duration::from_mins(1), async || {
        let head = here.head_object().bucket(source).key(key).send().await?;
        Ok((head.replication_status == Some(ReplicationStatus::Completed)).then_some(()))
    })
    .await?;
    let switch = EventBridgeConfiguration::builder().build();
    let on = NotificationConfiguration::builder().event_bridge_configuration(switch);
    configure(on.build()).await?;
    let heard = world.verdicts(REPLICA_REGION, destination, key).await?;
    ensure!(heard.is_empty(), "it was heard of: {heard:?}");

    let store = ParameterStore::new(&world.sandbox.config(REPLICA_REGION));
    for expectation in expectations {
        store.put(&expectation.name, &expectation.value, "").await?;
    }
    let verdict = world.verdict(REPLICA_REGION, destination, key).await?;
    ensure!(verdict.verdict == "Compliant", "{verdict:?}");
    Ok(())
}

#[test]
fn what_s3_says_of_replications_that_are_late_is_told() {
    run(async |world: &World| {
        let sqs = aws_sdk_sqs::Client::new(&world.sandbox.config(SOURCE_REGION));
        let queue = world.output(SOURCE_REGION, "CheckQueueUrl").await?;
        for (event, bucket, expected) in [
            (
                include_str!("../events/replication-missed-threshold.json"),
                "late-source",
                "ReplicationDelayed",
            ),
            (
                include_str!("../events/replication-replicated-after-threshold.json"),
                "late-in-the-end-source",
                "ReplicationDelayed",
            ),
            (
                include_str!("../events/replication-not-tracked.json"),
                "untracked-source",
                "ReplicationNotTracked",
            ),
        ] {
            let event = event.replace(r#""name": "source""#, &format!(r#""name": "{bucket}""#));
            let send = sqs.send_message().queue_url(&queue).message_body(event);
            send.send().await?;
            let verdict = world
                .verdict(SOURCE_REGION, bucket, "Tax/document1")
                .await?;
            ensure!(
                verdict.verdict == expected && verdict.compliant.is_none(),
                "{verdict:?}"
            );
        }
        Ok(())
    });
}

#[test]
fn a_report_says_what_went_into_the_evidence() {
    run(evidence::a_report_says_what_went_into_the_evidence);
}

async fn receive(sqs: &aws_sdk_sqs::Client, url: &str) -> Result<Option<String>> {
    let answer = sqs
        .receive_message()
        .queue_url(url)
        .send()
        .await
        .context("cannot receive")?;
    Ok(answer
        .messages()
        .first()
        .and_then(|message| message.body().map(str::to_owned)))
}
