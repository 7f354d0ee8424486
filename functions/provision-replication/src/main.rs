//! Lambda function behind `Custom::EncryptedReplication`: wires the resource to AWS.

use aws_config::{BehaviorVersion, SdkConfig};
use custom_resource::{Payload, Provider, ResponseHosts, SmithyTransport};
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use replication::arn::Home;
use replication::aws::SdkAws;
use replication::resource::EncryptedReplication;

/// ARN of the checker's queue. Without it the source bucket's notifications are left alone.
const CHECK_QUEUE_ARN: &str = "CHECK_QUEUE_ARN";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .with_current_span(false)
        .with_ansi(false)
        .init();
    let queue = configured_queue(std::env::var(CHECK_QUEUE_ARN).ok())?;
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let transport = SmithyTransport::with_default_connector()?;
    let (queue, config, transport) = (&queue, &config, &transport);
    run(service_fn(move |event: LambdaEvent<Payload>| async move {
        let home = Home::of_function(&event.context.invoked_function_arn)
            .ok_or("Lambda gave the invocation no function ARN")?;
        let aws = SdkAws::new(config.clone(), &home);
        let resource = EncryptedReplication::new(aws, home, queue.clone());
        let provider =
            Provider::new(resource, transport.clone()).with_response_hosts(hosts(config));
        Ok::<_, Error>(provider.handle(event).await?)
    }))
    .await
}

/// Where AWS itself is redirected, the answer may go to this machine; otherwise to Amazon alone.
fn hosts(config: &SdkConfig) -> ResponseHosts {
    if config.endpoint_url().is_some() {
        ResponseHosts::AmazonOrLoopback
    } else {
        ResponseHosts::Amazon
    }
}

/// The queue's ARN; an empty value counts as none.
fn configured_queue(value: Option<String>) -> Result<Option<String>, Error> {
    match value.filter(|value| !value.is_empty()) {
        Some(arn) if arn.starts_with("arn:") && arn.split(':').nth(2) == Some("sqs") => {
            Ok(Some(arn))
        }
        Some(other) => {
            Err(format!("{CHECK_QUEUE_ARN} must be the ARN of an SQS queue, is `{other}`").into())
        }
        None => Ok(None),
    }
}
