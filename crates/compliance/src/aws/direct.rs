//! S3's HEAD without the SDK's machinery for a call.
//!
//! The SDK builds layers of configuration, interceptors, retry tokens and spans for each call, which
//! is most of what a replica costs. A HEAD needs none of it while it succeeds: an address, a
//! signature, an answer's headers. The address is from the SDK's own endpoint rules, the connection
//! from its HTTP client. An answer that decides nothing, and any fault on the way, is left to the SDK,
//! which asks again with its retries. Figures: docs/BENCH.md.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_s3::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_types::SdkConfig;
use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue, USER_AGENT};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sdk_environment::Http;

use super::signature::{EMPTY_BODY, Head, Signer};
use crate::subject::ObjectVersion;

/// As long as one try of the SDK's.
const TIMEOUT: Duration = Duration::from_secs(4);

const OUR_NAME: &str = concat!("encrypted-replication/", env!("CARGO_PKG_VERSION"));

/// What S3's signatures leave as it is. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>.
pub(super) const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
pub(super) const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const EXPECTED_OWNER: HeaderName = HeaderName::from_static("x-amz-expected-bucket-owner");
const SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// Sends HEADs.
#[derive(Debug)]
pub struct DirectHeads {
    http: Http,
    credentials: SharedCredentialsProvider,
    region: String,
    signer: Signer,
    parameters: Parameters,
    /// Where each bucket is; nothing where the SDK has to be asked.
    addresses: Mutex<HashMap<String, Option<Arc<Address>>>>,
    /// The last session token, as the header that it is sent in, which tells nobody what it is: it has a thousand
    /// characters, which are looked at one by one when it is made.
    token: Mutex<Option<HeaderValue>>,
}

/// Where a bucket is.
#[derive(Debug)]
struct Address {
    /// `https://bucket.s3.us-west-2.amazonaws.com`, or with the bucket in the path.
    url: String,
    /// Where in it the host starts, and where the path does.
    host: usize,
    path: usize,
}

impl Address {
    fn read(url: &str) -> Option<Self> {
        let url = url.trim_end_matches('/').to_owned();
        let host = url.find("://")? + "://".len();
        let path = url.get(host..)?.find('/').map_or(url.len(), |at| host + at);
        Some(Self { url, host, path })
    }

    fn host(&self) -> &str {
        self.url.get(self.host..self.path).unwrap_or_default()
    }
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
    pub fn new(sdk: &SdkConfig, http: &Http) -> Option<Self> {
        let region = sdk.region()?.to_string();
        Some(Self {
            http: http.clone(),
            credentials: sdk.credentials_provider()?,
            signer: Signer::new(region.clone()),
            region,
            parameters: Parameters {
                endpoint: sdk_environment::endpoint(sdk, "S3"),
                fips: sdk.use_fips(),
                dual_stack: sdk.use_dual_stack(),
                path_style: sdk_environment::s3_by_path(sdk),
            },
            addresses: Mutex::default(),
            token: Mutex::default(),
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
        let request = self.request(&address, (version, owner), &credentials)?;
        let call = self.http.connector().call(request);
        tokio::time::timeout(TIMEOUT, call).await.ok()?.ok()
    }

    async fn address(&self, bucket: &str) -> Option<Arc<Address>> {
        let known = || {
            self.addresses
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
        };
        if let Some(address) = known().get(bucket) {
            return address.clone();
        }
        let address = Box::pin(self.resolve(bucket)).await.map(Arc::new);
        known().insert(bucket.to_owned(), address.clone());
        address
    }

    async fn resolve(&self, bucket: &str) -> Option<Address> {
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
        Address::read(endpoint.url()).filter(|_| plain)
    }

    fn request(
        &self,
        address: &Address,
        (version, owner): (&ObjectVersion, Option<&str>),
        credentials: &Credentials,
    ) -> Option<HttpRequest> {
        let key = utf8_percent_encode(version.key.as_str(), IN_PATH);
        let mut uri = format!("{}/{key}", address.url);
        let path_ends = uri.len();
        if let Some(id) = &version.version_id {
            uri.push_str("?versionId=");
            uri.extend(utf8_percent_encode(id, IN_QUERY));
        }
        let head = Head {
            host: address.host(),
            path: uri.get(address.path..path_ends)?,
            query: uri.get(path_ends..)?.trim_start_matches('?'),
            owner,
        };
        let signed = self.signer.sign(head, credentials, SystemTime::now())?;

        let mut request = http::Request::new(SdkBody::empty());
        *request.method_mut() = http::Method::HEAD;
        *request.uri_mut() = uri.try_into().ok()?;
        let headers = request.headers_mut();
        headers.reserve(8);
        headers.insert(HOST, HeaderValue::try_from(address.host()).ok()?);
        headers.insert(CONTENT_SHA256, HeaderValue::from_static(EMPTY_BODY));
        headers.insert(DATE, HeaderValue::try_from(signed.date).ok()?);
        let authorization = HeaderValue::try_from(signed.authorization).ok()?;
        headers.insert(AUTHORIZATION, authorization);
        headers.insert(USER_AGENT, HeaderValue::from_static(OUR_NAME));
        if let Some(owner) = owner {
            headers.insert(EXPECTED_OWNER, HeaderValue::try_from(owner).ok()?);
        }
        if let Some(token) = credentials.session_token() {
            headers.insert(SECURITY_TOKEN, self.token(token)?);
        }
        HttpRequest::try_from(request).ok()
    }

    fn token(&self, token: &str) -> Option<HeaderValue> {
        let mut kept = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.as_ref().filter(|known| *known == token) {
            return Some(known.clone());
        }
        let mut value = HeaderValue::try_from(token).ok()?;
        value.set_sensitive(true);
        *kept = Some(value.clone());
        Some(value)
    }
}
