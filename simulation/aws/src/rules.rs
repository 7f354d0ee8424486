//! What S3 refuses in a replication configuration.
//!
//! From <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ReplicationErrorCodeList>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationConfiguration.html>,
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRule.html> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-add-config.html>.

use std::collections::{BTreeMap, BTreeSet};

use replication::configuration::{
    Destination, ReplicationConfiguration, ReplicationRule, Status, Versioning,
};
use replication::error::ErrorKind::Invalid;

use super::names::{Name, bucket_of};
use super::things::Bucket;
use super::{ACCOUNT, Refusal, refuse};

const REQUEST: &str = "InvalidRequest";
const ARGUMENT: &str = "InvalidArgument";

pub fn check(
    to: &ReplicationConfiguration,
    versioning: Versioning,
    source: &str,
    buckets: &BTreeMap<String, Bucket>,
) -> Result<(), Refusal> {
    if versioning != Versioning::Enabled {
        return refuse(
            Invalid,
            REQUEST,
            "Versioning must be 'Enabled' on the bucket to apply a replication configuration",
        );
    }
    if !(1..=1000).contains(&to.rules.len()) {
        return refuse(
            Invalid,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        );
    }
    // The role is not looked up, but it must be one of this account.
    let role = Name::of(&to.role).filter(|role| role.role().is_some());
    if role.is_none_or(|role| role.account != ACCOUNT) {
        return refuse(
            Invalid,
            ARGUMENT,
            "Invalid Role specified in replication configuration",
        );
    }
    together(&to.rules)?;
    for rule in &to.rules {
        if rule.id.len() > 255 || !rule.id.is_ascii() || rule.id.is_empty() {
            return refuse(
                Invalid,
                ARGUMENT,
                "Rule Id must have 1 to 255 ASCII characters",
            );
        }
        if is_v1(rule) {
            v1(rule)?;
        } else {
            v2(rule)?;
        }
        destination(rule, source, buckets)?;
    }
    Ok(())
}

/// S3's older schema, which has no `Filter`.
pub fn is_v1(rule: &ReplicationRule) -> bool {
    rule.filter.is_none()
}

/// What the rules of one configuration must not be to each other.
fn together(rules: &[ReplicationRule]) -> Result<(), Refusal> {
    let ids: BTreeSet<_> = rules.iter().map(|rule| &rule.id).collect();
    if ids.len() < rules.len() {
        return refuse(Invalid, ARGUMENT, "Rule Id must be unique");
    }
    let v1 = rules.iter().filter(|rule| is_v1(rule)).count();
    if v1 > 0 && v1 < rules.len() {
        return refuse(
            Invalid,
            REQUEST,
            "Filter must be specified for this version of Cross Region Replication configuration schema",
        );
    }
    if v1 > 0 {
        let destinations: BTreeSet<_> = rules.iter().map(|rule| &rule.destination.bucket).collect();
        if destinations.len() > 1 {
            return refuse(
                Invalid,
                REQUEST,
                "Number of distinct destination bucket ARNs cannot exceed 1",
            );
        }
        return Ok(());
    }
    let mut priorities = BTreeSet::new();
    for rule in rules {
        let Some(priority) = rule.priority else {
            return refuse(
                Invalid,
                REQUEST,
                "Priority must be specified for this version of Cross Region Replication configuration schema. \
                 Please refer to S3 Developer Guide for more information.",
            );
        };
        if priority < 0 {
            return refuse(
                Invalid,
                ARGUMENT,
                "Priority must be between 0 and 2147483647.",
            );
        }
        if !priorities.insert(priority) {
            return refuse(
                Invalid,
                ARGUMENT,
                format!("Found duplicate priority {priority}."),
            );
        }
    }
    Ok(())
}

fn v1(rule: &ReplicationRule) -> Result<(), Refusal> {
    if rule.priority.is_some() || rule.delete_marker_replication.is_some() {
        return refuse(
            Invalid,
            REQUEST,
            "Priority cannot be used for this version of Cross Region Replication configuration schema.",
        );
    }
    Ok(())
}

fn v2(rule: &ReplicationRule) -> Result<(), Refusal> {
    let Some(filter) = &rule.filter else {
        return Ok(());
    };
    if rule.prefix.is_some() || rule.existing_object_replication.is_some() {
        return refuse(
            Invalid,
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        );
    }
    let Some(markers) = rule.delete_marker_replication else {
        return refuse(
            Invalid,
            REQUEST,
            "DeleteMarkerReplication must be specified for this version of Cross Region Replication \
             configuration schema. Please refer to S3 Developer Guide for more information.",
        );
    };
    if markers == Status::Enabled && !filter.tags.is_empty() {
        return refuse(
            Invalid,
            REQUEST,
            "Delete marker replication is not supported if any Tag filter is specified. \
             Please refer to S3 Developer Guide for more information.",
        );
    }
    let keys: BTreeSet<_> = filter.tags.iter().map(|tag| &tag.key).collect();
    if keys.len() < filter.tags.len() {
        return refuse(Invalid, ARGUMENT, "Duplicate Tag Keys are not allowed.");
    }
    if filter.prefix.len() > 1024 {
        return refuse(Invalid, ARGUMENT, "Prefix is too long");
    }
    Ok(())
}

fn destination(
    rule: &ReplicationRule,
    source: &str,
    buckets: &BTreeMap<String, Bucket>,
) -> Result<(), Refusal> {
    let Destination {
        bucket,
        account,
        owner_override,
        replica_kms_key_id: key,
        metrics,
        replication_time,
        ..
    } = &rule.destination;
    let Some(name) = bucket_of(bucket) else {
        return refuse(Invalid, ARGUMENT, "Invalid bucket ARN");
    };
    if name == source {
        return refuse(
            Invalid,
            REQUEST,
            "Destination bucket cannot be the same as the source bucket.",
        );
    }
    // A bucket that does not exist and one without versions get the same answer.
    if buckets
        .get(name)
        .is_none_or(|found| found.versioning != Versioning::Enabled)
    {
        return refuse(
            Invalid,
            REQUEST,
            "Destination bucket must have versioning enabled.",
        );
    }
    let owner = buckets.get(name).map(|bucket| &bucket.account);
    if account.is_some() && account.as_ref() != owner {
        return refuse(
            Invalid,
            ARGUMENT,
            "Account does not match the destination bucket's owner",
        );
    }
    if owner_override.is_some() && account.is_none() {
        return refuse(
            Invalid,
            REQUEST,
            "Account must be specified if the Owner in AccessControlTranslation has a value",
        );
    }
    match (key, rule.sse_kms_encrypted_objects) {
        (Some(_), None | Some(Status::Disabled)) => {
            return refuse(
                Invalid,
                REQUEST,
                "SseKmsEncryptedObjects must be specified if EncryptionConfiguration is present.",
            );
        }
        (None, Some(Status::Enabled)) => {
            return refuse(
                Invalid,
                REQUEST,
                "ReplicaKmsKeyID must be specified if SseKmsEncryptedObjects tag is present.",
            );
        }
        _ => {}
    }
    match (replication_time, metrics) {
        (Some(_), None) => {
            return refuse(
                Invalid,
                REQUEST,
                "Replication destination must contain both ReplicationTime and Metrics or neither.",
            );
        }
        (Some(time), Some(metrics)) if time.status != metrics.status => {
            return refuse(
                Invalid,
                REQUEST,
                "ReplicationTime and Metrics must have the same status",
            );
        }
        (None, Some(metrics)) if metrics.minutes.is_some() => {
            return refuse(
                Invalid,
                REQUEST,
                "Metrics cannot contain an event threshold when ReplicationTime is not specified or Disabled",
            );
        }
        _ => {}
    }
    let minutes = [replication_time, metrics].into_iter().flatten();
    if minutes
        .filter_map(|timed| timed.minutes)
        .any(|minutes| minutes != 15)
        || replication_time
            .as_ref()
            .is_some_and(|time| time.minutes.is_none())
    {
        return refuse(Invalid, ARGUMENT, "Minutes must be 15");
    }
    Ok(())
}
