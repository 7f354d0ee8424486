//! The accounts to look at: one's own, or all of the organisation's.

use aws_calls::{Client, Service};
use replication::aws::failure;
use serde::Deserialize;
use serde_json::json;

use crate::failure::Failure;
use crate::session::Session;

const ORGANIZATIONS: Service = Service {
    id: "Organizations",
    prefix: "organizations",
    target: "AWSOrganizationsV20161128",
};

/// A page of an organisation's accounts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    #[serde(default)]
    accounts: Vec<Listed>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    /// `ACTIVE`, or on the way in or out.
    state: Option<String>,
}

/// An account.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: String,
    /// The role to look in the name of; `None`: as whoever calls.
    pub(super) role: Option<String>,
}

impl Account {
    /// The way to AWS there.
    ///
    /// # Errors
    /// Where the role cannot be assumed.
    pub(super) async fn session(&self, own: &Session) -> Result<Session, Failure> {
        match &self.role {
            Some(role) => own.in_role(role).await,
            None => Ok(own.clone()),
        }
    }
}

/// One's own account; with the name of a role, all those of the organisation.
///
/// # Errors
/// Where they cannot be listed.
pub(super) async fn accounts(
    session: &Session,
    role_name: Option<&str>,
) -> Result<Vec<Account>, Failure> {
    let home = session.home();
    let own = Account {
        id: home.account.clone(),
        role: None,
    };
    let Some(role_name) = role_name else {
        return Ok(vec![own]);
    };
    // See <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>.
    let region = region_of_organizations(&home.partition);
    let client = Client::new(&session.config(region), ORGANIZATIONS);
    let split = |page: Page| (page.accounts, page.next_token);
    let accounts = client
        .list("ListAccounts", json!({}), "NextToken", split)
        .await
        .map_err(|error| {
            session.failed(failure("ListAccounts", "the organisation", region, &error))
        })?;
    let partition = &home.partition;
    let is_open = |account: &Listed| account.state.as_deref().is_none_or(|is| is == "ACTIVE");
    let open = accounts.into_iter().filter(is_open);
    let others = open.map(|account| account.id).map(|id| Account {
        role: (id != home.account).then(|| {
            format!(
                "arn:{partition}:iam::{id}:role/{}",
                role_name.trim_start_matches('/')
            )
        }),
        id,
    });
    Ok(others.collect())
}

/// Where a partition has its one endpoint of Organizations.
///
/// See <https://docs.aws.amazon.com/general/latest/gr/ao.html>.
fn region_of_organizations(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "cn-northwest-1",
        "aws-us-gov" => "us-gov-west-1",
        _ => "us-east-1",
    }
}
