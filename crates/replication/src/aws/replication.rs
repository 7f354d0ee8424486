//! Replication configurations: S3's XML and our values.
//!
//! Members and their order are those of
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketReplication.html>.

use super::xml::{self, Element};
use crate::configuration::{
    Destination, Exclusions, Filter, ReplicationConfiguration, ReplicationRule, Tag, Timed,
};

pub(super) const ROOT: &str = "ReplicationConfiguration";
const RULE: &str = "Rule";

/// The configuration in `text`.
///
/// # Errors
/// Where `text` is none.
pub(super) fn read(text: &str) -> Result<ReplicationConfiguration, String> {
    xml::read(text, ROOT, |mut root| ReplicationConfiguration {
        role: root.text("Role").unwrap_or_default(),
        rules: root.all(RULE).into_iter().map(rule).collect(),
        others: root.others().map(Into::into).collect(),
    })
}

fn rule(mut from: Element<'_, '_>) -> ReplicationRule {
    let criteria = from.member("SourceSelectionCriteria", |criteria| {
        (
            criteria.status_of("SseKmsEncryptedObjects"),
            criteria.status_of("ReplicaModifications"),
        )
    });
    let (sse_kms_encrypted_objects, replica_modifications) = criteria.unwrap_or_default();
    ReplicationRule {
        id: from.text("ID").unwrap_or_default(),
        priority: from.value("Priority", |text| text.parse().ok()),
        status: from.status(),
        filter: from.member("Filter", filter),
        prefix: from.text("Prefix"),
        delete_marker_replication: from.status_of("DeleteMarkerReplication"),
        sse_kms_encrypted_objects,
        replica_modifications,
        existing_object_replication: from.status_of("ExistingObjectReplication"),
        destination: from.member("Destination", destination).unwrap_or_default(),
        as_read: from.end(),
    }
}

fn filter(from: &mut Element<'_, '_>) -> Filter {
    let mut filter = Filter {
        prefix: from.text("Prefix").unwrap_or_default(),
        tags: tags(from),
        not: from.member("Not", exclusions).unwrap_or_default(),
    };
    from.member("And", |and| {
        if let Some(prefix) = and.text("Prefix") {
            filter.prefix = prefix;
        }
        filter.tags.extend(tags(and));
        if let Some(not) = and.member("Not", exclusions) {
            filter.not = not;
        }
    });
    filter
}

fn exclusions(from: &mut Element<'_, '_>) -> Exclusions {
    let mut found = some_of(from);
    let or = from.member("Or", some_of).unwrap_or_default();
    found.prefixes.extend(or.prefixes);
    found.tags.extend(or.tags);
    found
}

fn some_of(from: &mut Element<'_, '_>) -> Exclusions {
    Exclusions {
        prefixes: from.texts("Prefix"),
        tags: tags(from),
    }
}

fn tags(from: &mut Element<'_, '_>) -> Vec<Tag> {
    let mut tags = Vec::new();
    let tag = |tag: &mut Element<'_, '_>| Tag {
        key: tag.text("Key").unwrap_or_default(),
        value: tag.text("Value").unwrap_or_default(),
    };
    while let Some(tag) = from.member("Tag", tag) {
        tags.push(tag);
    }
    tags
}

fn destination(from: &mut Element<'_, '_>) -> Destination {
    let timed = |minutes_in: &'static str| {
        move |from: &mut Element<'_, '_>| Timed {
            status: from.status(),
            minutes: from
                .member(minutes_in, |time| {
                    time.value("Minutes", |text| text.parse().ok())
                })
                .flatten(),
        }
    };
    let encryption = from.member("EncryptionConfiguration", |encryption| {
        (
            encryption.text("ReplicaKmsKeyID"),
            encryption.status_of("UseSourceMultiRegionKey"),
        )
    });
    let (replica_kms_key_id, use_source_multi_region_key) = encryption.unwrap_or_default();
    Destination {
        bucket: from.text("Bucket").unwrap_or_default(),
        account: from.text("Account"),
        storage_class: from.text("StorageClass"),
        owner_override: from
            .member("AccessControlTranslation", |to| to.text("Owner"))
            .flatten(),
        replica_kms_key_id,
        use_source_multi_region_key,
        metrics: from.member("Metrics", timed("EventThreshold")),
        replication_time: from.member("ReplicationTime", timed("Time")),
    }
}

/// The XML of `configuration`.
pub(super) fn write(configuration: &ReplicationConfiguration) -> String {
    xml::document(ROOT, |out| {
        xml::text(out, "Role", &configuration.role);
        for one in &configuration.rules {
            let still = |read: Element<'_, '_>| rule(read) == *one;
            xml::as_read(out, (RULE, &one.as_read), still, |out| write_rule(out, one));
        }
        for other in &configuration.others {
            out.push_str(other);
        }
    })
}

fn write_rule(out: &mut String, rule: &ReplicationRule) {
    let encrypted = rule.sse_kms_encrypted_objects;
    let modifications = rule.replica_modifications;
    xml::text(out, "ID", &rule.id);
    let priority = rule.priority.map(|priority| priority.to_string());
    xml::optional(out, "Priority", priority.as_deref());
    xml::optional(out, "Prefix", rule.prefix.as_deref());
    if let Some(filter) = &rule.filter {
        xml::element(out, "Filter", |out| write_filter(out, filter));
    }
    xml::text(out, "Status", xml::word(rule.status));
    if encrypted.is_some() || modifications.is_some() {
        xml::element(out, "SourceSelectionCriteria", |out| {
            xml::status(out, "SseKmsEncryptedObjects", encrypted);
            xml::status(out, "ReplicaModifications", modifications);
        });
    }
    let existing = rule.existing_object_replication;
    xml::status(out, "ExistingObjectReplication", existing);
    xml::element(out, "Destination", |out| {
        write_destination(out, &rule.destination);
    });
    let markers = rule.delete_marker_replication;
    xml::status(out, "DeleteMarkerReplication", markers);
}

/// S3 takes one thing alone, and more than one only inside `And`.
fn write_filter(out: &mut String, filter: &Filter) {
    let Filter { prefix, tags, not } = filter;
    match (prefix.as_str(), tags.as_slice(), not.is_empty()) {
        (prefix, [], true) => xml::text(out, "Prefix", prefix),
        ("", [tag], true) => write_tag(out, tag),
        ("", [], false) => xml::element(out, "Not", |out| write_exclusions(out, not)),
        (prefix, tags, everything) => xml::element(out, "And", |out| {
            xml::optional(out, "Prefix", Some(prefix).filter(|text| !text.is_empty()));
            for tag in tags {
                write_tag(out, tag);
            }
            if !everything {
                xml::element(out, "Not", |out| write_exclusions(out, not));
            }
        }),
    }
}

/// And here more than one only inside `Or`.
fn write_exclusions(out: &mut String, not: &Exclusions) {
    let write = |out: &mut String| {
        for prefix in &not.prefixes {
            xml::text(out, "Prefix", prefix);
        }
        for tag in &not.tags {
            write_tag(out, tag);
        }
    };
    if not.prefixes.len() + not.tags.len() > 1 {
        xml::element(out, "Or", write);
    } else {
        write(out);
    }
}

fn write_tag(out: &mut String, tag: &Tag) {
    xml::element(out, "Tag", |out| {
        xml::text(out, "Key", &tag.key);
        xml::text(out, "Value", &tag.value);
    });
}

fn write_destination(out: &mut String, to: &Destination) {
    xml::text(out, "Bucket", &to.bucket);
    xml::optional(out, "Account", to.account.as_deref());
    xml::optional(out, "StorageClass", to.storage_class.as_deref());
    if let Some(owner) = &to.owner_override {
        xml::element(out, "AccessControlTranslation", |out| {
            xml::text(out, "Owner", owner);
        });
    }
    if to.replica_kms_key_id.is_some() || to.use_source_multi_region_key.is_some() {
        xml::element(out, "EncryptionConfiguration", |out| {
            xml::optional(out, "ReplicaKmsKeyID", to.replica_kms_key_id.as_deref());
            let source_key = to.use_source_multi_region_key;
            xml::status(out, "UseSourceMultiRegionKey", source_key);
        });
    }
    write_timed(out, "ReplicationTime", "Time", to.replication_time.as_ref());
    write_timed(out, "Metrics", "EventThreshold", to.metrics.as_ref());
}

fn write_timed(out: &mut String, name: &str, minutes_in: &str, timed: Option<&Timed>) {
    let Some(timed) = timed else { return };
    xml::element(out, name, |out| {
        xml::text(out, "Status", xml::word(timed.status));
        if let Some(minutes) = timed.minutes {
            xml::element(out, minutes_in, |out| {
                xml::text(out, "Minutes", &minutes.to_string());
            });
        }
    });
}
