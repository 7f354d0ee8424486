//! Reads what is left to remove: all that bears an owner's name.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all, try_join4};

use super::keys::{granted_keys, keys_of_rules};
use super::reads::{missing_is_none, observe_source, own_parameters};
use crate::accounts::Accounts;
use crate::arn::Home;
use crate::configuration::ReplicationConfiguration;
use crate::error::{AwsError, ErrorKind};
use crate::merge::has_statements;
use crate::observed::{RemainingDestination, Remains, bear};
use crate::owner::Owner;
use crate::ports::{Aws, BucketRef, Buckets, Outcome};
use crate::record;
use crate::spec::Spec;

/// Names of the destination buckets of this owner's rules.
pub(crate) fn own_destinations(
    replication: Option<&ReplicationConfiguration>,
    owner: &Owner,
) -> BTreeSet<String> {
    owner
        .rules_of(replication)
        .map(|rule| rule.destination.bucket_name().to_owned())
        .collect()
}

/// The Region of a bucket, where it is one of the account's. A bucket that S3 denies belongs to
/// somebody else, or to us while a permission is missing.
async fn region_or_denied<A: Buckets>(
    aws: &A,
    bucket: &str,
) -> Outcome<Result<Option<String>, AwsError>> {
    match aws.bucket_region(bucket).await {
        Ok(region) => Ok(Ok(region)),
        Err(error) if error.kind == ErrorKind::AccessDenied => Ok(Err(error)),
        Err(error) => Err(error),
    }
}

/// For what is left in an owner's name, where it may be.
#[derive(Debug)]
pub struct Search<'a, A> {
    /// AWS, bucket by bucket.
    pub accounts: &'a Accounts<'a, A>,
    /// Where the provisioner runs.
    pub home: &'a Home,
    /// Whose name it bears.
    pub owner: &'a Owner,
    /// What the properties say, where they can be read: it knows destinations whose rules are already
    /// gone.
    pub spec: Option<&'a Spec>,
}

impl<A: Aws> Search<'_, A> {
    /// Reads all that bears the owner's name.
    ///
    /// # Errors
    /// The first read that failed.
    pub async fn remains(&self, source_bucket: &str) -> Outcome<Remains> {
        let Self {
            accounts,
            home,
            owner,
            spec,
        } = *self;
        let aws = accounts.home();
        let policy_name = owner.policy_name();
        let batch_role = owner.batch_role();
        let (source_region, role_policy, batch_role, record) = try_join4(
            region_or_denied(aws, source_bucket),
            aws.role_policy(source_bucket, &policy_name),
            aws.role(&batch_role),
            record::parameters_of(aws, &home.region, owner),
        )
        .await?;
        let (source_region, denied) = match source_region {
            Ok(region) => (region, None),
            Err(denied) => (None, Some(denied)),
        };
        // The bucket may be gone or never have been made, its key not.
        let source_region = source_region.or_else(|| spec.map(|spec| spec.source_region.clone()));
        let (source, replication, source_key) = match &source_region {
            None => (None, None, None),
            Some(region) => {
                let alias = home.kms_arn(&home.account, region, &owner.key_alias(source_bucket));
                let place = BucketRef {
                    name: source_bucket,
                    region,
                };
                let source = async {
                    if denied.is_some() {
                        Ok((None, None))
                    } else {
                        observe_source(aws, place).await
                    }
                };
                let ((source, replication), key) =
                    try_join(source, aws.describe_key(region, &alias)).await?;
                (source, replication, key)
            }
        };
        let mut names = own_destinations(replication.as_ref(), owner);
        names.extend(
            spec.into_iter()
                .flat_map(|spec| &spec.rules)
                .map(|rule| rule.destination_bucket.clone()),
        );
        let unknown = self.beyond_reach(replication.as_ref());
        names.retain(|name| !unknown.contains(name));
        let calls = names.into_iter().map(|name| {
            let mut keys = keys_of_rules(replication.as_ref(), owner, &name);
            let rules = spec.into_iter().flat_map(|spec| &spec.rules);
            let said = rules.filter(|rule| rule.destination_bucket == name);
            keys.extend(said.filter_map(|rule| rule.rule.destination.replica_kms_key_id.clone()));
            self.destination(name, keys)
        });
        let destinations: BTreeMap<_, _> =
            try_join_all(calls).await?.into_iter().flatten().collect();
        // Whatever we make begins with a key, a policy or a parameter. Where none is left, the bucket that
        // S3 denies was never ours, and nothing was made by a role that cannot be assumed.
        let mut parameters = destinations.values().map(|found| &found.parameters);
        let traces = role_policy.is_some() || parameters.any(|names| !names.is_empty());
        let unread = || destinations.values().find_map(|found| found.unread.clone());
        let trouble = denied
            .or_else(|| accounts.trouble().cloned())
            .or_else(unread);
        if let Some(trouble) = trouble.filter(|_| traces) {
            return Err(trouble);
        }
        Ok(Remains {
            source_bucket: source_bucket.to_owned(),
            source_region,
            source,
            replication,
            destinations,
            source_key,
            role_policy,
            batch_role,
            record: (home.region.clone(), record.into_keys().collect()),
        })
    }

    /// Destinations of our rules in other accounts that no properties at hand say anything of: what is ours
    /// there can neither be looked at nor removed.
    pub(crate) fn beyond_reach(
        &self,
        replication: Option<&ReplicationConfiguration>,
    ) -> BTreeSet<String> {
        let Self {
            accounts,
            home,
            owner,
            ..
        } = *self;
        let foreign = owner.rules_of(replication).filter(|rule| {
            let account = rule.destination.account.as_ref();
            account.is_some_and(|account| *account != home.account)
        });
        let unknown: BTreeSet<_> = foreign
            .map(|rule| rule.destination.bucket_name().to_owned())
            .filter(|bucket| !accounts.is_foreign(bucket))
            .collect();
        for bucket in &unknown {
            tracing::warn!(
                bucket,
                "in another account, and no `AssumeRoleArn` at hand: what is ours there stays"
            );
        }
        unknown
    }

    /// What is left at one destination; `None` where nothing can be, or nothing can be looked at.
    /// `keys` are those that replicas there are or were encrypted with.
    pub(crate) async fn destination(
        &self,
        name: String,
        mut keys: BTreeSet<String>,
    ) -> Outcome<Option<(String, RemainingDestination)>> {
        let Self {
            accounts,
            home,
            owner,
            spec,
        } = *self;
        let Some(aws) = accounts.at(&name) else {
            return Ok(None);
        };
        // What the properties name may never have been ours; what rules of ours led to was.
        let found = match region_or_denied(aws, &name).await? {
            Ok(region) => region,
            Err(_) if spec.is_some() => None,
            Err(denied) => return Err(denied),
        };
        // The bucket may be gone, its key and parameters not.
        let said = || {
            let mut rules = spec.into_iter().flat_map(|spec| &spec.rules);
            rules.find_map(|rule| {
                rule.destination_region
                    .clone()
                    .filter(|_| rule.destination_bucket == name)
            })
        };
        let Some(region) = found.clone().or_else(said) else {
            return Ok(None);
        };
        let account = accounts.account_of(&name).unwrap_or(&home.account);
        let alias = home.kms_arn(account, &region, &owner.key_alias(&name));
        let bucket = BucketRef {
            name: &name,
            region: &region,
        };
        let tags = async {
            match found {
                Some(_) => missing_is_none(aws.bucket_tags(bucket)).await,
                None => Ok(None),
            }
        };
        let foreign = accounts.is_foreign(&name);
        let policy = async {
            if foreign && found.is_some() {
                missing_is_none(aws.bucket_policy(bucket)).await
            } else {
                Ok(None)
            }
        };
        let (parameters, key, tags, policy) = try_join4(
            own_parameters(aws, &region, &name, owner),
            aws.describe_key(&region, &alias),
            tags,
            policy,
        )
        .await?;
        let (granted_keys, unread) = if foreign {
            keys.extend(key.iter().map(|key| key.arn.clone()));
            granted_keys(aws, keys, account, owner).await?
        } else {
            (BTreeSet::new(), None)
        };
        let remaining = RemainingDestination {
            parameters: parameters.into_keys().collect(),
            made_by_us: bear(&tags.unwrap_or_default(), owner),
            key,
            has_policy: policy
                .flatten()
                .is_some_and(|policy| has_statements(&policy, owner)),
            granted_keys,
            unread,
            region,
        };
        Ok(Some((name, remaining)))
    }
}
