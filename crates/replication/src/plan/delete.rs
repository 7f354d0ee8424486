//! The plan of a Delete: everything of ours that still costs or grants, and no data.

use super::expectation::deletion;
use crate::merge;
use crate::observed::{RemainingDestination, Remains};
use crate::owner::Owner;
use crate::spec::{OnDeleteBuckets, OnDeleteKeys};
use crate::step::{Plan, Step, heir};

/// KMS's longest waiting period, so that a mistake can be undone for longest.
const DAYS_TO_KEY_DELETION: i32 = 30;

/// The steps that remove what bears the owner's name.
#[must_use]
pub fn plan_delete(
    remains: &Remains,
    owner: &Owner,
    on_delete_buckets: OnDeleteBuckets,
    on_delete_keys: OnDeleteKeys,
) -> Plan {
    let bucket = &remains.source_bucket;
    let role = bucket.clone();
    // The record goes first: what is being deleted is not looked after any more.
    let (region, names) = &remains.record;
    let record = names.iter().map(|name| Step::DeleteRecord {
        region: region.clone(),
        name: name.clone(),
    });
    let mut rules: Vec<_> = record.collect();
    let mut rest = Vec::new();
    // The policy tells other writers that we are still at it. Keys go before the buckets, which lead
    // to them.
    let mut policy_and_keys = Vec::new();
    let mut last = Vec::new();
    if let (Some(region), Some(source)) = (&remains.source_region, &remains.source) {
        let place = || (bucket.clone(), region.clone());
        let present = remains
            .replication
            .as_ref()
            .map_or(&[][..], |replication| &replication.rules);
        if present.iter().any(|rule| owner.owns(&rule.id)) {
            let (bucket, region) = place();
            rules.push(Step::RemoveReplication { bucket, region });
        }
        let heir = heir(present, owner);
        let without = merge::without_failure_events(&source.notifications, owner, heir.as_ref());
        if without != source.notifications {
            let (bucket, region) = place();
            let heir = heir.as_ref().map(Owner::to_string);
            rest.push(Step::RemoveFailureEvents {
                bucket,
                region,
                heir,
            });
        }
        // An adopted bucket gets back the encryption it came with; one that we made keeps its key.
        let key = source.default_key();
        if key.is_some()
            && key == remains.source_key.as_ref().map(|key| key.arn.as_str())
            && !source.is_of(owner)
            && heir.is_none()
        {
            let (bucket, region) = place();
            rest.push(Step::ResetDefaultEncryption { bucket, region });
        }
        if source.is_of(owner) && on_delete_buckets == OnDeleteBuckets::DeleteWhenEmpty {
            let (bucket, region) = place();
            last.push(Step::DeleteBucketIfEmpty { bucket, region });
        }
    }
    if remains.role_policy.is_some() {
        policy_and_keys.push(Step::DeleteRolePolicy {
            role: role.clone(),
            policy: owner.policy_name(),
        });
    }
    if remains.batch_role.is_some() {
        let role = owner.batch_role();
        policy_and_keys.push(Step::DeleteRolePolicy {
            role: role.clone(),
            policy: role.clone(),
        });
        last.push(Step::DeleteRoleIfUnused { role });
    }
    // Always: a Create that stopped between the role and its policy leaves a role without policies.
    last.push(Step::DeleteRoleIfUnused { role });
    for (name, destination) in &remains.destinations {
        let region = &destination.region;
        let parameters = destination.parameters.iter();
        rest.extend(parameters.map(|parameter| deletion(name, region, parameter)));
        rest.extend(revoked(name, destination));
        if destination.made_by_us && on_delete_buckets == OnDeleteBuckets::DeleteWhenEmpty {
            last.push(Step::DeleteBucketIfEmpty {
                bucket: name.clone(),
                region: region.clone(),
            });
        }
    }
    if on_delete_keys == OnDeleteKeys::ScheduleDeletion {
        let source = remains.source_region.iter().zip(&remains.source_key);
        let source = source.map(|(region, key)| (bucket, region, key));
        let replicas = remains
            .destinations
            .iter()
            .filter_map(|(name, found)| Some((name, &found.region, found.key.as_ref()?)));
        let staying = source
            .chain(replicas)
            .filter(|(_, _, key)| !key.is_about_to_go());
        policy_and_keys.extend(
            staying.map(|(bucket, region, key)| Step::ScheduleKeyDeletion {
                bucket: bucket.clone(),
                region: region.clone(),
                key_arn: key.arn.clone(),
                days: DAYS_TO_KEY_DELETION,
            }),
        );
    }
    Plan::of([rules, rest, policy_and_keys, last])
}

/// Our statements out of the policies of a destination in another account. The policy of a key that
/// we made goes with the key.
pub(super) fn revoked(bucket: &str, found: &RemainingDestination) -> Vec<Step> {
    let mut steps = Vec::new();
    let (bucket, region) = (bucket.to_owned(), found.region.clone());
    if found.has_policy {
        steps.push(Step::MergeBucketPolicy {
            bucket: bucket.clone(),
            region: region.clone(),
            statements: Vec::new(),
        });
    }
    steps.extend(
        found
            .granted_keys
            .iter()
            .map(|key_arn| Step::MergeKeyPolicy {
                bucket: bucket.clone(),
                region: region.clone(),
                key_arn: key_arn.clone(),
                statements: Vec::new(),
            }),
    );
    steps
}
