//! Reads what is left to remove: all that bears an owner's name.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all, try_join4};

use super::keys::{granted_keys, keys_of_rules};
use super::reads::{expectations, missing_is_none, observe_source};
use crate::accounts::Accounts;
use crate::claims::Others;
use crate::configuration::ReplicationConfiguration;
use crate::error::{AwsError, ErrorKind};
use crate::merge::has_statements;
use crate::observed::{ObservedBucket, Presence, RemainingDestination, Remains, bear, stack_of};
use crate::owner::{Owner, role_arn, role_name};
use crate::ports::{Aws, BucketRef, Buckets, KeyDescription, Outcome};
use crate::record::{self, Record};
use crate::spec::{Site, Spec, Taking};
use crate::unfinished;
use aws_names::Home;

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

/// What is there, or why nobody can tell: then nothing of ours can be there either, unless something else
/// of ours shows that it could once.
async fn lookup<T>(call: impl Future<Output = Outcome<T>>) -> Outcome<Result<T, AwsError>> {
    match call.await {
        Err(error) if !error.hides_what_is_there() => Err(error),
        found => Ok(found),
    }
}

/// What a request asks to have taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// As the properties say; of a resource that never succeeded, everything.
    First(Taking),
    /// As was found the first time: what told it may be gone.
    Again(Taking),
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
    /// Where else something of ours may be, as the record says.
    pub left: &'a [Site],
}

/// What the source bucket shows.
#[derive(Debug, Default)]
struct Source {
    region: Option<String>,
    bucket: Option<ObservedBucket>,
    replication: Option<ReplicationConfiguration>,
    key: Option<KeyDescription>,
    hidden: Option<AwsError>,
}

impl<A: Aws> Search<'_, A> {
    /// Reads all that bears the owner's name, and who else names what is to be taken.
    ///
    /// # Errors
    /// The first read that failed.
    pub async fn remains(&self, source_bucket: &str, asked: Asked) -> Outcome<Remains> {
        let Self { home, owner, .. } = *self;
        let aws = self.accounts.home();
        let policy_name = owner.policy_name();
        let (role, batch_role) = (role_name(source_bucket), owner.batch_role());
        let (region, role_policy, batch_role, noted) = try_join4(
            lookup(aws.bucket_region(source_bucket)),
            lookup(aws.role_policy(&role, &policy_name)),
            lookup(aws.role(&batch_role)),
            lookup(self.noted()),
        )
        .await?;
        let mut troubles: Vec<AwsError> = Vec::new();
        let mut told = |trouble: AwsError| troubles.push(trouble);
        let role_policy = role_policy.map_err(&mut told).ok().flatten();
        let batch_role = batch_role.map_err(&mut told).ok().flatten();
        let (kept, unfinished) = noted.map_err(&mut told).unwrap_or_default();
        let (jobs, record): (BTreeMap<_, _>, BTreeMap<_, _>) = kept
            .into_iter()
            .partition(|(name, _)| Owner::of_job(name).is_some());
        let left =
            Record::in_parameters(owner, &record).map_or_else(Vec::new, |record| record.left);
        let source = self.source(source_bucket, region).await?;
        troubles.extend(source.hidden.clone());
        let replication = source.replication.as_ref();
        let led_to = own_destinations(replication, owner);
        let mut destinations = BTreeMap::new();
        for (name, found) in self.destinations(replication, &led_to).await? {
            match found {
                Ok(found) => destinations.extend(found.map(|found| (name, found))),
                Err(trouble) if led_to.contains(&name) => return Err(trouble),
                // Had anything of ours ever been there, a Create would have got through to it.
                Err(trouble) if trouble.is_of_no_region() => {
                    tracing::warn!(bucket = name, error = %trouble, "nothing of ours can be there");
                }
                Err(trouble) => troubles.push(trouble),
            }
        }
        // Whatever we make begins with a key, a policy or a parameter. Where none is left, the bucket that
        // S3 denies was never ours, and nothing was made by a role that cannot be assumed.
        let mut parameters = destinations.values().map(|found| &found.parameters);
        let traces = role_policy.is_some()
            || !led_to.is_empty()
            || !record.is_empty()
            || !jobs.is_empty()
            || !unfinished.is_empty()
            || parameters.any(|names| !names.is_empty());
        troubles.extend(self.accounts.trouble().cloned());
        troubles.extend(destinations.values().find_map(|found| found.unread.clone()));
        if let Some(trouble) = troubles.into_iter().next().filter(|_| traces) {
            return Err(trouble);
        }
        let taking = match asked {
            // A record says that it succeeded once, whatever was noted before.
            Asked::First(_) if record.is_empty() && !unfinished.is_empty() => Taking::EVERYTHING,
            Asked::First(taking) | Asked::Again(taking) => taking,
        };
        let source_region = source.region.unwrap_or_default();
        let mut remains = Remains {
            source_bucket: source_bucket.to_owned(),
            source_alias_arn: self.alias_arn(source_bucket, &source_region),
            source_region: Some(source_region).filter(|region| !region.is_empty()),
            source_hidden: source.hidden.is_some(),
            source: source.bucket,
            replication: source.replication,
            destinations,
            source_key: source.key,
            role_arn: role_arn(home, &role),
            role_policy,
            batch_role,
            record: (
                home.region.clone(),
                record.into_keys().chain(jobs.into_keys()).collect(),
            ),
            left,
            taking,
            unfinished,
            others: Others::default(),
            now: aws.now(),
        };
        remains.others = self.others(&remains).await?;
        Ok(remains)
    }

    /// The parameters that note what the resource was asked for and its jobs, and the names of those that
    /// note that it never succeeded.
    async fn noted(&self) -> Outcome<(BTreeMap<String, String>, BTreeSet<String>)> {
        let (aws, region) = (self.accounts.home(), &self.home.region);
        let kept = record::kept_of(aws, region, self.owner);
        let unfinished = unfinished::notes_of(aws, region, self.owner);
        try_join(kept, unfinished).await
    }

    /// The source bucket and its key. The bucket may be gone or never have been made, its key not.
    async fn source(
        &self,
        bucket: &str,
        region: Result<Option<String>, AwsError>,
    ) -> Outcome<Source> {
        let aws = self.accounts.home();
        let (found, mut hidden) = match region {
            Ok(region) => (region, None),
            Err(trouble) => (None, Some(trouble)),
        };
        let said = || self.spec.map(|spec| spec.source_region.clone());
        let Some(region) = found.clone().or_else(said) else {
            return Ok(Source {
                hidden,
                ..Source::default()
            });
        };
        let alias = self.alias_arn(bucket, &region);
        let place = BucketRef {
            name: bucket,
            region: &region,
        };
        let is_hidden = hidden.is_some();
        let there = async {
            if is_hidden {
                Ok((None, None))
            } else {
                observe_source(aws, place).await
            }
        };
        let looked = try_join(lookup(there), lookup(aws.describe_key(&region, &alias)));
        let (there, key) = looked.await?;
        let mut told = |trouble: AwsError| {
            hidden.get_or_insert(trouble);
        };
        let (source, replication) = there.map_err(&mut told).unwrap_or_default();
        let key = key.map_err(&mut told).ok().flatten();
        Ok(Source {
            region: Some(region),
            bucket: source,
            replication,
            key,
            hidden,
        })
    }

    /// What is left at each destination that our rules lead to or the properties name.
    async fn destinations(
        &self,
        replication: Option<&ReplicationConfiguration>,
        led_to: &BTreeSet<String>,
    ) -> Outcome<Vec<(String, Result<Option<RemainingDestination>, AwsError>)>> {
        let rules = || self.spec.into_iter().flat_map(|spec| &spec.rules);
        let mut names = led_to.clone();
        names.extend(rules().map(|rule| rule.destination_bucket.clone()));
        let only_left = self.left_by(&names);
        names.extend(only_left.iter().cloned());
        let unknown = self.beyond_reach(replication);
        names.retain(|name| !unknown.contains(name));
        let calls = names.into_iter().map(|name| {
            let mut keys = keys_of_rules(replication, self.owner, &name);
            let said = rules().filter(|rule| rule.destination_bucket == name);
            keys.extend(said.filter_map(|rule| rule.rule.destination.replica_kms_key_id.clone()));
            let left = self.left.iter().filter(|site| site.bucket == name);
            keys.extend(left.flat_map(|site| site.keys.iter().cloned()));
            let is_left = only_left.contains(&name);
            async move {
                let mut found = lookup(self.destination(&name, keys)).await?;
                // What the template no longer names stays with its content and its key.
                if let Ok(Some(found)) = found.as_mut().map(Option::as_mut)
                    && is_left
                {
                    (found.made_by_us, found.key) = (false, None);
                }
                Ok::<_, AwsError>((name, found))
            }
        });
        try_join_all(calls).await
    }

    /// Destinations that the record alone knows of.
    fn left_by(&self, names: &BTreeSet<String>) -> BTreeSet<String> {
        let left = self.left.iter().map(|site| site.bucket.clone());
        left.filter(|bucket| !names.contains(bucket)).collect()
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

    /// ARN of the alias that the key we made for a bucket has.
    pub(super) fn alias_arn(&self, bucket: &str, region: &str) -> String {
        let account = self.accounts.account_of(bucket);
        let account = account.unwrap_or(&self.home.account);
        let alias = self.owner.key_alias(bucket);
        self.home.kms_arn(account, region, &alias)
    }

    /// What is left at one destination; `None` where nothing can be, or nothing can be looked at.
    /// `keys` are those that replicas there are or were encrypted with.
    pub(crate) async fn destination(
        &self,
        name: &str,
        mut keys: BTreeSet<String>,
    ) -> Outcome<Option<RemainingDestination>> {
        let Self {
            accounts,
            home,
            owner,
            spec,
            left,
        } = *self;
        let mut left = left.iter().filter(|site| site.bucket == name);
        let left = left.next();
        let Some(aws) = accounts.at(name) else {
            return Ok(None);
        };
        // What the properties name may never have been ours; what rules of ours led to was.
        let (found, hidden) = match region_or_denied(aws, name).await? {
            Ok(region) => (region, false),
            Err(_) if spec.is_some() || left.is_some() => (None, true),
            Err(denied) => return Err(denied),
        };
        // The bucket may be gone, its key and parameters not.
        let said = || {
            let mut rules = spec.into_iter().flat_map(|spec| &spec.rules);
            let region = rules.find_map(|rule| {
                rule.destination_region
                    .clone()
                    .filter(|_| rule.destination_bucket == name)
            });
            region.or_else(|| left.and_then(|site| site.region.clone()))
        };
        let Some(region) = found.clone().or_else(said) else {
            return Ok(None);
        };
        let alias_arn = self.alias_arn(name, &region);
        let bucket = BucketRef {
            name,
            region: &region,
        };
        let tags = async {
            match found {
                Some(_) => missing_is_none(aws.bucket_tags(bucket)).await,
                None => Ok(None),
            }
        };
        let foreign = accounts.is_foreign(name);
        let policy = async {
            if foreign && found.is_some() {
                missing_is_none(aws.bucket_policy(bucket)).await
            } else {
                Ok(None)
            }
        };
        let (parameters, key, tags, policy) = try_join4(
            expectations(aws, &region, name),
            aws.describe_key(&region, &alias_arn),
            tags,
            policy,
        )
        .await?;
        let (mut policies, unread) = if foreign {
            keys.extend(key.iter().map(|key| key.arn.clone()));
            let account = accounts.account_of(name).unwrap_or(&home.account);
            granted_keys(aws, keys, account, owner).await?
        } else {
            (BTreeMap::new(), None)
        };
        let granted_keys = policies.keys().cloned().collect();
        let policy = policy.flatten();
        let has_policy = policy
            .as_ref()
            .is_some_and(|policy| has_statements(policy, owner));
        policies.extend(policy.map(|policy| (name.to_owned(), policy)));
        let (ours, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) = parameters
            .into_iter()
            .partition(|(name, _)| owner.owns_parameter(name));
        let presence = match (hidden, tags.is_some()) {
            (true, _) => Presence::Hidden,
            (false, true) => Presence::There,
            (false, false) => Presence::Missing,
        };
        let tags = tags.unwrap_or_default();
        Ok(Some(RemainingDestination {
            parameters: ours,
            expectations: theirs,
            made_by_us: bear(&tags, owner),
            stack: stack_of(&tags),
            presence,
            key,
            alias_arn,
            has_policy,
            granted_keys,
            policies,
            unread,
            region,
        }))
    }
}
