//! One replication in the accounts that it is for: read, assume, observe, resolve, plan, in one place
//! for all who ask.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::accounts::Accounts;
use crate::apply::{self, Writes};
use crate::configuration::Status;
use crate::error::{ErrorKind, ReplicationError};
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::former::Former;
use crate::in_force::in_force;
use crate::observe::{Left, located, observe};
use crate::observed::Observed;
use crate::plan::{Desired, desired, narrowing, plan, warnings};
use crate::ports::{Aws, Outcome};
use crate::replication::{Allowed, Replication};
use crate::spec::{Site, Spec, Verification};
use crate::step::Plan;

/// A replication, and AWS for every bucket of it.
#[derive(Debug)]
pub struct Case<'a, A> {
    /// What is asked.
    pub replication: Replication,
    /// AWS, bucket by bucket.
    pub accounts: Accounts<'a, A>,
    pub(crate) asked_before: Option<Spec>,
    /// Where the record says that something of ours is left.
    noted: Vec<Site>,
    /// What was in force at the first look, and nobody has proved the successor of.
    former: Mutex<Option<Former>>,
    /// Where replicas may go.
    allowed: Allowed,
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
    /// The steps that take away what nothing needs once these are taken and proved.
    pub narrowing: Plan,
    /// What is there and does not work any more, though no step of ours would change it.
    pub broken: Vec<Fault>,
    /// What a person should know of.
    pub warnings: Vec<Fault>,
    /// Where something of ours is that the rules have left.
    pub left: Vec<Site>,
}

/// What can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// What should be.
    pub desired: Desired,
    /// The steps to it.
    pub plan: Plan,
    /// As in [`Resolved`].
    pub narrowing: Plan,
    /// As in [`Resolved`].
    pub broken: Vec<Fault>,
    /// As in [`Resolved`].
    pub warnings: Vec<Fault>,
    /// As in [`Resolved`].
    pub left: Vec<Site>,
}

impl Planned {
    /// What should be and the steps to it.
    ///
    /// # Errors
    /// Everything that keeps them from being taken.
    pub fn sound(self) -> Result<Sound, Faults> {
        let Resolved {
            desired,
            plan,
            narrowing,
            broken,
            warnings,
            left,
        } = self.resolved?;
        Ok(Sound {
            desired,
            plan: plan?,
            narrowing,
            broken,
            warnings,
            left,
        })
    }
}

impl<'a, A: Aws> Case<'a, A> {
    /// A replication by way of accounts that are known, for those who only look.
    pub(crate) fn of(replication: Replication, accounts: Accounts<'a, A>) -> Self {
        Self {
            replication,
            accounts,
            asked_before: None,
            noted: Vec::new(),
            former: Mutex::default(),
            allowed: Allowed::default(),
        }
    }

    /// The same, where replicas may go to these places alone.
    #[must_use]
    pub(crate) fn within(mut self, allowed: &Allowed) -> Self {
        self.allowed.clone_from(allowed);
        self
    }

    /// Destinations that turn out to be in a Region which is not allowed. Those of before are not refused.
    fn misplaced(&self, desired: &Desired) -> Faults {
        let before = self.asked_before.iter().flat_map(|spec| &spec.rules);
        let before: BTreeSet<&str> = before
            .map(|rule| rule.destination_bucket.as_str())
            .collect();
        let new = desired.regions.iter();
        let new = new.filter(|(bucket, _)| !before.contains(bucket.as_str()));
        let refused = new.filter(|(_, region)| !self.allowed.takes_region(region));
        let faults = refused.map(|(bucket, region)| {
            let words = format!("bucket `{bucket}`: {}", self.allowed.why_no_region(region));
            Fault::new(About::bucket(bucket), FaultKind::Asked, words)
        });
        Faults(faults.collect())
    }

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
        let case = Self::open_in_part(aws, replication, former).await;
        case.accounts.trouble().cloned().map_or(Ok(case), Err)
    }

    /// The same as far as the roles can be assumed.
    pub(crate) async fn open_in_part(
        aws: &'a A,
        replication: Replication,
        former: Option<&Spec>,
    ) -> Self {
        let specs = std::iter::once(&replication.spec).chain(former);
        let sites: Vec<Site> = specs.flat_map(Spec::sites).collect();
        let accounts = Accounts::of(aws, &replication.home, &sites).await;
        Self {
            asked_before: former.cloned(),
            ..Self::of(replication, accounts)
        }
    }

    /// The same with where something of ours is left as well, as far as that can be reached.
    pub async fn noting(&self, noted: &[Site]) -> Self {
        let specs = std::iter::once(&self.replication.spec).chain(&self.asked_before);
        let sites: Vec<Site> = specs.flat_map(Spec::sites).chain(noted.to_vec()).collect();
        let home = &self.replication.home;
        Self {
            replication: self.replication.clone(),
            accounts: self.accounts.of_others(home, &sites).await,
            asked_before: self.asked_before.clone(),
            noted: noted.to_vec(),
            former: Mutex::new(self.former().clone()),
            allowed: self.allowed.clone(),
        }
    }

    /// Where something of ours is that the rules have left.
    fn left(&self, observed: &Observed) -> Vec<Site> {
        let known: Vec<Site> = self.asked_before.iter().flat_map(Spec::sites).collect();
        let known = || known.iter().chain(&self.noted);
        let site = |bucket: &String, region: Option<&String>| {
            let said = known().find(|site| site.bucket == *bucket);
            Site {
                bucket: bucket.clone(),
                region: region.or_else(|| said?.region.as_ref()).cloned(),
                account: said.and_then(|said| said.account.clone()),
                assume_role_arn: said.and_then(|said| said.assume_role_arn.clone()),
                keys: BTreeSet::new(),
            }
        };
        let mut left: BTreeMap<String, Site> = BTreeMap::new();
        for (bucket, found) in &observed.abandoned {
            if found.has_word() || found.has_policy || !found.granted_keys.is_empty() {
                let keys = found.granted_keys.clone();
                let site = site(bucket, Some(&found.region));
                left.insert(bucket.clone(), Site { keys, ..site });
            }
        }
        for (key, bucket) in &observed.former_keys {
            let named = left
                .entry(bucket.clone())
                .or_insert_with(|| site(bucket, None));
            named.keys.insert(key.clone());
        }
        for bucket in &observed.unreachable {
            let noted = self.noted.iter().find(|site| site.bucket == *bucket);
            left.extend(noted.map(|site| (bucket.clone(), site.clone())));
        }
        left.into_values().collect()
    }

    /// Reads all that a Create or Update depends on.
    ///
    /// # Errors
    /// The first read that failed.
    pub async fn observe(&self) -> Outcome<Observed> {
        let known = self.former().clone();
        let left = Left {
            by_rules: known.as_ref().map(Former::destinations).unwrap_or_default(),
            asked_before: self.asked_before.as_ref(),
            noted: &self.noted,
        };
        let observed = observe(&self.replication, &self.accounts, &left).await;
        let mut observed = match observed {
            Err(error) if error.kind == ErrorKind::WrongRegion => {
                let source = self.replication.source().name;
                return Err(located(&self.accounts, source, error).await);
            }
            other => other?,
        };
        observed.asked_before.clone_from(&self.asked_before);
        observed.now = self.accounts.home().now();
        observed.former = self
            .former()
            .get_or_insert_with(|| in_force(&self.replication, &observed))
            .clone();
        Ok(observed)
    }

    fn former(&self) -> MutexGuard<'_, Option<Former>> {
        // Nothing that could panic is done under the lock.
        self.former.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was in force before is no longer kept beside what should be.
    pub fn let_go(&self) {
        if let Some(former) = self.former().as_mut() {
            former.let_go();
        }
    }

    /// What a Create or Update would do now: for those who do it, and for those who only ask.
    ///
    /// # Errors
    /// The first read that failed. What keeps the steps from being taken is part of the answer.
    pub async fn planned(&self) -> Outcome<Planned> {
        // Boxed, as the futures of many SDK calls nest deep.
        let observed = Box::pin(self.observe()).await?;
        Ok(self.plan(observed))
    }

    /// What a Create or Update would do where this is what there is.
    #[must_use]
    pub fn plan(&self, observed: Observed) -> Planned {
        let asked = &self.replication;
        let resolved = desired(asked, &observed).map(|mut desired| {
            let (broken, warnings) = warnings(asked, &desired, &observed);
            let ids = broken.iter().filter_map(|fault| match &fault.about {
                About::Rule(id) => Some(id.clone()),
                _ => None,
            });
            desired.outranked = ids.collect();
            // What was expected before ends where the new is proved, and nowhere else.
            let mut rules = desired.rules.iter();
            let proves = asked.spec.verification != Verification::None
                && rules.any(|rule| rule.status == Status::Enabled);
            Resolved {
                plan: self
                    .misplaced(&desired)
                    .or(())
                    .and_then(|()| plan(asked, &desired, &observed)),
                narrowing: narrowing(asked, &desired, &observed, proves),
                desired,
                broken,
                warnings,
                left: self.left(&observed),
            }
        });
        Planned { observed, resolved }
    }

    /// The steps that take away what nothing needs any more, where S3 was seen to go by the new rules or
    /// could not be.
    ///
    /// # Errors
    /// The first read that failed.
    pub async fn narrowing(&self, proved: bool) -> Outcome<Plan> {
        let observed = Box::pin(self.observe()).await?;
        let desired = desired(&self.replication, &observed).ok();
        Ok(desired
            .map(|desired| narrowing(&self.replication, &desired, &observed, proved))
            .unwrap_or_default())
    }

    /// Carries out `plan`.
    ///
    /// # Errors
    /// The first failure, with the step it belongs to.
    pub async fn apply(&self, plan: &Plan, writes: &mut Writes) -> Result<(), ReplicationError> {
        apply::apply(&self.accounts, plan, &self.replication.owner, writes).await
    }
}
