//! The accounts to look at: one's own, or all of the organisation's.

use aws_sdk_organizations::types::AccountState;
use replication::aws::failure;

use crate::failure::Failure;
use crate::session::Session;

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
    let client = aws_sdk_organizations::Client::new(&session.config(&home.region));
    let mut pages = client.list_accounts().into_paginator().send();
    let mut accounts = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            session.failed(failure(
                "ListAccounts",
                "the organisation",
                &home.region,
                &error,
            ))
        })?;
        let open = page
            .accounts
            .unwrap_or_default()
            .into_iter()
            .filter(|account| {
                account
                    .state
                    .as_ref()
                    .is_none_or(|state| *state == AccountState::Active)
            });
        accounts.extend(open.filter_map(|account| account.id));
    }
    let partition = &home.partition;
    let others = accounts.into_iter().map(|id| Account {
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
