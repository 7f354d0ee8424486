//! Reads what there is, as much as possible at once.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join, try_join_all, try_join3, try_join4};

use crate::arn::{Arn, Home};
use crate::configuration::ReplicationConfiguration;
use crate::error::{AwsError, ErrorKind};
use crate::observed::{
    KeysByName, Observed, ObservedBucket, ObservedDestination, RemainingDestination, Remains,
};
use crate::owner::Owner;
use crate::plan::alias_arn;
use crate::ports::{Aws, BucketRef, Buckets, Keys, Outcome};
use crate::spec::{Rule, Spec};

/// Reads all that a Create or Update of `spec` depends on.
///
/// # Errors
/// The first read that failed.
pub async fn observe<A: Aws>(
    aws: &A,
    spec: &Spec,
    home: &Home,
    owner: &Owner,
) -> Outcome<Observed> {
    let policy_name = owner.policy_name();
    let ((source, replication), destinations, (role, role_policy, policies), mut keys) = try_join4(
        observe_source(
            aws,
            BucketRef {
                name: &spec.source_bucket,
                region: &spec.source_region,
            },
        ),
        observe_destinations(aws, &spec.rules, owner),
        try_join3(
            aws.role(&spec.source_bucket),
            aws.role_policy(&spec.source_bucket, &policy_name),
            aws.role_policies(&spec.source_bucket),
        ),
        describe(aws, given_keys(spec)),
    )
    .await?;
    // What can only be asked once the first answers are in.
    let later = later_keys(spec, home, owner, source.as_ref(), &destinations, &keys);
    let (more, abandoned) = try_join(
        describe(aws, later),
        abandoned(aws, replication.as_ref(), &destinations, owner),
    )
    .await?;
    keys.extend(more);
    let rules = replication.as_ref().map_or(&[][..], |found| &found.rules);
    let mut names = rules.iter().map(|rule| &rule.id).chain(&policies);
    let shared = names.any(|name| !owner.owns(name));
    Ok(Observed {
        source,
        replication,
        destinations,
        abandoned,
        keys,
        role,
        role_policy,
        shared,
    })
}

/// Keys that the template names, with the Regions to ask in.
fn given_keys(spec: &Spec) -> BTreeSet<(String, String)> {
    let source = spec
        .source_kms_keys
        .iter()
        .map(|key| (spec.source_region.clone(), key.clone()));
    let replicas = spec.rules.iter().filter_map(|rule| {
        let key = rule.rule.destination.replica_kms_key_id.clone()?;
        Some((rule.destination_region.clone()?, key))
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
) -> BTreeSet<(String, String)> {
    let mut keys = BTreeSet::new();
    if spec.source_kms_keys.is_empty() {
        let key = match source.and_then(ObservedBucket::default_key) {
            Some(key) => key.to_owned(),
            None => alias_arn(home, owner, &spec.source_region, &spec.source_bucket),
        };
        keys.insert((spec.source_region.clone(), key));
    }
    for rule in &spec.rules {
        let region = destinations
            .get(&rule.destination_bucket)
            .and_then(|found| found.region.clone());
        let Some(region) = region else { continue };
        let key = match &rule.rule.destination.replica_kms_key_id {
            Some(key) => key.clone(),
            None => alias_arn(home, owner, &region, &rule.destination_bucket),
        };
        keys.insert((region, key));
    }
    keys.retain(|key| !known.contains_key(key));
    keys
}

async fn describe<A: Keys>(aws: &A, keys: BTreeSet<(String, String)>) -> Outcome<KeysByName> {
    let calls = keys.into_iter().map(|(region, key)| async move {
        let found = aws.describe_key(&region, &key).await?;
        Ok::<_, AwsError>(((region, key), found))
    });
    Ok(try_join_all(calls).await?.into_iter().collect())
}

async fn observe_source<A: Buckets>(
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

async fn missing_is_none<T>(call: impl Future<Output = Outcome<T>>) -> Outcome<Option<T>> {
    match call.await {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn observe_destinations<A: Aws>(
    aws: &A,
    rules: &[Rule],
    owner: &Owner,
) -> Outcome<BTreeMap<String, ObservedDestination>> {
    let mut said: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for rule in rules {
        let region = said.entry(&rule.destination_bucket).or_default();
        *region = region.or(rule.destination_region.as_deref());
    }
    let calls = said.into_iter().map(|(bucket, region)| async move {
        let region = match region {
            Some(region) => Some(region.to_owned()),
            None => aws.bucket_region(bucket).await?,
        };
        let Some(region) = region else {
            let nowhere = ObservedDestination {
                region: None,
                bucket: None,
                parameter: None,
            };
            return Ok((bucket.to_owned(), nowhere));
        };
        let name = owner.parameter_name(bucket);
        let (found, parameter) = try_join(
            observe_bucket(
                aws,
                BucketRef {
                    name: bucket,
                    region: &region,
                },
            ),
            aws.parameter(&region, &name),
        )
        .await?;
        Ok::<_, AwsError>((
            bucket.to_owned(),
            ObservedDestination {
                region: Some(region),
                bucket: found,
                parameter,
            },
        ))
    });
    Ok(try_join_all(calls).await?.into_iter().collect())
}

/// Names of the destination buckets of this owner's rules.
fn own_destinations(
    replication: Option<&ReplicationConfiguration>,
    owner: &Owner,
) -> BTreeSet<String> {
    let rules = replication.map_or(&[][..], |replication| &replication.rules);
    let ours = rules.iter().filter(|rule| owner.owns(&rule.id));
    ours.filter_map(|rule| {
        Arn::parse(&rule.destination.bucket)?
            .bucket_name()
            .map(str::to_owned)
    })
    .collect()
}

async fn abandoned<A: Aws>(
    aws: &A,
    replication: Option<&ReplicationConfiguration>,
    destinations: &BTreeMap<String, ObservedDestination>,
    owner: &Owner,
) -> Outcome<BTreeMap<String, String>> {
    let gone = own_destinations(replication, owner).into_iter();
    let calls = gone
        .filter(|bucket| !destinations.contains_key(bucket))
        .map(|bucket| async move {
            let Some(region) = aws.bucket_region(&bucket).await? else {
                return Ok(None);
            };
            let parameter = aws
                .parameter(&region, &owner.parameter_name(&bucket))
                .await?;
            Ok::<_, AwsError>(parameter.map(|_| (bucket, region)))
        });
    Ok(try_join_all(calls).await?.into_iter().flatten().collect())
}

/// Reads all that bears `owner`'s name. `spec` is what the properties say, where they can be read:
/// it knows destinations whose rules are already gone.
///
/// # Errors
/// The first read that failed.
pub async fn remains<A: Aws>(
    aws: &A,
    source_bucket: &str,
    spec: Option<&Spec>,
    home: &Home,
    owner: &Owner,
) -> Outcome<Remains> {
    let policy_name = owner.policy_name();
    let (source_region, role_policy) = try_join(
        aws.bucket_region(source_bucket),
        aws.role_policy(source_bucket, &policy_name),
    )
    .await?;
    // The bucket may be gone or never have been made, its key not.
    let source_region = source_region.or_else(|| spec.map(|spec| spec.source_region.clone()));
    let (source, replication, source_key) = match &source_region {
        None => (None, None, None),
        Some(region) => {
            let alias = alias_arn(home, owner, region, source_bucket);
            let ((source, replication), key) = try_join(
                observe_source(
                    aws,
                    BucketRef {
                        name: source_bucket,
                        region,
                    },
                ),
                aws.describe_key(region, &alias),
            )
            .await?;
            (source, replication, key.map(|key| key.arn))
        }
    };
    let mut names = own_destinations(replication.as_ref(), owner);
    names.extend(
        spec.into_iter()
            .flat_map(|spec| &spec.rules)
            .map(|rule| rule.destination_bucket.clone()),
    );
    let calls = names
        .into_iter()
        .map(|name| remaining_destination(aws, name, spec, home, owner));
    let destinations = try_join_all(calls).await?.into_iter().flatten().collect();
    Ok(Remains {
        source_bucket: source_bucket.to_owned(),
        source_region,
        source,
        replication,
        destinations,
        source_key,
        role_policy,
    })
}

async fn remaining_destination<A: Aws>(
    aws: &A,
    name: String,
    spec: Option<&Spec>,
    home: &Home,
    owner: &Owner,
) -> Outcome<Option<(String, RemainingDestination)>> {
    let found = aws.bucket_region(&name).await?;
    // The bucket may be gone, its key and parameter not.
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
    let alias = alias_arn(home, owner, &region, &name);
    let parameter_name = owner.parameter_name(&name);
    let bucket = BucketRef {
        name: &name,
        region: &region,
    };
    let tags = async {
        if found.is_some() {
            missing_is_none(aws.bucket_tags(bucket)).await
        } else {
            Ok(None)
        }
    };
    let (parameter, key, tags) = try_join3(
        aws.parameter(&region, &parameter_name),
        aws.describe_key(&region, &alias),
        tags,
    )
    .await?;
    let ours = |tag: &crate::configuration::Tag| {
        tag.key == crate::owner::OWNER_TAG && tag.value == owner.as_str()
    };
    let remaining = RemainingDestination {
        has_parameter: parameter.is_some(),
        made_by_us: tags.unwrap_or_default().iter().any(ours),
        key: key.map(|key| key.arn),
        region,
    };
    Ok(Some((name, remaining)))
}
