//! Answers of Athena and Parameter Store about the evidence of one bucket.

use serde_json::{Value, json};

const EXPECTATION: &str = r#"{"schema":"encrypted-replication/expectation/1","source":"arn:aws:s3:::tax","rules":[{"id":"all","prefix":"","kmsKeyArn":"arn:aws:kms:us-east-1:111122223333:key/k"}]}"#;

/// The last digest, and the record of a sweep.
const DIGEST: &str = "a digest";
const SWEEP: &str = r#"{"schema":"encrypted-replication/sweep/1","at":"2026-08-01T12:30:00Z","buckets":[
    {"bucket":"tax-replica","inventory":"2026-08-01-01-00","withoutVerdict":2,"verdicts":{"Compliant":2},"notLookedAt":0}]}"#;

/// What is there of a bucket.
pub(crate) fn versions(bucket: &str, query: &str) -> String {
    let listed = |keys: &[&str]| {
        let versions = keys.iter().map(|key| {
            format!(
                "<Version><Key>{key}</Key><VersionId>1</VersionId><LastModified>2026-08-01T00:00:00Z</LastModified></Version>"
            )
        });
        let versions: String = versions.collect();
        format!(
            "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>{versions}</ListVersionsResult>"
        )
    };
    let begins = |with: &str| {
        query.contains(&format!(
            "prefix={}",
            with.replace('/', "%2F").replace('=', "%3D")
        ))
    };
    match bucket {
        "inventories" => {
            let of = if begins("all/tax-replica/daily/hive/dt=") {
                "all/tax-replica/daily/hive/dt="
            } else {
                assert!(begins("all/tax/daily/hive/dt="), "{query}");
                "all/tax/daily/hive/dt="
            };
            // The last one is not whole as yet.
            let keys = [
                "2026-10-01-01-00/symlink.txt",
                "2026-10-02-01-00/symlink.txt",
                "2026-10-03-01-00/part",
            ];
            let keys = keys.map(|key| format!("{of}{key}"));
            listed(&keys.each_ref().map(String::as_str))
        }
        "lake" if begins("digests/") => {
            listed(&["digests/2026/09/30.json", "digests/2026/10/01.json"])
        }
        // Somebody deleted the last one, and what never was.
        "hidden" if begins("digests/") => {
            let marker = |key: &str| {
                format!(
                    "<DeleteMarker><Key>{key}</Key><VersionId>2</VersionId><LastModified>2026-10-02T00:00:00Z</LastModified></DeleteMarker>"
                )
            };
            let markers = ["digests/2026/10/01.json", "digests/zzz"]
                .map(marker)
                .concat();
            let versions = listed(&["digests/2026/09/30.json", "digests/2026/10/01.json"]);
            versions.replace(
                "</ListVersionsResult>",
                &format!("{markers}</ListVersionsResult>"),
            )
        }
        "lake" if begins("verdicts/") => {
            let of = |bucket: &str, day: &str| {
                format!("verdicts/account=1/region=r/bucket={bucket}/day={day}/x.parquet")
            };
            let keys = [
                of("forgotten", "2026-09-30"),
                of("of-today", "2026-10-01"),
                of("tax", "2026-07-01"),
                of("tax-replica", "2026-07-01"),
                // From where the table does not look.
                of("tax-replica", "2026-07-01").replace("region=r", "region=s"),
            ];
            listed(&keys.each_ref().map(String::as_str))
        }
        "hidden" | "empty" => listed(&[]),
        "lake" => listed(&[
            "sweeps/2026/06/30/1782822600.json",
            "sweeps/2026/08/01/1785587400.json",
        ]),
        _ => VERSIONS.to_owned(),
    }
}

/// What is in an object, if it is there; `path` is its bucket and key.
pub(crate) fn object(path: &str) -> Option<&'static str> {
    match path {
        "lake/digests/2026/10/01.json" => Some(DIGEST),
        "lake/sweeps/2026/08/01/1785587400.json" => Some(SWEEP),
        "hidden/digests/2026/10/01.json" => None,
        other => panic!("{other}"),
    }
}

/// What is there of the destination.
const VERSIONS: &str = "<ListVersionsResult><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>\
     <Version><Key>a</Key><VersionId>1</VersionId><LastModified>2026-07-01T00:00:00Z</LastModified></Version>\
     <Version><Key>b</Key><VersionId>1</VersionId><LastModified>2026-09-30T23:59:59Z</LastModified></Version>\
     <Version><Key>c</Key><VersionId>1</VersionId><LastModified>2026-08-01T00:00:00Z</LastModified></Version>\
     <Version><Key>later</Key><VersionId>1</VersionId><LastModified>2026-10-01T00:00:00Z</LastModified></Version>\
     </ListVersionsResult>";

/// The answer to one of their calls.
pub(crate) fn answer(call: &str, body: &str) -> Option<Value> {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    Some(match call {
        // Somebody has written over it since.
        "GetParametersByPath" => json!({"Parameters": [
            {"Name": "/encrypted-replication/tax-replica/er1", "Value": "{"},
            {"Name": "/encrypted-replication/never-read/er1", "Value": "{"},
            {"Name": "/encrypted-replication/_resources/er1", "Value": "{\"schema\":\"another\"}"}]}),
        "GetParameterHistory" => {
            let version = |number: u32, value: &str, user: &str| {
                json!({"Name": body["Name"], "Version": number, "Value": value,
                    "LastModifiedDate": 1_782_864_000.0 + f64::from(number) * 86_400.0,
                    "LastModifiedUser": format!("arn:aws:iam::111122223333:user/{user}")})
            };
            let versions = match body["Name"].as_str() {
                Some("/encrypted-replication/tax-replica/er1") => {
                    vec![version(1, EXPECTATION, "ann"), version(2, "{", "eve")]
                }
                Some("/encrypted-replication/never-read/er1") => vec![version(1, "{", "eve")],
                other => panic!("{other:?}"),
            };
            json!({"Parameters": versions})
        }
        "GetTable" => json!({"Table": {"Parameters": {
            "projection.account.values": "1", "projection.region.values": "q,r"}}}),
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
    let (name, parameters) = if text.contains("source_inventory") {
        let name = match text {
            _ if text.contains("count(*) AS versions") => "coverage",
            _ if text.contains("SELECT state, key") => "gaps",
            _ => "sweep",
        };
        let first = body["ExecutionParameters"][6].as_str().unwrap();
        let last = body["ExecutionParameters"][7].as_str().unwrap();
        let parameters = [
            "2026-10-02T00:00:00Z",
            "tax",
            "2026-10-02-01-00",
            "tax-replica",
            "2026-10-02-01-00",
            "tax-replica",
            // By the clock.
            first.trim_matches('\''),
            last.trim_matches('\''),
        ];
        return begun(body, name, &parameters);
    } else if text.contains("FROM inventory") {
        let last = body["ExecutionParameters"][6].as_str().unwrap();
        let parameters = [
            "2026-07-01T00:00:00Z",
            "2026-10-01T00:00:00Z",
            "tax-replica",
            "2026-10-02-01-00",
            "tax-replica",
            "2026-07-01",
            last.trim_matches('\''),
        ];
        return begun(body, "population", &parameters);
    } else if text.contains("failure_reason") {
        let parameters = [
            "tax",
            "2026-07-01",
            "2026-09-30",
            "tax-replica",
            "2026-07-01",
            "2026-09-30",
        ];
        ("failures", parameters.to_vec())
    } else if text.contains("physicalresourceid") {
        ("timeline", vec!["tax", "2026-07-01", "2026-09-30"])
    } else if text.contains("date_diff") {
        ("findings", vec!["tax-replica", "2026-07-01", "2026-09-30"])
    } else if text.contains("count(DISTINCT id)") {
        ("counts", vec!["tax-replica", "2026-07-01", "2026-09-30"])
    } else {
        // To this day: what was written then may have been swept since.
        let last = body["ExecutionParameters"][2].as_str().unwrap();
        let last = last.trim_matches('\'');
        assert!(["", "2026-10-01"].iter().all(|day| *day < last), "{body}");
        ("judged", vec!["tax-replica", "2026-07-01", last])
    };
    begun(body, name, &parameters)
}

fn begun(body: &Value, name: &'static str, parameters: &[&str]) -> &'static str {
    let literals: Vec<_> = parameters.iter().map(|text| format!("'{text}'")).collect();
    assert_eq!(body["ExecutionParameters"], json!(literals), "{name}");
    name
}

/// What looks for drift and proofs showed, columns first.
const TIMELINE: [&str; 4] = [
    "kind|logicalresourceid|result|first_seen|ended|looks|state|minutes",
    "drift|Replication|DRIFTED|then|later|2|over|1440",
    "drift|Replication|IN_SYNC|later||90|good|",
    "proof|Replication|FAILED|then||3|open|",
];

/// A page of an answer; the first one has the columns' names as a row.
fn set(columns: &[&str], rows: &[&[&str]], first: bool) -> Value {
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
}

fn results(body: &Value) -> Value {
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
        (Some("timeline"), _) => {
            let rows = TIMELINE.map(|row| row.split('|').collect::<Vec<_>>());
            let [columns, rows @ ..] = rows.each_ref().map(Vec::as_slice);
            set(columns, &rows, true)
        }
        (Some("coverage"), _) => set(
            &["state", "versions", "replicas", "judged"],
            &[
                &["compliant", "7", "7", "7"],
                &["no verdict", "2", "2", "0"],
                &["not covered", "1", "0", "0"],
            ],
            true,
        ),
        (Some("gaps"), _) => set(
            &["state", "key", "versionid", "source", "destination"],
            &[&["no verdict", "a b", "1", "tax", "tax-replica"]],
            true,
        ),
        (Some("sweep"), _) => set(
            &["bucket", "key", "versionid"],
            &[
                &["tax-replica", "a%20b", "1"],
                &["tax-replica", "c%2Cd", ""],
            ],
            true,
        ),
        (Some("population"), _) => set(
            &["verdict", "versions", "late"],
            &[
                &["Compliant", "7", "2"],
                &["NoExpectation", "1", "0"],
                &["WrongKey", "1", "0"],
                &["no verdict", "3", "0"],
            ],
            true,
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
