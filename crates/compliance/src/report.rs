//! The verdict line: one JSON object a line on standard output.

use aws_names::Home;
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use expectation::Algorithm;
use serde::Serialize;

use crate::verdict::{Expected, SCHEMA, Standing, Verdict};

/// The version of the checker.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Every field of the line, and what it says.
pub const FIELDS: [(&str, &str); 26] = [
    (
        "schema",
        "the schema, which changes its number where a field changes its meaning",
    ),
    (
        "id",
        "the same for the same finding on the same version, however often it is told",
    ),
    ("time", "when it was told, RFC 3339 in UTC"),
    ("account", "account that owns the bucket"),
    ("region", "Region of the bucket"),
    ("version", "version of the checker"),
    ("verdict", "one of those above"),
    (
        "compliant",
        "`false` is a finding; `null` where the verdict is neither good nor bad",
    ),
    (
        "bucket",
        "bucket of the version: the source bucket of a `Replication…` verdict, else that of the replica",
    ),
    ("key", "key of the object, decoded"),
    ("versionId", "version of the object, in a versioned bucket"),
    (
        "observed.algorithm",
        "encryption that S3 tells: `aws:kms`, `aws:kms:dsse`, `AES256`",
    ),
    ("observed.kmsKeyArn", "key that the version is under"),
    (
        "observed.bucketKeyEnabled",
        "whether an S3 Bucket Key was used, where there is a key",
    ),
    (
        "observed.replicationStatus",
        "`REPLICA`, or `PENDING`, `COMPLETED`, `FAILED`",
    ),
    ("expected.kmsKeyArns", "keys, any of which is right today"),
    (
        "expected.formerKmsKeyArns",
        "keys that were right when it arrived, and have been replaced since",
    ),
    (
        "expected.algorithm",
        "kind of KMS encryption, where one is demanded",
    ),
    (
        "expected.from",
        "who says so: `environment`, `registry`, `bucket-default`",
    ),
    (
        "replication.event",
        "S3's event about the replication, without `s3:Replication:`",
    ),
    (
        "replication.failureReason",
        "S3's code, as [below](#failure-reasons)",
    ),
    ("replication.ruleId", "the rule"),
    ("replication.destinationBucket", "where it was to go"),
    (
        "replication.operation",
        "what was to be replicated, such as `OBJECT_PUT`",
    ),
    (
        "repaired",
        "`true` where this checker re-encrypted the version before it judged",
    ),
    (
        "probe",
        "`true` where the object is a [probe](SEMANTICS.md#the-probe): one that did not arrive is no finding of its own",
    ),
];
/// The sentences of the line, for people; their words change without notice.
pub const SENTENCES: [(&str, &str); 2] = [
    ("reason", "why, in one sentence"),
    (
        "remedy",
        "what to do, in one sentence, where anything is to be done",
    ),
];

/// What all lines of one telling share.
#[derive(Clone, Debug)]
pub struct Stamp<'a> {
    time: String,
    home: Option<&'a Home>,
}

impl<'a> Stamp<'a> {
    /// Lines told `now_ms` milliseconds after 1970 by the checker at `home`.
    #[must_use]
    pub fn new(now_ms: i64, home: Option<&'a Home>) -> Self {
        Self {
            // Every time from 0000 to 9999 can be written.
            time: DateTime::from_millis(now_ms)
                .fmt(Format::DateTime)
                .unwrap_or_default(),
            home,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    schema: &'static str,
    id: String,
    time: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<&'a str>,
    version: &'static str,
    verdict: &'static str,
    compliant: Option<bool>,
    bucket: &'a str,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    observed: Option<ObservedLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<ExpectedLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replication: Option<ReplicationLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repaired: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probe: Option<bool>,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ObservedLine<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_arn: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bucket_key_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replication_status: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ExpectedLine {
    kms_key_arns: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    former_kms_key_arns: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    algorithm: Option<&'static str>,
    from: &'static str,
}

impl ExpectedLine {
    fn new(expected: &Expected) -> Self {
        let names = |former: bool| {
            let keys = expected.keys.iter();
            let keys = keys.filter(|allowed| (allowed.standing == Standing::Former) == former);
            let mut names: Vec<String> = Vec::new();
            for name in keys.map(|allowed| allowed.key.name()) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
            names
        };
        let mut algorithms = expected.keys.iter().map(|allowed| allowed.algorithm);
        let first = algorithms.next().flatten();
        Self {
            kms_key_arns: names(false),
            former_kms_key_arns: names(true),
            algorithm: first
                .filter(|first| algorithms.all(|other| other == Some(*first)))
                .map(Algorithm::as_str),
            from: expected.from.as_str(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReplicationLine<'a> {
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_bucket: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<&'a str>,
}

/// The verdict as one line of JSON, without its line feed.
///
/// `time` is when it was told, `account` and `region` are the bucket's, `version` is the checker's.
/// `compliant` is `null` where nobody can say; every other field that is unknown is left out,
/// `remedy` too where nothing needs doing, `repaired` where
/// nothing was repaired, and `probe` for what people upload. `bucketKeyEnabled` is there for objects under KMS.
///
/// # Errors
/// None that these types can cause; passed on rather than hidden.
pub fn line(verdict: &Verdict, stamp: &Stamp<'_>) -> Result<String, serde_json::Error> {
    serde_json::to_string(&line_of(verdict, stamp))
}

/// The same behind what there is already.
///
/// # Errors
/// As [`line`].
pub(crate) fn write(
    verdict: &Verdict,
    stamp: &Stamp<'_>,
    text: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    serde_json::to_writer(text, &line_of(verdict, stamp))
}

fn line_of<'a>(verdict: &'a Verdict, stamp: &'a Stamp<'_>) -> Line<'a> {
    let Verdict {
        version,
        judgement,
        observed,
        expected,
        replication,
        repaired,
    } = verdict;
    let observed = observed.as_ref().map(|seen| ObservedLine {
        algorithm: seen.algorithm.as_deref(),
        kms_key_arn: seen.kms_key.as_deref(),
        bucket_key_enabled: seen.kms_key.is_some().then_some(seen.bucket_key_enabled),
        replication_status: seen.replication_status.as_deref(),
    });
    let expected = expected.as_ref().map(ExpectedLine::new);
    let replication = replication.as_ref().map(|event| ReplicationLine {
        event: event.outcome.event(),
        failure_reason: event.failure_reason.as_deref(),
        rule_id: event.rule_id.as_deref(),
        destination_bucket: event.destination_bucket.as_deref(),
        operation: event.operation.as_deref(),
    });
    Line {
        schema: SCHEMA,
        id: verdict.id(),
        time: &stamp.time,
        account: version
            .bucket_owner
            .as_deref()
            .or(stamp.home.map(|home| home.account.as_str())),
        region: version
            .region
            .as_deref()
            .or(stamp.home.map(|home| home.region.as_str())),
        version: VERSION,
        verdict: judgement.kind.as_str(),
        compliant: judgement.kind.compliant(),
        bucket: &version.bucket,
        key: version.key.as_str(),
        version_id: verdict.version_id(),
        observed,
        expected,
        replication,
        repaired: repaired.then_some(true),
        probe: verdict.is_on_probe().then_some(true),
        reason: &judgement.reason,
        remedy: judgement.remedy.as_deref(),
    }
}
