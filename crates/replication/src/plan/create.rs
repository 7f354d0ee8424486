//! The plan of a Create or Update.

use serde_json::Value;

use super::desired::{Desired, lacks_our_default};
use super::expectation::{LARGEST_PARAMETER, expectation};
use crate::arn::Home;
use crate::configuration::{DefaultEncryption, ReplicationRule, Versioning};
use crate::merge;
use crate::observed::{Observed, ObservedBucket};
use crate::owner::Owner;
use crate::policy::{key_policy, role_policy, trust_policy};
use crate::spec::Spec;
use crate::step::{Plan, Step};

/// The longest inline policies of a role, all together and without white space, in characters. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>.
const LARGEST_INLINE_POLICY: usize = 10_240;

/// The steps from what there is to what should be.
///
/// `queue_arn` is the checker's queue, for the source bucket's failure events.
///
/// # Errors
/// Where our part cannot join other people's configuration, or a limit of AWS is passed.
pub fn plan(
    spec: &Spec,
    desired: &Desired,
    observed: &Observed,
    home: &Home,
    owner: &Owner,
    queue_arn: Option<&str>,
) -> Result<Plan, Vec<String>> {
    let mut faults = Vec::new();
    let mut foundations = foundations(spec, desired, observed, home, owner);
    let mut settings = buckets(spec, desired, observed, owner);
    if spec.role.is_none() {
        let fault = role(
            spec,
            desired,
            observed,
            home,
            owner,
            &mut foundations,
            &mut settings,
        );
        faults.extend(fault.err());
    }
    match parameters(spec, desired, observed, home, owner) {
        Ok(steps) => settings.extend(steps),
        Err(found) => faults.extend(found),
    }
    if let Some(step) = failure_events(spec, observed, owner, queue_arn) {
        settings.push(step);
    }
    // Before the rules: once they are replaced, nothing leads to the parameter any more.
    settings.extend(
        observed
            .abandoned
            .iter()
            .map(|(bucket, region)| Step::DeleteParameter {
                region: region.clone(),
                name: owner.parameter_name(bucket),
            }),
    );
    let existing = observed.replication.as_ref();
    let mut rules = Vec::new();
    match merge::replication(existing, owner, &desired.role_arn, &desired.rules) {
        Ok(merged) if merged.as_ref() == existing => {}
        Ok(_) => rules.push(Step::MergeReplication {
            bucket: spec.source_bucket.clone(),
            region: spec.source_region.clone(),
            role_arn: desired.role_arn.clone(),
            rules: desired.rules.clone(),
        }),
        Err(error) => faults.push(format!("bucket `{}`: {error}", spec.source_bucket)),
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(Plan::of([
        foundations,
        settings,
        rules,
        leftovers(spec, observed, owner),
    ]))
}

/// What everything else needs: buckets and keys.
fn foundations(
    spec: &Spec,
    desired: &Desired,
    observed: &Observed,
    home: &Home,
    owner: &Owner,
) -> Vec<Step> {
    let mut steps = Vec::new();
    if observed.source.is_none() {
        let (bucket, region) = (spec.source_bucket.clone(), spec.source_region.clone());
        steps.push(Step::CreateBucket { bucket, region });
    }
    for (bucket, region) in &desired.regions {
        if observed
            .destinations
            .get(bucket)
            .is_none_or(|found| found.bucket.is_none())
        {
            steps.push(Step::CreateBucket {
                bucket: bucket.clone(),
                region: region.clone(),
            });
        }
    }
    for (alias_arn, (bucket, region)) in &desired.new_keys {
        steps.push(Step::CreateKey {
            region: region.clone(),
            alias: owner.key_alias(bucket),
            alias_arn: alias_arn.clone(),
            bucket: bucket.clone(),
            policy: key_policy(home, owner).to_string(),
        });
    }
    steps
}

/// The buckets' own settings: versioning, default encryption, EventBridge.
fn buckets(spec: &Spec, desired: &Desired, observed: &Observed, owner: &Owner) -> Vec<Step> {
    let mut steps = Vec::new();
    let source = (&spec.source_bucket, &spec.source_region);
    let versioned = |found: Option<&ObservedBucket>| {
        found.is_some_and(|found| found.versioning == Versioning::Enabled)
    };
    let mut version = |(bucket, region): (&String, &String)| {
        steps.push(Step::EnableVersioning {
            bucket: bucket.clone(),
            region: region.clone(),
        });
    };
    if !versioned(observed.source.as_ref()) {
        version(source);
    }
    let destinations: Vec<_> = desired
        .regions
        .iter()
        .map(|place| {
            (
                place,
                observed
                    .destinations
                    .get(place.0)
                    .and_then(|found| found.bucket.as_ref()),
            )
        })
        .collect();
    for (place, found) in &destinations {
        if !versioned(*found) {
            version(*place);
        }
    }
    if let Some(key) = &desired.source_default {
        steps.push(default_encryption(source, key));
    }
    for (place, found) in destinations {
        if lacks_our_default(found, owner)
            && let Some(key) = desired.first_key_for(place.0)
        {
            steps.push(default_encryption(place, key));
        }
        if !found.is_some_and(|found| found.notifications.event_bridge) {
            let (bucket, region) = (place.0.clone(), place.1.clone());
            steps.push(Step::EnableEventBridge { bucket, region });
        }
    }
    steps
}

fn default_encryption((bucket, region): (&String, &String), key: &str) -> Step {
    Step::PutDefaultEncryption {
        bucket: bucket.clone(),
        region: region.clone(),
        encryption: DefaultEncryption {
            algorithm: "aws:kms".into(),
            kms_key: Some(key.to_owned()),
            bucket_key_enabled: true,
        },
    }
}

/// The role of ours and our policy on it.
fn role(
    spec: &Spec,
    desired: &Desired,
    observed: &Observed,
    home: &Home,
    owner: &Owner,
    foundations: &mut Vec<Step>,
    settings: &mut Vec<Step>,
) -> Result<(), String> {
    let role = &spec.source_bucket;
    match &observed.role {
        None => foundations.push(Step::CreateRole {
            role: role.clone(),
            trust_policy: trust_policy().to_string(),
            permissions_boundary: spec.permissions_boundary.clone(),
        }),
        Some(found) => {
            if let Some(boundary) = &spec.permissions_boundary
                && found.permissions_boundary.as_ref() != Some(boundary)
            {
                let (role, policy_arn) = (role.clone(), boundary.clone());
                settings.push(Step::PutPermissionsBoundary { role, policy_arn });
            }
        }
    }
    let source = (spec.source_bucket.as_str(), spec.source_region.as_str());
    let document = role_policy(home, owner, source, &desired.source_keys, &desired.routes());
    let text = document.to_string();
    let counted = text.chars().filter(|c| !c.is_whitespace()).count();
    if counted > LARGEST_INLINE_POLICY {
        return Err(format!(
            "the policy of role `{role}` would have {counted} characters, IAM takes at most {LARGEST_INLINE_POLICY} in \
             a role's inline policies; use fewer or wider prefixes, or give a role with managed policies as `Role`"
        ));
    }
    if !says(observed.role_policy.as_deref(), &document) {
        settings.push(Step::PutRolePolicy {
            role: role.clone(),
            policy: owner.policy_name(),
            document: text,
        });
    }
    Ok(())
}

fn parameters(
    spec: &Spec,
    desired: &Desired,
    observed: &Observed,
    home: &Home,
    owner: &Owner,
) -> Result<Vec<Step>, Vec<String>> {
    let (mut steps, mut faults) = (Vec::new(), Vec::new());
    let source_arn = home.bucket_arn(&spec.source_bucket);
    for (bucket, region) in &desired.regions {
        let to_bucket =
            |rule: &&ReplicationRule| rule.destination.bucket.rsplit(':').next() == Some(bucket);
        let rules: Vec<_> = desired.rules.iter().filter(to_bucket).collect();
        let wanted = expectation(&source_arn, &rules);
        let value = wanted.to_string();
        if value.len() > LARGEST_PARAMETER {
            faults.push(format!(
                "the expectation for bucket `{bucket}` has {} bytes, an SSM parameter holds at most \
                 {LARGEST_PARAMETER}; use fewer prefixes for this destination, or several resources",
                value.len()
            ));
        }
        let found = observed
            .destinations
            .get(bucket)
            .and_then(|found| found.parameter.as_deref());
        if !says(found, &wanted) {
            steps.push(Step::PutParameter {
                region: region.clone(),
                name: owner.parameter_name(bucket),
                value,
            });
        }
    }
    if faults.is_empty() {
        Ok(steps)
    } else {
        Err(faults)
    }
}

fn failure_events(
    spec: &Spec,
    observed: &Observed,
    owner: &Owner,
    queue_arn: Option<&str>,
) -> Option<Step> {
    // S3 sends notifications to queues of the bucket's own Region only.
    let queue_arn = queue_arn.filter(|arn| arn.split(':').nth(3) == Some(&spec.source_region))?;
    let none = crate::configuration::NotificationConfiguration::default();
    let existing = observed
        .source
        .as_ref()
        .map_or(&none, |source| &source.notifications);
    let merged = merge::with_failure_events(existing, owner, queue_arn);
    (merged != *existing).then(|| Step::AddFailureEvents {
        bucket: spec.source_bucket.clone(),
        region: spec.source_region.clone(),
        queue_arn: queue_arn.to_owned(),
    })
}

/// The policy that an earlier version of the resource needed and this one does not.
fn leftovers(spec: &Spec, observed: &Observed, owner: &Owner) -> Vec<Step> {
    if spec.role.is_none() || observed.role_policy.is_none() {
        return Vec::new();
    }
    vec![Step::DeleteRolePolicy {
        role: spec.source_bucket.clone(),
        policy: owner.policy_name(),
    }]
}

/// Whether the text `found` is the JSON document `wanted`, however it is spaced.
fn says(found: Option<&str>, wanted: &Value) -> bool {
    found
        .and_then(|found| serde_json::from_str::<Value>(found).ok())
        .is_some_and(|found| found == *wanted)
}
