//! All buckets of an account, many at once.

use std::collections::BTreeMap;

use aws_names::Home;
use futures_util::stream::{self, StreamExt as _};
use replication::aws::failure;
use replication::configuration::ReplicationRule;
use replication::diagnosis::Check;
use replication::diagnosis::standing::{Looking, Standing, unreadable};
use replication::error::ErrorKind;
use replication::ports::{Aws, BucketRef, Outcome};

use super::accounts::Account;
use super::{Arguments, Found, Stand};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::session::Session;

/// A bucket, with its Region where the list says it.
#[derive(Clone, Debug)]
struct Listed {
    name: String,
    region: Option<String>,
}

/// What all accounts are looked at by.
pub(super) struct Survey<'a> {
    pub(super) session: &'a Session,
    pub(super) arguments: &'a Arguments,
    /// The roles to assume in other accounts, by account.
    pub(super) roles: &'a BTreeMap<String, String>,
    pub(super) progress: &'a Progress,
}

impl Survey<'_> {
    /// Looks at each bucket of an account, and tells of every rule. Returns how many buckets there were.
    ///
    /// # Errors
    /// Where they cannot be listed, or nobody takes what is told.
    pub(super) async fn account(
        &self,
        account: &Account,
        mut tell: impl FnMut(Found) -> std::io::Result<()>,
    ) -> Result<u64, Failure> {
        let progress = self.progress;
        let there = account.session(self.session).await?;
        let (aws, home) = (there.aws(), there.home());
        progress.at(format!("account {}", home.account));
        let buckets = listed(&there).await?;
        let wanted = (!self.arguments.all_regions).then_some(home.region.as_str());
        let here = buckets
            .into_iter()
            .filter(|bucket| match (wanted, &bucket.region) {
                (Some(wanted), Some(region)) => wanted == region,
                _ => true,
            });
        let here: Vec<_> = here.collect();
        progress.total(progress.done() + here.len() as u64);
        let mut looked = 0;
        let looking = &Looking {
            aws: &aws,
            home,
            roles: self.roles,
        };
        let looks = here
            .into_iter()
            .map(async |bucket| Box::pin(look(looking, &bucket, wanted)).await);
        let looks: Vec<_> = looks.collect();
        let mut looks = stream::iter(looks).buffer_unordered(usize::from(self.arguments.at_once));
        while let Some(found) = looks.next().await {
            progress.add(1);
            let Some(found) = found else { continue };
            looked += 1;
            for one in found {
                tell(one)?;
            }
        }
        Ok(looked)
    }
}

/// All buckets of an account. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html>.
async fn listed(session: &Session) -> Result<Vec<Listed>, Failure> {
    const PAGE: i32 = 1000;
    let region = &session.home().region;
    let mut pages = session
        .s3(region)
        .list_buckets()
        .max_buckets(PAGE)
        .into_paginator()
        .send();
    let mut buckets = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| {
            let account = format!("account `{}`", session.home().account);
            session.failed(failure("ListBuckets", account, region, &error))
        })?;
        buckets.extend(
            page.buckets
                .unwrap_or_default()
                .into_iter()
                .filter_map(|bucket| {
                    Some(Listed {
                        name: bucket.name?,
                        region: bucket.bucket_region,
                    })
                }),
        );
    }
    Ok(buckets)
}

/// The rules of one bucket; `None` where it is of another Region than is wanted.
async fn look<A: Aws>(
    looking: &Looking<'_, A>,
    bucket: &Listed,
    wanted: Option<&str>,
) -> Option<Vec<Found>> {
    let (aws, home, name) = (looking.aws, looking.home, &bucket.name);
    let region = match &bucket.region {
        Some(region) => Ok(Some(region.clone())),
        None => aws.bucket_region(name).await,
    };
    let region = match region {
        Ok(Some(region)) => region,
        // It went since it was listed.
        Ok(None) => return None,
        Err(error) => return Some(vec![unknown(home, name, &unreadable(name, &error))]),
    };
    if wanted.is_some_and(|wanted| wanted != region) {
        return None;
    }
    let place = BucketRef {
        name,
        region: &region,
    };
    let configuration = match replication_of(aws, place).await {
        Ok(Some(configuration)) => configuration,
        Ok(None) => return Some(Vec::new()),
        Err(error) => return Some(vec![unknown(home, name, &unreadable(name, &error))]),
    };
    let standing = looking.at_rules(place, Some(configuration)).await;
    Some(
        standing
            .rules
            .iter()
            .map(|rule| found(home, &standing, rule))
            .collect(),
    )
}

async fn replication_of<A: Aws>(
    aws: &A,
    place: BucketRef<'_>,
) -> Outcome<Option<replication::configuration::ReplicationConfiguration>> {
    match aws.replication(place).await {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        other => other,
    }
}

fn found(home: &Home, standing: &Standing, rule: &ReplicationRule) -> Found {
    let (state, checks) = standing.of_rule(rule);
    let mut names: Vec<_> = Vec::new();
    for check in &checks {
        if !names.contains(&check.check) {
            names.push(check.check);
        }
    }
    let prefix = match &rule.filter {
        Some(filter) => filter.prefix.clone(),
        None => rule.prefix.clone().unwrap_or_default(),
    };
    Found {
        account: home.account.clone(),
        region: standing.region.clone(),
        bucket: standing.source.clone(),
        rule: rule.id.clone(),
        prefix,
        destination: rule.destination.bucket_name().to_owned(),
        state: state.into(),
        why: checks.first().map(|check| why(check)).unwrap_or_default(),
        checks: names,
    }
}

fn why(check: &Check) -> String {
    match &check.unread {
        Some(error) => format!("{}: {}", check.check, error.answer()),
        None => format!("{}: {} {}", check.check, check.resource, check.finding),
    }
}

fn unknown(home: &Home, bucket: &str, check: &Check) -> Found {
    Found {
        account: home.account.clone(),
        region: String::new(),
        bucket: bucket.to_owned(),
        rule: String::new(),
        prefix: String::new(),
        destination: String::new(),
        state: Stand::Unknown,
        checks: vec![check.check],
        why: why(check),
    }
}
