//! The verdict lines that the checker writes, read from its log group.

use anyhow::{Context, Result, ensure};
use aws_config::SdkConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::FilteredLogEvent;
use serde::Deserialize;

const SCHEMA: &str = "encrypted-replication/verdict/1";

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

/// What CloudWatch Logs answers with at most.
const MOST_EVENTS: usize = 10_000;

/// The log groups of the functions of a stack of `template.yaml`, and of those that bore its name before:
/// the stack's own id ends each name.
///
/// # Errors
/// When they cannot be listed.
pub async fn log_groups(config: &SdkConfig, stack: &str, function: &str) -> Result<Vec<String>> {
    let prefix = format!("/aws/lambda/{stack}-{function}/");
    let mut pages = Client::new(config)
        .describe_log_groups()
        .log_group_name_prefix(&prefix)
        .into_paginator()
        .send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.with_context(|| format!("cannot list log groups `{prefix}`…"))?;
        found.extend(page.log_groups.unwrap_or_default());
    }
    found.sort_by_key(aws_sdk_cloudwatchlogs::types::LogGroup::creation_time);
    let names = found.into_iter().filter_map(|group| group.log_group_name);
    Ok(names.collect())
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
    let client = Client::new(config);
    for function in crate::sam::FUNCTIONS {
        for name in log_groups(config, stack, function).await? {
            let delete = client.delete_log_group().log_group_name(&name);
            let deleted = delete.send().await;
            deleted.with_context(|| format!("cannot delete log group `{name}`"))?;
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
    let client = Client::new(config);
    let mut verdicts = Vec::new();
    let mut spans = vec![(from, to)];
    while let Some((from, to)) = spans.pop() {
        let page = client
            .filter_log_events()
            .log_group_name(log_group)
            .start_time(from)
            .end_time(to - 1)
            .send()
            .await
            .with_context(|| format!("cannot read log group `{log_group}`"))?;
        if page.events().len() >= MOST_EVENTS || page.next_token().is_some() {
            let middle = i64::midpoint(from, to);
            ensure!(
                middle > from,
                "too many lines at once in log group `{log_group}`"
            );
            spans.extend([(from, middle), (middle, to)]);
            continue;
        }
        for event in page.events() {
            let message = event.message().unwrap_or_default();
            if message.contains(SCHEMA) {
                verdicts.extend(parse(message, event.timestamp().unwrap_or_default())?);
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
        let message = event.message().unwrap_or_default();
        if message.contains(SCHEMA) {
            verdicts.extend(parse(message, event.timestamp().unwrap_or_default())?);
        }
    }
    verdicts.sort_by_key(|verdict| verdict.time);
    Ok(verdicts)
}

/// Every line of a log group that is JSON, and when it came in, in milliseconds since 1970.
///
/// # Errors
/// When the log group cannot be read.
pub async fn lines(config: &SdkConfig, log_group: &str) -> Result<Vec<(i64, serde_json::Value)>> {
    let found = events(config, log_group).await?;
    let parsed = found.iter().filter_map(|event| {
        let line = serde_json::from_str(event.message()?).ok()?;
        Some((event.ingestion_time()?, line))
    });
    Ok(parsed.collect())
}

async fn events(config: &SdkConfig, log_group: &str) -> Result<Vec<FilteredLogEvent>> {
    let filter = Client::new(config).filter_log_events();
    let mut pages = filter.log_group_name(log_group).into_paginator().send();
    let mut found = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.with_context(|| format!("cannot read log group `{log_group}`"))?;
        found.extend(page.events.unwrap_or_default());
    }
    Ok(found)
}

fn parse(message: &str, time: i64) -> Result<Option<Verdict>> {
    let line = message.trim();
    let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else {
        return Ok(None);
    };
    if value.get("schema").and_then(serde_json::Value::as_str) != Some(SCHEMA) {
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
