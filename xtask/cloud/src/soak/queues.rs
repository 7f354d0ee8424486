//! The checker's queues: how long a message is away, what waits, what is dead, and sending it back.

use std::collections::{BTreeMap, HashSet};

use anyhow::{Context, Result};
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{Message, QueueAttributeName};
use sandbox::Sandbox;
use sandbox::cloudformation;
use serde_json::Value;

/// What can never be judged.
pub(crate) const POISON: [&str; 5] = [
    "no JSON at all",
    r#"{"hello":"world"}"#,
    "[1,2,3]",
    r#"{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put"}]}"#,
    r#"{"source":"aws.s3","detail-type":"Object Created","detail":{}}"#,
];
/// For so long the queue does not give a message again that has been looked at.
const KEPT_SECONDS: i32 = 600;
const COUNTS: [QueueAttributeName; 3] = [
    QueueAttributeName::ApproximateNumberOfMessages,
    QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
    QueueAttributeName::ApproximateNumberOfMessagesDelayed,
];

/// The queues of one Region.
pub(crate) struct Queues {
    sqs: Client,
    check: String,
    dead: String,
    findings: String,
}

impl Queues {
    /// Looks up the queues of the stacks in a Region.
    pub(crate) async fn open(
        sandbox: &Sandbox,
        region: &str,
        stack: &str,
        findings: &str,
    ) -> Result<Self> {
        let outputs = cloudformation::outputs(&sandbox.config(region), stack).await?;
        let output = |name| {
            let found: Option<&String> = outputs.get(name);
            found
                .cloned()
                .with_context(|| format!("stack `{stack}` has no output {name}"))
        };
        let sqs = Client::new(&sandbox.config(region));
        let findings = sqs.get_queue_url().queue_name(findings).send().await?;
        Ok(Self {
            check: output("CheckQueueUrl")?,
            dead: output("DeadLetterQueueUrl")?,
            findings: findings.queue_url.context("the queue has no address")?,
            sqs,
        })
    }

    /// Sets after how many seconds a message comes back that was not deleted.
    pub(crate) async fn come_back_after(&self, seconds: u64) -> Result<()> {
        self.set(QueueAttributeName::VisibilityTimeout, seconds)
            .await
    }

    /// Sets for how many seconds a new message waits.
    pub(crate) async fn delay(&self, seconds: u64) -> Result<()> {
        self.set(QueueAttributeName::DelaySeconds, seconds).await
    }

    async fn set(&self, attribute: QueueAttributeName, value: u64) -> Result<()> {
        let request = self.sqs.set_queue_attributes().queue_url(&self.check);
        request
            .attributes(attribute.clone(), value.to_string())
            .send()
            .await
            .with_context(|| format!("cannot set the queue's {attribute}"))?;
        Ok(())
    }

    /// Sends what can never be judged; returns how many.
    pub(crate) async fn poison(&self) -> Result<usize> {
        for body in POISON {
            let message = self.sqs.send_message().queue_url(&self.check);
            message
                .message_body(body)
                .delay_seconds(0)
                .send()
                .await
                .context("cannot send a message")?;
        }
        Ok(POISON.len())
    }

    /// How many messages wait, are being worked on, or will come.
    pub(crate) async fn waiting(&self) -> Result<u64> {
        let mut request = self.sqs.get_queue_attributes().queue_url(&self.check);
        for name in COUNTS {
            request = request.attribute_names(name);
        }
        let answer = request.send().await.context("cannot look at the queue")?;
        let values = answer.attributes.unwrap_or_default();
        Ok(values
            .values()
            .filter_map(|value| value.parse::<u64>().ok())
            .sum())
    }

    /// The dead letters' bodies; they stay where they are.
    pub(crate) async fn dead_letters(&self) -> Result<Vec<String>> {
        Ok(bodies(self.receive(&self.dead).await?))
    }

    /// Sends every dead letter back to the checker's queue, as a redrive does; returns their bodies.
    ///
    /// The sandbox has no `StartMessageMoveTask`.
    pub(crate) async fn redrive(&self) -> Result<Vec<String>> {
        let messages = self.receive(&self.dead).await?;
        for message in messages.values() {
            let send = self.sqs.send_message().queue_url(&self.check);
            send.set_message_body(message.body.clone())
                .send()
                .await
                .context("cannot send a dead letter back")?;
            self.delete(&self.dead, message).await?;
        }
        Ok(bodies(messages))
    }

    /// The ids of all findings that became events.
    pub(crate) async fn findings(&self) -> Result<HashSet<String>> {
        let mut ids = HashSet::new();
        for message in self.receive(&self.findings).await?.into_values() {
            let body: Value = serde_json::from_str(message.body().unwrap_or_default())
                .context("a finding's event is no JSON")?;
            let id = body.pointer("/detail/id").and_then(Value::as_str);
            ids.insert(id.context("a finding's event has no id")?.to_owned());
            self.delete(&self.findings, &message).await?;
        }
        Ok(ids)
    }

    /// All messages of a queue by their ids, which it gives to nobody else for some minutes.
    async fn receive(&self, queue: &str) -> Result<BTreeMap<String, Message>> {
        let mut all = BTreeMap::new();
        loop {
            let answer = self
                .sqs
                .receive_message()
                .queue_url(queue)
                .max_number_of_messages(10)
                .visibility_timeout(KEPT_SECONDS)
                .send()
                .await
                .context("cannot receive")?;
            let before = all.len();
            for message in answer.messages.unwrap_or_default() {
                all.insert(message.message_id.clone().unwrap_or_default(), message);
            }
            if all.len() == before {
                return Ok(all);
            }
        }
    }

    async fn delete(&self, queue: &str, message: &Message) -> Result<()> {
        let request = self.sqs.delete_message().queue_url(queue);
        request
            .set_receipt_handle(message.receipt_handle.clone())
            .send()
            .await
            .context("cannot delete a message")?;
        Ok(())
    }
}

fn bodies(messages: BTreeMap<String, Message>) -> Vec<String> {
    let bodies = messages.into_values();
    bodies.filter_map(|message| message.body).collect()
}
