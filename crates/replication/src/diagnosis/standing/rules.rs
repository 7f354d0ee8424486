//! What the rules themselves show. Pure.

use serde_json::json;

use super::spec::prefix_of;
use crate::configuration::{ReplicationRule, Status};
use crate::diagnosis::configuration::metrics;
use crate::diagnosis::fix::Fix;
use crate::diagnosis::{Check, names};
use crate::plan::suspicious;
use crate::ranking::outranked;

pub(super) fn checks(rules: &[ReplicationRule], source: &str) -> Vec<Check> {
    rules
        .iter()
        .flat_map(|rule| of_rule(rule, rules, source))
        .collect()
}

fn of_rule(rule: &ReplicationRule, rules: &[ReplicationRule], source: &str) -> Vec<Check> {
    let resource = format!("rule `{}`", rule.id);
    if rule.status == Status::Disabled {
        let finding = "is Disabled, and replicates nothing";
        let check = Check::warn(names::RULES, resource, finding);
        return vec![check.remedy("set its `Status` to Enabled, or remove it")];
    }
    let mut checks = vec![Check::pass(names::RULES, &resource, "is there and Enabled")];
    checks.extend(key(&resource, rule));
    checks.extend(metrics(&resource, rule));
    checks.extend(suspicious(prefix_of(rule), source).map(|why| {
        let finding = format!(
            "has the prefix `{}`, taken literally as the start of keys",
            prefix_of(rule)
        );
        Check::warn(names::PREFIX, &resource, finding).remedy(why)
    }));
    checks.extend(rank(&resource, rule, rules));
    checks
}

/// Of a rule that takes objects under KMS keys: which key their replicas get. Whether one that does not
/// leaves anything out, the source's default encryption tells.
fn key(resource: &str, rule: &ReplicationRule) -> Option<Check> {
    let destination = &rule.destination;
    if rule.sse_kms_encrypted_objects != Some(Status::Enabled) {
        return None;
    }
    let related = destination.use_source_multi_region_key == Some(Status::Enabled);
    Some(match &destination.replica_kms_key_id {
        Some(key) if key.contains("alias/") => {
            let finding = format!("names alias `{key}` for its replicas");
            Check::warn(names::KMS_OPT_IN, resource, finding).remedy(
                "name the key by its ARN: S3 resolves an alias in the account of whoever asks",
            )
        }
        Some(key) => {
            let finding = format!("replicates objects encrypted with KMS, under `{key}`");
            Check::pass(names::KMS_OPT_IN, resource, finding)
        }
        None if related => Check::pass(
            names::KMS_OPT_IN,
            resource,
            "replicates objects encrypted with KMS, under the related multi-Region key",
        ),
        None => Check::fail(
            names::KMS_OPT_IN,
            resource,
            "takes objects encrypted with KMS, and names no key for their replicas",
        )
        .remedy("set `EncryptionConfiguration.ReplicaKmsKeyID`"),
    })
}

/// A rule that takes no objects under KMS keys, on a bucket whose uploads are encrypted with one.
pub(super) fn left_out(rule: &ReplicationRule, default_key: Option<&str>) -> Option<Check> {
    if rule.status == Status::Disabled || rule.sse_kms_encrypted_objects == Some(Status::Enabled) {
        return None;
    }
    let resource = format!("rule `{}`", rule.id);
    let Some(key) = default_key else {
        let finding = "takes only objects that are not encrypted with KMS, which uploads that ask for no key are not";
        return Some(Check::pass(names::KMS_OPT_IN, resource, finding));
    };
    let finding = format!(
        "leaves out every object encrypted with KMS, as uploads to the source bucket are (`{key}`): S3 does not replicate \
         them, and gives them no replication status at all"
    );
    let fix = json!({
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        "Destination": {"EncryptionConfiguration": {"ReplicaKmsKeyID": "ARN of a key in the destination's Region"}},
    });
    Some(
        Check::fail(names::KMS_OPT_IN, resource, finding)
            .remedy("set this in the rule, and allow the role both keys; then replicate what was left out with S3 Batch Replication")
            .fix(Fix::Document(fix)),
    )
}

fn rank(resource: &str, rule: &ReplicationRule, rules: &[ReplicationRule]) -> Option<Check> {
    let winner = outranked(rule, rules)?;
    let (own, other) = (&rule.destination, &winner.destination);
    let priority = winner.priority.unwrap_or_default();
    let same = rule.sse_kms_encrypted_objects == winner.sse_kms_encrypted_objects
        && own.replica_kms_key_id == other.replica_kms_key_id;
    let finding = format!(
        "decides for no object: rule `{}`, with priority {priority}, covers the same objects to the same bucket",
        winner.id
    );
    let remedy = format!("give it a priority above {priority}, or remove it");
    Some(if same {
        Check::warn(names::PRIORITY, resource, finding).remedy(remedy)
    } else {
        let finding =
            format!("{finding}, and its replicas get another encryption than this rule says");
        Check::fail(names::PRIORITY, resource, finding).remedy(remedy)
    })
}
