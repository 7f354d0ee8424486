//! The rules of the source bucket, and whatever else differs from the properties.

use serde_json::json;

use super::super::fix::Fix;
use super::super::{Check, names};
use super::CHANGE_A_PROPERTY;
use crate::configuration::{ReplicationConfiguration, ReplicationRule, Status};
use crate::observed::Observed;
use crate::owner::Owner;
use crate::ranking::deciding;
use crate::replication::Replication;
use crate::step::{Plan, Step};

/// Our rules: there, opted in to KMS objects, with metrics, and not outranked.
pub(in crate::diagnosis) fn rules(replication: &Replication, observed: &Observed) -> Vec<Check> {
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

pub(in crate::diagnosis) fn metrics(resource: &str, rule: &ReplicationRule) -> Option<Check> {
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
pub(in crate::diagnosis) fn difference(
    resource: String,
    plan: &Plan,
    trust_told: bool,
) -> Option<Check> {
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
