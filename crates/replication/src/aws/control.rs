//! The client of S3's control plane.

use aws_sdk_s3control::config::endpoint::{Endpoint, EndpointFuture, Params, ResolveEndpoint};
use aws_types::SdkConfig;

/// The endpoint as it is. The SDK puts the account in front of its host, which an IP address and `localhost`
/// do not take; there the header `x-amz-account-id` says the same.
#[derive(Debug)]
struct AsItIs(String);

impl ResolveEndpoint for AsItIs {
    fn resolve_endpoint<'a>(&'a self, _: &'a Params) -> EndpointFuture<'a> {
        EndpointFuture::ready(Ok(Endpoint::builder().url(self.0.clone()).build()))
    }
}

/// The client by way of `config`; `redirected` is an endpoint whose host takes no name in front.
pub(super) fn client(config: &SdkConfig, redirected: Option<&str>) -> aws_sdk_s3control::Client {
    let builder = aws_sdk_s3control::config::Builder::from(config);
    let builder = match redirected {
        Some(url) => builder.endpoint_resolver(AsItIs(url.to_owned())),
        None => builder,
    };
    aws_sdk_s3control::Client::from_conf(builder.build())
}
