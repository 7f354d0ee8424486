//! The buckets: versioning, default encryption, events, the expectation.

use super::super::fix::Fix;
use super::super::{Check, names};
use super::CHANGE_A_PROPERTY;
use crate::configuration::{
    DefaultEncryption, Notification, NotificationConfiguration, Versioning,
};
use crate::fault::{About, FaultKind};
use crate::merge::{FAILURE_EVENTS, takes};
use crate::observed::{Observed, ObservedDestination};
use crate::ports::BucketRef;
use crate::replication::Replication;
use crate::spec::WhenMissing;

/// The buckets: there, versioned, sending events; the source under a KMS key.
pub(in crate::diagnosis) fn buckets(replication: &Replication, observed: &Observed) -> Vec<Check> {
    let spec = &replication.spec;
    let resource = format!("bucket `{}`", spec.source_bucket);
    let mut checks = match &observed.source {
        None => vec![absent(
            replication,
            &spec.source_bucket,
            Some(&spec.source_region),
        )],
        Some(found) => vec![
            versioning(&resource, found.versioning),
            source_encryption(&resource, found.encryption.as_ref()),
            failure_events(&found.notifications, replication),
        ],
    };
    for (name, destination) in &observed.destinations {
        let resource = format!("bucket `{name}`");
        if !destination.seen {
            let finding = "is in another account, and no `AssumeRoleArn` says how to look there";
            checks.push(Check::skipped(names::BUCKET_EXISTS, resource, finding));
            continue;
        }
        match &destination.bucket {
            None => checks.push(absent(replication, name, destination.region.as_deref())),
            Some(found) => checks.extend([
                versioning(&resource, found.versioning),
                arrival_events(&resource, &found.notifications),
                expectation(&resource, destination, &replication.parameter_name(name, 0)),
            ]),
        }
    }
    checks
}

/// The remedy is that of a plan: `WhenMissing` is Create unless it is said otherwise.
fn absent(replication: &Replication, bucket: &str, region: Option<&str>) -> Check {
    let place = region.map(|region| format!(" in {region}"));
    let finding = format!("does not exist{}", place.unwrap_or_default());
    let resource = format!("bucket `{bucket}`");
    let creates = replication.spec.when_missing == WhenMissing::Create;
    let remedy = match (region, creates) {
        (None, true) => "give `Destination.Region`, and it is made there; or create it".to_owned(),
        (None, false) => {
            "create it, or give `Destination.Region` and set `WhenMissing` to Create".to_owned()
        }
        (Some(_), true) => format!("create it, or {CHANGE_A_PROPERTY}, which makes it"),
        (Some(_), false) => "create it, or set `WhenMissing` to Create".to_owned(),
    };
    Check::fail(names::BUCKET_EXISTS, resource, finding)
        .tells(About::bucket(bucket), FaultKind::Missing)
        .remedy(remedy)
}

pub(in crate::diagnosis) fn versioning(resource: &str, is: Versioning) -> Check {
    const NAME: &str = names::VERSIONING;
    if is == Versioning::Enabled {
        return Check::pass(NAME, resource, "keeps versions");
    }
    let finding =
        format!("has versioning {is:?}, and S3 replicates between versioned buckets only");
    let bucket = resource.trim_start_matches("bucket ").trim_matches('`');
    let command = format!(
        "aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled"
    );
    Check::fail(NAME, resource, finding)
        .remedy("enable it (s3:PutBucketVersioning)")
        .fix(Fix::Command(command))
}

/// S3 keeps an object's kind of encryption, so that a source without a KMS key has replicas without one.
pub(in crate::diagnosis) fn source_encryption(
    resource: &str,
    is: Option<&DefaultEncryption>,
) -> Check {
    const NAME: &str = names::DEFAULT_ENCRYPTION;
    if let Some(encryption) = is.filter(|is| is.is_kms()) {
        let key = encryption.kms_key.as_deref().unwrap_or("alias/aws/s3");
        return Check::pass(
            NAME,
            resource,
            format!("encrypts new objects under `{key}`"),
        );
    }
    Check::warn(
        NAME,
        resource,
        "encrypts new objects with SSE-S3 unless the upload names a key, and their replicas too",
    )
    .remedy("set a KMS key as its default encryption (s3:PutEncryptionConfiguration)")
}

/// Whether the checker hears of failures of the resource's rules.
pub(in crate::diagnosis) fn failure_events(
    found: &NotificationConfiguration,
    replication: &Replication,
) -> Check {
    let rules = replication.spec.rules.iter();
    let prefixes: Vec<_> = rules.map(|rule| rule.rule.filter_prefix()).collect();
    let place = (replication.source(), replication.home.region.as_str());
    told_failures(place, found, &prefixes, replication.queue_arn.as_deref())
}

/// Whether the checker, whose `queue` is in the Region `home`, hears of failures of all objects under these
/// prefixes. S3 sends one event of a kind to one target only, so that what somebody else takes it never
/// hears of.
pub(crate) fn told_failures(
    (source, home): (BucketRef<'_>, &str),
    found: &NotificationConfiguration,
    prefixes: &[&str],
    queue: Option<&str>,
) -> Check {
    const NAME: &str = names::FAILURE_EVENTS;
    let resource = format!("bucket `{}`", source.name);
    let region = source.region;
    let takers = takers(found);
    let missed = prefixes
        .iter()
        .find(|prefix| !takers.iter().any(|one| is_for_all_under(one, prefix)));
    if let Some(queue) = queue
        && missed.is_none()
        && takers.iter().all(|one| one.target_arn == queue)
    {
        return Check::pass(
            NAME,
            resource,
            "sends its replication failures to the checker's queue",
        );
    }
    if region != home {
        let finding = format!(
            "is in {region}, the checker's queue in {home}, and S3 notifies queues of the bucket's own Region only"
        );
        return Check::skipped(NAME, resource, finding);
    }
    let Some(queue) = queue else {
        let finding = "is left alone, as the provisioner has no CHECK_QUEUE_ARN, so the checker may hear of no failures";
        return Check::warn(NAME, resource, finding)
            .remedy("set it to the checker's queue, as template.yaml does");
    };
    if let Some(other) = takers.iter().find(|one| one.target_arn != queue) {
        let finding = format!(
            "sends its replication failures to `{}` by notification `{}`, so the checker does not hear of them",
            other.target_arn, other.id
        );
        return Check::warn(NAME, resource, finding).remedy(format!(
            "have that notification leave out `{FAILED}`, or send these events on to `{queue}`"
        ));
    }
    if let (Some(prefix), Some(first)) = (missed, takers.first()) {
        let finding = format!(
            "sends the replication failures of a part of its objects to the checker's queue, by notification `{}`, and \
             not all of those under `{prefix}`",
            first.id
        );
        return Check::warn(NAME, resource, finding).remedy(
            "take the filter out of that notification, or remove it: then ours takes its place",
        );
    }
    Check::warn(
        NAME,
        resource,
        "does not report replication failures to any queue",
    )
    .remedy(CHANGE_A_PROPERTY)
}

/// The event that a replication failed.
pub(in crate::diagnosis) const FAILED: &str = FAILURE_EVENTS[0];

/// Where it goes.
pub(in crate::diagnosis) fn takers(found: &NotificationConfiguration) -> Vec<&Notification> {
    let all = [&found.queues, &found.topics, &found.functions];
    let all = all.into_iter().flatten();
    all.filter(|one| takes(one, FAILED)).collect()
}

/// Whether a notification is for every object under `prefix`.
pub(in crate::diagnosis) fn is_for_all_under(notification: &Notification, prefix: &str) -> bool {
    let mut filters = notification.key_filters.iter();
    filters.all(|(name, value)| {
        name.eq_ignore_ascii_case("prefix") && prefix.starts_with(value.as_str())
            || value.is_empty()
    })
}

pub(in crate::diagnosis) fn arrival_events(
    resource: &str,
    found: &NotificationConfiguration,
) -> Check {
    const NAME: &str = names::ARRIVAL_EVENTS;
    if found.event_bridge {
        return Check::pass(NAME, resource, "sends its events to EventBridge");
    }
    Check::warn(
        NAME,
        resource,
        "does not send its events to EventBridge, so the checker does not see what arrives",
    )
    .remedy("switch it on (s3:PutBucketNotification)")
}

fn expectation(resource: &str, found: &ObservedDestination, parameter: &str) -> Check {
    const NAME: &str = names::EXPECTATION;
    if !found.parameters.is_empty() {
        let finding = format!("has its expectation in parameter `{parameter}`");
        return Check::pass(NAME, resource, finding);
    }
    let finding = format!(
        "has no parameter `{parameter}`, so that nothing tells the checker which key is right"
    );
    Check::warn(NAME, resource, finding).remedy(CHANGE_A_PROPERTY)
}
