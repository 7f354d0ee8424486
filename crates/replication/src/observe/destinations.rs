//! Reads what is left at destinations.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{OptionFuture, join, join_all, join4, try_join_all};

use super::keys::{granted_keys, keys_of_rules};
use super::reads::{expectations, missing_is_none};
use super::remains::{Search, lookup};
use crate::configuration::{ReplicationConfiguration, Tag};
use crate::error::{AwsError, ErrorKind};
use crate::merge::has_statements;
use crate::observed::{Presence, RemainingDestination, bear, stack_of};
use crate::ports::{Aws, BucketRef, Buckets, KeyDescription, Outcome};

/// What was found at one place; `None` where nothing can be, or nothing can be looked at.
type Looked = Outcome<Option<RemainingDestination>>;

/// The same of several, by bucket.
pub(super) type Ahead = BTreeMap<String, Looked>;

/// What there is where a destination is or should be.
struct Seen {
    parameters: Outcome<BTreeMap<String, String>>,
    key: Outcome<Option<KeyDescription>>,
    /// `None` where there is no bucket.
    tags: Outcome<Option<Vec<Tag>>>,
    policy: Outcome<Option<String>>,
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

impl<A: Aws> Search<'_, A> {
    /// What is left at the destinations that the properties or the record name, which can be looked at before
    /// the rules are known.
    pub(super) async fn destinations_said(&self) -> Ahead {
        let rules = self.spec.into_iter().flat_map(|spec| &spec.rules);
        let said = rules.map(|rule| &rule.destination_bucket);
        let left = self.left.iter().map(|site| &site.bucket);
        let names: BTreeSet<&String> = said.chain(left).collect();
        let looks = names.into_iter().map(|name| async move {
            let looked = self.look(name).await;
            (name.clone(), looked)
        });
        join_all(looks).await.into_iter().collect()
    }

    /// What is left at each destination that our rules lead to or that was looked at `ahead`.
    pub(super) async fn destinations(
        &self,
        replication: Option<&ReplicationConfiguration>,
        led_to: &BTreeSet<String>,
        mut ahead: Ahead,
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
            let looked = ahead.remove(&name);
            async move {
                let found = async {
                    let looked = match looked {
                        Some(looked) => looked,
                        None => self.look(&name).await,
                    };
                    self.with_grants(&name, looked?, keys).await
                };
                let mut found = lookup(found).await?;
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

    /// What is left at one destination; `None` where nothing can be, or nothing can be looked at.
    /// `keys` are those that replicas there are or were encrypted with.
    pub(crate) async fn destination(&self, name: &str, keys: BTreeSet<String>) -> Looked {
        let looked = self.look(name).await?;
        self.with_grants(name, looked, keys).await
    }

    /// The same but for the policies of keys.
    async fn look(&self, name: &str) -> Looked {
        let left = self.left.iter().find(|site| site.bucket == name);
        let Some(aws) = self.accounts.at(name) else {
            return Ok(None);
        };
        let said = || {
            let mut rules = self.spec.into_iter().flat_map(|spec| &spec.rules);
            let region = rules.find_map(|rule| {
                let region = rule.destination_region.as_ref();
                region.filter(|_| rule.destination_bucket == name)
            });
            region.or_else(|| left.and_then(|site| site.region.as_ref()))
        };
        let said = said();
        let ahead = OptionFuture::from(said.map(|region| self.look_at(aws, name, region)));
        let (region, ahead) = join(region_or_denied(aws, name), ahead).await;
        // What the properties name may never have been ours; what rules of ours led to was.
        let (found, hidden) = match region? {
            Ok(region) => (region, false),
            Err(_) if self.spec.is_some() || left.is_some() => (None, true),
            Err(denied) => return Err(denied),
        };
        // The bucket may be gone, its key and parameters not.
        let exists = found.is_some();
        let Some(region) = found.or_else(|| said.cloned()) else {
            return Ok(None);
        };
        let seen = match ahead.filter(|_| said == Some(&region)) {
            Some(seen) => seen,
            None => self.look_at(aws, name, &region).await,
        };
        let (tags, policy) = if exists {
            (seen.tags?, seen.policy?)
        } else {
            (None, None)
        };
        let has_policy = policy
            .as_ref()
            .is_some_and(|policy| has_statements(policy, self.owner));
        let policies = policy.map(|policy| (name.to_owned(), policy));
        let (ours, theirs): (BTreeMap<_, _>, BTreeMap<_, _>) = seen
            .parameters?
            .into_iter()
            .partition(|(name, _)| self.owner.owns_parameter(name));
        let presence = match (hidden, tags.is_some()) {
            (true, _) => Presence::Hidden,
            (false, true) => Presence::There,
            (false, false) => Presence::Missing,
        };
        let tags = tags.unwrap_or_default();
        Ok(Some(RemainingDestination {
            parameters: ours,
            expectations: theirs,
            made_by_us: bear(&tags, self.owner),
            stack: stack_of(&tags),
            presence,
            key: seen.key?,
            alias_arn: self.alias_arn(name, &region),
            has_policy,
            granted_keys: BTreeSet::new(),
            policies: policies.into_iter().collect(),
            unread: None,
            region,
        }))
    }

    /// What there is in a Region for a destination.
    async fn look_at(&self, aws: &A, name: &str, region: &str) -> Seen {
        let alias_arn = self.alias_arn(name, region);
        let bucket = BucketRef { name, region };
        let policy = async {
            if self.accounts.is_foreign(name) {
                let policy = missing_is_none(aws.bucket_policy(bucket)).await;
                policy.map(Option::flatten)
            } else {
                Ok(None)
            }
        };
        let (parameters, key, tags, policy) = join4(
            expectations(aws, region, name),
            aws.describe_key(region, &alias_arn),
            missing_is_none(aws.bucket_tags(bucket)),
            policy,
        )
        .await;
        Seen {
            parameters,
            key,
            tags,
            policy,
        }
    }

    /// With those of `keys` in another account whose policies have statements of ours.
    async fn with_grants(
        &self,
        name: &str,
        found: Option<RemainingDestination>,
        mut keys: BTreeSet<String>,
    ) -> Looked {
        let Some((mut found, aws)) = found.zip(self.accounts.at(name)) else {
            return Ok(None);
        };
        if self.accounts.is_foreign(name) {
            keys.extend(found.key.iter().map(|key| key.arn.clone()));
            let account = self.accounts.account_of(name).unwrap_or(&self.home.account);
            let (policies, unread) = granted_keys(aws, keys, account, self.owner).await?;
            found.granted_keys = policies.keys().cloned().collect();
            found.policies.extend(policies);
            found.unread = unread;
        }
        Ok(Some(found))
    }
}
