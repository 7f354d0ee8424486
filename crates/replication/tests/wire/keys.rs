//! Making keys and buckets.

use replication::configuration::Tag;
use replication::ports::{BucketRef, Buckets, Keys, Roles};
use serde_json::{Value, json};

use crate::server::Server;

fn owner_tag() -> Tag {
    Tag {
        key: "encrypted-replication:owner".into(),
        value: "er1".into(),
    }
}

/// For a policy KMS asks that the caller may put another one afterwards, which the provisioner may not.
/// See <https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html>.
#[tokio::test]
async fn a_key_is_made_without_a_policy_and_without_leaving_the_check_out() {
    let arn = "arn:aws:kms:us-east-1:111122223333:key/k";
    let answer = json!({"KeyMetadata": {"KeyId": "k", "Arn": arn}}).to_string();
    let server = Server::start(move |_| (200, answer.clone())).await;
    let made = server
        .aws()
        .create_key("us-east-1", "for replicas", &[owner_tag()])
        .await;
    assert_eq!(made.as_deref(), Ok(arn));
    let request = server.requests().pop().unwrap();
    assert_eq!(
        request.header("x-amz-target"),
        Some("trentservice.createkey")
    );
    let body: Value = serde_json::from_str(&request.body).unwrap();
    let tags = json!([{"TagKey": "encrypted-replication:owner", "TagValue": "er1"}]);
    assert_eq!(body, json!({"Description": "for replicas", "Tags": tags}));
}

#[tokio::test]
async fn a_bucket_has_its_tags_from_the_first_moment_and_its_namespace_from_its_name() {
    let server = Server::start(|_| (200, String::new())).await;
    let aws = server.aws();
    let cases = [
        ("plain", "us-east-1", None, None),
        ("plain", "eu-west-1", Some("eu-west-1"), None),
        (
            "logs-111122223333-us-west-2-an",
            "us-west-2",
            Some("us-west-2"),
            Some("account-regional"),
        ),
        // Another account's, and another Region's: S3 says what is wrong with them.
        (
            "logs-444455556666-us-west-2-an",
            "us-west-2",
            Some("us-west-2"),
            None,
        ),
        (
            "logs-111122223333-us-east-2-an",
            "us-west-2",
            Some("us-west-2"),
            None,
        ),
    ];
    for (name, region, constraint, namespace) in cases {
        aws.create_bucket(BucketRef { name, region }, &[owner_tag()])
            .await
            .unwrap();
        let request = server.requests().pop().unwrap();
        assert_eq!(request.line, format!("PUT /{name}/"));
        assert_eq!(
            request.header("x-amz-bucket-namespace"),
            namespace,
            "{name}"
        );
        let tags =
            "<Tags><Tag><Key>encrypted-replication:owner</Key><Value>er1</Value></Tag></Tags>";
        assert!(request.body.contains(tags), "{}", request.body);
        let wanted =
            constraint.map(|region| format!("<LocationConstraint>{region}</LocationConstraint>"));
        let found = request.body.contains("LocationConstraint");
        assert!(
            wanted.map_or(!found, |wanted| request.body.contains(&wanted)),
            "{}",
            request.body
        );
    }
}

/// A Delete of what never was a bucket's name has nothing to remove, and must not fail over it.
#[tokio::test]
async fn no_role_is_looked_for_under_what_is_no_roles_name() {
    let server = Server::start(|_| (400, String::new())).await;
    let aws = server.aws();
    for name in ["", "a/b", "arn:aws:s3:::bucket", "ä", &"a".repeat(65)] {
        assert_eq!(aws.role(name).await, Ok(None), "{name}");
        assert_eq!(aws.role_policies(name).await, Ok(Vec::new()), "{name}");
        assert_eq!(aws.role_policy(name, "p").await, Ok(None), "{name}");
    }
    assert_eq!(server.requests().len(), 0);
    assert!(aws.role("bucket").await.is_err());
    assert_eq!(server.requests().len(), 1);
}
