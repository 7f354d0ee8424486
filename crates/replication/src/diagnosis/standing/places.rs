//! What the buckets show. Pure.

use super::look::{Seen, SeenBucket, Settings, Sight};
use super::rules::left_out;
use super::spec::prefix_of;
use crate::configuration::{
    NotificationConfiguration, ObjectLock, ReplicationConfiguration, Status,
};
use crate::diagnosis::configuration::{
    self, FAILED, arrival_events, is_for_all_under, source_encryption, takers, versioning,
};
use crate::diagnosis::policies::Read;
use crate::diagnosis::{Check, names};
use crate::error::AwsError;
use crate::ports::Outcome;
use crate::replication::Replication;
use crate::writers::writers;

pub(super) fn checks(
    replication: &Replication,
    seen: &Seen,
    configuration: Option<&ReplicationConfiguration>,
) -> Vec<Check> {
    let name = &replication.spec.source_bucket;
    let resource = format!("bucket `{name}`");
    let mut checks = Vec::new();
    match &seen.source.sight {
        Sight::There(settings) => checks.extend(source(&resource, settings, replication)),
        other => checks.extend(absent(&resource, other, seen.source.region.as_deref())),
    }
    checks.extend(opt_in(seen, configuration));
    for (name, found) in &seen.destinations {
        let resource = format!("bucket `{name}`");
        match &found.sight {
            Sight::There(settings) => {
                let foreign = replication.is_foreign(name);
                checks.extend(destination(&resource, settings, seen, foreign));
            }
            other => checks.extend(absent(&resource, other, found.region.as_deref())),
        }
    }
    checks
}

/// What a read came to: what `judge` says of it, or that it could not be made.
fn looked<T>(
    check: &'static str,
    resource: &str,
    reading: &Outcome<T>,
    judge: impl FnOnce(&T) -> Option<Check>,
) -> Option<Check> {
    match reading {
        Ok(value) => judge(value),
        Err(error) => Some(unread(check, resource, error)),
    }
}

pub(super) fn unread(check: &'static str, resource: &str, error: &AwsError) -> Check {
    Check::skipped(check, resource, error.to_string()).unread(error)
}

fn absent(resource: &str, sight: &Sight, region: Option<&str>) -> Option<Check> {
    Some(match sight {
        Sight::There(_) => return None,
        Sight::Missing => {
            let place = region
                .map(|region| format!(" in {region}"))
                .unwrap_or_default();
            Check::fail(
                names::BUCKET_EXISTS,
                resource,
                format!("does not exist{place}"),
            )
            .remedy("create it with versioning, or correct the rule")
        }
        Sight::Hidden(error) => unread(names::BUCKET_EXISTS, resource, error),
        Sight::Elsewhere => Check::skipped(
            names::BUCKET_EXISTS,
            resource,
            "is in another account, and no role says how to look there",
        ),
    })
}

fn source(resource: &str, found: &Settings, replication: &Replication) -> Vec<Check> {
    let checks = [
        looked(names::VERSIONING, resource, &found.versioning, |is| {
            Some(versioning(resource, *is))
        }),
        looked(
            names::DEFAULT_ENCRYPTION,
            resource,
            &found.encryption,
            |is| Some(source_encryption(resource, is.as_ref())),
        ),
        looked(
            names::FAILURE_EVENTS,
            resource,
            &found.notifications,
            |is| {
                if replication.is_nobodys() {
                    Some(heard(resource, is, replication))
                } else {
                    Some(configuration::failure_events(is, replication))
                }
            },
        ),
    ];
    checks.into_iter().flatten().collect()
}

/// Whether anybody hears of failures of every rule.
fn heard(resource: &str, found: &NotificationConfiguration, replication: &Replication) -> Check {
    let takers = takers(found);
    let enabled = replication
        .spec
        .rules
        .iter()
        .filter(|rule| rule.rule.status == Status::Enabled);
    let missed = enabled
        .map(|rule| prefix_of(&rule.rule))
        .find(|prefix| !takers.iter().any(|one| is_for_all_under(one, prefix)));
    let (Some(first), None) = (takers.first(), missed) else {
        let of = match missed {
            Some(prefix) if !takers.is_empty() => format!(" of objects under `{prefix}`"),
            _ => String::new(),
        };
        let finding = format!("sends the event that a replication failed{of} to nobody");
        return Check::warn(names::FAILURE_EVENTS, resource, finding).remedy(format!(
            "send `{FAILED}` to a queue, topic or function; EventBridge does not get it"
        ));
    };
    let finding = format!("sends its replication failures to `{}`", first.target_arn);
    Check::pass(names::FAILURE_EVENTS, resource, finding)
}

/// The rules that leave KMS objects out: whether that is a fault depends on how uploads are encrypted.
fn opt_in(seen: &Seen, configuration: Option<&ReplicationConfiguration>) -> Vec<Check> {
    let rules = configuration.map_or(&[][..], |found| &found.rules);
    let unknown = seen
        .source
        .settings()
        .and_then(|found| found.encryption.as_ref().err());
    let checks = rules.iter().filter_map(|rule| {
        let check = left_out(rule, seen.source.default_key())?;
        Some(match unknown {
            None => check,
            Some(_) => Check::warn(
                names::KMS_OPT_IN,
                check.resource,
                "leaves out every object encrypted with KMS; whether uploads are could not be read",
            ),
        })
    });
    checks.collect()
}

fn destination(resource: &str, found: &Settings, seen: &Seen, foreign: bool) -> Vec<Check> {
    let checks = [
        looked(names::VERSIONING, resource, &found.versioning, |is| {
            Some(versioning(resource, *is))
        }),
        looked(
            names::ARRIVAL_EVENTS,
            resource,
            &found.notifications,
            |is| Some(arrival_events(resource, is)),
        ),
        looked(names::OBJECT_LOCK, resource, &found.object_lock, |is| {
            lock(resource, *is, &seen.source)
        }),
        looked(
            names::REQUESTER_PAYS,
            resource,
            &found.requester_pays,
            |pays| pays.then(|| payer(resource, foreign)),
        ),
    ];
    checks.into_iter().flatten().collect()
}

/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication>.
fn lock(resource: &str, is: ObjectLock, source: &SeenBucket) -> Option<Check> {
    let of_source = source.settings()?.object_lock.as_ref().ok()?;
    if *of_source == ObjectLock::Off {
        return None;
    }
    Some(if is == ObjectLock::Off {
        let finding = "has no Object Lock, and the source bucket has: S3 does not replicate its objects there";
        Check::fail(names::OBJECT_LOCK, resource, finding)
            .remedy("enable Object Lock (s3:PutBucketObjectLockConfiguration)")
    } else {
        Check::pass(
            names::OBJECT_LOCK,
            resource,
            "has Object Lock, as the source bucket has",
        )
    })
}

/// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-requirements.html>.
fn payer(resource: &str, foreign: bool) -> Check {
    let finding = "lets requesters pay";
    if foreign {
        Check::fail(
            names::REQUESTER_PAYS,
            resource,
            format!("{finding}: S3 does not replicate to such a bucket of another account"),
        )
        .remedy("switch Requester Pays off (s3:PutBucketRequestPayment)")
    } else {
        Check::pass(names::REQUESTER_PAYS, resource, finding)
    }
}

/// Log delivery takes no KMS key, see
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html>.
pub(super) fn logs(replication: &Replication, seen: &Seen, read: &Read) -> Option<Check> {
    const DELIVERING: [&str; 2] = [
        "logging.s3.amazonaws.com",
        "logdelivery.elasticloadbalancing.amazonaws.com",
    ];
    let key = seen.source.default_key()?;
    let name = replication.source().name;
    let writers = writers(read.of_bucket(name)?, &replication.home.account);
    let delivering = DELIVERING
        .iter()
        .find(|service| writers.contains(**service))?;
    let finding = format!(
        "lets `{delivering}` write to it, and encrypts new objects under `{key}`, which log delivery does not take"
    );
    Some(
        Check::warn(names::LOG_DELIVERY, format!("bucket `{name}`"), finding)
            .remedy("have the logs delivered to another bucket"),
    )
}
