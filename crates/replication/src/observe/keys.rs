//! Reads keys: those that are named, those of ours, and the policies of those in other accounts.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, try_join_all};

use crate::accounts::Accounts;
use crate::configuration::ReplicationConfiguration;
use crate::error::{AwsError, ErrorKind};
use crate::merge::has_statements;
use crate::observed::{KeyName, KeysByName, ObservedBucket, ObservedDestination};
use crate::owner::Owner;
use crate::ports::{Aws, Outcome};
use crate::replication::Replication;
use aws_names::Arn;

/// A key that is asked for on behalf of a bucket.
pub(super) type Asked = (KeyName, String);

fn asked(replication: &Replication, bucket: &str, region: &str, name: &str) -> Asked {
    let key = KeyName::new(replication.account_of(bucket), region, name);
    (key, bucket.to_owned())
}

/// Keys that the template names.
pub(super) fn given_keys<A: Aws>(
    replication: &Replication,
    accounts: &Accounts<'_, A>,
) -> BTreeSet<Asked> {
    let spec = &replication.spec;
    let source = spec.source_kms_keys.iter();
    let source =
        source.map(|key| asked(replication, &spec.source_bucket, &spec.source_region, key));
    let replicas = named_places(replication, accounts).filter_map(|(bucket, region, key)| {
        let key = key?;
        Some(asked(replication, bucket, region, key))
    });
    source.chain(replicas).collect()
}

/// Keys of ours that are there or to be made where the template names none: of the source, where its default
/// encryption does not decide.
pub(super) fn likely_keys<A: Aws>(
    replication: &Replication,
    accounts: &Accounts<'_, A>,
) -> BTreeSet<Asked> {
    let spec = &replication.spec;
    let source = (&spec.source_bucket, &spec.source_region);
    let source = Some(source).filter(|_| spec.source_kms_keys.is_empty());
    let replicas = named_places(replication, accounts).filter(|(.., key)| key.is_none());
    let places = source.into_iter();
    let places = places.chain(replicas.map(|(bucket, region, _)| (bucket, region)));
    let ours = places.map(|(bucket, region)| {
        let alias = replication.alias_arn(region, bucket);
        asked(replication, bucket, region, &alias)
    });
    ours.collect()
}

/// The destination of each rule that can be looked at and whose Region is said, with the key that is named.
fn named_places<'a, A: Aws>(
    replication: &'a Replication,
    accounts: &'a Accounts<'_, A>,
) -> impl Iterator<Item = (&'a String, &'a String, Option<&'a String>)> {
    let rules = replication.spec.rules.iter();
    rules.filter_map(|rule| {
        let bucket = &rule.destination_bucket;
        accounts.at(bucket)?;
        let region = rule.destination_region.as_ref()?;
        let key = rule.rule.destination.replica_kms_key_id.as_ref();
        Some((bucket, region, key))
    })
}

/// Keys that only the first answers tell of.
pub(super) fn later_keys(
    replication: &Replication,
    source: Option<&ObservedBucket>,
    destinations: &BTreeMap<String, ObservedDestination>,
) -> BTreeSet<Asked> {
    let spec = &replication.spec;
    let mut keys = BTreeSet::new();
    if spec.source_kms_keys.is_empty() {
        let (bucket, region) = (&spec.source_bucket, &spec.source_region);
        let key = match source.and_then(ObservedBucket::default_key) {
            Some(key) => key.to_owned(),
            None => replication.alias_arn(region, bucket),
        };
        keys.insert(asked(replication, bucket, region, &key));
    } else if let Some(key) = source.and_then(ObservedBucket::default_key)
        && !key.contains(":key/")
    {
        // Whether it is one of those given.
        let (bucket, region) = (&spec.source_bucket, &spec.source_region);
        keys.insert(asked(replication, bucket, region, key));
    }
    for rule in &spec.rules {
        let bucket = &rule.destination_bucket;
        let found = destinations.get(bucket).filter(|found| found.seen);
        let Some(region) = found.and_then(|found| found.region.as_ref()) else {
            continue;
        };
        let key = match &rule.rule.destination.replica_kms_key_id {
            Some(key) => key.clone(),
            None => replication.alias_arn(region, bucket),
        };
        keys.insert(asked(replication, bucket, region, &key));
    }
    keys
}

/// What `known` says of keys, by name or by their ARNs, and those that it says nothing of.
pub(super) fn told(wanted: BTreeSet<Asked>, known: &KeysByName) -> (KeysByName, BTreeSet<Asked>) {
    let (mut found, mut unknown) = (KeysByName::new(), BTreeSet::new());
    for (key, bucket) in wanted {
        let by_arn = || {
            let mut keys = known.values().flatten();
            keys.find(|known| known.arn == key.name).cloned().map(Some)
        };
        match known.get(&key).cloned().or_else(by_arn) {
            Some(said) => drop(found.insert(key, said)),
            None => drop(unknown.insert((key, bucket))),
        }
    }
    (found, unknown)
}

/// What KMS says of keys.
pub(super) async fn describe<A: Aws>(
    replication: &Replication,
    accounts: &Accounts<'_, A>,
    keys: BTreeSet<Asked>,
) -> Outcome<KeysByName> {
    let calls = keys.into_iter().filter_map(|(key, bucket)| {
        let aws = if key.account == replication.home.account {
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
pub(super) async fn key_policies<A: Aws>(
    replication: &Replication,
    accounts: &Accounts<'_, A>,
    keys: &KeysByName,
) -> Outcome<BTreeMap<String, String>> {
    let foreign = replication.spec.rules.iter().filter_map(|rule| {
        let bucket = &rule.destination_bucket;
        let aws = accounts
            .at(bucket)
            .filter(|_| accounts.is_foreign(bucket))?;
        // No other account shows its keys' policies to the role there.
        let account = replication.account_of(bucket);
        let asked = rule.rule.destination.replica_kms_key_id.as_ref();
        let mut named = keys.iter().filter(|(name, _)| name.account == account);
        let of_rule = |name: &KeyName| match asked {
            Some(asked) => name.name == *asked,
            None => name.name == replication.alias_arn(&name.region, bucket),
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

/// ARNs of the keys that our rules in the bucket use for a destination.
pub(crate) fn keys_of_rules(
    replication: Option<&ReplicationConfiguration>,
    owner: &Owner,
    bucket: &str,
) -> BTreeSet<String> {
    owner
        .rules_of(replication)
        .filter(|rule| rule.destination.bucket_name() == bucket)
        .filter_map(|rule| rule.destination.replica_kms_key_id.clone())
        .collect()
}

/// Keys in other accounts that our rules use, or that properties name, with the destination, where the
/// policy has statements of ours.
pub(super) async fn former_keys<A: Aws>(
    asked: &Replication,
    accounts: &Accounts<'_, A>,
    replication: Option<&ReplicationConfiguration>,
    destinations: &BTreeMap<String, ObservedDestination>,
) -> Outcome<BTreeMap<String, String>> {
    let Replication { home, owner, .. } = asked;
    let foreign = destinations
        .iter()
        .filter(|(bucket, _)| accounts.is_foreign(bucket));
    let calls = foreign.filter_map(|(bucket, found)| {
        let (aws, region) = (accounts.at(bucket)?, found.region.as_deref()?);
        Some(async move {
            let account = accounts.account_of(bucket).map_or("", String::as_str);
            let mut keys = keys_of_rules(replication, owner, bucket);
            let (named, makes_key) = accounts.keys_of(bucket);
            keys.extend(named);
            if makes_key {
                let alias = home.kms_arn(account, region, &owner.key_alias(bucket));
                let ours = aws.describe_key(region, &alias).await?;
                keys.extend(ours.map(|key| key.arn));
            }
            match granted_keys(aws, keys, account, owner).await? {
                (_, Some(denied)) => Err(denied),
                (granted, None) => {
                    Ok::<_, AwsError>(granted.into_keys().map(|key| (key, bucket.clone())))
                }
            }
        })
    });
    Ok(try_join_all(calls).await?.into_iter().flatten().collect())
}

/// The policies of those of `keys` that belong to `account` and have statements of ours in it; with why
/// one could not be read, where it was denied.
pub(crate) async fn granted_keys<A: Aws>(
    aws: &A,
    keys: BTreeSet<String>,
    account: &str,
    owner: &Owner,
) -> Outcome<(BTreeMap<String, String>, Option<AwsError>)> {
    let foreign = keys.into_iter().filter_map(|key| {
        let arn = Arn::parse(&key).filter(|arn| arn.is_kms_key() && arn.account == account)?;
        Some((key, arn.region))
    });
    let calls = foreign.map(|(key, region)| async move {
        let policy = aws.key_policy(&region, &key).await;
        (key, policy)
    });
    let (mut granted, mut denied) = (BTreeMap::new(), None);
    for (key, policy) in join_all(calls).await {
        match policy {
            Ok(Some(policy)) if has_statements(&policy, owner) => {
                granted.insert(key, policy);
            }
            Ok(_) => {}
            Err(error) if error.kind == ErrorKind::AccessDenied => denied = Some(error),
            Err(error) => return Err(error),
        }
    }
    Ok((granted, denied))
}
