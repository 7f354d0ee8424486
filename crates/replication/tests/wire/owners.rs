//! Every call of S3 names the account that the bucket must belong to.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use replication::configuration::{
    AsRead, DefaultEncryption, NotificationConfiguration, ReplicationConfiguration,
};
use replication::ports::{BucketRef, Buckets, Jobs, Objects, Policies, Targets};

use crate::server::Server;

/// How many calls the adapters make of S3.
fn in_the_code() -> usize {
    let folder = PathBuf::from("src/aws");
    let files = fs::read_dir(folder).unwrap();
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts.map(|text| text.matches(".s3(").count()).sum()
}

#[tokio::test]
async fn every_call_about_a_bucket_that_is_there_names_the_owner() {
    // Not what any of them hopes for: what counts is what was asked.
    let server = Server::start(|_| (400, String::new())).await;
    let aws = server.aws();
    let at = BucketRef {
        name: "bucket",
        region: "us-east-1",
    };
    let encryption = DefaultEncryption {
        algorithm: "AES256".into(),
        kms_key: None,
        bucket_key_enabled: false,
        blocked: Vec::new(),
        as_read: AsRead::default(),
    };
    let rules = ReplicationConfiguration::default();
    let notifications = NotificationConfiguration::default();
    drop(aws.buckets("us-east-1").await);
    drop(aws.bucket_region("bucket").await);
    drop(aws.create_bucket(at, &[]).await);
    drop(aws.delete_bucket(at).await);
    drop(aws.holds_versions(at).await);
    drop(aws.versioning(at).await);
    drop(aws.enable_versioning(at).await);
    drop(aws.default_encryption(at).await);
    drop(aws.put_default_encryption(at, &encryption).await);
    drop(aws.object_lock(at).await);
    drop(aws.requester_pays(at).await);
    drop(aws.bucket_tags(at).await);
    drop(aws.put_bucket_tags(at, &[]).await);
    drop(aws.notifications(at).await);
    drop(
        aws.put_notifications(at, &notifications, Targets::Checked)
            .await,
    );
    drop(aws.replication(at).await);
    drop(aws.put_replication(at, &rules).await);
    drop(aws.delete_replication(at).await);
    drop(aws.put_object(at, "probe", &[], Some("key")).await);
    drop(aws.head_object(at, "probe", "v").await);
    drop(aws.object_versions(at, "probe").await);
    drop(aws.delete_object_version(at, "probe", "v").await);
    drop(aws.report_part(at, "report", 0).await);
    drop(aws.bucket_policy(at).await);
    drop(aws.put_bucket_policy(at, "{}").await);
    drop(aws.delete_bucket_policy(at).await);
    let requests = server.requests();
    let made: BTreeSet<_> = requests.iter().map(|one| one.line.clone()).collect();
    assert_eq!(made.len(), in_the_code(), "{made:#?}");
    for request in requests {
        let owner = request.header("x-amz-expected-bucket-owner");
        // Neither of a bucket that is made nor of a list of one's own there is an owner yet to expect.
        let is_about_a_bucket =
            request.line != "PUT /bucket/" && !request.line.starts_with("GET /?");
        let expected = is_about_a_bucket.then_some("111122223333");
        assert_eq!(owner, expected, "{}", request.line);
        // It is of no use unsigned.
        let signed = request.header("authorization").unwrap_or_default();
        assert_eq!(
            signed.contains("x-amz-expected-bucket-owner"),
            expected.is_some()
        );
    }
}
