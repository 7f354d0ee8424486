//! CloudFormation around a resource: it asks, waits for one answer, gives back the id that it was answered,
//! cleans up after a replacement, and rolls back what fails.
//!
//! See <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html>.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_names::Home;
use custom_resource::{
    Context, Payload, Provider, RequestType, ResponseUrl, Transport, TransportError,
};
use lambda_runtime::LambdaEvent;
use replication::resource::EncryptedReplication;
use serde_json::{Value, json};

use crate::story::EAST;
use aws_in_memory::ACCOUNT;
use aws_in_memory::faults::Faulty;

const URL: &str =
    "https://cloudformation-custom-resource-response-useast1.s3.amazonaws.com/answer?X=1";
/// How long the function has; Lambda's longest.
pub const FUNCTION_SECONDS: u64 = 900;
/// The queue that failures go to.
pub const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:check-replica";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:provision-replication";

/// What was put to the response URL.
#[derive(Clone, Debug, Default)]
pub struct Answers(Arc<Mutex<Vec<Value>>>);

impl Answers {
    /// All of them, in their order.
    #[must_use]
    pub fn all(&self) -> Vec<Value> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.clone()
    }
}

impl Transport for Answers {
    async fn put(&self, _: &ResponseUrl, _: &str, body: Vec<u8>) -> Result<u16, TransportError> {
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push(body);
        Ok(200)
    }
}

/// An answer to CloudFormation.
#[derive(Clone, Debug)]
pub struct Answer(pub Value);

impl Answer {
    /// What CloudFormation takes where none came in time.
    #[must_use]
    pub fn none(id: &str) -> Self {
        Self(json!({"Status": "FAILED", "PhysicalResourceId": id, "Reason": "no answer came"}))
    }

    /// Whether the request succeeded.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.0["Status"] == "SUCCESS"
    }

    /// The physical id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0["PhysicalResourceId"].as_str().unwrap_or_default()
    }

    /// Why it failed.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.0["Reason"].as_str().unwrap_or_default()
    }

    /// An attribute.
    #[must_use]
    pub fn attribute(&self, name: &str) -> &str {
        self.0["Data"][name].as_str().unwrap_or_default()
    }
}

/// A request of CloudFormation.
#[derive(Clone, Debug)]
pub struct Request {
    pub kind: RequestType,
    pub stack: usize,
    /// Which incarnation of the stack: a stack that is made again is another one.
    pub incarnation: usize,
    pub id: Option<String>,
    pub properties: Value,
    pub old: Option<Value>,
    pub number: usize,
}

impl Request {
    fn event(&self) -> Value {
        let token = |properties: &Value| {
            let mut properties = properties.clone();
            properties["ServiceToken"] = json!(FUNCTION);
            // Counted on the clock of this world, where Lambda's own deadline is not.
            properties["ServiceTimeout"] = json!(FUNCTION_SECONDS.to_string());
            properties
        };
        let stack = format!("stack-{}/{}", self.stack, self.incarnation);
        let mut event = json!({
            "RequestType": self.kind.as_str(), "RequestId": format!("request-{}", self.number),
            "ResponseURL": URL, "LogicalResourceId": "Replication",
            "StackId": format!("arn:aws:cloudformation:{EAST}:{ACCOUNT}:stack/{stack}"),
            "ResourceType": "Custom::EncryptedReplication",
            "ResourceProperties": token(&self.properties),
        });
        if let Some(id) = &self.id {
            event["PhysicalResourceId"] = json!(id);
        }
        if let Some(old) = &self.old {
            event["OldResourceProperties"] = token(old);
        }
        event
    }
}

/// The provisioner over `aws`.
#[must_use]
pub fn resource(aws: Faulty) -> EncryptedReplication<Faulty> {
    let home = Home {
        partition: "aws".into(),
        region: EAST.into(),
        account: ACCOUNT.into(),
    };
    EncryptedReplication::new(aws, home, Some(QUEUE.to_owned()))
}

/// Has the function carry a request out.
pub async fn invoke(aws: Faulty, request: &Request, answers: &Answers) {
    let far = std::time::SystemTime::now() + Duration::from_hours(2);
    let far = far.duration_since(std::time::UNIX_EPOCH);
    let mut context = Context::default();
    let far = far.unwrap_or_default().as_millis();
    context.deadline = u64::try_from(far).unwrap_or(u64::MAX);
    FUNCTION.clone_into(&mut context.invoked_function_arn);
    let provider = Provider::new(resource(aws), answers.clone());
    let event = LambdaEvent::new(Payload::from(request.event()), context);
    // What nobody could be answered shows by the answer that is missing.
    let _ = Box::pin(provider.handle(event)).await;
}
