//! CloudFormation around a resource: it gives back the physical id that it was answered, cleans up after
//! a replacement, and rolls back what fails.

use std::sync::{Arc, Mutex};

use custom_resource::{
    Context, Payload, Provider, RequestType, ResponseUrl, Transport, TransportError,
};
use lambda_runtime::LambdaEvent;
use serde_json::{Value, json};

use super::{FUNCTION, Stack, service_token};

const URL: &str =
    "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/answer?X=1";

/// What was put to the response URL.
#[derive(Clone, Debug, Default)]
struct Answers(Arc<Mutex<Vec<Value>>>);

impl Transport for Answers {
    async fn put(&self, _: &ResponseUrl, _: &str, body: Vec<u8>) -> Result<u16, TransportError> {
        let body = serde_json::from_slice(&body).expect("an answer in JSON");
        self.0.lock().unwrap().push(body);
        Ok(200)
    }
}

/// An answer of the resource.
#[derive(Clone, Debug)]
pub(crate) struct Answered(pub(crate) Value);

impl Answered {
    pub(crate) fn ok(&self) -> bool {
        self.0["Status"] == "SUCCESS"
    }

    pub(crate) fn id(&self) -> String {
        self.0["PhysicalResourceId"].as_str().unwrap().to_owned()
    }

    pub(crate) fn reason(&self) -> String {
        self.0["Reason"].as_str().unwrap_or_default().to_owned()
    }
}

/// One resource of a stack, from its Create to its Delete.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    stack: Stack,
    stack_id: String,
    logical_id: String,
    id: Option<String>,
    properties: Value,
    /// The id that is cleaned up when the stack's update is done, with its properties.
    replaced: Option<(String, Value)>,
}

impl Resource {
    pub(crate) fn new(stack: &Stack, stack_name: &str, logical_id: &str) -> Self {
        Self {
            stack: stack.clone(),
            stack_id: format!(
                "arn:aws:cloudformation:us-east-1:111122223333:stack/{stack_name}/5f7a"
            ),
            logical_id: logical_id.to_owned(),
            id: None,
            properties: json!({}),
            replaced: None,
        }
    }

    pub(crate) fn id(&self) -> &str {
        self.id.as_deref().expect("a resource that was created")
    }

    /// The owner that things of the resource bear.
    pub(crate) fn owner(&self) -> &str {
        self.id().rsplit('/').next().unwrap()
    }

    /// One request, as CloudFormation sends it.
    pub(crate) async fn send(
        &self,
        kind: RequestType,
        id: Option<&str>,
        properties: &Value,
        old: Option<&Value>,
    ) -> Answered {
        let token = |properties: &Value| {
            let mut properties = properties.clone();
            properties["ServiceToken"] = json!(service_token(FUNCTION));
            properties
        };
        let mut event = json!({
            "RequestType": kind.as_str(), "RequestId": "r", "ResponseURL": URL,
            "StackId": self.stack_id, "LogicalResourceId": self.logical_id,
            "ResourceType": "Custom::EncryptedReplication",
            "ResourceProperties": token(properties),
        });
        if let Some(id) = id {
            event["PhysicalResourceId"] = json!(id);
        }
        if let Some(old) = old {
            event["OldResourceProperties"] = token(old);
        }
        let mut context = Context::default();
        let in_minutes = std::time::SystemTime::now() + std::time::Duration::from_mins(15);
        let deadline = in_minutes.duration_since(std::time::UNIX_EPOCH).unwrap();
        context.deadline = u64::try_from(deadline.as_millis()).unwrap();
        let answers = Answers::default();
        let provider = Provider::new(self.stack.resource(), answers.clone());
        let event = LambdaEvent::new(Payload::from(event), context);
        Box::pin(provider.handle(event)).await.expect("answered");
        let answers = answers.0.lock().unwrap();
        assert_eq!(answers.len(), 1, "{answers:?}");
        Answered(answers[0].clone())
    }

    /// Creates it, and rolls back where that fails: the second answer is the roll-back's.
    pub(crate) async fn create(&mut self, properties: &Value) -> Result<Answered, [Answered; 2]> {
        let answer = self.send(RequestType::Create, None, properties, None).await;
        if answer.ok() {
            self.id = Some(answer.id());
            self.properties = properties.clone();
            return Ok(answer);
        }
        let id = answer.id();
        let back = self
            .send(RequestType::Delete, Some(&id), properties, None)
            .await;
        Err([answer, back])
    }

    /// Updates it, and rolls back where that fails. What was replaced waits for [`Self::clean_up`].
    pub(crate) async fn update(&mut self, properties: &Value) -> Result<Answered, [Answered; 2]> {
        let (old, id) = (self.properties.clone(), self.id().to_owned());
        let answer = self
            .send(RequestType::Update, Some(&id), properties, Some(&old))
            .await;
        if !answer.ok() {
            assert_eq!(answer.id(), id, "a failed Update is answered under its id");
            let back = self
                .send(RequestType::Update, Some(&id), &old, Some(properties))
                .await;
            return Err([answer, back]);
        }
        if answer.id() != id {
            self.replaced = Some((id, old));
        }
        self.id = Some(answer.id());
        self.properties = properties.clone();
        Ok(answer)
    }

    /// Ends a stack's update: the Delete of what was replaced.
    pub(crate) async fn clean_up(&mut self) -> Option<Answered> {
        let (id, properties) = self.replaced.take()?;
        Some(
            self.send(RequestType::Delete, Some(&id), &properties, None)
                .await,
        )
    }

    /// Creates and replaces nothing: the same request once more, as Lambda may deliver it.
    pub(crate) async fn delete(&self) -> Answered {
        self.send(
            RequestType::Delete,
            self.id.as_deref(),
            &self.properties,
            None,
        )
        .await
    }

    /// Deletes it, which must succeed.
    pub(crate) async fn deleted(&self) -> Answered {
        let answer = self.delete().await;
        assert!(answer.ok(), "{answer:?}");
        answer
    }
}
