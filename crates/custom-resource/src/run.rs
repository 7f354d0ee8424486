//! A function that is one resource and nothing else.

use lambda_runtime::{LambdaEvent, service_fn};

use crate::guard::tell_where_panics_abort;
use crate::payload::Payload;
use crate::provider::Provider;
use crate::resource::CustomResource;
use crate::response_url::ResponseHosts;
use crate::smithy_transport::SmithyTransport;

/// The variable by which the SDK, and so this, is pointed at an emulator.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Runs the function: every request goes to `resource`, and every answer to CloudFormation, over the AWS
/// SDK's HTTP stack. With a loopback address in `AWS_ENDPOINT_URL`, an emulator there is answered too.
///
/// # Errors
/// When Lambda's runtime cannot be reached, or the SDK was built without HTTPS.
pub async fn run(resource: impl CustomResource) -> Result<(), lambda_runtime::Error> {
    tell_where_panics_abort();
    let endpoint = std::env::var(ENDPOINT).ok();
    let hosts = ResponseHosts::for_endpoint_override(endpoint.as_deref());
    let transport = SmithyTransport::with_default_connector()?;
    let provider = Provider::new(resource, transport).with_response_hosts(hosts);
    let provider = &provider;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Payload>| async move {
        provider.handle(event).await
    }))
    .await
}
