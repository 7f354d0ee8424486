//! S3's HEAD without the SDK's machinery for a call.
//!
//! The SDK builds layers of configuration, interceptors, retry tokens and spans for each call, which
//! is most of what a replica costs. A HEAD needs none of it while it succeeds: an address, a
//! signature, an answer's headers. The address is from the SDK's own endpoint rules, the signature
//! from its signer, the connection from its HTTP client. An answer that decides nothing, and any
//! fault on the way, is left to the SDK, which asks again with its retries. Figures: docs/BENCH.md.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sdk_environment::Http;

use crate::subject::ObjectVersion;

/// As long as one try of the SDK's.
const TIMEOUT: Duration = Duration::from_secs(4);

/// What S3's signatures leave as it is. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

/// Sends HEADs.
#[derive(Debug)]
pub struct DirectHeads {
    http: Http,
    credentials: SharedCredentialsProvider,
    region: String,
    parameters: Parameters,
    /// Where each bucket is; nothing where the SDK has to be asked.
    addresses: Mutex<HashMap<String, Option<Arc<str>>>>,
}

/// What the endpoint rules are asked with, beside the bucket.
#[derive(Debug)]
struct Parameters {
    endpoint: Option<String>,
    fips: Option<bool>,
    dual_stack: Option<bool>,
    path_style: bool,
}

impl DirectHeads {
    /// Heads over `http`, configured as the SDK's clients are; `None` where `sdk` has no Region or
    /// no credentials.
    #[must_use]
    pub fn new(sdk: &SdkConfig, http: &Http, path_style: bool) -> Option<Self> {
        Some(Self {
            http: http.clone(),
            credentials: sdk.credentials_provider()?,
            region: sdk.region()?.to_string(),
            parameters: Parameters {
                endpoint: sdk_environment::endpoint(sdk, "S3"),
                fips: sdk.use_fips(),
                dual_stack: sdk.use_dual_stack(),
                path_style,
            },
            addresses: Mutex::default(),
        })
    }

    /// S3's answer; `None` where there was none, for whatever reason.
    pub(super) async fn head(
        &self,
        version: &ObjectVersion,
        owner: Option<&str>,
    ) -> Option<HttpResponse> {
        let address = self.address(&version.bucket).await?;
        let credentials = self.credentials.provide_credentials().await.ok()?;
        let request = self.request(&address, version, owner, &credentials.into())?;
        let call = self.http.connector().call(request);
        tokio::time::timeout(TIMEOUT, call).await.ok()?.ok()
    }

    async fn address(&self, bucket: &str) -> Option<Arc<str>> {
        let known = || {
            self.addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(address) = known().get(bucket) {
            return address.clone();
        }
        let address = self.resolve(bucket).await.map(Arc::from);
        known().insert(bucket.to_owned(), address.clone());
        address
    }

    async fn resolve(&self, bucket: &str) -> Option<String> {
        let parameters = Params::builder()
            .bucket(bucket)
            .region(&self.region)
            .set_endpoint(self.parameters.endpoint.clone())
            .set_use_fips(self.parameters.fips)
            .set_use_dual_stack(self.parameters.dual_stack)
            .force_path_style(self.parameters.path_style)
            .build()
            .ok()?;
        let endpoint = DefaultResolver::new()
            .resolve_endpoint(&parameters)
            .await
            .ok()?;
        // Directory buckets, access points and the like are signed in other ways.
        let plain = endpoint.headers().next().is_none()
            && endpoint.auth_schemes().iter().all(|scheme| {
                let is = |property, value: &str| {
                    scheme.get(property).and_then(|text| text.as_string()) == Some(value)
                };
                scheme.name() == "sigv4"
                    && is("signingName", "s3")
                    && is("signingRegion", &self.region)
            });
        plain.then(|| endpoint.url().trim_end_matches('/').to_owned())
    }

    fn request(
        &self,
        address: &str,
        version: &ObjectVersion,
        owner: Option<&str>,
        identity: &Identity,
    ) -> Option<HttpRequest> {
        let key = utf8_percent_encode(version.key.as_str(), IN_PATH);
        let uri = match &version.version_id {
            Some(id) => {
                let id = utf8_percent_encode(id, IN_QUERY);
                format!("{address}/{key}?versionId={id}")
            }
            None => format!("{address}/{key}"),
        };
        let owner = owner.map(|owner| ("x-amz-expected-bucket-owner", owner));
        let signable = SignableRequest::new(
            "HEAD",
            uri.as_str(),
            owner.into_iter(),
            SignableBody::Bytes(&[]),
        )
        .ok()?;
        let parameters = v4::SigningParams::builder()
            .identity(identity)
            .region(&self.region)
            .name("s3")
            .time(SystemTime::now())
            .settings(settings())
            .build()
            .ok()?
            .into();
        let (signed, _) = sign(signable, &parameters).ok()?.into_parts();
        let (signed, _) = signed.into_parts();

        let mut request = HttpRequest::new(SdkBody::empty());
        request.set_method("HEAD").ok()?;
        request.set_uri(uri).ok()?;
        let headers = request.headers_mut();
        if let Some((name, owner)) = owner {
            headers.try_insert(name, owner.to_owned()).ok()?;
        }
        for header in signed {
            headers
                .try_insert(header.name(), header.value().to_owned())
                .ok()?;
        }
        headers
            .try_insert(
                "user-agent",
                concat!("encrypted-replication/", env!("CARGO_PKG_VERSION")),
            )
            .ok()?;
        Some(request)
    }
}

/// As the SDK signs for S3: the path as it is sent, and the (empty) body's hash as a header.
fn settings() -> SigningSettings {
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    settings
}
