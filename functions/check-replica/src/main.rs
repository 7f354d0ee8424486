//! Lambda function that judges each replica's encryption as it arrives: wires `compliance` to AWS.
//!
//! Standard output carries verdict lines and metrics, each a line of JSON, and nothing else. What
//! the function logs about itself goes to standard error, as JSON too; Lambda keeps both in the
//! same log group.

// The futures of a batch lie in each other, deeper than the compiler looks by itself.
#![recursion_limit = "256"]

use std::collections::HashMap;

use compliance::aws::{Aws, DirectHeads};
use compliance::checker::Checker;
use compliance::config::Config;
use compliance::handler::{Handler, Invocation, StandardOutput};
use compliance::ingest::Delivered;
use lambda_runtime::{Diagnostic, Error, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    // Not `EnvFilter`, which brings a regular-expression engine along.
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) if !directives.is_empty() => directives.parse()?,
        _ => Targets::new().with_default(LevelFilter::INFO),
    };
    let log = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(std::io::stderr);
    tracing_subscriber::registry().with(log).with(filter).init();
    let environment: HashMap<_, _> = std::env::vars().collect();
    let config = Config::read(&environment).inspect_err(cannot_start)?;
    let http = sdk_environment::Http::new();
    let sdk = sdk_environment::sdk_config(&environment, &http)
        .inspect_err(cannot_start)?
        .into_builder()
        .retry_config(Aws::retries())
        .timeout_config(Aws::timeouts())
        .build();
    let heads = DirectHeads::new(&sdk, &http);
    let aws = Aws::of(&sdk).with_direct_heads(heads);
    let checker = Checker::new(aws, config.expected_keys, config.expectation_ttl)
        .repairing(config.repair)
        .trusting_bucket_default(config.trust_bucket_default);
    let handler = Handler::new(checker, StandardOutput, config.max_concurrency)
        .publishing(config.findings_event_bus)
        .patient(config.most_receives);
    lambda_runtime::run(service_fn(|event: LambdaEvent<Delivered>| {
        handle(&handler, event)
    }))
    .await
}

fn cannot_start(error: &impl std::fmt::Display) {
    tracing::error!("the function cannot start: {error}");
}

/// The payload is read whatever it is: one that does not deserialise would never reach the handler.
/// The runtime logs the error that goes back to Lambda.
async fn handle(
    handler: &Handler<Aws, StandardOutput>,
    event: LambdaEvent<Delivered>,
) -> Result<Box<RawValue>, Diagnostic> {
    let invocation = Invocation::new(event.context.deadline, &event.context.invoked_function_arn);
    handler
        .answer(event.payload.0, &invocation)
        .await
        .map_err(|error| Diagnostic {
            error_type: error.code().to_owned(),
            error_message: error.to_string(),
        })
}
