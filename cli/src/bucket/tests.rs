//! What goes over the wire, against a server that says what S3 says.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use compliance::ports::{Inspection, Marker};
use compliance::subject::{Key, ObjectVersion};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::*;
use crate::listing::{EntryKind, ListEntries as _};
use crate::looking::HeadVersion as _;
use crate::pace::FaultKind;

/// A server that gives these answers, in turn, and tells what it was asked.
async fn serving(answers: Vec<String>) -> (String, mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (tell, told) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).await.unwrap();
                asked.push(byte[0]);
            }
            tell.send(String::from_utf8(asked).unwrap()).unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, told)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

fn bucket(url: &str) -> Bucket {
    let credentials = Credentials::new("AKIAEXAMPLE", "secret", None, None, "test");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(url)
        .http_client(Http::new().client())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let home = Home {
        partition: "aws".to_owned(),
        region: "us-west-2".to_owned(),
        account: "111122223333".to_owned(),
    };
    let owner = Some(home.account.clone());
    Bucket::at(config, "tax.documents".to_owned(), home, owner)
}

const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>tax.documents</Name>
<Prefix>Tax%2F</Prefix><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>
<NextKeyMarker>Tax/%EF%BF%BF+%2B</NextKeyMarker><NextVersionIdMarker>v3</NextVersionIdMarker>
<Version><Key>Tax/a+b%25%01</Key><VersionId>v1</VersionId><LastModified>2026-11-27T18:00:00.000Z</LastModified>
<StorageClass>GLACIER</StorageClass></Version>
<DeleteMarker><Key>Tax/%C3%A9</Key><VersionId>v2</VersionId><LastModified>2026-11-27T18:00:01.000Z</LastModified></DeleteMarker>
<Version><Key>Tax/%EF%BF%BF+%2B</Key><VersionId>v3</VersionId><LastModified>2026-11-27T18:00:02.000Z</LastModified>
<StorageClass>STANDARD</StorageClass></Version></ListVersionsResult>"#;

#[tokio::test]
async fn a_page_is_asked_for_with_encoded_keys_and_read_in_s3s_order() {
    let (url, mut asked) = serving(vec![answer("200 OK", "", PAGE)]).await;
    let after = Marker {
        key: Some("Tax/é +".to_owned()),
        version_id: Some("v0".to_owned()),
    };
    let page = bucket(&url).page("Tax/", &after).await.unwrap();
    let entries: Vec<_> = page
        .entries
        .iter()
        .map(|entry| (entry.key.as_str(), entry.version_id.as_str(), entry.kind))
        .collect();
    assert_eq!(
        entries,
        [
            ("Tax/a b%\u{1}", "v1", EntryKind::Archived),
            ("Tax/é", "v2", EntryKind::DeleteMarker),
            ("Tax/\u{ffff} +", "v3", EntryKind::Version),
        ]
    );
    assert_eq!(page.entries[1].written.to_string(), "2026-11-27T18:00:01Z");
    let next = page.next.unwrap();
    assert_eq!(next.key.as_deref(), Some("Tax/\u{ffff} +"));
    assert_eq!(next.version_id.as_deref(), Some("v3"));
    let asked = asked.recv().await.unwrap();
    let line = asked.lines().next().unwrap();
    assert!(line.starts_with("GET /tax.documents"), "{line}");
    for part in [
        "encoding-type=url",
        "key-marker=Tax%2F%C3%A9%20%2B",
        "version-id-marker=v0",
        "prefix=Tax%2F",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(
        asked.contains("x-amz-expected-bucket-owner: 111122223333"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_head_that_is_refused_for_want_of_capacity_is_told_at_once() {
    let ok = answer(
        "200 OK",
        "x-amz-server-side-encryption: aws:kms\r\nx-amz-replication-status: REPLICA\r\n",
        "",
    );
    let (url, mut asked) = serving(vec![answer("503 Slow Down", "", ""), ok]).await;
    let bucket = bucket(&url);
    let version = ObjectVersion {
        bucket: "tax.documents".to_owned(),
        key: Key::from_plain("Tax/é +").unwrap(),
        version_id: Some("v1".to_owned()),
        region: None,
        bucket_owner: None,
        event_time_ms: None,
    };
    let fault = bucket.head(&version).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::SlowDown);
    let Inspection::Object(seen) = bucket.head(&version).await.unwrap() else {
        panic!("no object");
    };
    assert_eq!(seen.replication_status.as_deref(), Some("REPLICA"));
    for _ in 0..2 {
        let asked = asked.recv().await.unwrap();
        assert!(
            asked.starts_with("HEAD /tax.documents/Tax/%C3%A9%20%2B?versionId=v1 "),
            "{asked}"
        );
    }
}
