//! Where stacks are deployed: the sandbox, or the caller's own AWS account.

use anyhow::{Context, Result};
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use serde::Deserialize;
use tokio::process::Command;

use crate::guard;
use crate::server::Sandbox;
use crate::tools::Tools;

/// The AWS SDK's own variable for another endpoint than AWS's.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// Prints who calls, and with what, as every tool of AWS's finds it: variables, profiles, single
/// sign-on. For this process alone.
const CALLER: &str = r#"
import json, sys
import boto3, botocore.exceptions
try:
    session = boto3.Session()
    credentials = session.get_credentials()
    if credentials is None:
        sys.exit("there are no AWS credentials: set AWS_PROFILE, or sign in with `aws sso login` or `aws configure`")
    found = credentials.get_frozen_credentials()
    region = session.region_name or "us-east-1"
    caller = session.client("sts", region_name=region).get_caller_identity()
except botocore.exceptions.BotoCoreError as error:
    sys.exit(str(error))
except botocore.exceptions.ClientError as error:
    sys.exit(str(error))
print(json.dumps({
    "account": caller["Account"], "arn": caller["Arn"],
    "access_key": found.access_key, "secret_key": found.secret_key, "token": found.token,
}))
"#;

/// Configuration for clients of the AWS SDK; without `endpoint`, those of AWS itself.
pub(crate) fn sdk_config(
    credentials: Credentials,
    endpoint: Option<&str>,
    region: &str,
) -> SdkConfig {
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new(region.to_owned()));
    config.set_endpoint_url(endpoint.map(str::to_owned));
    config.build()
}

/// Where stacks are deployed.
pub trait Place {
    /// A command line for one of the tools that works there, and ends with this process.
    fn command(&self, program: &str, region: &str) -> Command;

    /// Configuration for clients of the AWS SDK.
    fn config(&self, region: &str) -> SdkConfig;

    /// The environment of `samconfig.toml` that goes for it.
    fn sam_environment(&self) -> &'static str;
}

impl Place for Sandbox {
    fn command(&self, program: &str, region: &str) -> Command {
        Self::command(self, program, region)
    }

    fn config(&self, region: &str) -> SdkConfig {
        Self::config(self, region)
    }

    fn sam_environment(&self) -> &'static str {
        "sandbox"
    }
}

/// The caller's own AWS account.
#[derive(Debug)]
pub struct Account {
    tools: Tools,
    caller: Caller,
    endpoint: Option<String>,
}

#[derive(Deserialize)]
struct Caller {
    account: String,
    arn: String,
    access_key: String,
    secret_key: String,
    token: Option<String>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// The account that the caller's credentials lead to.
    ///
    /// # Errors
    /// When there are none, or AWS does not take them.
    pub async fn of_caller(tools: &Tools) -> Result<Self> {
        // Not one of `tools`' command lines, from which the caller's settings are taken away.
        let mut ask = guard::command(tools.python(), tools.program("python"));
        ask.args(["-c", CALLER]);
        let answer = guard::run("cannot tell whose account this is", ask, |_| {}).await?;
        let caller = serde_json::from_str(answer.trim()).context("the caller is no JSON")?;
        Ok(Self {
            tools: tools.clone(),
            caller,
            endpoint: std::env::var(ENDPOINT)
                .ok()
                .filter(|endpoint| !endpoint.is_empty()),
        })
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> &str {
        &self.caller.account
    }

    /// ARN of the user or role that calls.
    #[must_use]
    pub fn caller(&self) -> &str {
        &self.caller.arn
    }
}

impl Place for Account {
    fn command(&self, program: &str, region: &str) -> Command {
        let mut command = self.tools.command(program);
        command
            .env("AWS_ACCESS_KEY_ID", &self.caller.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &self.caller.secret_key)
            .env("AWS_REGION", region)
            .env("AWS_DEFAULT_REGION", region);
        if let Some(token) = &self.caller.token {
            command.env("AWS_SESSION_TOKEN", token);
        }
        if let Some(endpoint) = &self.endpoint {
            command.env(ENDPOINT, endpoint);
        }
        command
    }

    fn config(&self, region: &str) -> SdkConfig {
        let Caller {
            access_key,
            secret_key,
            token,
            ..
        } = &self.caller;
        let credentials = Credentials::new(access_key, secret_key, token.clone(), None, "caller");
        sdk_config(credentials, self.endpoint.as_deref(), region)
    }

    fn sam_environment(&self) -> &'static str {
        "default"
    }
}
