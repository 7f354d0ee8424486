//! Reads what a Create or Update depends on, as much as possible at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, try_join, try_join_all, try_join3, try_join4};

use crate::accounts::Accounts;
use crate::arn::{Arn, Home};
use crate::configuration::ReplicationConfiguration;
use crate::error::{AwsError, ErrorKind};
use crate::grants::has_ours;
use crate::observed::{KeyName, KeysByName, Observed, ObservedBucket, ObservedDestination};
use crate::owner::{Owner, parameter_path};
use crate::plan::alias_arn;
use crate::ports::{Aws, BucketRef, Buckets, Outcome, Parameters, RoleDescription, Roles};
use crate::remains::{beyond_reach, own_destinations, remaining_destination};
use crate::spec::{Rule, Spec};

/// Reads all that a Create or Update of `spec` depends on.
///
/// # Errors
/// The first read that failed.
pub async fn observe<A: Aws>(
    accounts: &Accounts<'_, A>,
    spec: &Spec,
    home: &Home,
    owner: &Owner,
) -> Outcome<Observed> {
    let aws = accounts.home();
    let source = BucketRef {
        name: &spec.source_bucket,
        region: &spec.source_region,
    };
    let ((source, replication), destinations, (role, ours, policies), mut keys) = try_join4(
        observe_source(aws, source),
        observe_destinations(accounts, &spec.rules, owner),
        observe_role(aws, spec, owner),
        describe(accounts, home, given_keys(accounts, spec, home)),
    )
    .await?;
    // What can only be asked once the first answers are in.
    let rules = replication.as_ref();
    let later = later_keys(spec, home, owner, source.as_ref(), &destinations, &keys);
    let (more, abandoned, former_keys, mut role_policies) = try_join4(
        describe(accounts, home, later),
        abandoned(accounts, rules, &destinations, home, owner),
        former_keys(accounts, rules, &destinations, owner),
        others_policies(aws, spec, owner, &policies),
    )
    .await?;
    role_policies.extend(ours.map(|ours| (owner.policy_name(), ours)));
    keys.extend(more);
    let key_policies = key_policies(accounts, spec, home, owner, &keys).await?;
    let rules = rules.map_or(&[][..], |found| &found.rules);
    let mut names = rules.iter().map(|rule| &rule.id).chain(&policies);
    let shared = names.any(|name| !owner.owns(name));
    let former_keys = former_keys
        .into_iter()
        .filter(|(key, _)| !keys.values().flatten().any(|known| known.arn == *key))
        .collect();
    Ok(Observed {
        source,
        replication,
        destinations,
        abandoned,
        keys,
        key_policies,
        former_keys,
        role,
        role_policies,
        shared,
    })
}

/// The role of ours, our policy on it, and the names of all its policies.
async fn observe_role<A: Roles>(
    aws: &A,
    spec: &Spec,
    owner: &Owner,
) -> Outcome<(Option<RoleDescription>, Option<String>, Vec<String>)> {
    let (role, policy) = (&spec.source_bucket, owner.policy_name());
    try_join3(
        aws.role(role),
        aws.role_policy(role, &policy),
        aws.role_policies(role),
    )
    .await
}

/// The policies of other resources on the role: all share its limit.
async fn others_policies<A: Roles>(
    aws: &A,
    spec: &Spec,
    owner: &Owner,
    names: &[String],
) -> Outcome<BTreeMap<String, String>> {
    let others = names.iter().filter(|name| !owner.owns(name));
    let calls = others.map(|name| async move {
        let document = aws.role_policy(&spec.source_bucket, name).await?;
        Ok::<_, AwsError>((name.clone(), document.unwrap_or_default()))
    });
    Ok(try_join_all(calls).await?.into_iter().collect())
}

/// A key that is asked for on behalf of a bucket.
type Asked = (KeyName, String);

fn asked(spec: &Spec, home: &Home, bucket: &str, region: &str, name: &str) -> Asked {
    let key = KeyName::new(spec.account_of(bucket, home), region, name);
    (key, bucket.to_owned())
}

/// Keys that the template names.
fn given_keys<A: Aws>(accounts: &Accounts<'_, A>, spec: &Spec, home: &Home) -> BTreeSet<Asked> {
    let source = spec.source_kms_keys.iter();
    let source = source.map(|key| asked(spec, home, &spec.source_bucket, &spec.source_region, key));
    let replicas = spec.rules.iter().filter_map(|rule| {
        let bucket = &rule.destination_bucket;
        let key = rule.rule.destination.replica_kms_key_id.as_ref()?;
        accounts.at(bucket)?;
        Some(asked(
            spec,
            home,
            bucket,
            rule.destination_region.as_ref()?,
            key,
        ))
    });
    source.chain(replicas).collect()
}

fn later_keys(
    spec: &Spec,
    home: &Home,
    owner: &Owner,
    source: Option<&ObservedBucket>,
    destinations: &BTreeMap<String, ObservedDestination>,
    known: &KeysByName,
) -> BTreeSet<Asked> {
    let mut keys = BTreeSet::new();
    let alias = |bucket: &str, region: &str| {
        alias_arn(home, spec.account_of(bucket, home), owner, region, bucket)
    };
    if spec.source_kms_keys.is_empty() {
        let (bucket, region) = (&spec.source_bucket, &spec.source_region);
        let key = match source.and_then(ObservedBucket::default_key) {
            Some(key) => key.to_owned(),
            None => alias(bucket, region),
        };
        keys.insert(asked(spec, home, bucket, region, &key));
    }
    for rule in &spec.rules {
        let bucket = &rule.destination_bucket;
        let found = destinations.get(bucket).filter(|found| found.seen);
        let Some(region) = found.and_then(|found| found.region.as_ref()) else {
            continue;
        };
        let key = match &rule.rule.destination.replica_kms_key_id {
            Some(key) => key.clone(),
            None => alias(bucket, region),
        };
        keys.insert(asked(spec, home, bucket, region, &key));
    }
    keys.retain(|(key, _)| !known.contains_key(key));
    keys
}

async fn describe<A: Aws>(
    accounts: &Accounts<'_, A>,
    home: &Home,
    keys: BTreeSet<Asked>,
) -> Outcome<KeysByName> {
    let calls = keys.into_iter().filter_map(|(key, bucket)| {
        let aws = if key.account == home.account {
            accounts.home()
        } else {
            accounts.at(&bucket)?
        };
        Some(async move {
            let found = aws.describe_key(&key.region, &key.name).await?;
            Ok::<_, AwsError>((key, found))
        })
    });
    Ok(try_join_all(calls).await?.into_iter().collect())
}

/// Policies of the keys that destinations in other accounts use.
async fn key_policies<A: Aws>(
    accounts: &Accounts<'_, A>,
    spec: &Spec,
    home: &Home,
    owner: &Owner,
    keys: &KeysByName,
) -> Outcome<BTreeMap<String, String>> {
    let foreign = spec.rules.iter().filter_map(|rule| {
        let bucket = &rule.destination_bucket;
        let aws = accounts
            .at(bucket)
            .filter(|_| accounts.is_foreign(bucket))?;
        // No other account shows its keys' policies to the role there.
        let account = spec.account_of(bucket, home);
        let asked = rule.rule.destination.replica_kms_key_id.as_ref();
        let mut named = keys.iter().filter(|(name, _)| name.account == account);
        let of_rule = |name: &KeyName| match asked {
            Some(asked) => name.name == *asked,
            None => name.name == alias_arn(home, account, owner, &name.region, bucket),
        };
        let key = named.find(|(name, _)| of_rule(name))?.1.as_ref()?;
        Some((key.arn.clone(), aws))
    });
    let foreign: BTreeMap<String, &A> = foreign.collect();
    let calls = foreign.into_iter().filter_map(|(arn, aws)| {
        let region = Arn::parse(&arn)?.region;
        Some(async move {
            let policy = aws.key_policy(&region, &arn).await?;
            Ok::<_, AwsError>((arn, policy.unwrap_or_default()))
        })
    });
    Ok(try_join_all(calls).await?.into_iter().collect())
}

pub(crate) async fn observe_source<A: Buckets>(
    aws: &A,
    bucket: BucketRef<'_>,
) -> Outcome<(Option<ObservedBucket>, Option<ReplicationConfiguration>)> {
    try_join(
        observe_bucket(aws, bucket),
        missing_is_none(aws.replication(bucket)),
    )
    .await
    .map(|(bucket, replication)| (bucket, replication.flatten()))
}

async fn observe_bucket<A: Buckets>(
    aws: &A,
    bucket: BucketRef<'_>,
) -> Outcome<Option<ObservedBucket>> {
    let read = try_join4(
        aws.versioning(bucket),
        aws.default_encryption(bucket),
        aws.bucket_tags(bucket),
        aws.notifications(bucket),
    );
    let found = missing_is_none(read).await?;
    Ok(found.map(
        |(versioning, encryption, tags, notifications)| ObservedBucket {
            versioning,
            encryption,
            tags,
            notifications,
        },
    ))
}

pub(crate) async fn missing_is_none<T>(
    call: impl Future<Output = Outcome<T>>,
) -> Outcome<Option<T>> {
    match call.await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn observe_destinations<A: Aws>(
    accounts: &Accounts<'_, A>,
    rules: &[Rule],
    owner: &Owner,
) -> Outcome<BTreeMap<String, ObservedDestination>> {
    let mut said: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for rule in rules {
        let region = said.entry(&rule.destination_bucket).or_default();
        *region = region.or(rule.destination_region.as_deref());
    }
    let calls = said.into_iter().map(|(bucket, region)| async move {
        let found = observe_destination(accounts, bucket, region, owner).await?;
        Ok::<_, AwsError>((bucket.to_owned(), found))
    });
    Ok(try_join_all(calls).await?.into_iter().collect())
}

async fn observe_destination<A: Aws>(
    accounts: &Accounts<'_, A>,
    bucket: &str,
    said: Option<&str>,
    owner: &Owner,
) -> Outcome<ObservedDestination> {
    let aws = accounts.at(bucket);
    let region = match (said, aws) {
        (Some(region), _) => Some(region.to_owned()),
        (None, Some(aws)) => aws.bucket_region(bucket).await?,
        (None, None) => None,
    };
    let mut observed = ObservedDestination {
        region,
        bucket: None,
        parameters: BTreeMap::new(),
        seen: aws.is_some(),
        policy: None,
    };
    let (Some(aws), Some(region)) = (aws, observed.region.as_deref()) else {
        return Ok(observed);
    };
    let place = BucketRef {
        name: bucket,
        region,
    };
    let policy = async {
        if accounts.is_foreign(bucket) {
            missing_is_none(aws.bucket_policy(place)).await
        } else {
            Ok(None)
        }
    };
    let (found, parameters, policy) = try_join3(
        observe_bucket(aws, place),
        own_parameters(aws, region, bucket, owner),
        policy,
    )
    .await?;
    observed.bucket = found;
    observed.parameters = parameters;
    observed.policy = policy.flatten();
    Ok(observed)
}

/// Our expectation parameters for a bucket, by name.
pub(crate) async fn own_parameters<A: Parameters>(
    aws: &A,
    region: &str,
    bucket: &str,
    owner: &Owner,
) -> Outcome<BTreeMap<String, String>> {
    let mut found = aws.parameters(region, &parameter_path(bucket)).await?;
    found.retain(|name, _| owner.owns_parameter(name));
    Ok(found)
}

/// Destinations of our rules that the spec no longer names.
async fn abandoned<A: Aws>(
    accounts: &Accounts<'_, A>,
    replication: Option<&ReplicationConfiguration>,
    destinations: &BTreeMap<String, ObservedDestination>,
    home: &Home,
    owner: &Owner,
) -> Outcome<BTreeMap<String, crate::observed::RemainingDestination>> {
    let unknown = beyond_reach(accounts, replication, home, owner);
    let gone = own_destinations(replication, owner).into_iter();
    let calls = gone
        .filter(|bucket| !destinations.contains_key(bucket) && !unknown.contains(bucket))
        .map(|bucket| {
            let keys = keys_of_rules(replication, owner, &bucket);
            remaining_destination(accounts, bucket, keys, None, home, owner)
        });
    Ok(try_join_all(calls).await?.into_iter().flatten().collect())
}

/// ARNs of the keys that our rules in the bucket use for a destination.
pub(crate) fn keys_of_rules(
    replication: Option<&ReplicationConfiguration>,
    owner: &Owner,
    bucket: &str,
) -> BTreeSet<String> {
    let rules = replication.map_or(&[][..], |replication| &replication.rules);
    let ours = rules.iter().filter(|rule| owner.owns(&rule.id));
    ours.filter(|rule| rule.destination.bucket.rsplit(':').next() == Some(bucket))
        .filter_map(|rule| rule.destination.replica_kms_key_id.clone())
        .collect()
}

/// Keys in other accounts that our rules use, with the destination, where the policy has statements
/// of ours.
async fn former_keys<A: Aws>(
    accounts: &Accounts<'_, A>,
    replication: Option<&ReplicationConfiguration>,
    destinations: &BTreeMap<String, ObservedDestination>,
    owner: &Owner,
) -> Outcome<BTreeMap<String, String>> {
    let foreign = destinations
        .keys()
        .filter(|bucket| accounts.is_foreign(bucket));
    let calls = foreign.filter_map(|bucket| {
        let aws = accounts.at(bucket)?;
        Some(async move {
            let keys = keys_of_rules(replication, owner, bucket);
            let account = accounts.account_of(bucket).map_or("", String::as_str);
            let granted = granted_keys(aws, keys, account, owner).await?;
            Ok::<_, AwsError>(granted.into_iter().map(|key| (key, bucket.clone())))
        })
    });
    Ok(try_join_all(calls).await?.into_iter().flatten().collect())
}

/// Those of `keys` that belong to `account` and whose policies have statements of ours.
pub(crate) async fn granted_keys<A: Aws>(
    aws: &A,
    keys: BTreeSet<String>,
    account: &str,
    owner: &Owner,
) -> Outcome<BTreeSet<String>> {
    let foreign = keys.into_iter().filter_map(|key| {
        let arn = Arn::parse(&key).filter(|arn| arn.account == account)?;
        Some((key, arn.region))
    });
    let calls = foreign.map(|(key, region)| async move {
        let policy = aws.key_policy(&region, &key).await;
        (key, policy)
    });
    let mut granted = BTreeSet::new();
    for (key, policy) in join_all(calls).await {
        match policy {
            Ok(Some(policy)) if has_ours(&policy, owner) => drop(granted.insert(key)),
            Ok(_) => {}
            // A key that we may not look at is none that we wrote to.
            Err(error) if error.kind == ErrorKind::AccessDenied => {}
            Err(error) => return Err(error),
        }
    }
    Ok(granted)
}
