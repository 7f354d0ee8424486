//! What is sent, over the wire.

use std::collections::HashMap;
use std::time::Duration;

use expectation::Time;
use sdk_environment::Http;
use test_server::{Request as Sent, Server, response};

use super::*;
use crate::asking::Asker;
use crate::queries::UNHEARD;

const EVENT: &str = include_str!("../../../../../events/config-periodic.json");
const KEY: &str = "arn:aws:kms:us-west-2:111122223333:key/k";

fn document(more: &str) -> String {
    format!(
        r#"{{"schema":"encrypted-replication/expectation/1","source":"arn:aws:s3:::tax","rules":[{{"id":"a","kmsKeyArn":"{KEY}"{more}}}]}}"#
    )
}

fn parameters() -> Value {
    let left = r#","until":"2026-01-01T00:00:00Z""#;
    json!({"Parameters": [
        {"Name": "/encrypted-replication/tax-replica/er1", "Value": document("")},
        {"Name": "/encrypted-replication/tax-replica/er2", "Value": document("")},
        {"Name": "/encrypted-replication/left/er1", "Value": document(left)},
        {"Name": "/encrypted-replication/off/er1", "Value": document(r#","enabled":false"#)},
        {"Name": "/encrypted-replication/records/er1", "Value": "{\"schema\":\"another\"}"},
    ]})
}

/// What AWS says to one request; a query's id is the name of its query.
fn answer(sent: &Sent) -> Value {
    let body: Value = serde_json::from_str(&sent.body).unwrap_or_default();
    match sent.header("x-amz-target").unwrap_or_default() {
        "amazonssm.getparametersbypath" => parameters(),
        "amazonathena.startqueryexecution" => {
            let text = body["QueryString"].as_str().unwrap();
            let id = match text {
                _ if text.contains("LIMIT 10000") => "long",
                _ if text.contains("FROM inventory") => "population",
                _ => "posture",
            };
            json!({"QueryExecutionId": id})
        }
        "amazonathena.getqueryexecution" => {
            // One takes longer than anybody has time for.
            let long = body["QueryExecutionId"] == "long";
            let state = if long { "RUNNING" } else { "SUCCEEDED" };
            json!({"QueryExecution": {"Status": {"State": state}}})
        }
        "amazonathena.getqueryresults" => {
            let cells = |texts: [&str; 2]| {
                let cells = texts.map(|text| json!({"VarCharValue": text}));
                json!({"Data": cells})
            };
            json!({"ResultSet": {
                "ResultSetMetadata": {"ColumnInfo": [{"Name": "verdict"}, {"Name": "versions"}]},
                "Rows": [cells(["verdict", "versions"]), cells(["Compliant", "1204316"]),
                    cells(["WrongKey", "3"]), cells(["no verdict", "12"])],
            }})
        }
        "starlingdoveservice.getcompliancedetailsbyconfigrule" => {
            let of = |bucket: &str| {
                json!({"EvaluationResultIdentifier": {"EvaluationResultQualifier":
                    {"ResourceType": "AWS::S3::Bucket", "ResourceId": bucket}}})
            };
            match body["NextToken"].as_str() {
                None => json!({"EvaluationResults": [of("tax-replica")], "NextToken": "more"}),
                Some(_) => json!({"EvaluationResults": [of("of-last-year")]}),
            }
        }
        "starlingdoveservice.putevaluations" => json!({}),
        other => panic!("{other}: {}", sent.line),
    }
}

/// The checker, which cannot look at the second of what it is shown.
fn looked(sent: &Sent) -> String {
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!(body["job"]["userArguments"]["Repair"], "false");
    let tasks = body["tasks"].as_array().unwrap().iter();
    let results = tasks.map(|task| {
        let id = task["taskId"].as_str().unwrap();
        let (code, text) = match id {
            "1" => ("TemporaryFailure", "busy".to_owned()),
            _ => ("Succeeded", json!({"verdict": "Compliant"}).to_string()),
        };
        json!({"taskId": id, "resultCode": code, "resultString": text})
    });
    // In another order.
    let results: Vec<_> = results.rev().collect();
    response("200 OK", "", &json!({"results": results}).to_string())
}

/// The last one is not whole as yet.
const LISTED: &str = "<ListBucketResult><IsTruncated>false</IsTruncated>\
    <Contents><Key>all/tax-replica/daily/hive/dt=2026-11-26-01-00/symlink.txt</Key></Contents>\
    <Contents><Key>all/tax-replica/daily/hive/dt=2026-11-27-01-00/symlink.txt</Key></Contents>\
    <Contents><Key>all/tax-replica/daily/hive/dt=2026-11-28-01-00/part</Key></Contents>\
    </ListBucketResult>";

/// A sweep of the day before.
const SWEPT: &str = "sweeps/2026/11/26/1795696200.json";
const RECORD: &str = r#"{"schema":"encrypted-replication/sweep/1","at":"2026-11-26T12:30:00Z","buckets":[
    {"bucket":"tax-replica","withoutVerdict":0,"verdicts":{},"notLookedAt":0,"notBegun":true,"failed":"no time"}]}"#;

async fn cloud(inventories: Option<Inventories>) -> (Server, Account) {
    let server = Server::start(|sent| {
        if sent.line.starts_with("GET /evidence/sweeps/") {
            return response("200 OK", "", RECORD);
        }
        if sent.line.starts_with("GET /evidence") {
            let key = |key: &str| format!("<Contents><Key>{key}</Key></Contents>");
            // Also what somebody else put there.
            let keys = [
                key("sweeps/2026/11/25/1795609800.json"),
                key(SWEPT),
                key("sweeps/readme"),
            ]
            .concat();
            let list = format!(
                "<ListBucketResult><IsTruncated>false</IsTruncated>{keys}</ListBucketResult>"
            );
            return response("200 OK", "", &list);
        }
        if sent.line.starts_with("GET") {
            return response("200 OK", "", LISTED);
        }
        if sent.line.starts_with("PUT /evidence/sweeps/") {
            return response("200 OK", "", "");
        }
        if sent
            .line
            .starts_with("POST /2015-03-31/functions/er-check-replica/invocations")
        {
            return looked(sent);
        }
        response("200 OK", "", &answer(sent).to_string())
    });
    let server = server.await.unwrap();
    let variables = [
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", server.endpoint.as_str()),
    ];
    let variables: HashMap<String, String> = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let http = Http::new();
    let sdk = sdk_environment::sdk_config(&variables, &http).unwrap();
    let places = Places {
        work_group: "evidence".to_owned(),
        database: "lake".to_owned(),
        inventories,
        checker: Some("er-check-replica".to_owned()),
        lake: Bucket::new(&sdk, "evidence".to_owned(), "111122223333".to_owned()),
        until: Instant::now() + Duration::from_secs(3),
    };
    (server, Account::new(&sdk, places))
}

fn bodies(server: &Server, target: &str) -> Vec<Value> {
    let sent = server.requests().into_iter();
    let sent = sent.filter(|sent| sent.header("x-amz-target") == Some(target));
    sent.map(|sent| serde_json::from_str(&sent.body).unwrap())
        .collect()
}

const PUT: &str = "starlingdoveservice.putevaluations";

#[tokio::test]
async fn each_bucket_with_an_expectation_is_told_to_aws_config() {
    let inventories = Inventories::at("s3://inventories/all/", "daily");
    let (server, account) = cloud(inventories).await;
    let request = Request::read(&serde_json::from_str(EVENT).unwrap()).unwrap();
    let told = Asker::new(account, 400).evaluate(&request).await.unwrap();
    assert_eq!((told.evaluations.len(), told.failed.len()), (2, 0));
    let at = 1_795_816_200;
    let expected = json!([{"ResultToken": "myResultToken", "Evaluations": [
        {"ComplianceResourceType": "AWS::S3::Bucket", "ComplianceResourceId": "tax-replica",
         "ComplianceType": "NON_COMPLIANT", "OrderingTimestamp": at,
         "Annotation": "3 of 1,204,331 under another key; 12 without verdict (S3 Inventory 2026-11-27-01-00)"},
        {"ComplianceResourceType": "AWS::S3::Bucket", "ComplianceResourceId": "of-last-year",
         "ComplianceType": "NOT_APPLICABLE", "OrderingTimestamp": at,
         "Annotation": "nothing is expected of it any more"},
    ]}]);
    assert_eq!(json!(bodies(&server, PUT)), expected);
    let [asked] = bodies(&server, "amazonathena.startqueryexecution")
        .try_into()
        .unwrap();
    let parameters = json!([
        "'2006-01-01T00:00:00Z'",
        "'2026-11-27T21:50:00Z'",
        "'tax-replica'",
        "'2026-11-27-01-00'",
        "'tax-replica'",
        "'2025-10-23'",
        "'2026-11-27'"
    ]);
    assert_eq!(asked["ExecutionParameters"], parameters);
    assert_eq!(
        (
            &asked["WorkGroup"],
            &asked["QueryExecutionContext"]["Database"]
        ),
        (&json!("evidence"), &json!("lake"))
    );
    let requests = server.requests();
    let listing = requests.iter().find(|sent| sent.line.starts_with("GET"));
    let line = &listing.unwrap().line;
    assert!(
        line.contains("prefix=all%2Ftax-replica%2Fdaily%2Fhive%2Fdt%3D"),
        "{line}"
    );
    // Signed for the service that it goes to.
    let signed = |target: &str, service: &str| {
        let sent = requests
            .iter()
            .find(|sent| sent.header("x-amz-target") == Some(target));
        let scope = sent.unwrap().header("authorization").unwrap().to_owned();
        assert!(
            scope.contains(&format!("/us-west-2/{service}/aws4_request")),
            "{scope}"
        );
    };
    signed(PUT, "config");
    signed("amazonathena.startqueryexecution", "athena");
}

#[tokio::test]
async fn without_inventories_the_verdicts_alone_are_asked() {
    let (server, account) = cloud(None).await;
    let mut request = Request::read(&serde_json::from_str(EVENT).unwrap()).unwrap();
    TEST.clone_into(&mut request.token);
    Asker::new(account, 30).evaluate(&request).await.unwrap();
    let [put] = bodies(&server, PUT).try_into().unwrap();
    assert_eq!(put["TestMode"], true);
    assert_eq!(
        put["Evaluations"][0]["Annotation"],
        "3 of 1,204,331 under another key; 12 without verdict (of those looked at since 2026-10-28)"
    );
}

#[tokio::test]
async fn a_hundred_go_into_one_call() {
    let (server, account) = cloud(None).await;
    let request = Request {
        rule: "rule".to_owned(),
        account: "111122223333".to_owned(),
        token: "token".to_owned(),
        at: Time::from_secs(1),
    };
    let one = Evaluation {
        bucket: "tax-replica".to_owned(),
        compliance: Compliance::Compliant,
        annotation: "all".to_owned(),
    };
    account.put(&request, &vec![one; 201]).await.unwrap();
    let sent = bodies(&server, PUT).into_iter();
    let sent: Vec<_> = sent
        .map(|body| body["Evaluations"].as_array().unwrap().len())
        .collect();
    assert_eq!(sent, [100, 100, 1]);
}

#[tokio::test]
async fn the_checker_is_shown_versions_and_what_it_says_is_told_in_their_order() {
    let (server, account) = cloud(None).await;
    let versions = ["a", "b%20c", "d"].map(|key| Version {
        key: key.to_owned(),
        id: if key == "d" { "" } else { "1" }.to_owned(),
    });
    let told = account.look("tax-replica", &versions).await.unwrap();
    let good = Some("Compliant".to_owned());
    assert_eq!(told, [good.clone(), None, good]);
    let [sent] = server.requests().try_into().unwrap();
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    let expected = json!([
        {"taskId": "0", "s3Bucket": "tax-replica", "s3Key": "a", "s3VersionId": "1"},
        {"taskId": "1", "s3Bucket": "tax-replica", "s3Key": "b%20c", "s3VersionId": "1"},
        {"taskId": "2", "s3Bucket": "tax-replica", "s3Key": "d", "s3VersionId": null},
    ]);
    assert_eq!(body["tasks"], expected);
    account.keep("sweeps/x.json", b"{}".to_vec()).await.unwrap();
}

#[tokio::test]
async fn a_query_is_not_waited_for_when_the_time_is_up() {
    let (_server, account) = cloud(None).await;
    let asked = account.ask(UNHEARD, &[""; 7]);
    let asked = tokio::time::timeout(Duration::from_secs(30), asked).await;
    let error = asked.expect("it is waited for").unwrap_err().to_string();
    assert!(
        error.contains("time was up") && error.contains("unheard"),
        "{error}"
    );
}

#[tokio::test]
async fn the_last_sweep_is_the_newest_record_of_the_last_weeks() {
    let (server, account) = cloud(None).await;
    let sweep = account
        .last_sweep(Time::from_secs(1_795_782_600))
        .await
        .unwrap();
    let [bucket] = sweep.unwrap().buckets.try_into().unwrap();
    assert!(bucket.not_begun && bucket.bucket == "tax-replica");
    let [list, read] = server.requests().try_into().unwrap();
    // Four weeks before.
    assert!(
        list.line
            .contains("start-after=sweeps%2F2026%2F10%2F30%2F1793363400.json"),
        "{}",
        list.line
    );
    assert!(
        read.line.starts_with(&format!("GET /evidence/{SWEPT}")),
        "{}",
        read.line
    );
}

#[tokio::test]
async fn what_athena_refuses_is_told_on_one_line() {
    let body = r#"{"__type":"InvalidRequestException","Message":"no\nworkgroup"}"#;
    let server = Server::start(move |_| response("400 Bad Request", "", body))
        .await
        .unwrap();
    let variables = [
        ("AWS_REGION", "us-west-2"),
        ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL_ATHENA", server.endpoint.as_str()),
    ];
    let variables: HashMap<String, String> = variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
    let sdk = sdk_environment::sdk_config(&variables, &Http::new()).unwrap();
    let athena = Athena::new(&sdk, "w".to_owned(), "d".to_owned());
    let told = athena
        .ask(("q", "SELECT 1"), &[], |_| ())
        .await
        .unwrap_err();
    assert_eq!(
        told.to_string(),
        "athena:StartQueryExecution in workgroup w: status 400, InvalidRequestException, no workgroup"
    );
    assert_eq!(server.requests().len(), 1);
}
