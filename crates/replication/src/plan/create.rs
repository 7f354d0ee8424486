//! The plan of a Create or Update.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::expectation::{LARGEST_PARAMETER, expectation};
use super::{alias_arn, keys};
use crate::arn::Home;
use crate::configuration::{DefaultEncryption, ReplicationRule, Versioning};
use crate::merge;
use crate::observed::{Observed, ObservedBucket};
use crate::owner::{Owner, ROLE_PATH};
use crate::policy::{Route, key_policy, role_policy, trust_policy};
use crate::spec::{Spec, WhenMissing};
use crate::step::{Plan, Step};

/// The longest inline policies of a role, all together and without white space, in characters. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length>.
const LARGEST_INLINE_POLICY: usize = 10_240;

/// The spec with every name resolved: which keys, which Regions, which role. Keys that are still to
/// be made are named by the ARN of their alias.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// ARN of the role that S3 assumes.
    pub role_arn: String,
    /// Keys of the source objects.
    pub source_keys: BTreeSet<String>,
    /// The rules as S3 takes them, except for priorities left open.
    pub rules: Vec<ReplicationRule>,
    /// Region of each destination bucket.
    pub regions: BTreeMap<String, String>,
    /// Whether others use the source bucket's configuration too.
    pub shared: bool,
    /// Keys to make: bucket and Region, by alias ARN.
    new_keys: BTreeMap<String, (String, String)>,
    /// Default encryption that the source bucket is to get.
    source_default: Option<String>,
}

/// Resolves the spec against what there is.
///
/// # Errors
/// Everything that cannot be or would not work, each with what to do about it.
pub fn desired(
    spec: &Spec,
    observed: &Observed,
    home: &Home,
    owner: &Owner,
) -> Result<Desired, Vec<String>> {
    let mut faults = Vec::new();
    let mut desired = Desired {
        role_arn: spec.role.clone().unwrap_or_else(|| {
            format!(
                "arn:{}:iam::{}:role{ROLE_PATH}{}",
                home.partition, home.account, spec.source_bucket
            )
        }),
        source_keys: BTreeSet::new(),
        rules: Vec::new(),
        regions: BTreeMap::new(),
        shared: observed.shared,
        new_keys: BTreeMap::new(),
        source_default: None,
    };
    let create = spec.when_missing == WhenMissing::Create;
    if observed.source.is_none() && !create {
        faults.push(missing_bucket(&spec.source_bucket));
    }
    desired.resolve_source_keys(spec, observed, home, owner, &mut faults);
    for rule in &spec.rules {
        let bucket = &rule.destination_bucket;
        let found = observed.destinations.get(bucket);
        let Some(region) = found.and_then(|found| found.region.clone()) else {
            let fault = format!(
                "bucket `{bucket}` does not exist and nothing says its Region; give `Destination.Region`"
            );
            if !faults.contains(&fault) {
                faults.push(fault);
            }
            continue;
        };
        if found.is_none_or(|found| found.bucket.is_none()) && !create {
            faults.push(missing_bucket(bucket));
        }
        let mut resolved = rule.rule.clone();
        if let Some(key) = &rule.rule.destination.replica_kms_key_id {
            match keys::usable(&observed.keys, &region, key, "replica key") {
                Ok(arn) => resolved.destination.replica_kms_key_id = Some(arn),
                Err(found) => faults.extend(found),
            }
        } else {
            let key = desired.key_of_ours(
                observed,
                home,
                owner,
                (bucket, &region),
                create,
                &mut faults,
            );
            resolved.destination.replica_kms_key_id = Some(key);
        }
        desired.regions.insert(bucket.clone(), region);
        desired.rules.push(resolved);
    }
    if faults.is_empty() {
        Ok(desired)
    } else {
        Err(faults)
    }
}

fn missing_bucket(bucket: &str) -> String {
    format!("bucket `{bucket}` does not exist, and `WhenMissing` is Fail")
}

impl Desired {
    fn resolve_source_keys(
        &mut self,
        spec: &Spec,
        observed: &Observed,
        home: &Home,
        owner: &Owner,
        faults: &mut Vec<String>,
    ) {
        let region = &spec.source_region;
        for key in &spec.source_kms_keys {
            match keys::usable(&observed.keys, region, key, "source key") {
                Ok(arn) => {
                    self.source_default.get_or_insert_with(|| arn.clone());
                    self.source_keys.insert(arn);
                }
                Err(found) => faults.extend(found),
            }
        }
        if !lacks_our_default(observed.source.as_ref(), owner) {
            self.source_default = None;
        }
        if !spec.source_kms_keys.is_empty() {
            return;
        }
        if let Some(key) = observed
            .source
            .as_ref()
            .and_then(ObservedBucket::default_key)
        {
            match keys::usable(
                &observed.keys,
                region,
                key,
                "key of the source bucket's default encryption,",
            ) {
                Ok(arn) => drop(self.source_keys.insert(arn)),
                Err(found) => faults.extend(found),
            }
            return;
        }
        // S3 keeps an object's kind of encryption: what is uploaded under SSE-S3 arrives under
        // SSE-S3, whatever the rule's key. So the source needs a KMS key of its own.
        let create = spec.when_missing == WhenMissing::Create;
        let place = (spec.source_bucket.as_str(), region.as_str());
        let key = self.key_of_ours(observed, home, owner, place, create, faults);
        self.source_keys.insert(key.clone());
        self.source_default = Some(key);
    }

    /// The key that we made or are to make for a bucket.
    fn key_of_ours(
        &mut self,
        observed: &Observed,
        home: &Home,
        owner: &Owner,
        (bucket, region): (&str, &str),
        create: bool,
        faults: &mut Vec<String>,
    ) -> String {
        let alias = alias_arn(home, owner, region, bucket);
        if let Some(Some(_)) = observed.keys.get(&(region.to_owned(), alias.clone())) {
            return keys::usable(&observed.keys, region, &alias, "our key").unwrap_or_else(
                |found| {
                    faults.extend(found);
                    alias
                },
            );
        }
        if !create {
            faults.push(format!(
                "no key is given for bucket `{bucket}`, and `WhenMissing` is Fail"
            ));
        }
        self.new_keys
            .insert(alias.clone(), (bucket.to_owned(), region.to_owned()));
        alias
    }

    fn routes(&self) -> Vec<Route<'_>> {
        let routes = self.rules.iter().filter_map(|rule| {
            let bucket = rule.destination.bucket.rsplit(':').next()?;
            Some(Route {
                prefix: rule
                    .filter
                    .as_ref()
                    .map_or("", |filter| filter.prefix.as_str()),
                destination_bucket: bucket,
                destination_region: self.regions.get(bucket)?,
                replica_key: rule.destination.replica_kms_key_id.as_deref()?,
                owner_override: rule.destination.owner_override.is_some(),
            })
        });
        routes.collect()
    }
}

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

impl Desired {
    fn first_key_for(&self, bucket: &str) -> Option<&String> {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.destination.bucket.rsplit(':').next() == Some(bucket))?;
        rule.destination.replica_kms_key_id.as_ref()
    }
}

/// Whether the bucket is to be made, or was made by us in a request that got no further.
fn lacks_our_default(found: Option<&ObservedBucket>, owner: &Owner) -> bool {
    found.is_none_or(|found| found.is_of(owner) && found.default_key().is_none())
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
