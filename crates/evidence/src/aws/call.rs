//! Services that are called once or twice, without their SDK crates: each would weigh on every build.

use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials as _;
use aws_names::partition_of;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::http::HttpConnector as _;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_types::SdkConfig;
use sdk_environment::Http;
use serde_json::Value;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const TRIES: u32 = 5;

/// A service, by what AWS's model of it says: `serviceId`, `endpointPrefix` (which is the name to sign with as
/// well), and `targetPrefix`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Service {
    /// In the names of variables such as `AWS_ENDPOINT_URL_ATHENA`.
    pub id: &'static str,
    /// In its host's name.
    pub prefix: &'static str,
    /// Before the operation's name, in `X-Amz-Target`.
    pub target: &'static str,
}

const LAMBDA: Service = Service {
    id: "Lambda",
    prefix: "lambda",
    target: "",
};
/// A header of a function's answer, where it failed.
const FUNCTION_ERROR: &str = "x-amz-function-error";
/// A header of a refusal that bears its code, for services that speak REST and JSON.
///
/// See <https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization>.
const ERROR_TYPE: &str = "x-amzn-errortype";

/// No answer, or a refusal.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.said())]
pub struct Refused {
    /// Its HTTP status; none where nothing was answered.
    pub status: Option<u16>,
    /// AWS's code, such as `ThrottlingException`; empty where it gave none.
    pub code: String,
    /// What it said, or what went wrong on the way.
    pub message: String,
}

impl Refused {
    fn nothing(why: &impl ToString) -> Self {
        Self {
            message: why.to_string(),
            ..Self::default()
        }
    }

    /// Whether the permission is missing.
    #[must_use]
    pub fn is_denial(&self) -> bool {
        self.status == Some(403) || self.code.contains("AccessDenied")
    }

    /// Whether the same may be answered otherwise a little later.
    #[must_use]
    pub fn passes(&self) -> bool {
        self.status
            .is_none_or(|status| status == 429 || status >= 500)
            || self.code.contains("Throttl")
            || self.code.contains("TooManyRequests")
    }

    fn said(&self) -> String {
        let status = self.status.map(|status| format!("status {status}"));
        let parts = [status.as_deref(), Some(&self.code), Some(&self.message)];
        let parts = parts.into_iter().flatten().filter(|part| !part.is_empty());
        let parts: Vec<_> = parts.map(|part| part.replace(['\n', '\r'], " ")).collect();
        parts.join(", ")
    }
}

/// Calls, signed as the SDK signs them, in the configuration's Region.
#[derive(Clone, Debug)]
pub struct Caller {
    config: SdkConfig,
    http: Http,
}

/// What is sent.
struct Post<'a> {
    path: &'a str,
    headers: &'a [(&'static str, &'a str)],
    body: String,
}

impl Caller {
    /// With this configuration, over `http`.
    #[must_use]
    pub fn new(config: &SdkConfig, http: &Http) -> Self {
        Self {
            config: config.clone(),
            http: http.clone(),
        }
    }

    /// One operation, such as `athena:StartQueryExecution`, of a service that speaks JSON 1.1; again, a few times,
    /// what may pass.
    ///
    /// See <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn json(
        &self,
        service: Service,
        operation: &str,
        body: &Value,
    ) -> Result<Value, Refused> {
        let (_, name) = operation.split_once(':').unwrap_or(("", operation));
        let target = format!("{}.{name}", service.target);
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target.as_str()),
        ];
        let post = Post {
            path: "/",
            headers: &headers,
            body: body.to_string(),
        };
        self.post(service, &post).await
    }

    /// A Lambda function of this account and Region, and its answer.
    ///
    /// See <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.
    ///
    /// # Errors
    /// [`Refused`], with the function's own words where it failed.
    pub async fn invoke(&self, function: &str, payload: &Value) -> Result<Value, Refused> {
        let post = Post {
            path: &format!("/2015-03-31/functions/{function}/invocations"),
            headers: &[("content-type", "application/json")],
            body: payload.to_string(),
        };
        self.post(LAMBDA, &post).await
    }

    async fn post(&self, service: Service, post: &Post<'_>) -> Result<Value, Refused> {
        let mut wait = FIRST_WAIT;
        let mut tries = 0;
        loop {
            tries += 1;
            match self.once(service, post).await {
                Err(refused) if refused.passes() && tries < TRIES => {
                    tokio::time::sleep(wait).await;
                    wait *= 2;
                }
                answer => return answer,
            }
        }
    }

    async fn once(&self, service: Service, post: &Post<'_>) -> Result<Value, Refused> {
        let request = self.request(service, post).await;
        let request = request.map_err(|why| Refused::nothing(&why))?;
        let answer = self.http.connector().call(request).await;
        read(answer.map_err(|why| Refused::nothing(&why))?).await
    }

    async fn request(&self, service: Service, post: &Post<'_>) -> Result<HttpRequest, String> {
        let region = self.config.region().ok_or("there is no Region")?.as_ref();
        let suffix = match partition_of(region) {
            "aws-cn" => "amazonaws.com.cn",
            _ => "amazonaws.com",
        };
        let url = sdk_environment::endpoint(&self.config, service.id)
            .unwrap_or_else(|| format!("https://{}.{region}.{suffix}", service.prefix));
        let url = format!("{}{}", url.trim_end_matches('/'), post.path);
        let provider = self.config.credentials_provider();
        let credentials = provider.ok_or("there are no credentials")?;
        let credentials = credentials.provide_credentials().await;
        let identity = credentials.map_err(|error| error.to_string())?.into();
        let parameters = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name(service.prefix)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| error.to_string())?
            .into();
        let signable = SignableRequest::new(
            "POST",
            &url,
            post.headers.iter().copied(),
            SignableBody::Bytes(post.body.as_bytes()),
        );
        let signed = signable.and_then(|request| sign(request, &parameters));
        let (instructions, _) = signed.map_err(|error| error.to_string())?.into_parts();
        let mut request = HttpRequest::new(SdkBody::from(post.body.as_str()));
        request
            .set_method("POST")
            .map_err(|error| error.to_string())?;
        request.set_uri(url).map_err(|error| error.to_string())?;
        let to = request.headers_mut();
        for (name, value) in post.headers {
            to.insert(*name, (*value).to_owned());
        }
        for (name, value) in instructions.headers() {
            to.insert(name.to_owned(), value.to_owned());
        }
        Ok(request)
    }
}

async fn read(answer: HttpResponse) -> Result<Value, Refused> {
    let status = answer.status().as_u16();
    let header = |name| answer.headers().get(name).map(str::to_owned);
    let (failed, refused) = (header(FUNCTION_ERROR), header(ERROR_TYPE));
    let bytes = ByteStream::new(answer.into_body()).collect().await;
    let bytes = bytes.map_err(|why| Refused::nothing(&why))?;
    let bytes = bytes.into_bytes();
    let answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let text = |names: [&str; 2]| {
        let mut found = names
            .into_iter()
            .filter_map(|name| answer.get(name)?.as_str());
        found.next().unwrap_or_default().to_owned()
    };
    if let Some(code) = failed {
        return Err(Refused {
            status: Some(status),
            code,
            message: text(["errorMessage", "message"]),
        });
    }
    if status == 200 {
        return Ok(answer);
    }
    let code = refused.unwrap_or_else(|| text(["__type", "code"]));
    Err(Refused {
        status: Some(status),
        code: bare(&code).to_owned(),
        message: text(["message", "Message"]),
    })
}

/// A code without what may stand around it, as in `com.amazonaws.lambda#TooManyRequestsException:http://…`.
fn bare(code: &str) -> &str {
    let (code, _) = code.split_once(':').unwrap_or((code, ""));
    let (_, code) = code.rsplit_once('#').unwrap_or(("", code));
    code
}

#[cfg(test)]
mod tests;
