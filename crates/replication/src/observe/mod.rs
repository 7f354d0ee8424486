//! Reads what a Create or Update depends on, as much as possible at once.

mod destinations;
mod keys;
mod reads;
pub mod remains;
mod surroundings;
mod whereabouts;

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{try_join_all, try_join3, try_join4, try_join5};

use self::keys::{
    describe, former_keys, given_keys, key_policies, keys_of_rules, later_keys, likely_keys, told,
};
pub(crate) use self::reads::{expectations, missing_is_none};
use self::reads::{observe_bucket, observe_source, own_parameters};
use self::remains::{Search, own_destinations};
pub(crate) use self::whereabouts::{located, located_by};
use crate::accounts::Accounts;
use crate::configuration::ReplicationConfiguration;
use crate::error::{AwsError, ErrorKind};
use crate::observed::{
    GivenRole, Observed, ObservedBucket, ObservedDestination, RemainingDestination,
};
use crate::owner::Owner;
use crate::ports::{Access, Aws, BucketRef, Outcome, Policies, RoleDescription, Roles};
use crate::replication::Replication;
use crate::spec::{Site, Spec};
use crate::writers::{users, writers};
use aws_names::Arn;

/// Where else something of ours may be than where the rules lead.
#[derive(Clone, Debug, Default)]
pub struct Left<'a> {
    /// Destinations of rules of ours that a request has replaced since it began.
    pub by_rules: BTreeSet<String>,
    /// What was asked for before. A request that got no further may have written to what it names.
    pub asked_before: Option<&'a Spec>,
    /// Where the record says that something of ours is.
    pub noted: &'a [Site],
}

/// Reads all that a Create or Update depends on.
///
/// # Errors
/// The first read that failed.
pub async fn observe<A: Aws>(
    replication: &Replication,
    accounts: &Accounts<'_, A>,
    left: &Left<'_>,
) -> Outcome<Observed> {
    let (aws, asked, owner) = (accounts.home(), replication, &replication.owner);
    let mut wanted = given_keys(asked, accounts);
    let mut ahead = likely_keys(asked, accounts);
    ahead.extend(wanted.clone());
    let ((source, replication), destinations, (role, ours, policies), ahead) = try_join4(
        observe_source(aws, asked.source()),
        observe_destinations(asked, accounts),
        observe_role(asked, aws),
        describe(asked, accounts, ahead),
    )
    .await?;
    // What can only be asked once the first answers are in.
    let rules = replication.as_ref();
    wanted.extend(later_keys(asked, source.as_ref(), &destinations));
    let (mut keys, later) = told(wanted, &ahead);
    let (
        more,
        (abandoned, unreachable),
        former_keys,
        mut role_policies,
        (outside_writers, outside_users),
    ) = try_join5(
        describe(asked, accounts, later),
        abandoned(asked, accounts, rules, left),
        former_keys(asked, accounts, rules, &destinations),
        others_policies(asked, aws, &policies),
        outside_writers(asked, aws, source.as_ref()),
    )
    .await?;
    role_policies.extend(ours.map(|ours| (owner.policy_name(), ours)));
    keys.extend(more);
    let given_role = given_role(asked, aws, rules).await?;
    let key_policies = key_policies(asked, accounts, &keys).await?;
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
        unreachable,
        former_keys,
        role,
        given_role,
        role_policies,
        shared,
        outside_writers,
        outside_users,
        ..Observed::default()
    })
}

/// The role that `Role` names, where it is not that of the bucket's rules. Nobody may let us look at it: then
/// IAM's simulator may still know whether there is one.
async fn given_role<A: Aws>(
    asked: &Replication,
    aws: &A,
    rules: Option<&ReplicationConfiguration>,
) -> Outcome<GivenRole> {
    let given = asked.spec.role.as_ref();
    let Some(given) = given.filter(|given| rules.is_none_or(|found| found.role != **given)) else {
        return Ok(GivenRole::Unseen);
    };
    let name = Arn::parse(given).and_then(|arn| arn.role_name().map(str::to_owned));
    if let Some(found) = aws.role(&name.unwrap_or_default()).await? {
        return Ok(if found.arn == *given {
            GivenRole::There
        } else {
            GivenRole::Absent(Some(found.arn))
        });
    }
    let access = Access {
        actions: vec!["s3:GetReplicationConfiguration"],
        resource: asked.source_arn(),
        context: BTreeMap::new(),
    };
    Ok(match aws.simulate(given, &access).await {
        Ok(_) => GivenRole::There,
        Err(error) if error.kind == ErrorKind::NotFound => GivenRole::Absent(None),
        Err(_) => GivenRole::Unseen,
    })
}

/// The role of ours, our policy on it, and the names of all its policies.
async fn observe_role<A: Roles>(
    asked: &Replication,
    aws: &A,
) -> Outcome<(Option<RoleDescription>, Option<String>, Vec<String>)> {
    let (role, policy) = (asked.role_name(), asked.owner.policy_name());
    try_join3(
        aws.role(&role),
        aws.role_policy(&role, &policy),
        aws.role_policies(&role),
    )
    .await
}

/// The policies of other resources on the role: all share its limit.
async fn others_policies<A: Roles>(
    asked: &Replication,
    aws: &A,
    names: &[String],
) -> Outcome<BTreeMap<String, String>> {
    let role = &asked.role_name();
    let others = names.iter().filter(|name| !asked.owner.owns(name));
    let calls = others.map(|name| async move {
        let document = aws.role_policy(role, name).await?;
        Ok::<_, AwsError>((name.clone(), document.unwrap_or_default()))
    });
    Ok(try_join_all(calls).await?.into_iter().collect())
}

async fn observe_destinations<A: Aws>(
    asked: &Replication,
    accounts: &Accounts<'_, A>,
) -> Outcome<BTreeMap<String, ObservedDestination>> {
    let mut said: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for rule in &asked.spec.rules {
        let region = said.entry(&rule.destination_bucket).or_default();
        *region = region.or(rule.destination_region.as_deref());
    }
    let calls = said.into_iter().map(|(bucket, region)| async move {
        let found = observe_destination(accounts, bucket, region, &asked.owner).await?;
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
        seen: aws.is_some(),
        ..ObservedDestination::default()
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
    let (found, parameters, policy, requester_pays) = try_join4(
        observe_bucket(aws, place),
        own_parameters(aws, region, bucket, owner),
        policy,
        missing_is_none(aws.requester_pays(place)),
    )
    .await?;
    observed.bucket = found;
    observed.parameters = parameters;
    observed.requester_pays = requester_pays.unwrap_or_default();
    observed.policy = policy.flatten();
    Ok(observed)
}

/// Whoever of others the policy of the source bucket lets write to it, and use it otherwise, where its
/// default encryption is to be changed.
async fn outside_writers<A: Policies>(
    asked: &Replication,
    aws: &A,
    source: Option<&ObservedBucket>,
) -> Outcome<(BTreeSet<String>, BTreeSet<String>)> {
    let none = (BTreeSet::new(), BTreeSet::new());
    let changes = source.is_some_and(|found| {
        found.default_key().is_none()
            && !found.is_of(&asked.owner)
            && asked.spec.source_kms_keys.is_empty()
    });
    if !changes {
        return Ok(none);
    }
    match aws.bucket_policy(asked.source()).await {
        Ok(policy) => {
            let (policy, account) = (policy.unwrap_or_default(), &asked.home.account);
            let writers = writers(&policy, account);
            let mut users = users(&policy, account);
            users.retain(|user| !writers.contains(user));
            Ok((writers, users))
        }
        Err(error) if error.kind == ErrorKind::AccessDenied => {
            tracing::warn!(%error, "whether others write to the source bucket cannot be seen");
            Ok(none)
        }
        Err(error) => Err(error),
    }
}

/// Destinations of our rules that the spec no longer names.
async fn abandoned<A: Aws>(
    asked: &Replication,
    accounts: &Accounts<'_, A>,
    replication: Option<&ReplicationConfiguration>,
    left: &Left<'_>,
) -> Outcome<(BTreeMap<String, RemainingDestination>, BTreeSet<String>)> {
    let Replication { home, owner, .. } = asked;
    let search = |spec, noted| Search {
        accounts,
        home,
        owner,
        spec,
        left: noted,
    };
    // What rules of ours lead to is there; what was only asked for may never have been ours.
    let (ruled, asked_for) = (search(None, &[]), search(left.asked_before, left.noted));
    let unknown = ruled.beyond_reach(replication);
    let mut led_to = own_destinations(replication, owner);
    led_to.extend(left.by_rules.iter().cloned());
    let before = left.asked_before.iter().flat_map(|spec| &spec.rules);
    let mut gone: BTreeSet<String> = before.map(|rule| rule.destination_bucket.clone()).collect();
    gone.extend(led_to.iter().cloned());
    let noted = left.noted.iter().map(|site| site.bucket.clone());
    let noted: BTreeSet<String> = noted.filter(|bucket| !gone.contains(bucket)).collect();
    // Old properties may name one whose rules were replaced by a request that got no further.
    let foreign = accounts.foreign().filter(|bucket| !noted.contains(*bucket));
    led_to.extend(foreign.cloned());
    gone.extend(led_to.iter().chain(&noted).cloned());
    let named: BTreeSet<_> = asked
        .spec
        .rules
        .iter()
        .map(|rule| &rule.destination_bucket)
        .collect();
    gone.retain(|bucket| !named.contains(bucket) && !unknown.contains(bucket));
    let calls = gone.into_iter().map(|bucket| {
        let mut keys = keys_of_rules(replication, owner, &bucket);
        keys.extend(accounts.keys_of(&bucket).0);
        let search = if led_to.contains(&bucket) {
            &ruled
        } else {
            &asked_for
        };
        let only_noted = noted.contains(&bucket);
        async move {
            let may_be_missed = only_noted || accounts.trouble().is_some();
            if may_be_missed && accounts.at(&bucket).is_none() {
                return Ok(Err(bucket));
            }
            let found = search.destination(&bucket, keys).await;
            match found.and_then(readable) {
                // Nothing that is asked for now depends on it.
                Err(error) if only_noted && error.hides_what_is_there() => {
                    tracing::warn!(bucket, %error, "what is left there is looked for again later");
                    Ok(Err(bucket))
                }
                found => Ok::<_, AwsError>(Ok(found?.map(|found| (bucket, found)))),
            }
        }
    });
    let (mut abandoned, mut unreachable) = (BTreeMap::new(), BTreeSet::new());
    for found in try_join_all(calls).await? {
        match found {
            Ok(found) => abandoned.extend(found),
            Err(bucket) => drop(unreachable.insert(bucket)),
        }
    }
    Ok((abandoned, unreachable))
}

fn readable(found: Option<RemainingDestination>) -> Outcome<Option<RemainingDestination>> {
    match found {
        Some(RemainingDestination {
            unread: Some(denied),
            ..
        }) => Err(denied),
        found => Ok(found),
    }
}
