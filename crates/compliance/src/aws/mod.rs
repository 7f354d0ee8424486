//! The ports, over the AWS SDK: each request spelled out, each answer mapped, nothing decided.

mod direct;
mod error;
mod events;
mod kms;
mod s3;
mod signature;
mod ssm;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_calls::ParameterStore;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_types::SdkConfig;

pub use self::direct::DirectHeads;
pub use self::s3::Attempt;

/// AWS, through one client for each service.
#[derive(Clone)]
pub struct Aws {
    s3: aws_sdk_s3::Client,
    parameters: ParameterStore,
    kms: aws_sdk_kms::Client,
    events: aws_calls::Client,
    heads: Option<Arc<DirectHeads>>,
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Aws").finish_non_exhaustive()
    }
}

impl Aws {
    /// AWS by way of this configuration, through clients of its own.
    #[must_use]
    pub fn of(sdk: &SdkConfig) -> Self {
        let s3 = aws_sdk_s3::config::Builder::from(sdk)
            .force_path_style(sdk_environment::s3_by_path(sdk))
            .build();
        Self {
            s3: aws_sdk_s3::Client::from_conf(s3),
            parameters: ParameterStore::new(sdk),
            kms: aws_sdk_kms::Client::new(sdk),
            events: event_bus::client(sdk),
            heads: None,
        }
    }

    /// Sends HEADs without the SDK's machinery first, and with it only where that got no answer.
    #[must_use]
    pub fn with_direct_heads(mut self, heads: Option<DirectHeads>) -> Self {
        self.heads = heads.map(Arc::new);
        self
    }

    /// The time that a call may take, so that one that hangs does not eat the function's: 3 seconds
    /// to connect, 4 for one try, 10 for all tries and the waiting between them.
    #[must_use]
    pub fn timeouts() -> TimeoutConfig {
        TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(4))
            .operation_timeout(Duration::from_secs(10))
            .build()
    }

    /// Three tries with backoff; the queue is the next one.
    #[must_use]
    pub fn retries() -> RetryConfig {
        RetryConfig::standard().with_max_attempts(3)
    }
}
