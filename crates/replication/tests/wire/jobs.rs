//! Jobs of S3 Batch Operations.

use std::collections::HashMap;

use aws_names::Home;
use expectation::Time;
use replication::aws::SdkAws;
use replication::error::ErrorKind;
use replication::jobs::{ObjectStatus, Selection};
use replication::ports::{BucketRef, Jobs, ReplicationJob};
use sdk_environment::Http;

use crate::server::Server;

const SOURCE: BucketRef<'static> = BucketRef {
    name: "source",
    region: "us-east-1",
};

/// The text between the first `<NAME>` and its end.
fn element<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = body.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

#[tokio::test]
async fn a_job_takes_what_its_selection_says_and_one_prefix() {
    let answer = "<CreateJobResult><JobId>j</JobId></CreateJobResult>";
    let server = Server::start(move |_| (200, answer.to_owned())).await;
    let selection = Selection {
        prefix: Some("Tax/".into()),
        statuses: [ObjectStatus::Failed, ObjectStatus::None].into(),
        created_after: Some(Time::from_secs(1_795_802_400)),
        created_before: None,
    };
    let job = ReplicationJob {
        source: SOURCE,
        selection: &selection,
        report_bucket: "reports",
        report_prefix: "encrypted-replication/er1",
        role_arn: "arn:aws:iam::111122223333:role/batch",
        description: "d",
        token: "t",
    };
    assert_eq!(
        server.aws().start_replication_job(job).await.as_deref(),
        Ok("j")
    );
    let request = server.requests().pop().unwrap();
    assert_eq!(request.line, "POST /v20180820/jobs");
    assert_eq!(request.header("x-amz-account-id"), Some("111122223333"));
    let body = &request.body;
    assert_eq!(element(body, "EligibleForReplication"), Some("true"));
    assert_eq!(
        element(body, "MatchAnyPrefix"),
        Some("<member>Tax/</member>")
    );
    assert_eq!(
        element(body, "ObjectReplicationStatuses"),
        Some("<member>NONE</member><member>FAILED</member>")
    );
    assert_eq!(element(body, "CreatedAfter"), Some("2026-11-27T18:00:00Z"));
    assert_eq!(element(body, "CreatedBefore"), None);
    assert_eq!(element(body, "ExpectedBucketOwner"), Some("111122223333"));
    assert_eq!(element(body, "ClientRequestToken"), Some("t"));
    assert_eq!(element(body, "ConfirmationRequired"), Some("false"));
}

/// See <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
#[tokio::test]
async fn s3_control_goes_where_its_own_variable_says() {
    let server = Server::start(|_| (404, String::new())).await;
    let variables = [
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
        ("AWS_ENDPOINT_URL_S3_CONTROL", &server.endpoint),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = sdk_environment::sdk_config(&HashMap::from(variables), &Http::new()).unwrap();
    let function = "arn:aws:lambda:us-east-1:111122223333:function:provision";
    let aws = SdkAws::new(config, &Home::of_function(function).unwrap());
    drop(aws.job("us-east-1", "j").await);
    assert_eq!(server.requests()[0].line, "GET /v20180820/jobs/j");
}

#[tokio::test]
async fn a_job_is_told_as_s3_tells_it() {
    let answer = "<DescribeJobResult><Job><JobId>j</JobId><Status>Failed</Status>\
        <ProgressSummary><TotalNumberOfTasks>3</TotalNumberOfTasks>\
        <NumberOfTasksSucceeded>2</NumberOfTasksSucceeded><NumberOfTasksFailed>1</NumberOfTasksFailed>\
        </ProgressSummary><FailureReasons><member><FailureCode>c</FailureCode><FailureReason>r</FailureReason>\
        </member></FailureReasons><Report><Bucket>arn:aws:s3:::reports</Bucket><Enabled>true</Enabled>\
        <Prefix>p</Prefix></Report><RoleArn>arn</RoleArn></Job></DescribeJobResult>";
    let server = Server::start(move |_| (200, answer.to_owned())).await;
    let job = server.aws().job("us-east-1", "j").await.unwrap().unwrap();
    assert_eq!((job.tasks, job.succeeded, job.failed), (3, 2, 1));
    assert_eq!(job.failures, [("c".to_owned(), "r".to_owned())]);
    assert_eq!(job.report_bucket.as_deref(), Some("reports"));
    assert_eq!(job.report_prefix.as_deref(), Some("p"));
    let request = server.requests().pop().unwrap();
    assert_eq!(request.line, "GET /v20180820/jobs/j");

    for code in ["NoSuchJob", "NoSuchJobException"] {
        let body = format!("<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>");
        let server = Server::start(move |_| (404, body.clone())).await;
        assert_eq!(server.aws().job("us-east-1", "j").await, Ok(None), "{code}");
    }
}

#[tokio::test]
async fn a_report_is_read_in_parts() {
    let server = Server::start(|_| (206, "a,b\n".to_owned())).await;
    let part = server
        .aws()
        .report_part(SOURCE, "k", 7)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((part.bytes.as_slice(), part.of), (&b"a,b\n"[..], 11));
    let request = server.requests().pop().unwrap();
    assert_eq!(request.header("range"), Some("bytes=7-1048582"));

    let code = |code: &'static str, status| {
        move |_: &test_server::Request| (status, format!("<Error><Code>{code}</Code></Error>"))
    };
    let server = Server::start(code("InvalidRange", 416)).await;
    let empty = server
        .aws()
        .report_part(SOURCE, "k", 0)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((empty.bytes.len(), empty.of), (0, 0));
    let server = Server::start(code("NoSuchKey", 404)).await;
    assert_eq!(server.aws().report_part(SOURCE, "k", 0).await, Ok(None));
    let server = Server::start(code("AccessDenied", 403)).await;
    let denied = server.aws().report_part(SOURCE, "k", 0).await.unwrap_err();
    assert_eq!(denied.kind, ErrorKind::AccessDenied);
}
