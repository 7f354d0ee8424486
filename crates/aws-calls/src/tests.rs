//! What is sent, and what is made of the answers.

use std::sync::Mutex;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::request_id::RequestId as _;
use sdk_environment::answered;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use test_server::{Server, response};

use crate::{Client, Error, Lambda, ParameterStore, Service};

const CONFIG: Service = Service {
    id: "Config Service",
    prefix: "config",
    target: "StarlingDoveService",
};

/// A server that gives these answers, in turn, and the way to it.
pub(crate) async fn serving(answers: Vec<String>) -> (Server, SdkConfig) {
    let answers = Mutex::new(answers.into_iter());
    let next = move |_: &_| answers.lock().unwrap().next().unwrap_or_default();
    let server = Server::start(next).await.unwrap();
    let credentials = Credentials::new("AKIAEXAMPLE", "secret", Some("t".into()), None, "test");
    let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
    let limits = TimeoutConfig::builder().operation_attempt_timeout(Duration::from_secs(1));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-west-2"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(&server.endpoint)
        .retry_config(retries)
        .timeout_config(limits.build())
        .build();
    (server, config)
}

fn ok(body: &Value) -> String {
    response("200 OK", "", &body.to_string())
}

async fn call(config: &SdkConfig) -> Result<Value, Error> {
    let question = json!({"RuleNames": ["r"]});
    Client::new(config, CONFIG)
        .call("DescribeRules", &question)
        .await
}

#[tokio::test]
async fn a_call_is_signed_for_its_service_and_says_who_calls() {
    let (server, config) = serving(vec![ok(&json!({"a": 1}))]).await;
    assert_eq!(call(&config).await.unwrap(), json!({"a": 1}));
    let sent = server.requests().remove(0);
    assert_eq!(sent.line, "POST /");
    assert_eq!(sent.body, r#"{"RuleNames":["r"]}"#);
    let header = |name| sent.header(name).unwrap_or_default().to_owned();
    assert_eq!(header("content-type"), "application/x-amz-json-1.1");
    assert_eq!(header("x-amz-target"), "starlingdoveservice.describerules");
    let signature = header("authorization");
    assert!(
        signature.contains("/us-west-2/config/aws4_request"),
        "{signature}"
    );
    assert!(signature.contains("x-amz-target"), "{signature}");
    assert_eq!(header("x-amz-security-token"), "t");
    assert!(header("user-agent").contains("api/config"), "{}", sent.head);
    assert!(!header("amz-sdk-invocation-id").is_empty());
    assert!(header("amz-sdk-request").contains("attempt=1"));
}

#[tokio::test]
async fn what_may_pass_is_asked_again_and_what_does_not_is_told_at_once() {
    let throttled = response("400 Bad Request", "", r#"{"__type":"ThrottlingException"}"#);
    let busy = response("503 Service Unavailable", "", "<html>");
    let (server, config) = serving(vec![throttled, busy, ok(&Value::Null)]).await;
    assert_eq!(call(&config).await.unwrap(), Value::Null);
    assert_eq!(server.requests().len(), 3);

    let headers = "x-amzn-requestid: r-1\r\n";
    let body = r#"{"__type":"com.amazon.coral#AccessDeniedException","Message":"not you"}"#;
    let (server, config) = serving(vec![response("400 Bad Request", headers, body)]).await;
    let refused = call(&config).await.unwrap_err();
    assert_eq!(refused.code(), Some("AccessDeniedException"));
    assert_eq!(refused.message(), Some("not you"));
    assert_eq!(refused.request_id(), Some("r-1"));
    assert_eq!(refused.raw_response().unwrap().status().as_u16(), 400);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_no_success() {
    for (body, is_read) in [("", true), ("{}", true), ("<html>", false)] {
        let (_server, config) = serving(vec![response("200 OK", "", body); 3]).await;
        let client = Client::new(&config, CONFIG);
        let answer = client
            .call::<IgnoredAny>("PutEvaluations", &json!({}))
            .await;
        assert_eq!(answer.is_ok(), is_read, "{body}");
        assert!(
            matches!(answer, Ok(_) | Err(Error::ResponseError(_))),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn who_says_nothing_is_waited_for_no_longer_than_was_said() {
    let silent = Server::silent().await.unwrap();
    let (_server, config) = serving(Vec::new()).await;
    let config = config.into_builder().endpoint_url(&silent.endpoint).build();
    let answer = call(&config).await.unwrap_err();
    assert!(matches!(answer, Error::TimeoutError(_)), "{answer:?}");
}

#[tokio::test]
async fn all_pages_are_read() {
    let page = |name: &str, next: Option<&str>| {
        ok(
            &json!({"Parameters": [{"Name": name, "Value": "v", "Type": "String"}], "NextToken": next}),
        )
    };
    let pages = vec![
        page("/a/1", Some("t1")),
        ok(&json!({"NextToken": "t2"})),
        page("/a/2", Some("")),
    ];
    let (server, config) = serving(pages).await;
    let found = ParameterStore::new(&config)
        .by_path("/a/", true)
        .await
        .unwrap();
    let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(names, ["/a/1", "/a/2"]);
    let asked: Vec<Value> = server
        .requests()
        .iter()
        .map(|request| serde_json::from_str(&request.body).unwrap())
        .collect();
    let question = |token: Option<&str>| match token {
        None => json!({"Path": "/a/", "Recursive": true}),
        Some(token) => json!({"Path": "/a/", "Recursive": true, "NextToken": token}),
    };
    assert_eq!(
        asked,
        [question(None), question(Some("t1")), question(Some("t2"))]
    );
}

#[tokio::test]
async fn a_version_bears_its_time_and_who_wrote_it() {
    let body = json!({"Parameters": [{"Name": "/a", "Version": 3, "Value": "v",
        "LastModifiedDate": 1_790_000_000.123, "LastModifiedUser": "arn:aws:iam::1:user/ann"}]});
    let (_server, config) = serving(vec![ok(&body)]).await;
    let version = ParameterStore::new(&config)
        .history("/a")
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (version.version, version.modified.secs()),
        (3, 1_790_000_000)
    );
    assert_eq!(version.modified_by, "arn:aws:iam::1:user/ann");
    assert!(!format!("{version:?}").contains("\"v\""), "{version:?}");
}

#[tokio::test]
async fn a_parameter_is_text_in_the_tier_that_it_needs() {
    let (server, config) = serving(vec![ok(&json!({"Version": 1})), ok(&json!({}))]).await;
    let store = ParameterStore::new(&config);
    store.put("/a", "v", "what it is").await.unwrap();
    store.delete("/a").await.unwrap();
    let bodies = server.requests().into_iter().map(|request| request.body);
    let bodies: Vec<Value> = bodies
        .map(|body| serde_json::from_str(&body).unwrap())
        .collect();
    let put = json!({"Name": "/a", "Value": "v", "Type": "String", "Tier": "Intelligent-Tiering",
        "Overwrite": true, "Description": "what it is"});
    assert_eq!(bodies, [put, json!({"Name": "/a"})]);
}

#[tokio::test]
async fn a_token_that_comes_back_ends_the_pages() {
    let page = ok(&json!({"Parameters": [], "NextToken": "t"}));
    let (server, config) = serving(vec![page; 3]).await;
    let store = ParameterStore::new(&config);
    assert_eq!(store.by_path("/a/", false).await.unwrap(), []);
    assert_eq!(server.requests().len(), 2);
}

/// What is told of a function that was not invoked, or failed.
async fn invoked(config: &SdkConfig) -> Result<Value, String> {
    let told = Lambda::new(config)
        .invoke("checker", &json!({"a": 1}))
        .await;
    told.map_err(|error| answered(error.raw_response().unwrap().status().as_u16(), &error))
}

#[tokio::test]
async fn a_function_that_is_busy_is_invoked_again() {
    // Lambda's own form: the code stands in a header, and the body's `Type` says whose fault it is.
    let body = r#"{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#;
    let head = "x-amzn-ErrorType: TooManyRequestsException:http://internal.amazon.com/\r\n";
    let busy = response("429 Too Many Requests", head, body);
    // Whatever its code is called, if it has one.
    let nameless = response("429 Too Many Requests", "", "");
    let (server, config) = serving(vec![busy, nameless, ok(&json!({"results": []}))]).await;
    assert_eq!(invoked(&config).await, Ok(json!({"results": []})));
    let sent = server.requests();
    assert_eq!(sent.len(), 3);
    assert_eq!(
        sent[2].line,
        "POST /2015-03-31/functions/checker/invocations"
    );
    assert_eq!(sent[2].body, r#"{"a":1}"#);
    let signature = sent[2].header("authorization").unwrap_or_default();
    assert!(
        signature.contains("/us-west-2/lambda/aws4_request"),
        "{signature}"
    );
}

#[tokio::test]
async fn a_refusal_is_told_by_its_code_wherever_that_stands() {
    let header = "x-amzn-errortype: ResourceNotFoundException:http://internal/\r\n";
    for (head, body) in [
        (header, r#"{"Type":"User","message":"no such function"}"#),
        (
            "",
            r#"{"__type":"com.amazonaws#ResourceNotFoundException:http://internal/","message":"no such function"}"#,
        ),
        (
            "",
            r#"{"code":"ResourceNotFoundException","Message":"no such function"}"#,
        ),
    ] {
        let (server, config) = serving(vec![response("404 Not Found", head, body); 3]).await;
        let told = invoked(&config).await.unwrap_err();
        assert_eq!(
            told,
            "status 404, ResourceNotFoundException, no such function"
        );
        assert_eq!(server.requests().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_function_that_failed_is_told_in_its_own_words() {
    let body = r#"{"errorType":"Panic","errorMessage":"it broke"}"#;
    let failed = response("200 OK", "X-Amz-Function-Error: Unhandled\r\n", body);
    let (server, config) = serving(vec![failed; 3]).await;
    assert_eq!(
        invoked(&config).await,
        Err("status 200, Unhandled, it broke".to_owned())
    );
    assert_eq!(server.requests().len(), 1);
}
