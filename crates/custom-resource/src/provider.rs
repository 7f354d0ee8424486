//! The way of a request: read, carried out under guard, answered.

use std::time::Duration;

use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Map, Value};

use crate::deadline::Deadline;
use crate::delivery::deliver;
use crate::echo::Echo;
use crate::error::InvocationError;
use crate::guard::{Stopped, guard, guard_sync, tell_where_panics_abort};
use crate::kind::kind;
use crate::payload::Payload;
use crate::request::{Broken, Envelope, Request, RequestType, is_usable_physical_id};
use crate::resource::CustomResource;
use crate::response::{Answer, Failure, Success};
use crate::response_url::{ResponseHosts, ResponseUrl};
use crate::transport::Transport;

/// Kept free before the end of the invocation for the answer: an attempt that times out after three
/// seconds, a pause, and another attempt of two.
pub const ANSWER_RESERVE: Duration = Duration::from_secs(6);
/// Kept free after the answer, to return from the invocation.
const RETURN_RESERVE: Duration = Duration::from_millis(250);
/// Begins the physical id of a request that ended before anything was made.
const NOTHING_CREATED: &str = "nothing-created/";

/// The function: CloudFormation's protocol around a resource.
///
/// # Guarantees
/// - Every request with a usable `ResponseURL` gets an answer within the invocation, if
///   CloudFormation's side takes one: also where the request is broken, the resource's code panics
///   or does not end.
/// - The answer bears the resource's physical id, the same for a failure as for a success; that of an
///   Update that fails bears the id of the request, as nothing was replaced. A request
///   that ends before there is one (the envelope is broken, or the id cannot be told) is answered
///   under an id that begins with `nothing-created/`; the Delete that follows it succeeds at once.
/// - A Delete reaches the resource if its ids can be read, whatever its properties look like. One
///   whose ids cannot be read succeeds if it is about nothing of the resource's
///   ([`CustomResource::is_own_id`]), and fails otherwise.
/// - An answer has at most 4,096 bytes. A reason is cut in its middle; attributes that do not fit
///   turn the answer of a Create or Update into FAILED, and a Delete's are left out.
/// - Nothing of the URL but its host is logged, shown or returned.
#[derive(Clone, Debug)]
pub struct Provider<R, T> {
    resource: R,
    transport: T,
    hosts: ResponseHosts,
}

impl<R: CustomResource, T: Transport> Provider<R, T> {
    /// Serves `resource`, answering over `transport` to Amazon's hosts alone.
    #[must_use]
    pub const fn new(resource: R, transport: T) -> Self {
        Self {
            resource,
            transport,
            hosts: ResponseHosts::Amazon,
        }
    }

    /// Answers to `hosts`.
    #[must_use]
    pub fn with_response_hosts(mut self, hosts: ResponseHosts) -> Self {
        self.hosts = hosts;
        self
    }

    /// Handles one invocation. The value is the answer without its attributes, or what
    /// [`CustomResource::invoke`] returned.
    ///
    /// # Errors
    /// Where nobody can be answered, the answer did not arrive, or a direct invocation failed. A
    /// request that was answered FAILED is not an error: repeating it would change nothing.
    pub async fn handle(&self, event: LambdaEvent<Payload>) -> Result<Value, InvocationError> {
        tell_where_panics_abort();
        let (payload, context) = event.into_parts();
        let end = Deadline::of_invocation(&context).earlier_by(RETURN_RESERVE);
        match (payload.value, payload.fault) {
            (Value::Object(members), damage) if is_request(&members) => {
                self.answer((members, damage), &context, end).await
            }
            (_, Some(fault)) => Err(InvocationError::NotJson(fault)),
            (payload @ Value::Object(_), None) => self.invoke(payload, context, end).await,
            (other, None) => Err(InvocationError::NotAnObject(kind(&other))),
        }
    }

    async fn invoke(
        &self,
        payload: Value,
        context: Context,
        end: Deadline,
    ) -> Result<Value, InvocationError> {
        let log = log_hint(&context);
        let work = async { self.resource.invoke(payload, context, end).await };
        guard(work, end)
            .await
            .unwrap_or_else(|stopped| Err(stopped_early("the direct invocation", &stopped, &log)))
            .map_err(InvocationError::Direct)
    }

    async fn answer(
        &self,
        (members, damage): (Map<String, Value>, Option<String>),
        context: &Context,
        end: Deadline,
    ) -> Result<Value, InvocationError> {
        let url = match members.get("ResponseURL") {
            Some(Value::String(url)) => ResponseUrl::parse(url, self.hosts)?,
            Some(other) => return Err(InvocationError::NoResponseUrl(kind(other))),
            None => {
                return Err(damage.map_or(
                    InvocationError::NoResponseUrl("missing"),
                    InvocationError::NotJson,
                ));
            }
        };
        let envelope = Envelope::read(members, damage);
        let echo = envelope.echo;
        // CloudFormation stops waiting after ServiceTimeout, whatever time Lambda still gives.
        let end = match envelope.service_timeout {
            Some(timeout) => end.min(Deadline::after(timeout).earlier_by(RETURN_RESERVE)),
            None => end,
        };
        let (physical_resource_id, outcome) = match envelope.contents {
            Ok(request) => self.carry_out(&request, &log_hint(context), end).await,
            Err(broken) => self.refuse(broken, &echo),
        };
        let answer = Answer {
            echo,
            physical_resource_id,
            outcome,
        }
        .fitted();
        let request_id = &answer.echo.request_id;
        let attempts = deliver(&self.transport, &url, &answer, end)
            .await
            .inspect_err(|error| {
                tracing::error!(%request_id, %error, "the answer was not delivered");
            })?;
        if let Err(failure) = &answer.outcome {
            tracing::error!(%request_id, reason = %failure.reason, "the request failed");
        }
        tracing::info!(
            %request_id,
            status = answer.status(),
            physical_resource_id = %answer.physical_resource_id,
            attempts,
            "answered"
        );
        Ok(answer.summary())
    }

    /// Carries out a sound request; the physical id first.
    async fn carry_out(
        &self,
        request: &Request,
        log: &str,
        end: Deadline,
    ) -> (String, Result<Success, Failure>) {
        tracing::info!(
            request_type = %request.request_type,
            request_id = %request.request_id,
            stack_id = %request.stack_id,
            logical_resource_id = %request.logical_resource_id,
            physical_resource_id = request.physical_resource_id.as_deref(),
            "request"
        );
        let id = match self.physical_id(request, log) {
            Ok(id) => id,
            Err(failure) => {
                let id = request.physical_resource_id.clone();
                let id = id.unwrap_or_else(|| nothing_created(&request.request_id));
                return (id, Err(failure));
            }
        };
        if request.request_type == RequestType::Delete && id.starts_with(NOTHING_CREATED) {
            return (id, Ok(Success::default()));
        }
        let deadline = end.earlier_by(ANSWER_RESERVE.min(end.remaining() / 4));
        // Inside the block also what the method does before it returns its future is guarded.
        let work = async {
            match request.request_type {
                RequestType::Create => self.resource.create(request, deadline).await,
                RequestType::Update => self.resource.update(request, deadline).await,
                RequestType::Delete => {
                    let deleted = self.resource.delete(request, deadline).await;
                    // Nobody asks for the attributes of what is gone.
                    deleted.map(|success| Success {
                        reason: success.reason,
                        ..Success::default()
                    })
                }
            }
        };
        let outcome = guard(work, deadline).await.unwrap_or_else(|stopped| {
            let what = format!(
                "{} of `{}`",
                request.request_type, request.logical_resource_id
            );
            Err(stopped_early(&what, &stopped, log))
        });
        let id = match (&outcome, &request.physical_resource_id) {
            // One that did not succeed has replaced nothing.
            (Err(_), Some(present)) => present.clone(),
            _ => id,
        };
        (id, outcome)
    }

    fn physical_id(&self, request: &Request, log: &str) -> Result<String, Failure> {
        if let (RequestType::Delete, Some(id)) =
            (request.request_type, &request.physical_resource_id)
        {
            return Ok(id.clone());
        }
        match guard_sync(|| self.resource.physical_id(request)) {
            Ok(id) if is_usable_physical_id(&id) => Ok(id),
            Ok(id) => Err(Failure::from(format!(
                "the physical id of `{}` has {} bytes, CloudFormation takes 1 to 1024; nothing was \
                 changed",
                request.logical_resource_id,
                id.len()
            ))),
            Err(stopped) => Err(stopped_early("finding the physical id", &stopped, log)),
        }
    }

    /// What becomes of a request that cannot be carried out.
    fn refuse(&self, broken: Broken, echo: &Echo) -> (String, Result<Success, Failure>) {
        let faults = broken.faults.join("; ");
        let own = broken.physical_resource_id.as_deref().is_some_and(|id| {
            !id.starts_with(NOTHING_CREATED)
                && guard_sync(|| self.resource.is_own_id(id)).unwrap_or(true)
        });
        let id = broken
            .physical_resource_id
            .unwrap_or_else(|| nothing_created(&echo.request_id));
        if broken.request_type == Some(RequestType::Delete) && !own {
            tracing::warn!(%faults, "a broken Delete names nothing of the resource's: nothing to do");
            return (id, Ok(Success::default()));
        }
        tracing::error!(%faults, "the request cannot be carried out");
        let failure = format!("the request cannot be carried out, nothing was changed: {faults}");
        (id, Err(Failure::from(failure)))
    }
}

/// Whether the payload has the shape of CloudFormation's request, even a broken one.
fn is_request(members: &Map<String, Value>) -> bool {
    ["ResponseURL", "RequestType", "StackId", "LogicalResourceId"]
        .iter()
        .any(|name| members.contains_key(*name))
}

fn nothing_created(request_id: &str) -> String {
    format!("{NOTHING_CREATED}{request_id}")
}

fn log_hint(context: &Context) -> String {
    let stream = &context.env_config.log_stream;
    if stream.is_empty() {
        format!("the function's log, request {}", context.request_id)
    } else {
        format!("log stream {stream}, request {}", context.request_id)
    }
}

fn stopped_early(what: &str, stopped: &Stopped, log: &str) -> Failure {
    Failure::from(match stopped {
        Stopped::Panic(message) => {
            format!("{what} ended in a defect of the function: {message}; see {log}")
        }
        Stopped::Deadline(allowed) => format!(
            "{what} was stopped after {} s, before the function's time was up, and may be half \
             done; give the function a longer timeout, or the resource a longer ServiceTimeout; \
             see {log}",
            allowed.as_secs()
        ),
    })
}
