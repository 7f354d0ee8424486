//! In whose name to act on which bucket: the provisioner's own, or a role's in the account of a
//! destination.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;

use crate::error::AwsError;
use crate::ports::{Aws, Outcome};
use crate::spec::Site;
use aws_names::Home;

/// A way to act in the name of each role, or why it cannot be assumed.
type Roles<A> = BTreeMap<String, Outcome<Arc<A>>>;

/// AWS, bucket by bucket.
#[derive(Debug)]
pub struct Accounts<'a, A> {
    home: &'a A,
    /// The destination buckets in other accounts.
    foreign: BTreeMap<String, Foreign>,
    roles: Roles<A>,
    trouble: Option<AwsError>,
    begun: AtomicBool,
}

#[derive(Debug)]
struct Foreign {
    account: String,
    /// The role to act in there.
    role: Option<String>,
    /// Keys that rules name for it.
    keys: BTreeSet<String>,
    /// Whether a rule has us make its key.
    makes_key: bool,
}

impl<'a, A: Aws> Accounts<'a, A> {
    /// The provisioner's own account alone.
    #[must_use]
    pub const fn own(aws: &'a A) -> Self {
        Self {
            home: aws,
            foreign: BTreeMap::new(),
            roles: Roles::new(),
            trouble: None,
            begun: AtomicBool::new(false),
        }
    }

    /// The accounts of all `sites`; of two with one bucket the first counts.
    pub async fn of(aws: &'a A, home: &Home, sites: &[Site]) -> Self {
        Self::own(aws).of_others(home, sites).await
    }

    /// The accounts of other sites, for the same request: no role is assumed twice.
    pub(crate) async fn of_others(&self, home: &Home, sites: &[Site]) -> Self {
        let (aws, mut roles) = (self.home, self.roles.clone());
        let mut foreign: BTreeMap<String, Foreign> = BTreeMap::new();
        // Many destinations may be reached by one role.
        let mut needed: Vec<&String> = Vec::new();
        for site in sites {
            let Site { bucket, keys, .. } = site;
            if let Some(known) = foreign.get_mut(bucket) {
                known.makes_key |= keys.is_empty();
                known.keys.extend(keys.iter().cloned());
                continue;
            }
            let account = site.account.as_ref().filter(|id| **id != home.account);
            let Some(account) = account.cloned() else {
                continue;
            };
            let role = site.assume_role_arn.as_ref();
            needed.extend(role.filter(|role| !needed.contains(role)));
            let there = Foreign {
                account,
                role: role.cloned(),
                makes_key: keys.is_empty(),
                keys: keys.clone(),
            };
            foreign.insert(bucket.clone(), there);
        }
        let new = needed.iter().filter(|role| !roles.contains_key(**role));
        let assumed = new.map(|role| async move {
            let there = aws.assuming(role).await;
            ((*role).clone(), there.map(Arc::new))
        });
        let assumed = join_all(assumed).await;
        roles.extend(assumed);
        let mut troubles = needed
            .iter()
            .filter_map(|role| roles.get(*role)?.as_ref().err());
        let trouble = troubles.next().cloned();
        Self {
            foreign,
            roles,
            trouble,
            ..Self::own(aws)
        }
    }

    /// Notes that something is about to be written.
    pub(crate) fn begin(&self) {
        self.begun.store(true, Ordering::Relaxed);
    }

    /// Whether anything may have been written.
    #[must_use]
    pub fn have_begun(&self) -> bool {
        self.begun.load(Ordering::Relaxed)
    }

    /// Why a role could not be assumed, if one could not.
    #[must_use]
    pub const fn trouble(&self) -> Option<&AwsError> {
        self.trouble.as_ref()
    }

    /// AWS in the provisioner's own name.
    #[must_use]
    pub const fn home(&self) -> &'a A {
        self.home
    }

    /// AWS for a bucket and all that belongs to it; `None` where nothing can be done there.
    #[must_use]
    pub fn at(&self, bucket: &str) -> Option<&A> {
        match self.foreign.get(bucket) {
            None => Some(self.home),
            Some(there) => self.roles.get(there.role.as_ref()?)?.as_deref().ok(),
        }
    }

    /// The destination buckets in other accounts.
    pub fn foreign(&self) -> impl Iterator<Item = &String> {
        self.foreign.keys()
    }

    /// Keys that rules name for a bucket in another account, and whether one has us make its key.
    #[must_use]
    pub fn keys_of(&self, bucket: &str) -> (BTreeSet<String>, bool) {
        self.foreign
            .get(bucket)
            .map(|there| (there.keys.clone(), there.makes_key))
            .unwrap_or_default()
    }

    /// The account of a bucket in another account.
    #[must_use]
    pub fn account_of(&self, bucket: &str) -> Option<&String> {
        self.foreign.get(bucket).map(|there| &there.account)
    }

    /// Whether the bucket is in another account.
    #[must_use]
    pub fn is_foreign(&self, bucket: &str) -> bool {
        self.foreign.contains_key(bucket)
    }
}
