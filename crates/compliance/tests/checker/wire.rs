//! The adapters against a server on the loopback address: what is really sent, and what is made of
//! each answer.

use std::sync::atomic::{AtomicUsize, Ordering};

use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_types::SdkConfig;
use compliance::aws::Aws;
use compliance::findings::FINDING;
use compliance::ports::{
    DefaultEncryption, DescribeKey, FindExpectation, InspectObject, Inspection, KeyAnswer,
    KeyDescription, ListVersions, Listing, Marker, Observed, PublishFindings, Repair, RepairObject,
    Target,
};
use compliance::subject::{Key, ObjectVersion};
use event_bus::{Event, Refusal};

pub(crate) use test_server::response as answer;

use crate::support::{KEY, OTHER};

/// A server that gives `answers` in turn, the last one for ever, and keeps the requests.
pub(crate) struct Server(test_server::Server);

impl Server {
    pub(crate) async fn start(answers: Vec<String>) -> Self {
        let given = AtomicUsize::new(0);
        let server = test_server::Server::start(move |_| {
            let n = given.fetch_add(1, Ordering::Relaxed);
            answers[n.min(answers.len() - 1)].clone()
        });
        Self(server.await.unwrap())
    }

    pub(crate) fn endpoint(&self) -> &str {
        &self.0.endpoint
    }

    pub(crate) fn requests(&self) -> Vec<String> {
        let requests = self.0.requests().into_iter();
        requests.map(|request| request.text).collect()
    }

    pub(crate) fn aws(&self) -> Aws {
        let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
        let retries = Aws::retries().with_initial_backoff(std::time::Duration::from_millis(1));
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("us-west-2"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .endpoint_url(self.endpoint())
            .retry_config(retries)
            .timeout_config(Aws::timeouts())
            .build();
        Aws::of(&config)
    }
}

pub(crate) fn version(version_id: Option<&str>) -> ObjectVersion {
    ObjectVersion {
        bucket: "destination".to_owned(),
        key: Key::from_plain("Tax/Ü + 1%.pdf").unwrap(),
        version_id: version_id.map(str::to_owned),
        region: None,
        bucket_owner: None,
        event_time_ms: None,
    }
}

fn target(bucket_key: bool) -> Target {
    Target {
        key: KEY.to_owned(),
        bucket_key,
    }
}

fn listing(after: &Marker) -> Listing<'_> {
    Listing {
        bucket: "destination",
        prefix: "a",
        after,
        owner: None,
    }
}

#[tokio::test]
async fn the_head_carries_version_and_owner_and_no_checksum_mode() {
    let headers = format!(
        "x-amz-server-side-encryption: aws:kms\r\n\
         x-amz-server-side-encryption-aws-kms-key-id: {KEY}\r\n\
         x-amz-server-side-encryption-bucket-key-enabled: true\r\n\
         x-amz-replication-status: REPLICA\r\nx-amz-version-id: v1\r\n",
    );
    let server = Server::start(vec![answer("200 OK", &headers, "")]).await;
    let seen = server
        .aws()
        .inspect(&version(Some("v/1")), Some("111122223333"))
        .await
        .unwrap();
    let expected = Observed {
        version_id: Some("v1".to_owned()),
        ..crate::support::replica(KEY)
    };
    assert_eq!(seen, Inspection::Object(expected));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let request = requests[0].to_ascii_lowercase();
    let first = requests[0].lines().next().unwrap();
    assert_eq!(
        first,
        "HEAD /destination/Tax/%C3%9C%20%2B%201%25.pdf?versionId=v%2F1 HTTP/1.1"
    );
    assert!(
        request.contains("x-amz-expected-bucket-owner: 111122223333"),
        "{request}"
    );
    assert!(!request.contains("x-amz-checksum-mode"), "{request}");
    assert!(
        !request.contains("x-amz-server-side-encryption"),
        "{request}"
    );
}

#[tokio::test]
async fn a_head_without_version_or_owner_sends_neither() {
    let server = Server::start(vec![answer("200 OK", "", "")]).await;
    let seen = server.aws().inspect(&version(None), None).await.unwrap();
    assert_eq!(seen, Inspection::Object(Observed::default()));
    let request = server.requests()[0].to_ascii_lowercase();
    assert!(!request.contains("versionid") && !request.contains("expected-bucket-owner"));
}

#[tokio::test]
async fn refused_heads_are_answers_and_403_and_400_are_asked_why() {
    let other = "x-amz-bucket-region: eu-west-1\r\n";
    let table = [
        ("404 Not Found", "", Inspection::NotFound),
        (
            "404 Not Found",
            "x-amz-delete-marker: true\r\n",
            Inspection::DeleteMarker,
        ),
        (
            "405 Method Not Allowed",
            "x-amz-delete-marker: true\r\n",
            Inspection::DeleteMarker,
        ),
        ("403 Forbidden", "", Inspection::AccessDenied),
        (
            "403 Forbidden",
            "x-amz-bucket-region: us-west-2\r\n",
            Inspection::AccessDenied,
        ),
        ("400 Bad Request", "", Inspection::CustomerKey),
        (
            "400 Bad Request",
            other,
            Inspection::OtherRegion("eu-west-1".to_owned()),
        ),
        (
            "301 Moved Permanently",
            other,
            Inspection::OtherRegion("eu-west-1".to_owned()),
        ),
    ];
    for (status, headers, inspection) in table {
        let server = Server::start(vec![answer(status, headers, "")]).await;
        let seen = server.aws().inspect(&version(Some("v")), None).await;
        assert_eq!(seen, Ok(inspection), "{status} {headers}");
        let requests = server.requests();
        let asked_why =
            headers != other && ["400", "403"].iter().any(|code| status.starts_with(code));
        assert_eq!(requests.len(), 1 + usize::from(asked_why), "{status}");
        if asked_why {
            // It never gets the object: no object has that ETag.
            let get = requests[1].to_ascii_lowercase();
            assert!(get.starts_with("get /destination/tax/") && get.contains("versionid=v"));
            assert!(get.contains("if-match: \"no object's\""), "{get}");
        }
    }
}

#[tokio::test]
async fn what_s3_says_when_it_is_asked_why_decides() {
    let because = |status: &str, code: &str| {
        let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        answer(status, "", &body)
    };
    let table = [
        (
            "403 Forbidden",
            "AccessDenied",
            Ok(Inspection::AccessDenied),
        ),
        (
            "403 Forbidden",
            "SignatureDoesNotMatch",
            Err("credentials are refused"),
        ),
        (
            "400 Bad Request",
            "ExpiredToken",
            Err("credentials are refused"),
        ),
        (
            "400 Bad Request",
            "InvalidRequest",
            Ok(Inspection::CustomerKey),
        ),
        (
            "400 Bad Request",
            "InvalidArgument",
            Err("correct the version id"),
        ),
    ];
    for (status, code, expected) in table {
        let answers = vec![answer(status, "", ""), because(status, code)];
        let server = Server::start(answers).await;
        let seen = server.aws().inspect(&version(Some("v")), None).await;
        match (seen, expected) {
            (Err(error), Err(part)) => {
                let told = error.to_string();
                assert!(told.contains(code) && told.contains(part), "{told}");
            }
            (seen, expected) => assert_eq!(seen.ok(), expected.ok(), "{code}"),
        }
    }
}

#[tokio::test]
async fn where_s3_cannot_say_why_it_refused_nothing_is_known() {
    for refused in ["400 Bad Request", "403 Forbidden"] {
        for nothing in ["503 Service Unavailable", "500 Internal Server Error"] {
            let answers = vec![answer(refused, "", ""), answer(nothing, "", "")];
            let server = Server::start(answers).await;
            let seen = server.aws().inspect(&version(Some("v")), None).await;
            let told = seen.unwrap_err().to_string();
            assert!(
                told.contains(nothing.split(' ').next().unwrap()),
                "{refused}: {told}"
            );
        }
    }
}

#[tokio::test]
async fn throttling_is_tried_three_times_and_then_an_error_that_names_the_object() {
    let slow = answer("503 Service Unavailable", "x-amz-request-id: R1\r\n", "");
    let server = Server::start(vec![slow.clone()]).await;
    let error = server
        .aws()
        .inspect(&version(Some("v")), None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "s3:HeadObject on bucket destination key Tax/Ü + 1%.pdf failed: status 503, request R1",
    );
    assert_eq!(server.requests().len(), 3);
    let server = Server::start(vec![slow, answer("404 Not Found", "", "")]).await;
    assert_eq!(
        server.aws().inspect(&version(None), None).await,
        Ok(Inspection::NotFound)
    );
}

#[tokio::test]
async fn the_registry_is_read_to_its_last_page() {
    let page = |name: &str, next: &str| {
        let body = format!(r#"{{"Parameters":[{{"Name":"{name}","Value":"{{}}"}}]{next}}}"#);
        answer(
            "200 OK",
            "Content-Type: application/x-amz-json-1.1\r\n",
            &body,
        )
    };
    let server = Server::start(vec![page("/e/a", r#","NextToken":"t""#), page("/e/b", "")]).await;
    let found = server.aws().registry("destination").await.unwrap();
    let names: Vec<_> = found
        .iter()
        .map(|parameter| parameter.name.as_str())
        .collect();
    assert_eq!(names, ["/e/a", "/e/b"]);
    let requests = server.requests();
    assert!(requests[0].contains(r#""Path":"/encrypted-replication/destination/""#));
    assert!(requests[0].contains(r#""Recursive":true"#));
    assert!(requests[1].contains(r#""NextToken":"t""#));
}

#[tokio::test]
async fn a_registry_that_may_not_be_read_is_an_error_that_names_the_permission() {
    let body = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
    let server = Server::start(vec![answer("400 Bad Request", "", body)]).await;
    let error = server.aws().registry("destination").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ssm:GetParametersByPath on path /encrypted-replication/destination/ failed: status 400, \
         AccessDeniedException, not authorized; allow the checker's role ssm:GetParametersByPath",
    );
}

#[tokio::test]
async fn the_buckets_default_encryption_counts_only_where_it_is_kms() {
    let rule = |inner: &str| {
        let body = format!(
            "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>{inner}\
             </ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>",
        );
        answer("200 OK", "", &body)
    };
    let none = "<Error><Code>ServerSideEncryptionConfigurationNotFoundError</Code></Error>";
    let table = [
        (
            rule(&format!(
                "<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>{OTHER}</KMSMasterKeyID>"
            )),
            DefaultEncryption::Kms(Some(OTHER.to_owned())),
        ),
        (
            rule("<SSEAlgorithm>aws:kms</SSEAlgorithm>"),
            DefaultEncryption::Kms(None),
        ),
        (
            rule("<SSEAlgorithm>AES256</SSEAlgorithm>"),
            DefaultEncryption::Other,
        ),
        (answer("404 Not Found", "", none), DefaultEncryption::Other),
    ];
    for (reply, expected) in table {
        let server = Server::start(vec![reply]).await;
        let found = server
            .aws()
            .default_encryption("destination", Some("111122223333"))
            .await;
        assert_eq!(found, Ok(expected));
        let request = server.requests()[0].to_ascii_lowercase();
        assert!(request.contains("x-amz-expected-bucket-owner: 111122223333"));
    }
    let server = Server::start(vec![answer("403 Forbidden", "", "")]).await;
    let error = server
        .aws()
        .default_encryption("destination", None)
        .await
        .unwrap_err();
    assert!(
        error.remedy.contains("s3:GetEncryptionConfiguration"),
        "{error}"
    );
}

#[tokio::test]
async fn a_key_is_found_missing_or_not_told_and_throttling_is_an_error() {
    let json = |status: &str, body: &str| {
        answer(status, "Content-Type: application/x-amz-json-1.1\r\n", body)
    };
    let error = |code: &str| {
        json(
            "400 Bad Request",
            &format!(r#"{{"__type":"{code}","message":"m"}}"#),
        )
    };
    let body = format!(
        r#"{{"KeyMetadata":{{"KeyId":"2","Arn":"{KEY}","KeyState":"Disabled","KeyManager":"AWS"}}}}"#,
    );
    let server = Server::start(vec![json("200 OK", &body)]).await;
    let description = KeyDescription {
        arn: KEY.to_owned(),
        state: "Disabled".to_owned(),
        aws_managed: true,
    };
    assert_eq!(
        server.aws().describe("alias/x").await,
        Ok(KeyAnswer::Found(description))
    );
    assert!(server.requests()[0].contains(r#"{"KeyId":"alias/x"}"#));
    let server = Server::start(vec![error("NotFoundException")]).await;
    assert_eq!(server.aws().describe(KEY).await, Ok(KeyAnswer::NotFound));
    let server = Server::start(vec![error("AccessDeniedException")]).await;
    let refused = "kms:DescribeKey: status 400, AccessDeniedException, m".to_owned();
    assert_eq!(
        server.aws().describe(KEY).await,
        Ok(KeyAnswer::Refused(refused))
    );
    let server = Server::start(vec![error("ThrottlingException")]).await;
    assert!(server.aws().describe(KEY).await.is_err());
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_repair_names_version_owner_key_and_bucket_key() {
    let server = Server::start(vec![answer("200 OK", "", "")]).await;
    let done = server
        .aws()
        .repair(&version(Some("v/1")), &target(true), Some("111122223333"))
        .await;
    assert_eq!(done, Ok(Repair::Done));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    let first = head.lines().next().unwrap();
    assert!(
        first.starts_with("PUT /destination/Tax/%C3%9C%20%2B%201%25.pdf?encryption")
            && first.contains("versionId=v%2F1"),
        "{first}"
    );
    assert!(
        head.to_ascii_lowercase()
            .contains("x-amz-expected-bucket-owner: 111122223333"),
        "{head}"
    );
    let part = format!(
        "<SSE-KMS><BucketKeyEnabled>true</BucketKeyEnabled><KMSKeyArn>{KEY}</KMSKeyArn></SSE-KMS>"
    );
    let other = format!(
        "<SSE-KMS><KMSKeyArn>{KEY}</KMSKeyArn><BucketKeyEnabled>true</BucketKeyEnabled></SSE-KMS>"
    );
    assert!(body.contains(&part) || body.contains(&other), "{body}");
}

#[tokio::test]
async fn a_refused_repair_is_an_answer_and_throttling_is_an_error() {
    let error = |code: &str| format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
    for (status, code) in [
        ("403 Forbidden", "AccessDenied"),
        ("400 Bad Request", "InvalidRequest"),
        ("400 Bad Request", "KMS.DisabledException"),
        ("404 Not Found", "NoSuchVersion"),
        ("501 Not Implemented", "NotImplemented"),
    ] {
        let header = "x-amz-request-id: R\r\n";
        let server = Server::start(vec![answer(status, header, &error(code))]).await;
        let refused = server
            .aws()
            .repair(&version(None), &target(false), None)
            .await;
        let number = status.split(' ').next().unwrap();
        let text = format!("status {number}, {code}, m, request R");
        assert_eq!(refused, Ok(Repair::Refused(text)));
        assert_eq!(server.requests().len(), 1);
    }
    for (status, code) in [
        ("503 Slow Down", "SlowDown"),
        ("400 Bad Request", "ThrottlingException"),
        ("400 Bad Request", "KMS.ThrottlingException"),
        ("409 Conflict", "OperationAborted"),
    ] {
        let server = Server::start(vec![answer(status, "", &error(code))]).await;
        let unknown = server
            .aws()
            .repair(&version(None), &target(false), None)
            .await;
        assert!(unknown.is_err(), "{code}: {unknown:?}");
    }
}

#[tokio::test]
async fn events_go_to_the_bus_in_one_request_and_each_has_its_own_answer() {
    let body = r#"{"FailedEntryCount":1,"Entries":[{"EventId":"e1"},
        {"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"}]}"#;
    let server = Server::start(vec![answer("200 OK", "", body)]).await;
    let event = |detail: &str, resources: &[&str]| Event {
        detail_type: FINDING,
        detail: detail.to_owned(),
        resources: resources.iter().map(|&arn| arn.to_owned()).collect(),
    };
    let first = event(r#"{"id":"1"}"#, &["arn:aws:s3:::b/k", "arn:aws:s3:::b"]);
    let second = event(r#"{"id":"2"}"#, &[]);
    let answers = server.aws().put("default", &[&first, &second]).await;
    let throttled = Refusal {
        code: "ThrottlingException".to_owned(),
        message: "slow down".to_owned(),
    };
    assert_eq!(answers, Ok(vec![Ok(()), Err(throttled)]));
    let requests = server.requests();
    assert_eq!(requests.len(), 1);
    let (head, sent) = requests[0].split_once("\r\n\r\n").unwrap();
    assert!(
        head.to_ascii_lowercase()
            .contains("x-amz-target: awsevents.putevents"),
        "{head}"
    );
    let sent: serde_json::Value = serde_json::from_str(sent).unwrap();
    let expected = serde_json::json!({"Entries": [
        {"EventBusName": "default", "Source": "encrypted-replication",
         "DetailType": "Replica Finding", "Detail": "{\"id\":\"1\"}",
         "Resources": ["arn:aws:s3:::b/k", "arn:aws:s3:::b"]},
        {"EventBusName": "default", "Source": "encrypted-replication",
         "DetailType": "Replica Finding", "Detail": "{\"id\":\"2\"}", "Resources": []},
    ]});
    assert_eq!(sent, expected);
}

#[tokio::test]
async fn a_bus_that_may_not_be_used_is_an_error_that_names_the_permission() {
    let body = r#"{"__type":"AccessDeniedException","message":"not authorized"}"#;
    let server = Server::start(vec![answer("400 Bad Request", "", body)]).await;
    let event = Event {
        detail_type: FINDING,
        detail: "{}".to_owned(),
        resources: Vec::new(),
    };
    let error = server.aws().put("default", &[&event]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "events:PutEvents on event bus default failed: status 400, AccessDeniedException, not \
         authorized; allow the checker's role events:PutEvents",
    );
}

#[tokio::test]
async fn listed_keys_and_markers_are_decoded_once() {
    let body = "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>\
        <NextKeyMarker>a+%2B%25</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>\
        <Version><Key>a+%2B%25</Key><VersionId>v2</VersionId></Version>\
        <DeleteMarker><Key>gone</Key><VersionId>v3</VersionId></DeleteMarker></ListVersionsResult>";
    let server = Server::start(vec![answer("200 OK", "", body)]).await;
    let page = server
        .aws()
        .list(listing(&Marker::default()))
        .await
        .unwrap();
    assert_eq!(page.versions.len(), 1, "delete markers are left out");
    assert_eq!(
        page.versions[0].version.identity(),
        ("destination", "a +%", Some("v2"))
    );
    let next = Marker {
        key: Some("a +%".to_owned()),
        version_id: Some("v2".to_owned()),
    };
    assert_eq!(page.next, Some(next.clone()));
    server.aws().list(listing(&next)).await.unwrap();
    let second = server.requests()[1].clone();
    assert!(
        second.contains("encoding-type=url") && second.contains("key-marker=a%20%2B%25"),
        "{second}"
    );
}

#[tokio::test]
async fn a_connection_that_is_cut_or_hangs_is_an_error_to_try_again() {
    let server = Server::start(vec![String::new()]).await;
    let error = server
        .aws()
        .inspect(&version(None), None)
        .await
        .unwrap_err();
    assert_eq!(error.remedy, "");
    assert_eq!(server.requests().len(), 3, "{error}");

    let silent = Server(test_server::Server::silent().await.unwrap());
    // Clients take their time to make, on a busy machine.
    let aws = silent.aws();
    let start = std::time::Instant::now();
    let error = aws.inspect(&version(None), None).await.unwrap_err();
    assert_eq!(error.answer, "no answer in time");
    assert!(
        start.elapsed() < std::time::Duration::from_secs(11),
        "{:?}",
        start.elapsed()
    );
}
