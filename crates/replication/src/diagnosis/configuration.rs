//! What the configuration of buckets, keys and rules shows. Pure.

use serde_json::json;

use super::fix::Fix;
use super::{Check, names};
use crate::configuration::{
    DefaultEncryption, Notification, NotificationConfiguration, ReplicationConfiguration,
    ReplicationRule, Status, Versioning,
};
use crate::fault::{About, FaultKind};
use crate::merge::{FAILURE_EVENTS, takes};
use crate::observed::{KeyName, Observed, ObservedBucket, ObservedDestination};
use crate::owner::Owner;
use crate::plan;
use crate::ports::{BucketRef, KeyDescription};
use crate::ranking::deciding;
use crate::replication::Replication;
use crate::spec::WhenMissing;
use crate::step::{Plan, Step};
use aws_names::Arn;

/// CloudFormation asks nothing of a resource whose properties are as they were.
pub(crate) const CHANGE_A_PROPERTY: &str =
    "update the stack with any property of the resource changed";

/// The buckets: there, versioned, sending events; the source under a KMS key.
pub(super) fn buckets(replication: &Replication, observed: &Observed) -> Vec<Check> {
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

pub(super) fn versioning(resource: &str, is: Versioning) -> Check {
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
pub(super) fn source_encryption(resource: &str, is: Option<&DefaultEncryption>) -> Check {
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
pub(super) fn failure_events(
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
pub(super) const FAILED: &str = FAILURE_EVENTS[0];

/// Where it goes.
pub(super) fn takers(found: &NotificationConfiguration) -> Vec<&Notification> {
    let all = [&found.queues, &found.topics, &found.functions];
    let all = all.into_iter().flatten();
    all.filter(|one| takes(one, FAILED)).collect()
}

/// Whether a notification is for every object under `prefix`.
pub(super) fn is_for_all_under(notification: &Notification, prefix: &str) -> bool {
    let mut filters = notification.key_filters.iter();
    filters.all(|(name, value)| {
        name.eq_ignore_ascii_case("prefix") && prefix.starts_with(value.as_str())
            || value.is_empty()
    })
}

pub(super) fn arrival_events(resource: &str, found: &NotificationConfiguration) -> Check {
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

/// The keys: there, enabled, symmetric, in their bucket's Region.
pub(super) fn keys(replication: &Replication, observed: &Observed) -> Vec<Check> {
    let checks = observed
        .keys
        .iter()
        .map(|(KeyName { region, name, .. }, found)| {
            let Some(key) = found else {
                return vec![absent_key(replication, observed, region, name)];
            };
            unusable(key, region)
        });
    checks.flatten().collect()
}

/// Whether S3 can use a key for a bucket in `region`.
pub(super) fn unusable(key: &KeyDescription, region: &str) -> Vec<Check> {
    const NAME: &str = names::KEY_USABLE;
    let resource = format!("key `{}`", key.arn);
    let wrongs = plan::usable_keys::wrongs(key, region);
    if wrongs.is_empty() {
        let finding = "is enabled, symmetric and in its bucket's Region";
        return vec![Check::pass(NAME, resource, finding)];
    }
    let of_key = Arn::parse(&key.arn)
        .map(|arn| arn.region)
        .unwrap_or_default();
    let enable = format!("aws kms enable-key --key-id {} --region {of_key}", key.arn);
    let command = match key.state.as_str() {
        "Disabled" => Some(enable),
        "PendingDeletion" => Some(format!(
            "aws kms cancel-key-deletion --key-id {} --region {of_key} && {enable}",
            key.arn
        )),
        _ => None,
    };
    let checks = wrongs.into_iter().map(|wrong| {
        let of_state = wrong.starts_with("is in state");
        let check =
            Check::fail(NAME, &resource, wrong).tells(About::key(&key.arn), FaultKind::Unusable);
        match &command {
            Some(command) if of_state => check.fix(Fix::Command(command.clone())),
            _ => check.remedy(format!("name a symmetric key of {region}, enabled")),
        }
    });
    checks.collect()
}

/// A key that the properties name, one that they leave to us, or that of the source's default encryption.
fn absent_key(replication: &Replication, observed: &Observed, region: &str, name: &str) -> Check {
    let check = |finding: String| {
        Check::fail(names::KEY_USABLE, format!("key `{name}`"), finding)
            .tells(About::key(name), FaultKind::Missing)
    };
    let ours = format!("alias/encrypted-replication/{}/", replication.owner);
    if name.contains(&ours) {
        let creates = replication.spec.when_missing == WhenMissing::Create;
        let finding = format!("is to be made in {region}, as no key is given, and is not there");
        return check(finding).remedy(if creates {
            format!("{CHANGE_A_PROPERTY}, which makes it")
        } else {
            "set `WhenMissing` to Create, or give a key".to_owned()
        });
    }
    let source = observed.source.as_ref();
    if replication.spec.source_kms_keys.is_empty()
        && source.and_then(ObservedBucket::default_key) == Some(name)
    {
        let finding = format!(
            "is that of the source bucket's default encryption, and does not exist in {region}"
        );
        return check(finding)
            .remedy("set a key that is there as the bucket's default encryption (s3:PutEncryptionConfiguration)");
    }
    check(format!("does not exist in {region}"))
        .remedy("give an existing key of that Region, or leave it out to have one made")
}

/// Our rules: there, opted in to KMS objects, with metrics, and not outranked.
pub(super) fn rules(replication: &Replication, observed: &Observed) -> Vec<Check> {
    const NAME: &str = names::RULES;
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
    const NAME: &str = names::KMS_OPT_IN;
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

pub(super) fn metrics(resource: &str, rule: &ReplicationRule) -> Option<Check> {
    let metrics = rule.destination.metrics.as_ref();
    if metrics.is_some_and(|metrics| metrics.status == Status::Enabled) {
        return None;
    }
    let finding = "has no metrics, so S3 sends no failure events for it";
    let fix = json!({"Destination": {"Metrics": {"Status": "Enabled"}}});
    let check = Check::warn(names::METRICS, resource, finding);
    Some(
        check
            .remedy("set `Destination.Metrics.Status` to Enabled")
            .fix(Fix::Document(fix)),
    )
}

fn outranked(
    resource: &str,
    rule: &ReplicationRule,
    configuration: &ReplicationConfiguration,
    owner: &Owner,
) -> Option<Check> {
    let filter = rule.filter.as_ref()?;
    let key = owner.probe_key(&filter.prefix);
    let deciding = deciding(&configuration.rules, &key, &filter.tags);
    let winner = deciding.get(rule.destination.bucket.as_str())?;
    if owner.owns(&winner.id) {
        return None;
    }
    let finding = format!(
        "is outranked by rule `{}`, which has priority {} and covers the same objects",
        winner.id,
        winner.priority.unwrap_or_default()
    );
    Some(Check::fail(names::PRIORITY, resource, finding).remedy("give it a higher `Priority`"))
}

/// Whether anything differs from what the properties say; `None` where all that does is told already, as
/// the role's trust is where `trust_told`.
pub(super) fn difference(resource: String, plan: &Plan, trust_told: bool) -> Option<Check> {
    const NAME: &str = names::CONFIGURATION;
    if plan.is_empty() {
        let finding = "is as the properties say, with all that belongs to it";
        return Some(Check::pass(NAME, resource, finding));
    }
    let untold = plan
        .steps()
        .filter(|step| !(trust_told && matches!(step, Step::PutTrustPolicy { .. })));
    let steps: Vec<_> = untold.map(ToString::to_string).collect();
    if steps.is_empty() {
        return None;
    }
    let finding = format!(
        "is not as it was provisioned, we would have to {}",
        steps.join(", ")
    );
    let remedy = format!("undo that change, or {CHANGE_A_PROPERTY}");
    Some(Check::fail(NAME, resource, finding).remedy(remedy))
}
