//! Replication configurations: the SDK's types and ours.

use aws_sdk_s3::error::BuildError;
use aws_sdk_s3::types as s3;

use crate::configuration::{
    Destination, Filter, ReplicationConfiguration, ReplicationRule, Status, Tag, Timed,
};

/// S3's `Enabled` and `Disabled`, of which the SDK has one type for each place.
macro_rules! status {
    ($value:expr) => {
        if $value.as_str() == "Enabled" {
            Status::Enabled
        } else {
            Status::Disabled
        }
    };
}

const fn word(status: Status) -> &'static str {
    match status {
        Status::Enabled => "Enabled",
        Status::Disabled => "Disabled",
    }
}

pub(super) fn from_sdk(configuration: s3::ReplicationConfiguration) -> ReplicationConfiguration {
    ReplicationConfiguration {
        role: configuration.role,
        rules: configuration.rules.into_iter().map(rule_from_sdk).collect(),
    }
}

#[expect(
    deprecated,
    reason = "rules in the V1 schema have their prefix in this field"
)]
fn rule_from_sdk(rule: s3::ReplicationRule) -> ReplicationRule {
    let criteria = rule.source_selection_criteria.as_ref();
    ReplicationRule {
        id: rule.id.unwrap_or_default(),
        priority: rule.priority,
        status: status!(rule.status),
        filter: rule.filter.map(filter_from_sdk),
        prefix: rule.prefix,
        delete_marker_replication: rule
            .delete_marker_replication
            .and_then(|markers| markers.status)
            .map(|status| status!(status)),
        sse_kms_encrypted_objects: criteria
            .and_then(|criteria| criteria.sse_kms_encrypted_objects.as_ref())
            .map(|objects| status!(objects.status)),
        replica_modifications: criteria
            .and_then(|criteria| criteria.replica_modifications.as_ref())
            .map(|modifications| status!(modifications.status)),
        existing_object_replication: rule
            .existing_object_replication
            .map(|existing| status!(existing.status)),
        destination: rule.destination.map_or_else(nowhere, destination_from_sdk),
    }
}

fn nowhere() -> Destination {
    Destination {
        bucket: String::new(),
        account: None,
        storage_class: None,
        owner_override: None,
        replica_kms_key_id: None,
        metrics: None,
        replication_time: None,
    }
}

fn filter_from_sdk(filter: s3::ReplicationRuleFilter) -> Filter {
    let (and_prefix, and_tags) = filter
        .and
        .map(|and| (and.prefix, and.tags.unwrap_or_default()))
        .unwrap_or_default();
    let tags = filter.tag.into_iter().chain(and_tags);
    Filter {
        prefix: filter.prefix.or(and_prefix).unwrap_or_default(),
        tags: tags
            .map(|tag| Tag {
                key: tag.key,
                value: tag.value,
            })
            .collect(),
    }
}

fn destination_from_sdk(destination: s3::Destination) -> Destination {
    Destination {
        bucket: destination.bucket,
        account: destination.account,
        storage_class: destination
            .storage_class
            .map(|class| class.as_str().to_owned()),
        owner_override: destination
            .access_control_translation
            .map(|translation| translation.owner.as_str().to_owned()),
        replica_kms_key_id: destination
            .encryption_configuration
            .and_then(|encryption| encryption.replica_kms_key_id),
        metrics: destination.metrics.map(|metrics| Timed {
            status: status!(metrics.status),
            minutes: metrics
                .event_threshold
                .and_then(|threshold| threshold.minutes),
        }),
        replication_time: destination.replication_time.map(|time| Timed {
            status: status!(time.status),
            minutes: time.time.and_then(|value| value.minutes),
        }),
    }
}

pub(super) fn to_sdk(
    configuration: &ReplicationConfiguration,
) -> Result<s3::ReplicationConfiguration, BuildError> {
    let rules: Result<Vec<_>, _> = configuration.rules.iter().map(rule_to_sdk).collect();
    s3::ReplicationConfiguration::builder()
        .role(&configuration.role)
        .set_rules(Some(rules?))
        .build()
}

#[expect(
    deprecated,
    reason = "rules in the V1 schema have their prefix in this field"
)]
fn rule_to_sdk(rule: &ReplicationRule) -> Result<s3::ReplicationRule, BuildError> {
    s3::ReplicationRule::builder()
        .id(&rule.id)
        .set_priority(rule.priority)
        .status(word(rule.status).into())
        .set_filter(rule.filter.as_ref().map(filter_to_sdk).transpose()?)
        .set_prefix(rule.prefix.clone())
        .set_delete_marker_replication(rule.delete_marker_replication.map(|status| {
            s3::DeleteMarkerReplication::builder()
                .status(word(status).into())
                .build()
        }))
        .set_source_selection_criteria(criteria_to_sdk(rule)?)
        .set_existing_object_replication(
            rule.existing_object_replication
                .map(|status| {
                    s3::ExistingObjectReplication::builder()
                        .status(word(status).into())
                        .build()
                })
                .transpose()?,
        )
        .destination(destination_to_sdk(&rule.destination)?)
        .build()
}

fn criteria_to_sdk(
    rule: &ReplicationRule,
) -> Result<Option<s3::SourceSelectionCriteria>, BuildError> {
    if rule.sse_kms_encrypted_objects.is_none() && rule.replica_modifications.is_none() {
        return Ok(None);
    }
    let encrypted = rule.sse_kms_encrypted_objects.map(|status| {
        s3::SseKmsEncryptedObjects::builder()
            .status(word(status).into())
            .build()
    });
    let modifications = rule.replica_modifications.map(|status| {
        s3::ReplicaModifications::builder()
            .status(word(status).into())
            .build()
    });
    Ok(Some(
        s3::SourceSelectionCriteria::builder()
            .set_sse_kms_encrypted_objects(encrypted.transpose()?)
            .set_replica_modifications(modifications.transpose()?)
            .build(),
    ))
}

/// S3 takes a prefix or a tag alone, and more than one thing only inside `And`.
fn filter_to_sdk(filter: &Filter) -> Result<s3::ReplicationRuleFilter, BuildError> {
    let tags: Result<Vec<_>, _> = filter
        .tags
        .iter()
        .map(|tag| s3::Tag::builder().key(&tag.key).value(&tag.value).build())
        .collect();
    let mut tags = tags?;
    let builder = s3::ReplicationRuleFilter::builder();
    Ok(match (filter.prefix.as_str(), tags.len()) {
        (prefix, 0) => builder.prefix(prefix).build(),
        ("", 1) => builder.set_tag(tags.pop()).build(),
        (prefix, _) => {
            let prefix = Some(prefix)
                .filter(|prefix| !prefix.is_empty())
                .map(str::to_owned);
            let and = s3::ReplicationRuleAndOperator::builder();
            builder
                .and(and.set_prefix(prefix).set_tags(Some(tags)).build())
                .build()
        }
    })
}

fn destination_to_sdk(destination: &Destination) -> Result<s3::Destination, BuildError> {
    let minutes = |minutes| s3::ReplicationTimeValue::builder().minutes(minutes).build();
    let owner = destination.owner_override.as_deref().map(|owner| {
        s3::AccessControlTranslation::builder()
            .owner(owner.into())
            .build()
    });
    let metrics = destination.metrics.as_ref().map(|metrics| {
        s3::Metrics::builder()
            .status(word(metrics.status).into())
            .set_event_threshold(metrics.minutes.map(minutes))
            .build()
    });
    let time = destination.replication_time.as_ref().map(|time| {
        s3::ReplicationTime::builder()
            .status(word(time.status).into())
            .set_time(time.minutes.map(minutes))
            .build()
    });
    s3::Destination::builder()
        .bucket(&destination.bucket)
        .set_account(destination.account.clone())
        .set_storage_class(destination.storage_class.as_deref().map(Into::into))
        .set_access_control_translation(owner.transpose()?)
        .set_encryption_configuration(destination.replica_kms_key_id.as_ref().map(|key| {
            s3::EncryptionConfiguration::builder()
                .replica_kms_key_id(key)
                .build()
        }))
        .set_metrics(metrics.transpose()?)
        .set_replication_time(time.transpose()?)
        .build()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn status() -> impl Strategy<Value = Status> {
        prop_oneof![Just(Status::Enabled), Just(Status::Disabled)]
    }

    fn timed() -> impl Strategy<Value = Timed> {
        (status(), prop::option::of(Just(15)))
            .prop_map(|(status, minutes)| Timed { status, minutes })
    }

    prop_compose! {
        fn tags()(keys in prop::collection::btree_set("[a-z]{1,3}", 0..3)) -> Vec<Tag> {
            keys.into_iter().map(|key| Tag { value: format!("{key}!"), key }).collect()
        }
    }

    prop_compose! {
        fn destination()(
            account in prop::option::of("[0-9]{12}"),
            class in prop::option::of(prop_oneof!["GLACIER_IR", "SOMETHING_NEW"]),
            owner in prop::option::of(Just("Destination".to_owned())),
            key in prop::option::of("arn:aws:kms:r:1:key/[a-f]{4}"),
            metrics in prop::option::of(timed()),
            time in prop::option::of(timed()),
        ) -> Destination {
            Destination {
                bucket: "arn:aws:s3:::destination".into(),
                account,
                storage_class: class,
                owner_override: owner,
                replica_kms_key_id: key,
                metrics,
                replication_time: time,
            }
        }
    }

    prop_compose! {
        fn rule()(
            id in "[a-z]{1,8}",
            priority in prop::option::of(0..9),
            status_of_rule in status(),
            filter in prop::option::of(("[a-z/]{0,4}", tags())),
            v1_prefix in prop::option::of("[a-z]{0,3}"),
            markers in prop::option::of(status()),
            encrypted in prop::option::of(status()),
            modifications in prop::option::of(status()),
            existing in prop::option::of(status()),
            destination in destination(),
        ) -> ReplicationRule {
            ReplicationRule {
                id,
                priority,
                status: status_of_rule,
                filter: filter.map(|(prefix, tags)| Filter { prefix, tags }),
                prefix: v1_prefix,
                delete_marker_replication: markers,
                sse_kms_encrypted_objects: encrypted,
                replica_modifications: modifications,
                existing_object_replication: existing,
                destination,
            }
        }
    }

    proptest! {
        #[test]
        fn a_rule_of_anyone_survives_being_read_and_written(rule in rule()) {
            let configuration = ReplicationConfiguration { role: "arn".into(), rules: vec![rule] };
            let sdk = to_sdk(&configuration).unwrap();
            prop_assert_eq!(from_sdk(sdk), configuration);
        }
    }

    #[test]
    fn a_filter_takes_the_form_that_s3_wants() {
        let tag = |key: &str| Tag {
            key: key.into(),
            value: "1".into(),
        };
        let written = |prefix: &str, tags: Vec<Tag>| {
            let filter = filter_to_sdk(&Filter {
                prefix: prefix.into(),
                tags,
            })
            .unwrap();
            (
                filter.prefix.is_some(),
                filter.tag.is_some(),
                filter.and.is_some(),
            )
        };
        assert_eq!(written("", vec![]), (true, false, false));
        assert_eq!(written("a", vec![]), (true, false, false));
        assert_eq!(written("", vec![tag("a")]), (false, true, false));
        assert_eq!(written("a", vec![tag("a")]), (false, false, true));
        assert_eq!(written("", vec![tag("a"), tag("b")]), (false, false, true));
    }
}
