//! Answers of Athena and Parameter Store about the evidence of one bucket.

use serde_json::{Value, json};

const EXPECTATION: &str = r#"{"schema":"encrypted-replication/expectation/1","source":"arn:aws:s3:::tax","rules":[{"id":"all","prefix":"","kmsKeyArn":"arn:aws:kms:us-east-1:111122223333:key/k"}]}"#;

/// What is there of the bucket.
pub(crate) const VERSIONS: &str = "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>\
     <Version><Key>a</Key><VersionId>1</VersionId><LastModified>2026-07-01T00:00:00Z</LastModified></Version>\
     <Version><Key>b</Key><VersionId>1</VersionId><LastModified>2026-09-30T23:59:59Z</LastModified></Version>\
     <Version><Key>c</Key><VersionId>1</VersionId><LastModified>2026-08-01T00:00:00Z</LastModified></Version>\
     <Version><Key>later</Key><VersionId>1</VersionId><LastModified>2026-10-01T00:00:00Z</LastModified></Version>\
     </ListVersionsResult>";

/// The answer to one of their calls.
pub(crate) fn answer(call: &str, body: &str) -> Option<Value> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    Some(match call {
        "GetParametersByPath" => json!({"Parameters": [
            {"Name": "/encrypted-replication/tax-replica/er1", "Value": EXPECTATION},
            {"Name": "/encrypted-replication/records/er1", "Value": "{\"schema\":\"another\"}"}]}),
        "GetParameterHistory" => json!({"Parameters": [
            {"Name": body["Name"], "Version": 1, "LastModifiedDate": 1_782_864_000.0, "Value": EXPECTATION,
             "LastModifiedUser": "arn:aws:iam::111122223333:user/ann"}]}),
        "StartQueryExecution" => json!({"QueryExecutionId": begin(&body)}),
        "GetQueryExecution" => json!({"QueryExecution": {"Status": {"State": "SUCCEEDED"}}}),
        "GetQueryResults" => results(&body),
        _ => return None,
    })
}

/// The name of the run: which query it is. One that is asked otherwise than it must be is none.
fn begin(body: &Value) -> &'static str {
    assert_eq!(
        (
            &body["WorkGroup"],
            &body["QueryExecutionContext"]["Database"]
        ),
        (&json!("evidence"), &json!("lake"))
    );
    let text = body["QueryString"].as_str().unwrap();
    let (name, parameters) = if text.contains("failure_reason") {
        let parameters = [
            "tax",
            "2026-07-01",
            "2026-09-30",
            "tax-replica",
            "2026-07-01",
            "2026-09-30",
        ];
        ("failures", parameters.to_vec())
    } else if text.contains("date_diff") {
        ("findings", vec!["tax-replica", "2026-07-01", "2026-09-30"])
    } else if text.contains("count(DISTINCT id)") {
        ("counts", vec!["tax-replica", "2026-07-01", "2026-09-30"])
    } else {
        ("judged", vec!["tax-replica", "2026-07-01", "2026-10-01"])
    };
    let literals: Vec<_> = parameters.iter().map(|text| format!("'{text}'")).collect();
    assert_eq!(body["ExecutionParameters"], json!(literals), "{name}");
    name
}

fn results(body: &Value) -> Value {
    let set = |columns: &[&str], rows: &[&[&str]], first: bool| {
        let cells = |cells: &[&str]| {
            let cells = cells.iter().map(|cell| match *cell {
                "" => json!({}),
                cell => json!({"VarCharValue": cell}),
            });
            json!({"Data": cells.collect::<Vec<_>>()})
        };
        let header = first.then(|| cells(columns));
        let rows: Vec<_> = header
            .into_iter()
            .chain(rows.iter().map(|row| cells(row)))
            .collect();
        let info: Vec<_> = columns.iter().map(|name| json!({"Name": name})).collect();
        json!({"ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": info}}})
    };
    match (
        body["QueryExecutionId"].as_str(),
        body["NextToken"].as_str(),
    ) {
        (Some("counts"), _) => set(
            &["verdict", "compliant", "findings", "versions", "lines"],
            &[
                &["Compliant", "true", "1", "1", "2"],
                &["WrongKey", "false", "2", "2", "2"],
            ],
            true,
        ),
        (Some("findings"), None) => {
            let columns = [
                "key",
                "verdict",
                "state",
                "first_seen",
                "ended",
                "open_minutes",
            ];
            let mut page = set(
                &columns,
                &[&["a", "WrongKey", "mended", "then", "later", "5"]],
                true,
            );
            page["NextToken"] = json!("more");
            page
        }
        (Some("findings"), _) => set(
            &["key", "verdict", "state"],
            &[&["b", "WrongKey", "open"]],
            false,
        ),
        (Some("judged"), _) => set(
            &["key", "versionid", "judged"],
            &[
                &["a", "1", "true"],
                &["b", "1", "true"],
                &["gone", "1", "true"],
            ],
            true,
        ),
        _ => set(
            &["key", "destination", "failure_reason", "state"],
            &[
                &["c", "tax-replica", "DstKmsKeyNotFound", "open"],
                &["c", "elsewhere", "", "open"],
            ],
            true,
        ),
    }
}
