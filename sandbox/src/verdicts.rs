//! The verdict lines that the checker writes, read from its log group.

use anyhow::{Context, Result, ensure};
use aws_calls::{Client, Service};
use aws_config::SdkConfig;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

const SCHEMA: &str = "encrypted-replication/verdict/1";

const LOGS: Service = Service {
    id: "CloudWatch Logs",
    prefix: "logs",
    target: "Logs_20140328",
};

/// One verdict line, with the fields that people look at.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The same for the same finding on the same version.
    pub id: String,
    /// `Compliant`, `WrongKey`, …
    pub verdict: String,
    /// Null where the verdict is neither good nor bad.
    pub compliant: Option<bool>,
    /// The bucket of the object version.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The version, where there is one.
    pub version_id: Option<String>,
    /// What the replica looks like.
    pub observed: Option<Observed>,
    /// Which keys it should be under.
    pub expected: Option<Expected>,
    /// Whether the checker re-encrypted it.
    #[serde(default)]
    pub repaired: bool,
    /// Whether it is about a probe.
    #[serde(default)]
    pub probe: bool,
    /// Why, in one sentence.
    pub reason: String,
    /// What to do, in one sentence.
    pub remedy: Option<String>,
    /// When the line was written, in milliseconds since 1970.
    #[serde(skip)]
    pub time: i64,
}

/// The encryption found.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// `aws:kms`, `AES256`, …
    pub algorithm: Option<String>,
    /// The key it is under.
    pub kms_key_arn: Option<String>,
}

/// The encryption that should be.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Expected {
    /// Any of these keys is right.
    #[serde(default)]
    pub kms_key_arns: Vec<String>,
}

/// A page of log groups.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogGroups {
    #[serde(default)]
    log_groups: Vec<LogGroup>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogGroup {
    log_group_name: String,
    creation_time: Option<i64>,
}

/// A page of lines.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEvents {
    #[serde(default)]
    events: Vec<LogEvent>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LogEvent {
    #[serde(default)]
    message: String,
    #[serde(default)]
    timestamp: i64,
    ingestion_time: Option<i64>,
}

/// What CloudWatch Logs answers with at most.
const MOST_EVENTS: usize = 10_000;

/// The log groups of the functions of a stack of `template.yaml`, and of those that bore its name before:
/// the stack's own id ends each name.
///
/// # Errors
/// When they cannot be listed.
pub async fn log_groups(config: &SdkConfig, stack: &str, function: &str) -> Result<Vec<String>> {
    let prefix = format!("/aws/lambda/{stack}-{function}/");
    let client = Client::new(config, LOGS);
    let question = json!({"logGroupNamePrefix": prefix});
    let split = |page: LogGroups| (page.log_groups, page.next_token);
    let mut found = client
        .list("DescribeLogGroups", question, "nextToken", split)
        .await
        .with_context(|| format!("cannot list log groups `{prefix}`…"))?;
    found.sort_by_key(|group| group.creation_time);
    Ok(found
        .into_iter()
        .map(|group| group.log_group_name)
        .collect())
}

/// The log group with the verdict lines of a stack's checker.
///
/// # Errors
/// When there is none.
pub async fn log_group(config: &SdkConfig, stack: &str) -> Result<String> {
    let mut all = log_groups(config, stack, "check-replica").await?;
    all.pop()
        .with_context(|| format!("the checker of stack `{stack}` has no log group"))
}

/// Deletes the log groups of a stack that is gone.
///
/// # Errors
/// When one is still there.
pub async fn delete_log_groups(config: &SdkConfig, stack: &str) -> Result<()> {
    let client = Client::new(config, LOGS);
    for function in crate::sam::FUNCTIONS {
        for name in log_groups(config, stack, function).await? {
            let question = json!({"logGroupName": name});
            let deleted = client.call::<IgnoredAny>("DeleteLogGroup", &question);
            deleted
                .await
                .with_context(|| format!("cannot delete log group `{name}`"))?;
        }
    }
    Ok(())
}

/// The verdict lines that were written between two times, in milliseconds since 1970, the first
/// included and the second not; in no order.
///
/// The sandbox answers with no more than a page and does not say that there is more. So where there
/// may be, the time is halved until there is not.
///
/// # Errors
/// As [`read`]; and where one millisecond has more lines than a page.
pub async fn between(
    config: &SdkConfig,
    log_group: &str,
    from: i64,
    to: i64,
) -> Result<Vec<Verdict>> {
    let client = Client::new(config, LOGS);
    let mut verdicts = Vec::new();
    let mut spans = vec![(from, to)];
    while let Some((from, to)) = spans.pop() {
        let question = json!({
            "logGroupName": log_group, "startTime": from, "endTime": to - 1,
        });
        let page: LogEvents = client
            .call("FilterLogEvents", &question)
            .await
            .with_context(|| format!("cannot read log group `{log_group}`"))?;
        if page.events.len() >= MOST_EVENTS || page.next_token.is_some() {
            let middle = i64::midpoint(from, to);
            ensure!(
                middle > from,
                "too many lines at once in log group `{log_group}`"
            );
            spans.extend([(from, middle), (middle, to)]);
            continue;
        }
        for event in page.events {
            if event.message.contains(SCHEMA) {
                verdicts.extend(parse(&event.message, event.timestamp)?);
            }
        }
    }
    Ok(verdicts)
}

/// Every verdict line in the log group of one checker, oldest first.
///
/// # Errors
/// When the log group cannot be read, or a verdict line lacks a field that it must have.
pub async fn read(config: &SdkConfig, log_group: &str) -> Result<Vec<Verdict>> {
    let mut verdicts = Vec::new();
    for event in events(config, log_group).await? {
        if event.message.contains(SCHEMA) {
            verdicts.extend(parse(&event.message, event.timestamp)?);
        }
    }
    verdicts.sort_by_key(|verdict| verdict.time);
    Ok(verdicts)
}

/// Every line of a log group that is JSON, and when it came in, in milliseconds since 1970.
///
/// # Errors
/// When the log group cannot be read.
pub async fn lines(config: &SdkConfig, log_group: &str) -> Result<Vec<(i64, Value)>> {
    let found = events(config, log_group).await?;
    let parsed = found.iter().filter_map(|event| {
        let line = serde_json::from_str(&event.message).ok()?;
        Some((event.ingestion_time?, line))
    });
    Ok(parsed.collect())
}

async fn events(config: &SdkConfig, log_group: &str) -> Result<Vec<LogEvent>> {
    let client = Client::new(config, LOGS);
    let question = json!({"logGroupName": log_group});
    let split = |page: LogEvents| (page.events, page.next_token);
    let found = client.list("FilterLogEvents", question, "nextToken", split);
    found
        .await
        .with_context(|| format!("cannot read log group `{log_group}`"))
}

fn parse(message: &str, time: i64) -> Result<Option<Verdict>> {
    let line = message.trim();
    let Ok(value) = serde_json::from_str::<Value>(line) else {
        return Ok(None);
    };
    if value.get("schema").and_then(Value::as_str) != Some(SCHEMA) {
        return Ok(None);
    }
    let verdict: Verdict = serde_json::from_value(value)
        .with_context(|| format!("a verdict line is not as it should be: `{line}`"))?;
    Ok(Some(Verdict { time, ..verdict }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"schema":"encrypted-replication/verdict/1","id":"1","verdict":"WrongKey","compliant":false,"bucket":"b","key":"a b","versionId":"v","observed":{"algorithm":"aws:kms","kmsKeyArn":"arn:1"},"expected":{"kmsKeyArns":["arn:2"],"from":"registry"},"reason":"r","remedy":"m"}"#;

    #[test]
    fn a_verdict_line_is_read_with_its_time() {
        let verdict = parse(LINE, 7).unwrap().unwrap();
        assert_eq!(
            (verdict.verdict.as_str(), verdict.compliant),
            ("WrongKey", Some(false))
        );
        assert_eq!((verdict.key.as_str(), verdict.time), ("a b", 7));
        assert_eq!(
            verdict.observed.unwrap().kms_key_arn.as_deref(),
            Some("arn:1")
        );
        assert_eq!(verdict.expected.unwrap().kms_key_arns, ["arn:2"]);
    }

    #[test]
    fn lines_that_only_quote_the_schema_are_passed_over() {
        let quoted = format!(r#"{{"message":"{SCHEMA}"}}"#);
        assert!(parse(&quoted, 0).unwrap().is_none());
        assert!(parse(&format!("plain text {SCHEMA}"), 0).unwrap().is_none());
    }

    #[test]
    fn a_verdict_line_without_a_reason_is_an_error() {
        let error = parse(&LINE.replace("reason", "raisin"), 0).unwrap_err();
        assert!(
            format!("{error:#}").contains("missing field `reason`"),
            "{error:#}"
        );
    }
}
