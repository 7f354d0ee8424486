//! The spec with every name resolved against what there is: which keys, which Regions, which role.

use std::collections::{BTreeMap, BTreeSet};

use super::{alias_arn, keys};
use crate::arn::Home;
use crate::configuration::ReplicationRule;
use crate::observed::{Observed, ObservedBucket};
use crate::owner::{Owner, ROLE_PATH};
use crate::policy::Route;
use crate::spec::{Spec, WhenMissing};

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
    pub(super) new_keys: BTreeMap<String, (String, String)>,
    /// Default encryption that the source bucket is to get.
    pub(super) source_default: Option<String>,
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

    pub(crate) fn routes(&self) -> Vec<Route<'_>> {
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

    pub(super) fn first_key_for(&self, bucket: &str) -> Option<&String> {
        let mut rules = self.rules.iter();
        let rule = rules.find(|rule| rule.destination.bucket.rsplit(':').next() == Some(bucket))?;
        rule.destination.replica_kms_key_id.as_ref()
    }
}

/// Whether the bucket is to be made, or was made by us in a request that got no further.
pub(super) fn lacks_our_default(found: Option<&ObservedBucket>, owner: &Owner) -> bool {
    found.is_none_or(|found| found.is_of(owner) && found.default_key().is_none())
}
