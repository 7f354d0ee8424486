//! The verdict line: one JSON object a line on standard output.

use serde::Serialize;

use crate::verdict::Verdict;

/// The schema of the verdict line.
pub const SCHEMA: &str = "encrypted-replication/verdict/1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    schema: &'static str,
    id: String,
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
    from: &'static str,
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
/// `compliant` is `null` where nobody can say; every other field that is unknown is left out,
/// `remedy` too where nothing needs doing, and `repaired` where
/// nothing was repaired. `bucketKeyEnabled` is there for objects under KMS.
///
/// # Errors
/// None that these types can cause; passed on rather than hidden.
pub fn line(verdict: &Verdict) -> Result<String, serde_json::Error> {
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
    let expected = expected.as_ref().map(|expected| ExpectedLine {
        kms_key_arns: expected
            .keys
            .iter()
            .map(crate::verdict::ExpectedKey::name)
            .collect(),
        from: expected.from.as_str(),
    });
    let replication = replication.as_ref().map(|event| ReplicationLine {
        event: event.outcome.event(),
        failure_reason: event.failure_reason.as_deref(),
        rule_id: event.rule_id.as_deref(),
        destination_bucket: event.destination_bucket.as_deref(),
        operation: event.operation.as_deref(),
    });
    serde_json::to_string(&Line {
        schema: SCHEMA,
        id: verdict.id(),
        verdict: judgement.kind.as_str(),
        compliant: judgement.kind.compliant(),
        bucket: &version.bucket,
        key: version.key.as_str(),
        version_id: verdict.version_id(),
        observed,
        expected,
        replication,
        repaired: repaired.then_some(true),
        reason: &judgement.reason,
        remedy: judgement.remedy.as_deref(),
    })
}
