//! Configuration for clients of the AWS SDK, wherever stacks are deployed.

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;

use crate::account::Account;
use crate::place::Place;
use crate::server::Sandbox;

/// A place that the AWS SDK can reach.
pub trait Clients: Place {
    /// Configuration for clients of the AWS SDK.
    fn config(&self, region: &str) -> SdkConfig;
}

impl Sandbox {
    /// Configuration for clients of the AWS SDK, as the account's root user.
    #[must_use]
    pub fn config(&self, region: &str) -> SdkConfig {
        self.config_of("test", region)
    }

    /// The same as the root user of an account, of which MiniStack has as many as are asked for.
    #[must_use]
    pub fn config_of(&self, account: &str, region: &str) -> SdkConfig {
        let root = Credentials::new(account, "test", None, None, "sandbox");
        sdk_config(root, Some(self.endpoint()), region)
    }
}

impl Clients for Sandbox {
    fn config(&self, region: &str) -> SdkConfig {
        Self::config(self, region)
    }
}

impl Clients for Account {
    fn config(&self, region: &str) -> SdkConfig {
        let caller = &self.caller;
        let credentials = Credentials::new(
            &caller.access_key,
            &caller.secret_key,
            caller.token.clone(),
            None,
            "caller",
        );
        sdk_config(credentials, self.endpoint.as_deref(), region)
    }
}

/// Without `endpoint`, those of AWS itself.
fn sdk_config(credentials: Credentials, endpoint: Option<&str>, region: &str) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(region.to_owned()));
    config.set_endpoint_url(endpoint.map(str::to_owned));
    config.build()
}
