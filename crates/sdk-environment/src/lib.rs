//! The AWS SDK's configuration as Lambda's environment gives it, without looking anywhere else.
//!
//! `aws_config` asks in turn the environment, profile files, web identity, the container and the
//! instance, each through a provider of its own, and links the clients that some of them need. On
//! Lambda the first always answers, so this reads the environment directly, under the same names; see
//! <https://docs.aws.amazon.com/sdkref/latest/guide/environment-variables.html>.
//!
//! [`Http`] is the one HTTP client of a process; [`answered`] says what AWS answered.

mod answer;
mod http;

use std::collections::HashMap;
use std::hash::BuildHasher;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_names::needs_path_style;
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SdkConfig;
use aws_types::region::Region;
use aws_types::service_config::{LoadServiceConfig, ServiceConfigKey};

pub use self::answer::answered;
pub use self::http::Http;

const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// A variable that is needed and missing, or does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// Lambda sets it, so this is not Lambda.
    #[error("environment variable {0} is not set: Lambda sets it for every function")]
    Missing(&'static str),
    /// Neither `true` nor `false`.
    #[error("environment variable {name} is `{value}`: expected true or false")]
    NoBoolean {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// The configuration in `variables`, the whole environment: Region, credentials, endpoints, FIPS and
/// dual-stack endpoints, over `http`. Retries are the SDK's standard ones.
///
/// # Errors
/// Where Region or credentials are missing or a flag does not parse.
pub fn sdk_config<S: BuildHasher>(
    variables: &HashMap<String, String, S>,
    http: &Http,
) -> Result<SdkConfig, EnvironmentError> {
    let value = |name: &str| {
        variables
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    };
    let needed = |name| value(name).ok_or(EnvironmentError::Missing(name));
    let flag = |name| match value(name) {
        None => Ok(None),
        Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
        Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
        Some(value) => Err(EnvironmentError::NoBoolean { name, value }),
    };
    // For the life of a function's process they do not change.
    let credentials = Credentials::new(
        needed("AWS_ACCESS_KEY_ID")?,
        needed("AWS_SECRET_ACCESS_KEY")?,
        value("AWS_SESSION_TOKEN"),
        None,
        "environment",
    );
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(needed("AWS_REGION")?))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(http.client())
        .retry_config(RetryConfig::standard());
    config.set_use_fips(flag("AWS_USE_FIPS_ENDPOINT")?);
    config.set_use_dual_stack(flag("AWS_USE_DUALSTACK_ENDPOINT")?);
    if flag("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")? != Some(true) {
        config.set_endpoint_url(value(ENDPOINT_URL));
        config.set_service_config(Endpoints::read(variables));
    }
    Ok(config.build())
}

/// Where `config` redirects a service to, such as `S3`.
#[must_use]
pub fn endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    let key = ServiceConfigKey::builder()
        .service_id(service)
        .env(ENDPOINT_URL)
        .profile("endpoint_url")
        .build()
        .ok()?;
    let own = config
        .service_config()
        .and_then(|services| services.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// Whether S3 has to be asked by path where `config` redirects it to.
#[must_use]
pub fn s3_by_path(config: &SdkConfig) -> bool {
    endpoint(config, "S3").is_some_and(|url| needs_path_style(&url))
}

/// `AWS_ENDPOINT_URL_<SERVICE>`.
#[derive(Debug)]
struct Endpoints(HashMap<String, String>);

impl Endpoints {
    fn read<S: BuildHasher>(variables: &HashMap<String, String, S>) -> Option<Self> {
        let own: HashMap<_, _> = variables
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .filter_map(|(name, value)| {
                let service = name.strip_prefix(ENDPOINT_URL)?.strip_prefix('_')?;
                Some((service.to_owned(), value.clone()))
            })
            .collect();
        (!own.is_empty()).then_some(Self(own))
    }
}

impl LoadServiceConfig for Endpoints {
    fn load_config(&self, key: ServiceConfigKey<'_>) -> Option<String> {
        if key.env() != ENDPOINT_URL {
            return None;
        }
        let service = key.service_id().to_ascii_uppercase().replace(' ', "_");
        self.0.get(&service).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(more: &[(&str, &str)]) -> Result<SdkConfig, EnvironmentError> {
        let lambda = [
            ("AWS_REGION", "us-west-2"),
            ("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "token"),
        ];
        let variables: HashMap<String, String> = lambda
            .iter()
            .chain(more)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        sdk_config(&variables, &Http::new())
    }

    #[test]
    fn what_lambda_sets_is_enough() {
        let config = config(&[("AWS_ENDPOINT_URL", "")]).unwrap();
        assert_eq!(config.region().unwrap().as_ref(), "us-west-2");
        assert!(config.credentials_provider().is_some());
        assert_eq!(config.endpoint_url(), None);
        assert_eq!((config.use_fips(), config.use_dual_stack()), (None, None));
    }

    #[test]
    fn endpoints_and_flags_are_read_under_the_sdks_names() {
        let config = config(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2"),
            ("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:3"),
            ("AWS_USE_FIPS_ENDPOINT", "True"),
            ("AWS_USE_DUALSTACK_ENDPOINT", "false"),
        ])
        .unwrap();
        assert_eq!(config.endpoint_url(), Some("http://127.0.0.1:1"));
        assert_eq!(endpoint(&config, "S3").unwrap(), "http://127.0.0.1:2");
        assert_eq!(
            endpoint(&config, "CloudWatch Logs").unwrap(),
            "http://127.0.0.1:3"
        );
        assert_eq!(endpoint(&config, "KMS").unwrap(), "http://127.0.0.1:1");
        assert_eq!(config.use_fips(), Some(true));
        assert_eq!(config.use_dual_stack(), Some(false));
    }

    #[test]
    fn endpoints_can_be_ignored() {
        let config = config(&[
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:2"),
            ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),
        ])
        .unwrap();
        assert_eq!(config.endpoint_url(), None);
        assert_eq!(endpoint(&config, "S3"), None);
    }

    #[test]
    fn an_endpoint_without_host_names_has_s3_asked_by_path() {
        let by_path = |more: &[(&str, &str)]| s3_by_path(&config(more).unwrap());
        let table = [
            ("http://localhost:4566", true),
            ("http://LOCALHOST:4566/", true),
            ("http://s3.localhost", true),
            ("http://127.0.0.1:4566", true),
            ("http://localhost.example.com", false),
            ("http://user@example.com:80", false),
            ("https://s3.us-west-2.amazonaws.com", false),
            ("", false),
        ];
        for (url, expected) in table {
            assert_eq!(by_path(&[("AWS_ENDPOINT_URL", url)]), expected, "{url}");
        }
        let local = ("AWS_ENDPOINT_URL", "http://localhost:1");
        let own = ("AWS_ENDPOINT_URL_S3", "https://vpce.example.com");
        assert!(!by_path(&[local, own]), "the endpoint of S3 alone counts");
        let unset = ("AWS_ENDPOINT_URL_S3", "");
        assert!(by_path(&[local, unset]), "one that is empty is none");
        let ignored = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        assert!(!by_path(&[local, ignored]));
    }

    #[test]
    fn what_is_missing_or_does_not_parse_is_named() {
        let error = config(&[("AWS_REGION", "")]).unwrap_err();
        assert_eq!(error, EnvironmentError::Missing("AWS_REGION"));
        let error = config(&[("AWS_USE_FIPS_ENDPOINT", "1")]).unwrap_err();
        assert!(error.to_string().contains("AWS_USE_FIPS_ENDPOINT is `1`"));
    }
}
