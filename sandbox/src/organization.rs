//! The organization that the sandbox's first account manages.

use anyhow::{Context, Result};
use aws_calls::{Client, Service};
use aws_config::SdkConfig;
use serde_json::{Value, json};

const ORGANIZATIONS: Service = Service {
    id: "Organizations",
    prefix: "organizations",
    target: "AWSOrganizationsV20161128",
};

/// The id of the caller's organization.
///
/// # Errors
/// Where the caller is in none.
pub async fn organization_id(config: &SdkConfig) -> Result<String> {
    let client = Client::new(config, ORGANIZATIONS);
    let described: Value = client.call("DescribeOrganization", &json!({})).await?;
    let id = described
        .pointer("/Organization/Id")
        .and_then(Value::as_str);
    id.map(str::to_owned).context("no organization")
}

/// The id of a new account in the caller's organization.
///
/// # Errors
/// Where it is not made at once, as the sandbox makes it.
pub async fn create_account(config: &SdkConfig, name: &str) -> Result<String> {
    let client = Client::new(config, ORGANIZATIONS);
    let account = json!({"AccountName": name, "Email": format!("{name}@example.com")});
    let made: Value = client.call("CreateAccount", &account).await?;
    let id = made.pointer("/CreateAccountStatus/AccountId");
    let id = id.and_then(Value::as_str);
    id.map(str::to_owned).context("no account")
}
