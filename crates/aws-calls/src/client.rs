//! One call.

use std::fmt;

use aws_names::needs_path_style;
use aws_runtime::auth::{SigV4OperationSigningConfig, sigv4};
use aws_runtime::invocation_id::InvocationIdInterceptor;
use aws_runtime::recursion_detection::RecursionDetectionInterceptor;
use aws_runtime::request_info::RequestInfoInterceptor;
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::orchestrator::AuthSchemeAndEndpointOrchestrationV2;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{
    HttpStatusCodeClassifier, TransientErrorClassifier,
};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::auth::{
    AuthSchemeOptionResolverParams, SharedAuthScheme, SharedAuthSchemeOptionResolver,
};
use aws_smithy_runtime_api::client::endpoint::{EndpointPrefix, EndpointResolverParams};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use aws_smithy_runtime_api::client::interceptors::context::BeforeSerializationInterceptorContextRef;
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{
    HttpRequest, HttpResponse, OrchestratorError, SensitiveOutput,
};
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::{ConfigBag, Layer};
use aws_smithy_types::retry::RetryConfig;
use aws_types::region::{Region, SigningRegion};
use aws_types::{SdkConfig, SigningName};
use sdk_environment::Http;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::endpoint::Kind;
use crate::refused::{FUNCTION_ERROR, Refused};
use crate::service::{Manner, Service};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// Answers after which the same may be answered otherwise: those of the SDK, and 429, whatever code it bears.
const PASSING: &[u16] = &[429, 500, 502, 503, 504];

/// As the SDK's clients have it.
pub type Error = SdkError<Refused, HttpResponse>;

/// A service in the Region of a configuration.
#[derive(Clone, Debug)]
pub struct Client {
    service: Service,
    manner: Manner,
    config: SdkConfig,
    /// One for all calls, so that credentials are fetched once.
    identities: SharedIdentityCache,
    http: SharedHttpClient,
}

/// What is sent.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// What an answer says.
pub(crate) type Read<T> = fn(&HttpResponse) -> Result<T, OrchestratorError<Refused>>;

impl Client {
    /// By way of this configuration: its Region, credentials, endpoints, retries and time limits.
    #[must_use]
    pub fn new(config: &SdkConfig, service: Service) -> Self {
        Self::in_manner(config, service, Manner::of_most(service))
    }

    /// The same, of a service that wants its requests otherwise than most.
    pub(crate) fn in_manner(config: &SdkConfig, service: Service, manner: Manner) -> Self {
        let identities = config.identity_cache();
        let http = config.http_client();
        Self {
            service,
            manner,
            config: config.clone(),
            identities: identities.unwrap_or_else(|| IdentityCache::lazy().build()),
            http: http.unwrap_or_else(|| Http::new().client()),
        }
    }

    /// Calls an operation, such as `PutParameter`; its answer as `T`, [`IgnoredAny`](serde::de::IgnoredAny) where it
    /// does not matter.
    ///
    /// # Errors
    /// As the SDK's clients: where AWS refused or did not answer, after the retries of the configuration.
    pub async fn call<T>(&self, operation: &'static str, body: &Value) -> Result<T, Error>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        let target = format!("{}.{operation}", self.service.target);
        let call = Call {
            method: "POST",
            path: "/".to_owned(),
            headers: vec![
                ("content-type", CONTENT_TYPE.to_owned()),
                ("x-amz-target", target),
            ],
            body: body.to_string(),
        };
        self.send(operation, call, json).await
    }

    /// Sends what an operation takes, wherever its service wants that.
    pub(crate) async fn send<T>(
        &self,
        operation: &'static str,
        call: Call,
        read: Read<T>,
    ) -> Result<T, Error>
    where
        T: fmt::Debug + Send + Sync + 'static,
    {
        let operation = self.operation(operation, read);
        let operation = operation.map_err(Error::construction_failure)?;
        // On the heap, as the machinery is deep: it would be a part of every caller.
        Box::pin(operation.invoke(call)).await
    }

    /// Calls an operation for each page of its answer, and gives each page to `take`, which says where the next one
    /// begins, if there is one. The service's name for that is `token`, such as `NextToken`.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn pages<T>(
        &self,
        operation: &'static str,
        mut body: Value,
        token: &str,
        mut take: impl FnMut(T) -> Option<String>,
    ) -> Result<(), Error>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        loop {
            let page = self.call(operation, &body).await?;
            // An empty token is the last page's as well, and one that was there before would go on for ever.
            let last = body.get(token).and_then(Value::as_str).unwrap_or_default();
            let Some(next) = take(page).filter(|next| !next.is_empty() && next != last) else {
                return Ok(());
            };
            if let Some(body) = body.as_object_mut() {
                body.insert(token.to_owned(), next.into());
            }
        }
    }

    /// What `split` finds in all pages of an answer, where it gives a page's items and where the next one begins.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    pub async fn list<T, I>(
        &self,
        operation: &'static str,
        body: Value,
        token: &str,
        split: impl Fn(T) -> (Vec<I>, Option<String>),
    ) -> Result<Vec<I>, Error>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        let mut found = Vec::new();
        let take = |page| {
            let (items, next) = split(page);
            found.extend(items);
            next
        };
        self.pages(operation, body, token, take).await?;
        Ok(found)
    }

    /// What is between a request and its answer: what the SDK's clients put there.
    fn operation<T>(
        &self,
        name: &'static str,
        read: Read<T>,
    ) -> Result<Operation<Call, T, Refused>, BoxError>
    where
        T: fmt::Debug + Send + Sync + 'static,
    {
        let region = self.config.region().ok_or("there is no Region")?;
        let kind = Kind {
            fips: self.config.use_fips().unwrap_or(false),
            dual_stack: self.config.use_dual_stack().unwrap_or(false),
        };
        let redirected = sdk_environment::endpoint(&self.config, self.service.id);
        let is_whole = redirected.as_deref().is_some_and(needs_path_style);
        let ordinary = || (self.manner.url)(self.service, region.as_ref(), kind);
        let endpoint = redirected.unwrap_or_else(ordinary);
        let mut settings = self.settings(region);
        // An IP address and `localhost` take nothing in front.
        if let Some(prefix) = self.manner.host_prefix.as_deref().filter(|_| !is_whole) {
            settings.store_put(EndpointPrefix::new(prefix)?);
        }
        let plugin = StaticRuntimePlugin::new()
            .with_config(settings.freeze())
            .with_runtime_components(self.components());
        let mut operation = Operation::builder()
            .service_name(self.service.id)
            .operation_name(name)
            .endpoint_url(&endpoint)
            .runtime_plugin(plugin)
            .serializer(request)
            .deserializer(read);
        if let Some(version) = self.config.behavior_version() {
            operation = operation.behavior_version(version);
        }
        Ok(operation.build())
    }

    fn settings(&self, region: &Region) -> Layer {
        let mut settings = Layer::new("aws-calls");
        settings.store_put(AuthSchemeAndEndpointOrchestrationV2);
        settings.store_put(AuthSchemeOptionResolverParams::new(()));
        let mut signing = SigV4OperationSigningConfig::default();
        signing.signing_options.content_sha256_header = self.manner.as_s3;
        signing.signing_options.double_uri_encode = !self.manner.as_s3;
        settings.store_put(signing);
        settings.store_put(SigningName::from_static(self.manner.signed_as));
        settings.store_put(SigningRegion::from(region.clone()));
        settings.store_put(region.clone());
        settings.store_put(ApiMetadata::new(
            self.service.prefix,
            env!("CARGO_PKG_VERSION"),
        ));
        // What a parameter holds is nobody's business in a log.
        settings.store_put(SensitiveOutput);
        let retries = self.config.retry_config().cloned();
        settings.store_put(retries.unwrap_or_else(RetryConfig::standard));
        if let Some(limits) = self.config.timeout_config() {
            settings.store_put(limits.clone());
        }
        if let Some(name) = self.config.app_name() {
            settings.store_put(name.clone());
        }
        settings
    }

    fn components(&self) -> RuntimeComponentsBuilder {
        let schemes = StaticAuthSchemeOptionResolver::new(vec![sigv4::SCHEME_ID]);
        let mut components = RuntimeComponentsBuilder::new("aws-calls")
            .with_http_client(Some(self.http.clone()))
            .with_identity_cache(Some(self.identities.clone()))
            .with_auth_scheme(SharedAuthScheme::new(sigv4::SigV4AuthScheme::new()))
            .with_auth_scheme_option_resolver(Some(SharedAuthSchemeOptionResolver::new(schemes)))
            .with_interceptor(KnownEndpoint)
            .with_interceptor(ConnectionPoisoningInterceptor::new())
            .with_interceptor(ServiceClockSkewInterceptor::new())
            .with_interceptor(RequestInfoInterceptor::new())
            .with_interceptor(UserAgentInterceptor::new())
            .with_interceptor(InvocationIdInterceptor::new())
            .with_interceptor(RecursionDetectionInterceptor::new())
            .with_retry_classifier(HttpStatusCodeClassifier::new_from_codes(PASSING))
            .with_retry_classifier(TransientErrorClassifier::<Refused>::new())
            .with_retry_classifier(AwsErrorCodeClassifier::<Refused>::new())
            .with_retry_classifier(ServiceClockSkewClassifier::<Refused>::new());
        if let Some(credentials) = self.config.credentials_provider() {
            components.set_identity_resolver(sigv4::SCHEME_ID, credentials);
        }
        if self.config.sleep_impl().is_some() {
            components.set_sleep_impl(self.config.sleep_impl());
        }
        if self.config.time_source().is_some() {
            components.set_time_source(self.config.time_source());
        }
        components
    }
}

/// Says what an endpoint is resolved by: nothing, as it is known.
#[derive(Debug)]
struct KnownEndpoint;

#[dyn_dispatch_hint]
impl Intercept for KnownEndpoint {
    fn name(&self) -> &'static str {
        "KnownEndpoint"
    }

    fn read_before_execution(
        &self,
        _context: &BeforeSerializationInterceptorContextRef<'_>,
        settings: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let state = settings.interceptor_state();
        state.store_put(EndpointResolverParams::new(()));
        Ok(())
    }
}

fn request(call: Call) -> Result<HttpRequest, BoxError> {
    let length = call.body.len().to_string();
    let mut request = HttpRequest::new(SdkBody::from(call.body));
    request.set_method(call.method)?;
    request.set_uri(call.path)?;
    let headers = request.headers_mut();
    headers.insert("content-length", length);
    for (name, value) in call.headers {
        headers.insert(name, value);
    }
    Ok(request)
}

/// An answer in JSON.
pub(crate) fn json<T>(answer: &HttpResponse) -> Result<T, OrchestratorError<Refused>>
where
    T: DeserializeOwned,
{
    let body = answer.body().bytes().unwrap_or_default();
    let function_failed = answer.headers().contains_key(FUNCTION_ERROR);
    if function_failed || !answer.status().is_success() {
        // What stands between AWS and us may answer with a page.
        let said = serde_json::from_slice(body).unwrap_or_default();
        return Err(OrchestratorError::operation(Refused::in_json(
            answer, &said,
        )));
    }
    let body = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(body).map_err(OrchestratorError::other)
}
