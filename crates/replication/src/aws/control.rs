//! The client of S3's control plane.

use aws_sdk_s3control::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_types::SdkConfig;

use aws_names::needs_path_style;

/// The endpoint as it is. The SDK puts the account in front of its host, which an IP address and `localhost`
/// do not take; there the header `x-amz-account-id` says the same.
#[derive(Debug)]
struct AsItIs(String);

impl ResolveEndpoint for AsItIs {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}

/// The client by way of `config`.
pub(super) fn client(config: &SdkConfig) -> aws_sdk_s3control::Client {
    let builder = aws_sdk_s3control::config::Builder::from(config);
    let redirected = sdk_environment::endpoint(config, "S3 Control");
    let builder = match redirected.filter(|url| needs_path_style(url)) {
        Some(url) => builder.endpoint_resolver(AsItIs(url)),
        None => builder,
    };
    aws_sdk_s3control::Client::from_conf(builder.build())
}
