//! A spec made from a bucket's rules. Pure.

use std::collections::BTreeMap;

use crate::configuration::{Filter, ReplicationConfiguration, ReplicationRule, Status};
use crate::owner::Owner;
use crate::ports::BucketRef;
use crate::replication::Replication;
use crate::spec::{
    ExistingObjects, OnDeleteBuckets, OnDeleteKeys, Rule, Spec, Verification, WhenMissing,
};
use aws_names::Home;

/// What the rules of `bucket` ask for, in nobody's name.
pub(super) fn of_rules(
    home: &Home,
    bucket: BucketRef<'_>,
    configuration: &ReplicationConfiguration,
    reached_by: &BTreeMap<String, String>,
) -> Replication {
    let rules = configuration.rules.iter().map(|rule| Rule {
        destination_bucket: rule.destination.bucket_name().to_owned(),
        destination_region: None,
        assume_role_arn: rule
            .destination
            .account
            .as_ref()
            .filter(|account| **account != home.account)
            .and_then(|account| reached_by.get(account).cloned()),
        rule: normal(rule),
    });
    Replication {
        spec: Spec {
            source_bucket: bucket.name.to_owned(),
            source_region: bucket.region.to_owned(),
            source_kms_keys: Vec::new(),
            rules: rules.collect(),
            role: Some(configuration.role.clone()),
            permissions_boundary: None,
            when_missing: WhenMissing::Fail,
            verification: Verification::None,
            revision: None,
            existing_objects: ExistingObjects::Ignore,
            on_delete_buckets: OnDeleteBuckets::Retain,
            on_delete_keys: OnDeleteKeys::Retain,
        },
        home: home.clone(),
        owner: Owner::nobody(bucket.name),
        queue_arn: None,
    }
}

/// Start of the keys that a rule of either schema is for.
pub(super) fn prefix_of(rule: &ReplicationRule) -> &str {
    match &rule.filter {
        Some(filter) => &filter.prefix,
        None => rule.prefix.as_deref().unwrap_or_default(),
    }
}

/// The rule as S3 reads it: in the newer schema, and without a key that it does not use.
fn normal(rule: &ReplicationRule) -> ReplicationRule {
    let mut normal = rule.clone();
    if rule.is_v1() {
        normal.filter = Some(Filter {
            prefix: prefix_of(rule).to_owned(),
            ..Filter::default()
        });
        // In the older schema they always are, see
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/delete-marker-replication.html>.
        normal.delete_marker_replication = Some(Status::Enabled);
    }
    if rule.sse_kms_encrypted_objects != Some(Status::Enabled) {
        normal.destination.replica_kms_key_id = None;
    }
    normal
}
