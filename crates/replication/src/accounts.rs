//! In whose name to act on which bucket: the provisioner's own, or a role's in the account of a
//! destination.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::AwsError;
use crate::ports::Aws;
use crate::spec::Site;
use aws_names::Home;

/// AWS, bucket by bucket.
#[derive(Debug)]
pub struct Accounts<'a, A> {
    home: &'a A,
    /// The destination buckets in other accounts.
    foreign: BTreeMap<String, Foreign>,
    /// A way to act in each role's name; nothing where it cannot be assumed.
    roles: BTreeMap<String, Option<A>>,
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
    /// The accounts of all `sites`; of two with one bucket the first counts.
    pub async fn of(aws: &'a A, home: &Home, sites: &[Site]) -> Self {
        let mut foreign: BTreeMap<String, Foreign> = BTreeMap::new();
        let mut roles = BTreeMap::new();
        let mut trouble = None;
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
            let role = site.assume_role_arn.clone();
            // Many destinations may be reached by one role.
            if let Some(role) = role.as_ref().filter(|role| !roles.contains_key(*role)) {
                let there = aws.assuming(role).await;
                let there = there.map_err(|error| trouble.get_or_insert(error)).ok();
                roles.insert(role.clone(), there);
            }
            let there = Foreign {
                account,
                role,
                makes_key: keys.is_empty(),
                keys: keys.clone(),
            };
            foreign.insert(bucket.clone(), there);
        }
        Self {
            home: aws,
            foreign,
            roles,
            trouble,
            begun: AtomicBool::new(false),
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
            Some(there) => self.roles.get(there.role.as_ref()?)?.as_ref(),
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
