//! HEADs sent without the SDK's machinery: the same on the wire, and the SDK where they get no answer.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use compliance::aws::{Aws, DirectHeads};
use compliance::checker::{Checker, Trip};
use compliance::ports::{InspectObject, Inspection, Observed};
use compliance::subject::Subject;
use sdk_environment::{Http, sdk_config};

use crate::support::KEY;
use crate::wire::{Server, answer, version};

/// The server's clients, with direct HEADs before them.
fn aws(server: &Server) -> Aws {
    let environment: HashMap<String, String> = [
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
        ("AWS_ENDPOINT_URL_S3", server.endpoint()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    let http = Http::new();
    let sdk = sdk_config(&environment, &http).unwrap();
    let heads = DirectHeads::new(&sdk, &http);
    assert!(heads.is_some());
    server.aws().with_direct_heads(heads)
}

/// First line, and the headers that decide what S3 does, but for time and signature.
fn essence(request: &str) -> (String, BTreeMap<String, String>) {
    let mut lines = request.lines();
    let first = lines.next().unwrap().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .filter(|(name, _)| name == "host" || name.starts_with("x-amz-"))
        .filter(|(name, _)| {
            !["x-amz-date", "x-amz-security-token", "x-amz-user-agent"].contains(&name.as_str())
        });
    (first, headers.collect())
}

#[tokio::test]
async fn a_direct_head_asks_what_the_sdk_asks() {
    for (id, owner) in [(Some("v/1 +"), Some("111122223333")), (None, None)] {
        let server = Server::start(vec![answer("200 OK", "", "")]).await;
        let version = version(id);
        for aws in [server.aws(), aws(&server)] {
            let seen = aws.inspect(&version, owner).await.unwrap();
            assert_eq!(seen, Inspection::Object(Observed::default()));
        }
        let requests = server.requests();
        assert_eq!(essence(&requests[0]), essence(&requests[1]));
        let direct = &requests[1];
        assert!(
            direct.contains("user-agent: encrypted-replication/"),
            "{direct}"
        );
        assert!(direct.contains("x-amz-security-token: token"), "{direct}");
        let scope = "/us-west-2/s3/aws4_request";
        assert!(
            direct.contains("AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/") && direct.contains(scope),
            "{direct}"
        );
    }
}

#[tokio::test]
async fn an_answer_says_the_same_to_both() {
    let kms = format!(
        "x-amz-server-side-encryption: aws:kms\r\n\
         x-amz-server-side-encryption-aws-kms-key-id: {KEY}\r\n\
         x-amz-server-side-encryption-bucket-key-enabled: true\r\n\
         x-amz-replication-status: REPLICA\r\nx-amz-version-id: v1\r\n\
         last-modified: Mon, 02 Mar 2026 09:15:00 GMT\r\n",
    );
    let table = [
        ("200 OK", kms.as_str()),
        (
            "200 OK",
            "x-amz-server-side-encryption: AES256\r\nx-amz-replication-status: COMPLETED\r\n",
        ),
        ("200 OK", "x-amz-delete-marker: true\r\n"),
        (
            "200 OK",
            "x-amz-server-side-encryption-customer-algorithm: AES256\r\n",
        ),
        ("404 Not Found", ""),
        ("405 Method Not Allowed", "x-amz-delete-marker: true\r\n"),
        ("403 Forbidden", ""),
        ("400 Bad Request", ""),
        (
            "301 Moved Permanently",
            "x-amz-bucket-region: eu-west-1\r\n",
        ),
    ];
    for (status, headers) in table {
        let server = Server::start(vec![answer(status, headers, "")]).await;
        let version = version(Some("v"));
        let by_sdk = server.aws().inspect(&version, None).await;
        let direct = aws(&server).inspect(&version, None).await;
        assert_eq!(direct, by_sdk, "{status} {headers}");
        // A refusal may be a skewed clock's or an expired token's, so the SDK is heard too; and then S3 is
        // asked why, each time.
        let refused = status.starts_with("403") || status.starts_with("400");
        let expected = if refused { 5 } else { 2 };
        assert_eq!(server.requests().len(), expected, "{status}");
    }
}

#[tokio::test]
async fn where_a_direct_head_gets_no_answer_the_sdk_asks_again() {
    let slow = answer("503 Service Unavailable", "", "");
    let server = Server::start(vec![slow.clone(), slow, answer("404 Not Found", "", "")]).await;
    let seen = aws(&server).inspect(&version(None), None).await;
    assert_eq!(seen, Ok(Inspection::NotFound));
    assert_eq!(server.requests().len(), 3);

    let cut = String::new();
    let server = Server::start(vec![cut, answer("404 Not Found", "", "")]).await;
    let seen = aws(&server).inspect(&version(None), None).await;
    assert_eq!(seen, Ok(Inspection::NotFound));
}

/// A batch of 1,000 moves as many of these, and holds 128 at once: what is rare belongs on the heap.
#[tokio::test]
async fn the_future_of_a_check_is_small() {
    let server = Server::start(vec![answer("200 OK", "", "")]).await;
    let checker = Checker::new(aws(&server), Vec::new(), Duration::from_mins(5));
    let subject = Subject::Arrival(version(Some("v")));
    let bytes = size_of_val(&checker.check(&subject, Trip::from(None)));
    assert!(bytes <= 4096, "{bytes} bytes");
}
