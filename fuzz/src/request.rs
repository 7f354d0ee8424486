//! CloudFormation's requests: whatever has a `ResponseURL` of Amazon's is answered there, once.

use std::future::{Future, ready};
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use custom_resource::{
    Context, CustomResource, Deadline, Failure, Payload, Provider, Request, ResponseUrl, Success,
    Transport, TransportError,
};
use lambda_runtime::LambdaEvent;
use serde_json::Value;

/// See <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>.
const LONGEST_ANSWER: usize = 4096;
const LONGEST_ID: usize = 1024;

/// Hands the bytes to a provider, as Lambda would.
///
/// # Panics
/// Where a request is answered elsewhere, more than once, or with what CloudFormation does not take,
/// or where an error shows the URL's query.
pub fn check(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let sent = Sent::default();
    let provider = Provider::new(Echo, &sent);
    let event = LambdaEvent::new(Payload::from_slice(bytes), context());
    let handled = runtime.block_on(provider.handle(event));
    let answers = sent
        .0
        .into_inner()
        .expect("nothing panics while it is held");
    match (handled, answers.as_slice()) {
        (Ok(summary), [(url, answer)]) => {
            is_amazons(url);
            let answer = is_an_answer(answer);
            assert_eq!(answer.get("Status"), summary.get("Status"), "{answer}");
        }
        // A direct invocation is answered to whoever made it.
        (Ok(_), []) => assert!(!names_a_url(bytes), "a request without an answer"),
        (Err(error), []) => {
            let text = error.to_string();
            assert!(
                !text.is_empty() && !text.contains("X-Amz-Signature"),
                "{text}"
            );
        }
        (handled, answers) => panic!("{handled:?} after {answers:?}"),
    }
}

/// Whether it is JSON with a `ResponseURL`.
fn names_a_url(bytes: &[u8]) -> bool {
    let payload = serde_json::from_slice::<Value>(bytes);
    payload.is_ok_and(|payload| payload.get("ResponseURL").is_some())
}

fn context() -> Context {
    let end = SystemTime::now() + Duration::from_mins(1);
    let end = end.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut context = Context::default();
    context.deadline = u64::try_from(end.as_millis()).unwrap_or(u64::MAX);
    context
}

fn is_amazons(url: &str) {
    let rest = url
        .get(8..)
        .filter(|_| url.to_ascii_lowercase().starts_with("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#', '\\']).next());
    let host = host.unwrap_or_default().to_ascii_lowercase();
    let host = host.strip_suffix(":443").unwrap_or(&host);
    let known = [
        ".amazonaws.com",
        ".amazonaws.com.cn",
        ".amazonaws.eu",
        ".c2s.ic.gov",
        ".sc2s.sgov.gov",
        ".cloud.adc-e.uk",
        ".csp.hci.ic.gov",
    ];
    assert!(known.iter().any(|suffix| host.ends_with(suffix)), "{host}");
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-".contains(c);
    assert!(host.chars().all(plain), "{host}");
}

fn is_an_answer(body: &[u8]) -> Value {
    assert!(body.len() <= LONGEST_ANSWER, "{} bytes", body.len());
    let answer: Value = serde_json::from_slice(body).expect("an answer is JSON");
    for name in ["StackId", "RequestId", "LogicalResourceId"] {
        assert!(!text(&answer, name).is_empty(), "{answer}");
    }
    let id = text(&answer, "PhysicalResourceId").len();
    assert!((1..=LONGEST_ID).contains(&id), "{answer}");
    match text(&answer, "Status") {
        "SUCCESS" => {}
        "FAILED" => assert!(!text(&answer, "Reason").is_empty(), "{answer}"),
        other => panic!("status `{other}`"),
    }
    answer
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// What was sent, and where to.
#[derive(Debug, Default)]
struct Sent(Mutex<Vec<(String, Vec<u8>)>>);

impl Transport for &Sent {
    fn put(
        &self,
        url: &ResponseUrl,
        _: &str,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<u16, TransportError>> + Send {
        let mut sent = self.0.lock().expect("nothing panics while it is held");
        sent.push((url.expose_secret().to_owned(), body));
        ready(Ok(200))
    }
}

/// Gives back what it got: as attributes where there is a `Name`, else as the reason of a failure.
struct Echo;

impl Echo {
    fn act(request: &Request) -> impl Future<Output = Result<Success, Failure>> + Send + use<> {
        let properties = &request.resource_properties;
        ready(if properties.contains_key("Name") {
            Ok(Success::from(properties.clone()))
        } else {
            Err(Failure::from(Value::from(properties.clone()).to_string()))
        })
    }
}

impl CustomResource for Echo {
    fn physical_id(&self, request: &Request) -> String {
        format!("echo/{}", request.logical_resource_id)
    }

    fn create(
        &self,
        request: &Request,
        _: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send {
        Self::act(request)
    }

    fn update(
        &self,
        request: &Request,
        _: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send {
        Self::act(request)
    }

    fn delete(
        &self,
        request: &Request,
        _: Deadline,
    ) -> impl Future<Output = Result<Success, Failure>> + Send {
        Self::act(request)
    }
}
