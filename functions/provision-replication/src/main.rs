//! Lambda function behind `Custom::EncryptedReplication`: wires the resource to AWS.

use std::collections::{BTreeSet, HashMap};

use aws_names::{Arn, Home, is_account_id, is_region};
use custom_resource::{Payload, Provider, ResponseHosts, SmithyTransport};
use event_bus::{FINDINGS_EVENT_BUS, is_bus};
use lambda_runtime::{Diagnostic, Error, LambdaEvent, run, service_fn};
use replication::Allowed;
use replication::aws::SdkAws;
use replication::resource::EncryptedReplication;

/// ARN of the checker's queue. Without it the source bucket's notifications are left alone.
const CHECK_QUEUE_ARN: &str = "CHECK_QUEUE_ARN";

/// ARN of the permissions boundary that every role of ours must have.
const PERMISSIONS_BOUNDARY_ARN: &str = "PERMISSIONS_BOUNDARY_ARN";

/// Accounts besides this one, and Regions, that replicas may go to. Without them: any.
const ALLOWED_ACCOUNTS: &str = "ALLOWED_DESTINATION_ACCOUNTS";
const ALLOWED_REGIONS: &str = "ALLOWED_REGIONS";

/// The AWS SDK's own variables for another endpoint than AWS's, see
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
const AWS_ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .with_current_span(false)
        .with_ansi(false)
        .init();
    let queue = configured(CHECK_QUEUE_ARN, "the ARN of an SQS queue", is_queue)?;
    let policy = "the ARN of a managed policy";
    let boundary = configured(PERMISSIONS_BOUNDARY_ARN, policy, is_boundary)?;
    let name = "the name of an event bus, such as `default`, or its ARN";
    let bus = configured(FINDINGS_EVENT_BUS, name, is_bus)?;
    let accounts = listed(
        ALLOWED_ACCOUNTS,
        "account ids of twelve digits",
        is_account_id,
    )?;
    let regions = listed(ALLOWED_REGIONS, "Regions, such as us-east-1", is_region)?;
    let allowed = Allowed { accounts, regions };
    // Where AWS itself is redirected, the answer may go to this machine; otherwise to Amazon alone.
    let endpoint = std::env::var(AWS_ENDPOINT_URL).ok();
    let hosts = ResponseHosts::for_endpoint_override(endpoint.as_deref());
    let environment: HashMap<_, _> = std::env::vars().collect();
    let http = sdk_environment::Http::new();
    let config = sdk_environment::sdk_config(&environment, &http)?;
    let transport = SmithyTransport::new(http.connector());
    let (queue, boundary, bus, allowed) = (&queue, &boundary, &bus, &allowed);
    let (config, transport) = (&config, &transport);
    run(service_fn(move |event: LambdaEvent<Payload>| async move {
        let home =
            Home::of_function(&event.context.invoked_function_arn).ok_or_else(no_function_arn)?;
        let aws = SdkAws::new(config.clone(), &home);
        let resource = EncryptedReplication::new(aws, home, queue.clone())
            .with_required_boundary(boundary.clone())
            .allowing(allowed.clone())
            .publishing(bus.clone());
        let provider = Provider::new(resource, transport.clone()).with_response_hosts(hosts);
        // Lambda's `errorType` is the error's code: as an `Error` it would be that type's name.
        Ok::<_, Diagnostic>(Box::pin(provider.handle(event)).await?)
    }))
    .await
}

fn no_function_arn() -> Diagnostic {
    Diagnostic {
        error_type: "NoFunctionArn".to_owned(),
        error_message: "Lambda gave the invocation no function ARN".to_owned(),
    }
}

/// What an environment variable says, which must be `what`; an empty value counts as none.
fn configured(
    name: &str,
    what: &str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<Option<String>, Error> {
    match std::env::var(name).ok().filter(|value| !value.is_empty()) {
        Some(value) if is_valid(&value) => Ok(Some(value)),
        Some(other) => Err(format!("{name} must be {what}, is `{other}`").into()),
        None => Ok(None),
    }
}

/// The same of a list with commas between its entries.
fn listed(
    name: &str,
    what: &str,
    is_valid: impl Fn(&str) -> bool,
) -> Result<Option<BTreeSet<String>>, Error> {
    let split = |text: &str| -> BTreeSet<String> {
        let entries = text.split(',').map(str::trim);
        entries.map(str::to_owned).collect()
    };
    let what = format!("{what}, with commas between them");
    let text = configured(name, &what, |text| {
        split(text).iter().all(|entry| is_valid(entry))
    })?;
    Ok(text.map(|text| split(&text)))
}

fn is_queue(arn: &str) -> bool {
    arn.starts_with("arn:") && arn.split(':').nth(2) == Some("sqs")
}

fn is_boundary(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.is_iam_policy())
}
