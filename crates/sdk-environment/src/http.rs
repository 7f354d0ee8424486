//! The one HTTP client of a process.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use aws_smithy_http_client::Connector;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};

/// What a connection may take to open; AWS's own endpoints take milliseconds.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// One pool of connections and one set of certificate authorities, for every SDK client and for what
/// is sent without one.
///
/// Left to themselves, the SDK's clients make one of each for every service: the authorities alone
/// cost each of them about a millisecond. They are read when the first connection is asked for, not
/// when this is made.
#[derive(Clone, Debug, Default)]
pub struct Http(Arc<OnceLock<SharedHttpConnector>>);

impl Http {
    /// Opens and reads nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What sends a single request.
    #[must_use]
    pub fn connector(&self) -> SharedHttpConnector {
        self.0.get_or_init(connect).clone()
    }

    /// What the SDK's clients take. The time to connect is set here; their other timeouts are theirs.
    #[must_use]
    pub fn client(&self) -> SharedHttpClient {
        let this = self.clone();
        http_client_fn(move |_, _| this.connector())
    }
}

fn connect() -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .build();
    let connector = Connector::builder()
        .connector_settings(settings)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build();
    SharedHttpConnector::new(connector)
}
