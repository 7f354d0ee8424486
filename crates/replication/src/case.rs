//! One replication in the accounts that it is for: read, assume, observe, resolve, plan, in one place
//! for all who ask.

use custom_resource::Deadline;

use crate::accounts::Accounts;
use crate::apply::{self, Writes};
use crate::error::{ErrorKind, ReplicationError};
use crate::fault::Faults;
use crate::observe::{located, observe};
use crate::observed::Observed;
use crate::plan::{Desired, desired, plan};
use crate::ports::{Aws, Outcome};
use crate::probe::{self, Proof};
use crate::replication::Replication;
use crate::spec::Spec;
use crate::step::Plan;

/// A replication, and AWS for every bucket of it.
#[derive(Debug)]
pub struct Case<'a, A> {
    /// What is asked.
    pub replication: Replication,
    /// AWS, bucket by bucket.
    pub accounts: Accounts<'a, A>,
}

/// What a look at a case shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What there is.
    pub observed: Observed,
    /// What should be, or everything that keeps its names from being resolved.
    pub resolved: Result<Resolved, Faults>,
}

/// What should be, and the way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// What should be.
    pub desired: Desired,
    /// The steps to it, or everything that keeps them from being taken.
    pub plan: Result<Plan, Faults>,
}

impl Planned {
    /// What should be and the steps to it.
    ///
    /// # Errors
    /// Everything that keeps them from being taken.
    pub fn sound(self) -> Result<(Desired, Plan), Faults> {
        let Resolved { desired, plan } = self.resolved?;
        Ok((desired, plan?))
    }
}

impl<'a, A: Aws> Case<'a, A> {
    /// Assumes the roles in other accounts. A destination that is no longer named is left by the role that
    /// `former` names.
    ///
    /// # Errors
    /// Why a role could not be assumed.
    pub async fn open(
        aws: &'a A,
        replication: Replication,
        former: Option<&Spec>,
    ) -> Outcome<Self> {
        let specs: Vec<&Spec> = std::iter::once(&replication.spec).chain(former).collect();
        let accounts = Accounts::of(aws, &replication.home, &specs).await;
        let accounts = accounts.all_assumed()?;
        Ok(Self {
            replication,
            accounts,
        })
    }

    /// Reads all that a Create or Update depends on.
    ///
    /// # Errors
    /// The first read that failed.
    pub async fn observe(&self) -> Outcome<Observed> {
        let observed = observe(&self.replication, &self.accounts).await;
        match observed {
            Err(error) if error.kind == ErrorKind::WrongRegion => {
                let source = self.replication.source().name;
                Err(located(&self.accounts, source, error).await)
            }
            other => other,
        }
    }

    /// What a Create or Update would do now: for those who do it, and for those who only ask.
    ///
    /// # Errors
    /// The first read that failed. What keeps the steps from being taken is part of the answer.
    pub async fn planned(&self) -> Outcome<Planned> {
        // Boxed, as the futures of many SDK calls nest deep.
        let observed = Box::pin(self.observe()).await?;
        let resolved = desired(&self.replication, &observed).map(|desired| Resolved {
            plan: plan(&self.replication, &desired, &observed),
            desired,
        });
        Ok(Planned { observed, resolved })
    }

    /// Carries out `plan`.
    ///
    /// # Errors
    /// The first failure, with the step it belongs to.
    pub async fn apply(&self, plan: &Plan, writes: &mut Writes) -> Result<(), ReplicationError> {
        apply::apply(&self.accounts, plan, &self.replication.owner, writes).await
    }

    /// Proves that an object under each rule arrives under the right key; `None` where there is nothing to
    /// prove.
    ///
    /// # Errors
    /// [`ReplicationError::Unproven`] where a replica failed, was not made, or has another key.
    pub async fn prove(
        &self,
        desired: &Desired,
        patience: Deadline,
    ) -> Result<Option<Proof>, ReplicationError> {
        let Self {
            replication,
            accounts,
        } = self;
        let source = replication.source();
        probe::prove(accounts, source, desired, &replication.owner, patience).await
    }
}
