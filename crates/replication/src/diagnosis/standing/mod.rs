//! A replication as it stands, whoever made it: from the bucket's rules, with no resource of ours behind
//! them. Every read stands for itself: one that fails is told, and ends nothing else.

mod keys;
mod look;
mod places;
mod questions;
mod rules;
mod spec;

use std::collections::BTreeMap;

use futures_util::future::join;

use crate::accounts::Accounts;
use crate::case::Case;
use crate::configuration::{ReplicationConfiguration, ReplicationRule, Status};
use crate::desired::Desired;
use crate::error::{AwsError, ErrorKind};
use crate::ports::{Aws, BucketRef, Outcome};
use crate::replication::Replication;
use aws_names::{Arn, Home};

use self::look::Seen;
use super::policies::{self, Asking, Wanted};
use super::{Check, CheckResult, names, role};

/// Whether replication by one rule works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As far as can be seen.
    Works,
    /// The rule is switched off.
    Off,
    /// Something may stand in the way, or could not be looked at.
    Doubtful,
    /// Something surely stands in the way.
    Broken,
}

/// What was found of a bucket's replication.
#[derive(Clone, Debug)]
pub struct Standing {
    /// What was asked.
    pub source: String,
    /// Its Region.
    pub region: String,
    /// The bucket's rules; none where it has no replication.
    pub rules: Vec<ReplicationRule>,
    /// Every condition, one by one.
    pub checks: Vec<Check>,
}

/// Names of checks that are about who hears of replication, and not about whether it works.
const WATCHING: [&str; 4] = [
    names::ANNOTATIONS,
    names::ARRIVAL_EVENTS,
    names::FAILURE_EVENTS,
    names::METRICS,
];

impl Standing {
    /// Whether anything surely does not work.
    #[must_use]
    pub fn is_broken(&self) -> bool {
        self.checks.iter().any(Check::fails)
    }

    /// Whether replication by `rule` works, and the checks that say so: the worst first.
    #[must_use]
    pub fn of_rule(&self, rule: &ReplicationRule) -> (State, Vec<&Check>) {
        let own = format!("rule `{}`", rule.id);
        if rule.status == Status::Disabled {
            let of_rule = self.checks.iter().filter(|check| check.resource == own);
            return (
                State::Off,
                of_rule
                    .filter(|check| check.result != CheckResult::Pass)
                    .collect(),
            );
        }
        let about = self
            .checks
            .iter()
            .filter(|check| self.concerns(check, rule, &own));
        let mut told: Vec<_> = about
            .filter(|check| check.result != CheckResult::Pass)
            .collect();
        let weight = |check: &Check| match check.result {
            CheckResult::Fail => State::Broken,
            _ if WATCHING.contains(&check.check) => State::Works,
            _ => State::Doubtful,
        };
        told.sort_by_key(|check| {
            std::cmp::Reverse((weight(check), check.result == CheckResult::Warn))
        });
        let state = told.first().map_or(State::Works, |check| weight(check));
        (state, told)
    }

    /// The checks about what these rules use.
    pub(super) fn concerning(&self, ids: &[&str]) -> Vec<Check> {
        let rules = self.rules.iter();
        let rules: Vec<_> = rules
            .filter(|rule| ids.contains(&rule.id.as_str()))
            .collect();
        let own = |rule: &ReplicationRule| format!("rule `{}`", rule.id);
        let checks = self.checks.iter().filter(|check| {
            rules
                .iter()
                .any(|rule| self.concerns(check, rule, &own(rule)))
        });
        checks.cloned().collect()
    }

    /// Whether a check is about what the rule uses.
    fn concerns(&self, check: &Check, rule: &ReplicationRule, own: &str) -> bool {
        let destination = rule.destination.bucket_name();
        let prefix = spec::prefix_of(rule);
        if let Some(on) = &check.on {
            return match Arn::parse(on) {
                Some(arn) if arn.service == "s3" => {
                    let (bucket, object) =
                        arn.resource.split_once('/').unwrap_or((&arn.resource, ""));
                    (bucket == destination || bucket == self.source)
                        && (object.is_empty() || object.starts_with(prefix))
                }
                _ => {
                    let key = rule.destination.replica_kms_key_id.as_deref();
                    key.is_none_or(|key| key == on) || !self.is_key_of_another(on, rule)
                }
            };
        }
        match check.resource.split_once(' ') {
            Some(("rule", _)) => check.resource == own,
            Some(("bucket", name)) => {
                let name = name.trim_matches('`');
                name == destination || name == self.source
            }
            Some(("key", name)) => !self.is_key_of_another(name.trim_matches('`'), rule),
            _ => true,
        }
    }

    /// Whether only other rules name the key, for their replicas.
    fn is_key_of_another(&self, key: &str, rule: &ReplicationRule) -> bool {
        let names =
            |rule: &ReplicationRule| rule.destination.replica_kms_key_id.as_deref() == Some(key);
        !names(rule) && self.rules.iter().any(names)
    }
}

/// Who looks at buckets' replication, and how accounts are reached.
#[derive(Debug)]
pub struct Looking<'a, A> {
    /// The way to AWS.
    pub aws: &'a A,
    /// The account and Region that it is of.
    pub home: &'a Home,
    /// The roles to assume in other accounts, by account.
    pub roles: &'a BTreeMap<String, String>,
}

impl<A: Aws> Looking<'_, A> {
    /// Looks at a bucket's replication, from its rules.
    ///
    /// # Errors
    /// Where the bucket is not there, or its rules cannot be read: there is nothing to begin from.
    pub async fn at(&self, bucket: BucketRef<'_>) -> Outcome<Standing> {
        let configuration = self.aws.replication(bucket).await?;
        Ok(Box::pin(self.at_rules(bucket, configuration)).await)
    }

    /// The same of rules that have been read.
    pub async fn at_rules(
        &self,
        bucket: BucketRef<'_>,
        configuration: Option<ReplicationConfiguration>,
    ) -> Standing {
        let configuration = configuration.filter(|found| !found.rules.is_empty());
        let mut standing = Standing {
            source: bucket.name.to_owned(),
            region: bucket.region.to_owned(),
            rules: Vec::new(),
            checks: Vec::new(),
        };
        let Some(configuration) = configuration else {
            let finding = "has no replication configuration";
            standing.checks.push(
                Check::fail(names::RULES, format!("bucket `{}`", bucket.name), finding)
                    .remedy("add a rule, or make a stack with Custom::EncryptedReplication, which makes all that it needs"),
            );
            return standing;
        };
        let replication = spec::of_rules(self.home, bucket, &configuration, self.roles);
        let sites = replication.spec.sites();
        let accounts = Accounts::of(self.aws, self.home, &sites).await;
        let trouble = accounts.trouble().cloned();
        let case = Case::of(replication, accounts);
        standing.checks = rules::checks(&configuration.rules, bucket.name);
        standing
            .checks
            .extend(trouble.map(|error| unassumed(&error)));
        standing
            .checks
            .extend(checks(&case, Some(&configuration)).await);
        standing.rules = configuration.rules;
        standing
    }
}

fn unassumed(error: &AwsError) -> Check {
    Check::skipped(
        names::BUCKET_EXISTS,
        error.resource.clone(),
        error.to_string(),
    )
    .unread(error)
}

/// Everything that the spec of `case` needs, each read for itself.
pub(super) async fn checks<A: Aws>(
    case: &Case<'_, A>,
    configuration: Option<&ReplicationConfiguration>,
) -> Vec<Check> {
    let replication = &case.replication;
    let seen = look::look(case).await;
    let desired = desired(replication, &seen);
    let mut checks = places::checks(replication, &seen, configuration);
    checks.extend(keys::checks(replication, &seen));
    let questions = questions::questions(replication, &desired, &seen);
    let (of_role, read) = join(
        role::look(
            case.accounts.home(),
            &desired.role_arn,
            role::Known::Nothing,
            questions,
        ),
        policies::read(case, &desired),
    )
    .await;
    let arn = Arn::parse(&desired.role_arn);
    let asking = arn.as_ref().map(|role| Asking {
        role,
        bounded: of_role.bounded(),
        wanted: Wanted::Usual {
            bucket_key: seen.source.uses_bucket_key().unwrap_or_default(),
        },
    });
    checks.extend(role::checks(
        replication,
        &desired.role_arn,
        of_role,
        |action, access| {
            asking.is_some_and(|asking| read.name_the_role(replication, asking, action, access))
        },
    ));
    checks.extend(
        asking
            .map(|asking| read.checks(replication, &desired, asking))
            .into_iter()
            .flatten(),
    );
    checks.extend(places::logs(replication, &seen, &read));
    checks
}

/// What the spec comes to, as far as it could be seen.
fn desired(replication: &Replication, seen: &Seen) -> Desired {
    let spec = &replication.spec;
    let (enabled, regions) = (
        spec.rules
            .iter()
            .filter(|rule| rule.rule.status == Status::Enabled),
        seen.destinations
            .iter()
            .filter_map(|(name, found)| Some((name.clone(), found.region.clone()?))),
    );
    let rules = enabled.map(|rule| {
        let mut resolved = rule.rule.clone();
        resolved.destination.replica_kms_key_id = seen.replica_key(replication, rule);
        resolved
    });
    Desired {
        role_arn: replication.role_arn(),
        source_keys: seen.source_keys(replication),
        rules: rules.collect(),
        regions: regions.collect(),
        object_lock: seen.source_is_locked(),
        ..Desired::default()
    }
}

/// Why a bucket's rules could not be read, as the check that it is.
#[must_use]
pub fn unreadable(bucket: &str, error: &AwsError) -> Check {
    let resource = format!("bucket `{bucket}`");
    if error.kind == ErrorKind::NotFound {
        return Check::fail(names::BUCKET_EXISTS, resource, "does not exist");
    }
    Check::skipped(names::RULES, resource, error.to_string()).unread(error)
}
