//! What is made of refusals, over the wire.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use test_server::{Server, response};

use super::*;

/// Lambda's own form: the code stands in a header, and the body's `Type` says whose fault it is.
const BUSY: &str =
    r#"{"Reason":"ConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}"#;

fn caller(endpoint: &str) -> Caller {
    let variables = [
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_LAMBDA", endpoint),
    ];
    let variables: HashMap<String, String> = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let http = Http::new();
    let sdk = sdk_environment::sdk_config(&variables, &http).unwrap();
    Caller::new(&sdk, &http)
}

#[tokio::test]
async fn a_function_that_is_busy_is_invoked_again() {
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |_| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => {
            let head = "x-amzn-ErrorType: TooManyRequestsException:http://internal.amazon.com/\r\n";
            response("429 Too Many Requests", head, BUSY)
        }
        _ => response("200 OK", "", r#"{"results":[]}"#),
    });
    let server = server.await.unwrap();
    let told = caller(&server.endpoint).invoke("checker", &json!({})).await;
    assert_eq!(told, Ok(json!({"results": []})));
    assert_eq!(server.requests().len(), 2);
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
        let server = Server::start(move |_| response("404 Not Found", head, body));
        let server = server.await.unwrap();
        let told = caller(&server.endpoint).invoke("checker", &json!({})).await;
        let told = told.unwrap_err().to_string();
        assert_eq!(
            told,
            "status 404, ResourceNotFoundException, no such function"
        );
        assert_eq!(server.requests().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_function_that_failed_is_told_in_its_own_words() {
    let server = Server::start(|_| {
        let body = r#"{"errorType":"Panic","errorMessage":"it broke"}"#;
        response("200 OK", "X-Amz-Function-Error: Unhandled\r\n", body)
    });
    let server = server.await.unwrap();
    let told = caller(&server.endpoint).invoke("checker", &json!({})).await;
    let told = told.unwrap_err();
    assert_eq!(told.to_string(), "status 200, Unhandled, it broke");
    assert!(!told.passes());
}

#[test]
fn a_refusal_is_told_on_one_line() {
    let refused = Refused {
        status: Some(400),
        code: "InvalidRequestException".to_owned(),
        message: "no\nworkgroup".to_owned(),
    };
    let told = "status 400, InvalidRequestException, no workgroup";
    assert_eq!(refused.to_string(), told);
    assert_eq!(Refused::nothing(&"no route").to_string(), "no route");
    assert!(!refused.passes() && Refused::nothing(&"").passes());
}

/// Whatever its code is called, if it has one.
#[test]
fn too_many_requests_pass() {
    let refused = Refused {
        status: Some(429),
        ..Refused::default()
    };
    assert!(refused.passes());
}
