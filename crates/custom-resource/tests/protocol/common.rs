//! A transport that follows a script, a resource that does as told, and the request they work on.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use custom_resource::{
    CustomResource, Deadline, Failure, Payload, Provider, Request, ResponseUrl, Success, Transport,
    TransportError,
};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

pub(crate) const SECRET: &str = "X-Amz-Signature=5ec3e7";
pub(crate) const HOST: &str = "cloudformation-custom-resource-response-useast1.s3.amazonaws.com";

/// How one attempt ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attempt {
    Status(u16),
    Fault { retryable: bool },
    Hangs,
}

/// One attempt as the transport saw it.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) at: Duration,
    pub(crate) url: String,
    pub(crate) content_type: String,
    pub(crate) body: Value,
    pub(crate) length: usize,
}

/// Follows the script, then repeats its last line.
#[derive(Clone)]
pub(crate) struct Scripted {
    start: Instant,
    made: std::time::Instant,
    script: Arc<Mutex<VecDeque<Attempt>>>,
    sent: Arc<Mutex<Vec<Sent>>>,
}

impl Scripted {
    pub(crate) fn new(script: &[Attempt]) -> Self {
        Self {
            start: Instant::now(),
            made: std::time::Instant::now(),
            script: Arc::new(Mutex::new(script.iter().copied().collect())),
            sent: Arc::default(),
        }
    }

    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub(crate) fn times(&self) -> Vec<Duration> {
        self.sent().iter().map(|sent| sent.at).collect()
    }

    /// How long ago an invocation may have been made, which Lambda's deadline goes by: the
    /// time of a test stands still, the machine's goes on, and on a busy one for long.
    pub(crate) fn delay(&self) -> Duration {
        self.made.elapsed()
    }

    /// The body of the only attempt.
    pub(crate) fn answer(&self) -> Value {
        let sent = self.sent();
        assert_eq!(sent.len(), 1, "{sent:?}");
        sent[0].body.clone()
    }
}

impl Transport for Scripted {
    async fn put(
        &self,
        url: &ResponseUrl,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<u16, TransportError> {
        self.sent.lock().unwrap().push(Sent {
            at: self.start.elapsed(),
            url: url.expose_secret().to_owned(),
            content_type: content_type.to_owned(),
            body: serde_json::from_slice(&body).unwrap(),
            length: body.len(),
        });
        let next = {
            let mut script = self.script.lock().unwrap();
            if script.len() > 1 {
                script.pop_front().unwrap()
            } else {
                script[0]
            }
        };
        match next {
            Attempt::Status(status) => Ok(status),
            Attempt::Fault { retryable } => Err(TransportError {
                message: "connection reset".to_owned(),
                retryable,
            }),
            Attempt::Hangs => pending().await,
        }
    }
}

/// What the resource does when it is called.
#[derive(Clone, Debug)]
pub(crate) enum Does {
    Succeed(Map<String, Value>),
    Fail(String),
    PanicAtOnce,
    PanicLater,
    Hang,
    PanicOnDrop,
}

/// Notes each call, then does as told.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) does: Does,
    pub(crate) id: Option<String>,
    pub(crate) calls: Arc<Mutex<Vec<Request>>>,
    pub(crate) time_given: Arc<Mutex<Option<Duration>>>,
}

struct PanicsOnDrop;

impl Drop for PanicsOnDrop {
    fn drop(&mut self) {
        panic!("while dropping");
    }
}

impl Fake {
    pub(crate) fn new(does: Does) -> Self {
        Self {
            does,
            id: Some("the-id".to_owned()),
            calls: Arc::default(),
            time_given: Arc::default(),
        }
    }

    pub(crate) fn succeeding() -> Self {
        Self::new(Does::Succeed(Map::new()))
    }

    pub(crate) fn calls(&self) -> Vec<Request> {
        self.calls.lock().unwrap().clone()
    }

    fn act(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send + use<> {
        self.calls.lock().unwrap().push(request.clone());
        *self.time_given.lock().unwrap() = Some(deadline.remaining());
        let does = self.does.clone();
        assert!(!matches!(does, Does::PanicAtOnce), "panicked at once");
        async move {
            match does {
                Does::Succeed(data) => Ok(Success::from(data)),
                Does::Fail(reason) => Err(Failure::from(reason)),
                Does::Hang => pending().await,
                Does::PanicOnDrop => {
                    let _held = PanicsOnDrop;
                    pending().await
                }
                Does::PanicAtOnce | Does::PanicLater => {
                    sleep(Duration::from_secs(1)).await;
                    panic!("panicked after {} await", 1);
                }
            }
        }
    }
}

impl CustomResource for Fake {
    fn physical_id(&self, _: &Request) -> String {
        self.id.clone().expect("no id to be had")
    }

    fn is_own_id(&self, physical_id: &str) -> bool {
        physical_id.starts_with("the-")
    }

    fn create(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send {
        self.act(request, deadline)
    }

    fn update(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send {
        self.act(request, deadline)
    }

    fn delete(
        &self,
        request: &Request,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send {
        self.act(request, deadline)
    }
}

/// A sound request; Update and Delete bear `the-id`.
pub(crate) fn request(request_type: &str) -> Value {
    let mut request = json!({
        "RequestType": request_type,
        "ServiceToken": "arn:aws:lambda:us-east-1:111122223333:function:provider",
        "ResponseURL": format!("https://{HOST}/stack%7CName%7Cid?{SECRET}"),
        "StackId": "arn:aws:cloudformation:us-east-1:111122223333:stack/name/guid",
        "RequestId": "7bfe2d54-0000-4000-8000-000000000001",
        "LogicalResourceId": "Logical",
        "ResourceType": "Custom::Thing",
        "ResourceProperties": {"ServiceToken": "arn:token", "Name": "new"},
    });
    let members = request.as_object_mut().unwrap();
    if request_type != "Create" {
        members.insert("PhysicalResourceId".to_owned(), json!("the-id"));
    }
    if request_type == "Update" {
        members.insert(
            "OldResourceProperties".to_owned(),
            json!({"ServiceToken": "arn:token", "ServiceTimeout": "60", "Name": "old"}),
        );
    }
    request
}

/// `request` with members set, or taken out where the value is `None`.
pub(crate) fn changed(request_type: &str, changes: &[(&str, Option<Value>)]) -> Value {
    let mut request = request(request_type);
    let members = request.as_object_mut().unwrap();
    for (name, value) in changes {
        match value {
            Some(value) => members.insert((*name).to_owned(), value.clone()),
            None => members.remove(*name),
        };
    }
    request
}

/// An invocation that Lambda stops in `seconds`.
pub(crate) fn event(payload: impl Into<Payload>, seconds: u64) -> LambdaEvent<Payload> {
    let end = SystemTime::now() + Duration::from_secs(seconds);
    let end = end.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let mut context = Context::default();
    context.deadline = u64::try_from(end.as_millis()).unwrap();
    context.request_id = "invocation-1".to_owned();
    LambdaEvent::new(payload.into(), context)
}

pub(crate) fn provider(resource: &Fake, transport: &Scripted) -> Provider<Fake, Scripted> {
    Provider::new(resource.clone(), transport.clone())
}
