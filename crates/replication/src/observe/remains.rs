//! Reads what is left to remove: all that bears an owner's name.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{OptionFuture, join, join3, try_join, try_join3};

use super::reads::observe_source;
use crate::accounts::Accounts;
use crate::claims::Others;
use crate::configuration::ReplicationConfiguration;
use crate::error::AwsError;
use crate::observed::{ObservedBucket, Remains};
use crate::owner::{Owner, ROLE_PATH, role_arn, role_name};
use crate::ports::{Aws, BucketRef, KeyDescription, Outcome, RoleDescription};
use crate::record::{self, Parts, Record};
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

/// What is there, or why nobody can tell: then nothing of ours can be there either, unless something else
/// of ours shows that it could once.
pub(super) async fn lookup<T>(
    call: impl Future<Output = Outcome<T>>,
) -> Outcome<Result<T, AwsError>> {
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

/// What is there, or why nobody can tell.
type Found<T> = Result<T, AwsError>;

/// A source bucket and its replication configuration.
type Seen = (Option<ObservedBucket>, Option<ReplicationConfiguration>);

/// The roles that bear the resource's name.
struct OwnRoles {
    /// Our policy on the role for the source bucket.
    policy: Found<Option<String>>,
    /// That role.
    role: Option<RoleDescription>,
    /// The one for existing objects.
    batch: Found<Option<RoleDescription>>,
}

/// The records of a Region, by owner.
pub(super) type Records = BTreeMap<Owner, Parts>;

impl<A: Aws> Search<'_, A> {
    /// Reads all that bears the owner's name, and who else names what is to be taken.
    ///
    /// # Errors
    /// The first read that failed.
    pub async fn remains(&self, source_bucket: &str, asked: Asked) -> Outcome<Remains> {
        let Self { home, owner, .. } = *self;
        // Nothing that is asked here waits for anything else: what the properties say of places is taken for
        // true until the answers say otherwise.
        let first = try_join3(
            self.source(source_bucket),
            self.roles(source_bucket),
            lookup(self.noted()),
        );
        let (first, ahead, records) =
            join3(first, self.destinations_said(), self.records_ahead(asked)).await;
        let (source, roles, noted) = first?;
        let mut troubles: Vec<AwsError> = Vec::new();
        let mut told = |trouble: AwsError| troubles.push(trouble);
        let role_policy = roles.policy.map_err(&mut told).ok().flatten();
        let batch_role = roles.batch.map_err(&mut told).ok().flatten();
        let (kept, unfinished) = noted.map_err(&mut told).unwrap_or_default();
        let (jobs, record): (BTreeMap<_, _>, BTreeMap<_, _>) = kept
            .into_iter()
            .partition(|(name, _)| Owner::of_job(name).is_some());
        let left =
            Record::in_parameters(owner, &record).map_or_else(Vec::new, |record| record.left);
        troubles.extend(source.hidden.clone());
        let replication = source.replication.as_ref();
        let led_to = own_destinations(replication, owner);
        let mut destinations = BTreeMap::new();
        for (name, found) in self.destinations(replication, &led_to, ahead).await? {
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
            role_arn: role_arn(home, &role_name(source_bucket)),
            role_policy,
            role: roles.role.filter(is_ours),
            batch_role: batch_role.filter(is_ours),
            record: (
                home.region.clone(),
                record.into_keys().chain(jobs.into_keys()).collect(),
            ),
            left,
            taking,
            unfinished,
            others: Others::default(),
            now: self.accounts.home().now(),
        };
        remains.others = self.others(&remains, records).await?;
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

    /// The records of all resources of the provisioner's Region, at the first look: our notification, which
    /// is gone afterwards, mostly goes to somebody who is found there.
    async fn records_ahead(&self, asked: Asked) -> Option<Outcome<Records>> {
        let first = matches!(asked, Asked::First(_));
        let look = first.then(|| record::all(self.accounts.home(), &self.home.region));
        OptionFuture::from(look).await
    }

    /// The roles that bear our name, and what is ours on them.
    async fn roles(&self, source_bucket: &str) -> Outcome<OwnRoles> {
        let aws = self.accounts.home();
        let (name, batch_name) = (role_name(source_bucket), self.owner.batch_role());
        let policy_name = self.owner.policy_name();
        let (policy, role, batch) = try_join3(
            lookup(aws.role_policy(&name, &policy_name)),
            lookup(aws.role(&name)),
            lookup(aws.role(&batch_name)),
        )
        .await?;
        Ok(OwnRoles {
            policy,
            // Our permissions end at our path, and names that IAM refuses are no role's.
            role: role.ok().flatten(),
            batch,
        })
    }

    /// The source bucket and its key. The bucket may be gone or never have been made, its key not.
    async fn source(&self, bucket: &str) -> Outcome<Source> {
        let said = self.spec.map(|spec| spec.source_region.as_str());
        let ahead = OptionFuture::from(said.map(|region| self.source_at(bucket, region)));
        let region = lookup(self.accounts.home().bucket_region(bucket));
        let (region, ahead) = join(region, ahead).await;
        let (found, mut hidden) = match region? {
            Ok(region) => (region, None),
            Err(trouble) => (None, Some(trouble)),
        };
        let Some(region) = found.or_else(|| said.map(str::to_owned)) else {
            return Ok(Source {
                hidden,
                ..Source::default()
            });
        };
        let (there, key) = match ahead.filter(|_| said == Some(region.as_str())) {
            Some(read) => read,
            None => self.source_at(bucket, &region).await,
        };
        // What a bucket says that S3 denies is nothing that was understood.
        let there: Found<Seen> = if hidden.is_some() {
            Ok((None, None))
        } else {
            there?
        };
        let mut told = |trouble: AwsError| {
            hidden.get_or_insert(trouble);
        };
        let (source, replication) = there.map_err(&mut told).unwrap_or_default();
        let key = key?.map_err(&mut told).ok().flatten();
        Ok(Source {
            region: Some(region),
            bucket: source,
            replication,
            key,
            hidden,
        })
    }

    /// What there is where the source bucket is or should be.
    async fn source_at(
        &self,
        bucket: &str,
        region: &str,
    ) -> (Outcome<Found<Seen>>, Outcome<Found<Option<KeyDescription>>>) {
        let aws = self.accounts.home();
        let alias = self.alias_arn(bucket, region);
        let place = BucketRef {
            name: bucket,
            region,
        };
        let there = lookup(observe_source(aws, place));
        join(there, lookup(aws.describe_key(region, &alias))).await
    }

    /// ARN of the alias that the key we made for a bucket has.
    pub(super) fn alias_arn(&self, bucket: &str, region: &str) -> String {
        let account = self.accounts.account_of(bucket);
        let account = account.unwrap_or(&self.home.account);
        let alias = self.owner.key_alias(bucket);
        self.home.kms_arn(account, region, &alias)
    }
}

/// Whether a role is at our path: one of that name elsewhere is somebody's.
fn is_ours(role: &RoleDescription) -> bool {
    role.arn.contains(&format!(":role{ROLE_PATH}"))
}
