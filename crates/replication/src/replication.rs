//! What every trip carries: what is asked, by whom, where. Pure.

use std::collections::BTreeSet;

use crate::owner::{Owner, role_arn, role_name};
use crate::ports::BucketRef;
use crate::spec::Spec;
use aws_names::Home;

/// Where replicas may go, as whoever installed the provisioner says; `None`: anywhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Accounts of destinations besides the provisioner's own.
    pub accounts: Option<BTreeSet<String>>,
    /// Regions of sources and destinations.
    pub regions: Option<BTreeSet<String>>,
}

impl Allowed {
    /// Whether a destination may be in an account.
    pub(crate) fn takes_account(&self, account: &str) -> bool {
        let all = self.accounts.as_ref();
        all.is_none_or(|all| all.contains(account))
    }

    /// Whether a bucket may be in a Region.
    pub(crate) fn takes_region(&self, region: &str) -> bool {
        let all = self.regions.as_ref();
        all.is_none_or(|all| all.contains(region))
    }

    /// Why an account is refused.
    pub(crate) fn why_no_account(&self, account: &str) -> String {
        format!(
            "account {account} is none that replicas may go to: the installation's parameter `AllowedDestinationAccounts` \
             says {}, and this account",
            listed(self.accounts.as_ref())
        )
    }

    /// Why a Region is refused.
    pub(crate) fn why_no_region(&self, region: &str) -> String {
        format!(
            "Region {region} is none that is replicated from or to: the installation's parameter `AllowedRegions` says {}",
            listed(self.regions.as_ref())
        )
    }
}

fn listed(all: Option<&BTreeSet<String>>) -> String {
    let all: Vec<_> = all.into_iter().flatten().map(String::as_str).collect();
    all.join(", ")
}

/// What the provisioner was installed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installation {
    /// Where it runs.
    pub home: Home,
    /// The checker's queue, for the source buckets' failure events.
    pub queue_arn: Option<String>,
    /// The permissions boundary that every role of ours must have: the provisioner may make no other.
    pub required_boundary: Option<String>,
    /// Where replicas may go.
    pub allowed: Allowed,
}

/// The replication of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replication {
    /// What is asked.
    pub spec: Spec,
    /// Where the provisioner runs, and so the source bucket's account.
    pub home: Home,
    /// In whose name.
    pub owner: Owner,
    /// The checker's queue, for the source bucket's failure events.
    pub queue_arn: Option<String>,
}

impl Replication {
    /// The source bucket.
    #[must_use]
    pub fn source(&self) -> BucketRef<'_> {
        BucketRef {
            name: &self.spec.source_bucket,
            region: &self.spec.source_region,
        }
    }

    /// Whether no resource asks for it: these are the rules of a bucket as they stand.
    #[must_use]
    pub fn is_nobodys(&self) -> bool {
        self.owner == Owner::nobody(&self.spec.source_bucket)
    }

    /// ARN of the source bucket.
    #[must_use]
    pub fn source_arn(&self) -> String {
        self.home.bucket_arn(&self.spec.source_bucket)
    }

    /// The account of a bucket: the provisioner's own where no rule says another.
    #[must_use]
    pub fn account_of(&self, bucket: &str) -> &str {
        self.spec.account_of(bucket, &self.home)
    }

    /// Whether a bucket is in another account.
    #[must_use]
    pub fn is_foreign(&self, bucket: &str) -> bool {
        self.account_of(bucket) != self.home.account
    }

    /// ARN of the alias that the key we make for `bucket` has; it stands for the key in a plan, until
    /// the key exists.
    #[must_use]
    pub fn alias_arn(&self, region: &str, bucket: &str) -> String {
        let alias = self.owner.key_alias(bucket);
        self.home.kms_arn(self.account_of(bucket), region, &alias)
    }

    /// Name of the role of ours, whether one is given or not.
    #[must_use]
    pub fn role_name(&self) -> String {
        role_name(&self.spec.source_bucket)
    }

    /// ARN of the role that S3 assumes: the one given, or ours.
    #[must_use]
    pub fn role_arn(&self) -> String {
        match &self.spec.role {
            Some(given) => given.clone(),
            None => role_arn(&self.home, &self.role_name()),
        }
    }

    /// Name of the SSM parameter with this `number`, from 0, that tells the checker what to expect in a
    /// destination bucket.
    #[must_use]
    pub fn parameter_name(&self, bucket: &str, number: usize) -> String {
        self.owner.parameter_name(bucket, number)
    }
}

/// Where the unit tests are.
#[cfg(test)]
pub(crate) fn example_home() -> Home {
    Home {
        partition: "aws".into(),
        region: "us-east-1".into(),
        account: "111122223333".into(),
    }
}

#[cfg(test)]
impl Replication {
    /// What `properties` ask for in the name of the unit tests' owner.
    pub(crate) fn example(properties: &serde_json::Value) -> Self {
        let (home, owner) = (example_home(), Owner::new("stack", "Replication", "source"));
        let properties = properties.as_object().unwrap();
        Self {
            spec: crate::properties::read(properties, &home, &owner).unwrap(),
            home,
            owner,
            queue_arn: None,
        }
    }
}
