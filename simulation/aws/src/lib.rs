//! An AWS in memory, behind the same ports as the real one.
//!
//! Some accounts, many Regions. It refuses what S3, KMS, IAM and SSM refuse, with the codes that the
//! SDK's adapter maps to the same [`ErrorKind`]s, and replicates objects with a delay on tokio's
//! clock. The policies of buckets and keys decide about roles of other accounts alone.
//! What it does not model: billing.

#![expect(missing_docs, reason = "names and shapes are those of the AWS APIs")]
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a world that nobody foresaw stops the test"
)]
#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "it stands in for AWS in tests alone"
)]

mod buckets;
pub mod checker;
pub mod draw;
pub mod evaluate;
mod events;
pub mod faults;
pub mod jobs;
mod keys;
mod knowing;
pub mod names;
pub mod news;
pub mod notifications;
mod objects;
mod parameters;
pub mod people;
mod policies;
mod regions;
pub mod replicate;
mod roles;
pub mod rules;
mod snapshot;
pub mod state;
pub mod things;
pub mod weather;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use expectation::Time;
use replication::error::{AwsError, ErrorKind};
use replication::ports::{Assume, Clock, Outcome};
use tokio::time::Instant;

pub use snapshot::Snapshot;
pub use state::State;
pub use things::{Bucket, Key, Version};
pub use weather::Weather;

/// The account that everything is in.
pub const ACCOUNT: &str = "111122223333";

/// A handle on the one AWS, in the name of one account; clones share it.
#[derive(Clone, Debug)]
pub struct World {
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
pub struct Refusal {
    pub kind: ErrorKind,
    pub code: &'static str,
    pub message: String,
}

pub fn refuse<T>(
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
    pub fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.settle(Instant::now());
        state.acting.clone_from(&self.account);
        state
    }

    /// The same in the name of another account.
    pub fn of_account(&self, account: &str) -> Self {
        Self {
            state: Arc::clone(&self.state),
            account: account.to_owned(),
        }
    }

    /// The same as it is now, which nothing changes any more but the time.
    pub fn copy(&self) -> Self {
        Self {
            state: Arc::new(Mutex::new(self.state().clone())),
            account: self.account.clone(),
        }
    }

    /// The same in the name of the account that `other` acts for.
    pub fn acting_as(&self, other: &Self) -> Self {
        self.of_account(&other.account)
    }

    /// The API's name of the last call.
    pub fn last_call(&self) -> &'static str {
        self.state().last_call
    }

    /// New roles, policies and rules are in force only after `lag`. See
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>.
    pub fn in_force_after(&self, lag: Duration) {
        self.state().lag = lag;
    }

    /// From now on AWS takes its time.
    pub fn weather(&self, weather: Weather) {
        self.state().weather = weather;
    }

    /// Objects are replicated `after` they were written; `None`: never, they stay `PENDING`.
    pub fn replicates_after(&self, after: Option<Duration>) {
        self.state().replicates_after = after;
    }

    /// All configuration and content, comparable.
    pub fn snapshot(&self) -> Snapshot {
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
        let account = names::Name::of(role_arn).map_or("", |arn| arn.account);
        Ok(self.of_account(account))
    }
}
