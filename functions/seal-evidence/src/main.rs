//! Lambda function that seals each day of the evidence with a signed digest: wires `evidence` to AWS.
//!
//! Its schedule invokes it with any event. It answers with what it sealed; a day that it could not seal is an
//! error, so that the alarm on the function's errors rings.

use std::collections::HashMap;
use std::time::Duration;

use aws_names::{Home, needs_path_style};
use evidence::Lake;
use evidence::aws::{Bucket, Key, SystemClock};
use evidence::seal::{Clock, Report, Sealer};
use expectation::Time;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use serde_json::Value;

/// The lake's bucket.
const EVIDENCE_BUCKET: &str = "EVIDENCE_BUCKET";
/// ARN of the key that signs.
const SIGNING_KEY_ARN: &str = "SIGNING_KEY_ARN";

/// What is left of an invocation's time when no further day is begun, for the last page and the digest.
const SPARE: Duration = Duration::from_mins(1);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .with_current_span(false)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let environment: HashMap<_, _> = std::env::vars().collect();
    let needed = |name: &str| {
        let value = environment.get(name).filter(|value| !value.is_empty());
        value
            .cloned()
            .ok_or_else(|| format!("environment variable {name} is not set"))
    };
    let bucket = needed(EVIDENCE_BUCKET)?;
    let key = needed(SIGNING_KEY_ARN)?;
    let endpoint = ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"];
    let endpoint = endpoint.iter().find_map(|name| environment.get(*name));
    let path_style = endpoint.is_some_and(|url| needs_path_style(url));
    let http = sdk_environment::Http::new();
    let sdk = sdk_environment::sdk_config(&environment, &http)?;
    let key = &Key::new(&sdk, key);
    let (sdk, bucket) = (&sdk, &bucket);
    run(service_fn(move |event: LambdaEvent<Value>| async move {
        let home = Home::of_function(&event.context.invoked_function_arn).ok_or_else(|| {
            failed(
                "NoFunctionArn",
                "Lambda did not say which function was invoked".to_owned(),
            )
        })?;
        let store = Bucket::new(sdk, path_style, bucket.clone(), home.account.clone());
        let lake = Lake {
            account: home.account,
            region: home.region,
            bucket: bucket.clone(),
        };
        let sealer = Sealer::new(lake, store, key.clone(), SystemClock);
        let deadline = Duration::from_millis(event.context.deadline).saturating_sub(SPARE);
        let deadline = i64::try_from(deadline.as_secs()).unwrap_or(i64::MAX);
        let report = sealer.run(Time::from_secs(deadline)).await;
        let report = report.map_err(|error| failed("NotSealed", error.to_string()))?;
        answer(&report, bucket)
    }))
    .await
}

fn answer(report: &Report, bucket: &str) -> Result<Value, Diagnostic> {
    println!(
        "{}",
        report.metrics(bucket, SystemClock.now().secs() * 1000)
    );
    let answer =
        serde_json::to_value(report).map_err(|error| failed("NoAnswer", error.to_string()))?;
    tracing::info!(report = %answer, "sealed");
    let Some(day) = report.left else {
        return Ok(answer);
    };
    let words = format!(
        "there was no time for {day}: give the function more memory, which makes it faster"
    );
    Err(failed("OutOfTime", words))
}

fn failed(kind: &str, words: String) -> Diagnostic {
    Diagnostic {
        error_type: kind.to_owned(),
        error_message: words,
    }
}
