//! The caller's own AWS account, as a place to deploy to.

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::process::Command;

use crate::guard;
use crate::place::Place;
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

/// The caller's own AWS account.
#[derive(Debug)]
pub struct Account {
    tools: Tools,
    pub(crate) caller: Caller,
    /// Another endpoint than AWS's, where the caller's environment names one.
    pub(crate) endpoint: Option<String>,
}

/// Who calls, and with what.
#[derive(Deserialize)]
pub(crate) struct Caller {
    account: String,
    arn: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
    pub(crate) token: Option<String>,
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

    fn sam_environment(&self) -> &'static str {
        "default"
    }
}
