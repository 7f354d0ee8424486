//! What the configuration of buckets, keys and rules shows. Pure.

use super::Check;
use crate::configuration::{ReplicationConfiguration, ReplicationRule, Status, Versioning};
use crate::fault::{About, FaultKind};
use crate::observed::{KeyName, Observed, ObservedBucket, ObservedDestination};
use crate::owner::Owner;
use crate::plan;
use crate::replication::Replication;
use crate::step::Plan;

/// CloudFormation asks nothing of a resource whose properties are as they were.
pub(crate) const CHANGE_A_PROPERTY: &str =
    "update the stack with any property of the resource changed";

/// The buckets: there, versioned, sending events; the source under a KMS key.
pub(super) fn buckets(replication: &Replication, observed: &Observed) -> Vec<Check> {
    let spec = &replication.spec;
    let resource = format!("bucket `{}`", spec.source_bucket);
    let mut checks = match &observed.source {
        None => vec![absent(&spec.source_bucket, Some(&spec.source_region))],
        Some(found) => vec![
            versioning(&resource, found),
            source_encryption(&resource, found),
            failure_events(&resource, found, replication),
        ],
    };
    for (name, destination) in &observed.destinations {
        let resource = format!("bucket `{name}`");
        if !destination.seen {
            let finding = "is in another account, and no `AssumeRoleArn` says how to look there";
            checks.push(Check::skipped("BucketExists", resource, finding));
            continue;
        }
        match &destination.bucket {
            None => checks.push(absent(name, destination.region.as_deref())),
            Some(found) => checks.extend([
                versioning(&resource, found),
                arrival_events(&resource, found),
                expectation(&resource, destination, &replication.parameter_name(name, 0)),
            ]),
        }
    }
    checks
}

fn absent(bucket: &str, region: Option<&str>) -> Check {
    let place = region.map(|region| format!(" in {region}"));
    let finding = format!("does not exist{}", place.unwrap_or_default());
    let resource = format!("bucket `{bucket}`");
    Check::fail("BucketExists", resource, finding)
        .tells(About::bucket(bucket), FaultKind::Missing)
        .remedy("create it, or update the stack with `WhenMissing`: Create")
}

fn versioning(resource: &str, found: &ObservedBucket) -> Check {
    if found.versioning == Versioning::Enabled {
        return Check::pass("Versioning", resource, "keeps versions");
    }
    let finding = format!(
        "has versioning {:?}, and S3 replicates between versioned buckets only",
        found.versioning
    );
    Check::fail("Versioning", resource, finding).remedy("enable it (s3:PutBucketVersioning)")
}

/// S3 keeps an object's kind of encryption, so that a source without a KMS key has replicas without one.
fn source_encryption(resource: &str, found: &ObservedBucket) -> Check {
    const NAME: &str = "DefaultEncryption";
    match found.default_key() {
        Some(key) => Check::pass(
            NAME,
            resource,
            format!("encrypts new objects under `{key}`"),
        ),
        None => Check::warn(
            NAME,
            resource,
            "encrypts new objects with SSE-S3 unless the upload names a key, and their replicas \
             too",
        )
        .remedy("set a KMS key as its default encryption (s3:PutEncryptionConfiguration)"),
    }
}

fn failure_events(resource: &str, found: &ObservedBucket, replication: &Replication) -> Check {
    const NAME: &str = "FailureEvents";
    let Replication { spec, home, .. } = replication;
    let region = &spec.source_region;
    let mut events = found
        .notifications
        .queues
        .iter()
        .flat_map(|queue| &queue.events);
    if events.any(|event| event.starts_with("s3:Replication:")) {
        return Check::pass(NAME, resource, "sends its replication failures to a queue");
    }
    if *region != home.region {
        let finding = format!(
            "is in {region}, the checker's queue in {}, and S3 notifies queues of the bucket's own \
             Region only",
            home.region
        );
        return Check::skipped(NAME, resource, finding);
    }
    Check::warn(
        NAME,
        resource,
        "does not report replication failures to any queue",
    )
    .remedy(format!(
        "{CHANGE_A_PROPERTY}, where the provisioner has CHECK_QUEUE_ARN"
    ))
}

fn arrival_events(resource: &str, found: &ObservedBucket) -> Check {
    const NAME: &str = "ArrivalEvents";
    if found.notifications.event_bridge {
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
    const NAME: &str = "Expectation";
    if !found.parameters.is_empty() {
        let finding = format!("has its expectation in parameter `{parameter}`");
        return Check::pass(NAME, resource, finding);
    }
    let finding =
        format!("has no parameter `{parameter}`, so the checker goes by its default encryption");
    Check::warn(NAME, resource, finding).remedy(CHANGE_A_PROPERTY)
}

/// The keys: there, enabled, symmetric, in their bucket's Region.
pub(super) fn keys(observed: &Observed) -> Vec<Check> {
    const NAME: &str = "KeyUsable";
    let checks = observed
        .keys
        .iter()
        .map(|(KeyName { region, name, .. }, found)| {
            let Some(key) = found else {
                let finding = format!("does not exist in {region}");
                let check = Check::fail(NAME, format!("key `{name}`"), finding);
                let check = check.tells(About::key(name), FaultKind::Missing);
                return vec![check.remedy(
                    "give an existing key of that Region, or leave it out to have one made",
                )];
            };
            let resource = format!("key `{}`", key.arn);
            let wrongs = plan::keys::wrongs(key, region);
            if wrongs.is_empty() {
                let finding = "is enabled, symmetric and in its bucket's Region";
                return vec![Check::pass(NAME, resource, finding)];
            }
            let wrongs = wrongs.into_iter();
            wrongs
                .map(|wrong| {
                    let check = Check::fail(NAME, &resource, wrong);
                    check.tells(About::key(&key.arn), FaultKind::Unusable)
                })
                .collect()
        });
    checks.flatten().collect()
}

/// Our rules: there, opted in to KMS objects, with metrics, and not outranked.
pub(super) fn rules(replication: &Replication, observed: &Observed) -> Vec<Check> {
    const NAME: &str = "Rules";
    let Replication { spec, owner, .. } = replication;
    let bucket = format!("bucket `{}`", spec.source_bucket);
    let Some(configuration) = &observed.replication else {
        let check = Check::fail(NAME, bucket, "has no replication configuration");
        return vec![check.remedy(CHANGE_A_PROPERTY)];
    };
    let mut checks = Vec::new();
    for wanted in &spec.rules {
        let id = &wanted.rule.id;
        let resource = format!("rule `{id}`");
        let Some(rule) = configuration.rules.iter().find(|rule| rule.id == *id) else {
            let finding = format!("is not in the replication configuration of {bucket}");
            checks.push(Check::fail(NAME, resource, finding).remedy(CHANGE_A_PROPERTY));
            continue;
        };
        let (is, wanted) = (rule.status, wanted.rule.status);
        checks.push(if is == wanted {
            Check::pass(NAME, &resource, format!("is there and {is:?}"))
        } else {
            let finding = format!("is {is:?}, the template says {wanted:?}");
            Check::fail(NAME, &resource, finding).remedy("set its `Status` back")
        });
        checks.push(opt_in(&resource, rule));
        checks.extend(metrics(&resource, rule));
        if is == Status::Enabled {
            checks.extend(outranked(&resource, rule, configuration, owner));
        }
    }
    checks
}

fn opt_in(resource: &str, rule: &ReplicationRule) -> Check {
    const NAME: &str = "KmsOptIn";
    let key = rule.destination.replica_kms_key_id.as_ref();
    match (rule.sse_kms_encrypted_objects, key) {
        (Some(Status::Enabled), Some(key)) => {
            let finding = format!("replicates objects encrypted with KMS, under `{key}`");
            Check::pass(NAME, resource, finding)
        }
        _ => Check::fail(
            NAME,
            resource,
            "leaves out every object encrypted with a KMS key, and S3 gives such objects no \
             replication status at all",
        )
        .remedy(
            "set `SourceSelectionCriteria.SseKmsEncryptedObjects` to Enabled, and \
             `ReplicaKmsKeyID`",
        ),
    }
}

fn metrics(resource: &str, rule: &ReplicationRule) -> Option<Check> {
    if rule.destination.metrics.is_some() {
        return None;
    }
    let finding = "has no metrics, so S3 sends no failure events for it";
    let check = Check::warn("Metrics", resource, finding);
    Some(check.remedy("set `Destination.Metrics.Status` to Enabled"))
}

/// Of the rules to one destination, the one with the highest priority decides. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRule.html>.
fn outranked(
    resource: &str,
    rule: &ReplicationRule,
    configuration: &ReplicationConfiguration,
    owner: &Owner,
) -> Option<Check> {
    let filter = rule.filter.as_ref()?;
    let key = owner.probe_key(&filter.prefix);
    let winner = configuration
        .rules
        .iter()
        .filter(|other| other.status == Status::Enabled)
        .filter(|other| other.destination.bucket == rule.destination.bucket)
        .filter(|other| other.covers(&key, &filter.tags))
        .max_by_key(|other| other.priority)?;
    if owner.owns(&winner.id) {
        return None;
    }
    let finding = format!(
        "is outranked by rule `{}`, which has priority {} and covers the same objects",
        winner.id,
        winner.priority.unwrap_or_default()
    );
    Some(Check::fail("Priority", resource, finding).remedy("give it a higher `Priority`"))
}

/// Whether anything differs from what the properties say.
pub(super) fn difference(resource: String, plan: &Plan) -> Check {
    const NAME: &str = "Configuration";
    if plan.is_empty() {
        let finding = "is as the properties say, with all that belongs to it";
        return Check::pass(NAME, resource, finding);
    }
    let steps: Vec<_> = plan.steps().map(ToString::to_string).collect();
    let finding = format!(
        "is not as it was provisioned, we would have to {}",
        steps.join(", ")
    );
    Check::fail(NAME, resource, finding).remedy(format!("undo that change, or {CHANGE_A_PROPERTY}"))
}
