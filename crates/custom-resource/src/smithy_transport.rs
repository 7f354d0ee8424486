//! The answer's transport over the AWS SDK's own HTTP stack.

use std::error::Error;

use aws_smithy_http_client::default_connector;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use crate::response_url::ResponseUrl;
use crate::transport::{Transport, TransportError};

/// The transport over an HTTP connector of the AWS SDK, so that the function links one HTTP and
/// TLS stack.
#[derive(Clone, Debug)]
pub struct SmithyTransport {
    connector: SharedHttpConnector,
}

impl SmithyTransport {
    /// Sends over `connector`.
    #[must_use]
    pub const fn new(connector: SharedHttpConnector) -> Self {
        Self { connector }
    }

    /// Sends over the connector that the AWS SDK uses where none is configured.
    ///
    /// # Errors
    /// Where the SDK was built without one.
    pub fn with_default_connector() -> Result<Self, TransportError> {
        default_connector(&HttpConnectorSettings::default(), None)
            .map(Self::new)
            .ok_or_else(|| TransportError {
                message: "the AWS SDK was built without an HTTPS connector".to_owned(),
                retryable: false,
            })
    }
}

impl Transport for SmithyTransport {
    async fn put(
        &self,
        url: &ResponseUrl,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<u16, TransportError> {
        let request = put_request(url, content_type, body)?;
        match self.connector.call(request).await {
            Ok(response) => Ok(response.status().as_u16()),
            Err(error) => Err(connector_fault(&error)),
        }
    }
}

fn put_request(
    url: &ResponseUrl,
    content_type: &str,
    body: Vec<u8>,
) -> Result<HttpRequest, TransportError> {
    // The causes of these errors may repeat the URL, so they are not passed on.
    let unfit = |what: &str| TransportError {
        message: format!("the request to {url} cannot be built: {what}"),
        retryable: false,
    };
    let length = body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(body));
    request.set_method("PUT").map_err(|_| unfit("method"))?;
    request
        .set_uri(url.expose_secret())
        .map_err(|_| unfit("its URL is not valid"))?;
    let headers = request.headers_mut();
    headers
        .try_insert("content-type", content_type.to_owned())
        .map_err(|_| unfit("content type"))?;
    headers
        .try_insert("content-length", length)
        .map_err(|_| unfit("content length"))?;
    Ok(request)
}

fn connector_fault(error: &ConnectorError) -> TransportError {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        cause = inner.source();
    }
    TransportError {
        message,
        retryable: !error.is_user(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response_url::ResponseHosts;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_url_that_is_accepted_can_be_sent_to_and_is_sent_whole(
            tail in "[!-~]{0,80}", port in proptest::option::of(1_u16..),
        ) {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let text = format!("http://localhost{port}/{tail}");
            if let Ok(url) = ResponseUrl::parse(&text, ResponseHosts::AmazonOrLoopback) {
                let request = put_request(&url, "", b"{}".to_vec());
                let uri = request.map(|request| request.uri().to_owned());
                prop_assert_eq!(uri, Ok(text));
            }
        }
    }
}
