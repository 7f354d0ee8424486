//! What reads back where a step is planned again and again: for the person who has to find out why. Pure.

use serde::Serialize;

use crate::cut::cut;
use crate::observed::{Observed, ObservedBucket};
use crate::step::{Plan, Step};

/// As much as is told of one thing, in bytes.
const LONGEST: usize = 300;
/// Steps that are told.
const MOST_STEPS: usize = 5;

/// The steps of `plan`, each with what `observed` has in its place.
pub(crate) fn undone(plan: &Plan, observed: &Observed) -> Vec<String> {
    let steps = plan.steps().take(MOST_STEPS);
    let mut told: Vec<_> = steps
        .map(|step| match reads_back(step, observed) {
            Some(found) => format!("{step}, where AWS shows {found}"),
            None => step.to_string(),
        })
        .collect();
    let further = plan.steps().count().saturating_sub(MOST_STEPS);
    if further > 0 {
        told.push(format!("{further} more step(s)"));
    }
    told
}

fn reads_back(step: &Step, observed: &Observed) -> Option<String> {
    let bucket = |name: &str| -> Option<&ObservedBucket> {
        let destination = || observed.destinations.get(name)?.bucket.as_ref();
        destination().or(observed.source.as_ref())
    };
    let text = match step {
        Step::MergeReplication { rules, .. } => {
            let found = observed.replication.as_ref();
            let rule = rules
                .iter()
                .find(|rule| !found.is_some_and(|found| found.has(rule)));
            let Some(rule) = rule else {
                return Some(as_json(&found.map(|found| &found.role)));
            };
            let stored = found.and_then(|found| found.rules.iter().find(|one| one.id == rule.id));
            return Some(match stored {
                Some(stored) => format!("rule `{}` as {}", rule.id, as_json(stored)),
                None => format!("no rule `{}`", rule.id),
            });
        }
        Step::PutDefaultEncryption { bucket: name, .. } => as_json(&bucket(name)?.encryption),
        Step::EnableVersioning { bucket: name, .. } => as_json(&bucket(name)?.versioning),
        Step::EnableEventBridge { bucket: name, .. } => as_json(&bucket(name)?.notifications),
        Step::AddFailureEvents { .. } => as_json(&observed.source.as_ref()?.notifications),
        Step::PutRolePolicy { policy, .. } => shortened(
            observed
                .role_policies
                .get(policy)
                .map_or("no policy", |text| text),
        ),
        Step::PutParameter { bucket, name, .. } => {
            let there = observed.destinations.get(bucket)?;
            shortened(
                there
                    .parameters
                    .get(name)
                    .map_or("no parameter", |text| text),
            )
        }
        Step::MergeBucketPolicy { bucket, .. } => {
            let there = observed.destinations.get(bucket)?;
            shortened(there.policy.as_deref().unwrap_or("no policy"))
        }
        Step::MergeKeyPolicy { key_arn, .. } => shortened(
            observed
                .key_policies
                .get(key_arn)
                .map_or("no policy", |text| text),
        ),
        _ => return None,
    };
    Some(text)
}

fn as_json<T: Serialize>(value: &T) -> String {
    shortened(&serde_json::to_string(value).unwrap_or_default())
}

fn shortened(text: &str) -> String {
    cut(text, LONGEST)
}
