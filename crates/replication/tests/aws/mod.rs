//! An AWS in memory, behind the same ports as the real one.
//!
//! Some accounts, many Regions. It refuses what S3, KMS, IAM and SSM refuse, with the codes that the
//! SDK's adapter maps to the same [`ErrorKind`]s, and replicates objects with a delay on tokio's
//! clock. The policies of buckets and keys decide about roles of other accounts alone.
//! What it does not model: billing.

mod buckets;
pub(crate) mod evaluate;
mod events;
pub(crate) mod faults;
mod jobs;
mod keys;
mod notifications;
mod objects;
mod parameters;
mod people;
mod policies;
mod regions;
mod replicate;
mod roles;
mod rules;
mod snapshot;
mod state;
mod tests;
pub(crate) mod weather;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use expectation::Time;
use replication::arn::Arn;
use replication::error::{AwsError, ErrorKind};
use replication::ports::{Assume, Clock, Outcome};
use tokio::time::Instant;

pub(crate) use snapshot::Snapshot;
pub(crate) use state::{Bucket, Key, State, Version};
pub(crate) use weather::Weather;

/// The account that everything is in.
pub(crate) const ACCOUNT: &str = "111122223333";

/// A handle on the one AWS, in the name of one account; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    state: Arc<Mutex<State>>,
    account: String,
}

impl Default for World {
    fn default() -> Self {
        Self {
            state: Arc::default(),
            account: ACCOUNT.to_owned(),
        }
    }
}

/// Why AWS does not do what it is asked.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) kind: ErrorKind,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

pub(crate) fn refuse<T>(
    kind: ErrorKind,
    code: &'static str,
    message: impl Into<String>,
) -> Result<T, Refusal> {
    Err(Refusal {
        kind,
        code,
        message: message.into(),
    })
}

impl World {
    /// The state, for tests to look at or to change behind everybody's back.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(Instant::now());
        state.acting.clone_from(&self.account);
        state
    }

    /// The same in the name of another account.
    pub(crate) fn of_account(&self, account: &str) -> Self {
        Self {
            state: Arc::clone(&self.state),
            account: account.to_owned(),
        }
    }

    /// The same as it is now, which nothing changes any more but the time.
    pub(crate) fn copy(&self) -> Self {
        Self {
            state: Arc::new(Mutex::new(self.state().clone())),
            account: self.account.clone(),
        }
    }

    /// The same in the name of the account that `other` acts for.
    pub(crate) fn acting_as(&self, other: &Self) -> Self {
        self.of_account(&other.account)
    }

    /// The API's name of the last call.
    pub(crate) fn last_call(&self) -> &'static str {
        self.state().last_call
    }

    /// New roles, policies and rules are in force only after `lag`. See
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>.
    pub(crate) fn in_force_after(&self, lag: Duration) {
        self.state().lag = lag;
    }

    /// From now on AWS takes its time.
    pub(crate) fn weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// Objects are replicated `after` they were written; `None`: never, they stay `PENDING`.
    pub(crate) fn replicates_after(&self, after: Option<Duration>) {
        self.state().replicates_after = after;
    }

    /// All configuration and content, comparable.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.state())
    }

    fn call<T>(
        &self,
        operation: &'static str,
        resource: String,
        region: &str,
        effect: impl FnOnce(&mut State) -> Result<T, Refusal>,
    ) -> Outcome<T> {
        let mut state = self.state();
        state.last_call = operation;
        let reached = state.reach(operation, region);
        reached
            .and_then(|()| effect(&mut state))
            .map_err(|refusal| AwsError {
                operation,
                resource,
                region: region.to_owned(),
                kind: refusal.kind,
                code: refusal.code.to_owned(),
                message: refusal.message,
                request_id: Some("EXAMPLE".to_owned()),
            })
    }
}

impl Clock for World {
    fn now(&self) -> Time {
        self.state().time_of(Instant::now())
    }
}

impl Assume for World {
    async fn assuming(&self, role_arn: &str) -> Outcome<Self> {
        let resource = format!("role `{role_arn}`");
        self.call("AssumeRole", resource, "", |state| {
            if state.assumable.contains(role_arn) {
                return Ok(());
            }
            refuse(
                ErrorKind::AccessDenied,
                "AccessDenied",
                "not authorized to perform: sts:AssumeRole",
            )
        })?;
        let account = Arn::parse(role_arn).map(|arn| arn.account);
        Ok(self.of_account(&account.unwrap_or_default()))
    }
}
