//! The properties as they are given, in canonical spelling, and the spec that they make.

use serde::Deserialize;

use crate::configuration::{
    AsRead, Destination, Exclusions, Filter, ReplicationRule, Status, Tag, Timed,
};
use crate::owner::Owner;
use crate::spec::{
    ExistingObjects, OnDeleteBuckets, OnDeleteKeys, Rule, Spec, Verification, WhenMissing,
};
use aws_names::{Arn, Home};

/// S3's only threshold for metrics and replication time control.
const FIFTEEN_MINUTES: i32 = 15;

/// The properties in canonical spelling. Everything may be missing, so that one fault does not hide
/// the others.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Given {
    pub source_bucket: Option<String>,
    pub source_region: Option<String>,
    pub source_kms_key_arns: Vec<String>,
    pub rules: Vec<GivenRule>,
    pub role: Option<String>,
    pub permissions_boundary: Option<String>,
    when_missing: Option<String>,
    verification: Option<String>,
    revision: Option<String>,
    pub existing_objects: Option<String>,
    on_delete: GivenOnDelete,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
struct GivenOnDelete {
    buckets: Option<String>,
    keys: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenRule {
    pub id: Option<String>,
    status: Option<Status>,
    pub priority: Option<i32>,
    pub filter: GivenFilter,
    pub delete_marker_replication: Option<GivenStatus>,
    pub source_selection_criteria: GivenCriteria,
    pub destination: GivenDestination,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenFilter {
    pub prefix: Option<String>,
    pub tag_filter: Option<Tag>,
    pub and: Option<GivenAnd>,
    pub not: Option<GivenNot>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenAnd {
    prefix: Option<String>,
    tag_filters: Vec<Tag>,
    not: Option<GivenNot>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenNot {
    pub prefix: Option<String>,
    pub tag_filter: Option<Tag>,
    pub or: Option<GivenOr>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenOr {
    prefixes: Vec<String>,
    tag_filters: Vec<Tag>,
}

impl GivenNot {
    pub(super) fn exclusions(&self) -> Exclusions {
        let or = self.or.as_ref();
        let prefixes = or.into_iter().flat_map(|or| &or.prefixes);
        let tags = or.into_iter().flat_map(|or| &or.tag_filters);
        Exclusions {
            prefixes: self.prefix.iter().chain(prefixes).cloned().collect(),
            tags: self.tag_filter.iter().chain(tags).cloned().collect(),
        }
    }
}

impl GivenFilter {
    /// What is left out, wherever it stands.
    pub(super) fn not(&self) -> Option<&GivenNot> {
        let within = self.and.as_ref().and_then(|and| and.not.as_ref());
        self.not.as_ref().or(within)
    }

    pub(super) fn filter(&self) -> Filter {
        let and = self.and.as_ref();
        let prefix = self
            .prefix
            .as_ref()
            .or_else(|| and.and_then(|and| and.prefix.as_ref()));
        let tags = self
            .tag_filter
            .iter()
            .chain(and.into_iter().flat_map(|and| &and.tag_filters));
        Filter {
            prefix: prefix.cloned().unwrap_or_default(),
            tags: tags.cloned().collect(),
            not: self.not().map(GivenNot::exclusions).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenCriteria {
    pub sse_kms_encrypted_objects: Option<GivenStatus>,
    replica_modifications: Option<GivenStatus>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenDestination {
    pub bucket: Option<String>,
    pub account: Option<String>,
    pub region: Option<String>,
    pub assume_role_arn: Option<String>,
    storage_class: Option<String>,
    pub access_control_translation: Option<GivenOwner>,
    pub encryption_configuration: GivenEncryption,
    pub metrics: Option<GivenMetrics>,
    pub replication_time: Option<GivenTime>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenEncryption {
    #[serde(rename = "ReplicaKmsKeyID")]
    pub replica_kms_key_id: Option<String>,
    use_source_multi_region_key: Option<GivenStatus>,
}

impl GivenEncryption {
    pub(super) fn uses_source_key(&self) -> bool {
        let given = self.use_source_multi_region_key.as_ref();
        given.is_some_and(|given| given.status == Some(Status::Enabled))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenOwner {
    owner: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenStatus {
    pub status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenMetrics {
    pub status: Option<Status>,
    pub event_threshold: Option<GivenMinutes>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GivenTime {
    pub status: Option<Status>,
}

/// 15 is S3's only value, which the table checks.
#[derive(Debug, Default, Deserialize)]
pub(super) struct GivenMinutes {}

impl GivenDestination {
    pub(super) fn bucket_name(&self) -> Option<String> {
        let arn = Arn::parse(self.bucket.as_deref()?)?;
        arn.bucket_name().map(str::to_owned)
    }

    pub(super) fn timed(&self) -> bool {
        self.replication_time
            .as_ref()
            .is_some_and(|time| time.status == Some(Status::Enabled))
    }

    /// `Region`, or the Region in the key's ARN.
    pub(super) fn known_region(&self) -> Option<String> {
        self.region.clone().or_else(|| {
            let key = Arn::parse(
                self.encryption_configuration
                    .replica_kms_key_id
                    .as_deref()?,
            )?;
            Some(key.region).filter(|region| !region.is_empty())
        })
    }

    /// `Account`, or the account of the role to assume.
    pub(super) fn known_account(&self) -> Option<String> {
        self.account.clone().or_else(|| {
            let role = Arn::parse(self.assume_role_arn.as_deref()?)?;
            Some(role.account).filter(|account| !account.is_empty())
        })
    }

    fn into_destination(self) -> Destination {
        let (timed, account) = (self.timed(), self.known_account());
        let metrics = self
            .metrics
            .and_then(|metrics| metrics.status)
            .unwrap_or(Status::Enabled);
        let source_key = self.encryption_configuration.uses_source_key();
        Destination {
            bucket: self.bucket.unwrap_or_default(),
            account,
            storage_class: self.storage_class,
            owner_override: self
                .access_control_translation
                .and_then(|given| given.owner),
            replica_kms_key_id: self.encryption_configuration.replica_kms_key_id,
            use_source_multi_region_key: source_key.then_some(Status::Enabled),
            metrics: (metrics == Status::Enabled).then_some(Timed {
                status: metrics,
                minutes: timed.then_some(FIFTEEN_MINUTES),
            }),
            replication_time: timed.then_some(Timed {
                status: Status::Enabled,
                minutes: Some(FIFTEEN_MINUTES),
            }),
        }
    }
}

impl GivenRule {
    fn into_rule(self, owner: &Owner, position: usize) -> Rule {
        let criteria = self.source_selection_criteria;
        Rule {
            destination_bucket: self.destination.bucket_name().unwrap_or_default(),
            destination_region: self.destination.known_region(),
            assume_role_arn: self.destination.assume_role_arn.clone(),
            rule: ReplicationRule {
                id: owner.rule_id(self.id.as_deref(), position),
                priority: self.priority,
                status: self.status.unwrap_or(Status::Enabled),
                filter: Some(self.filter.filter()),
                prefix: None,
                delete_marker_replication: Some(
                    self.delete_marker_replication
                        .and_then(|given| given.status)
                        .unwrap_or(Status::Disabled),
                ),
                sse_kms_encrypted_objects: Some(Status::Enabled),
                replica_modifications: criteria
                    .replica_modifications
                    .and_then(|given| given.status),
                existing_object_replication: None,
                as_read: AsRead::default(),
                destination: self.destination.into_destination(),
            },
        }
    }
}

impl Given {
    pub(super) fn region(&self, home: &Home) -> String {
        self.source_region
            .clone()
            .unwrap_or_else(|| home.region.clone())
    }

    pub(super) fn into_spec(self, home: &Home, owner: &Owner) -> Spec {
        let is = |given: &Option<String>, word: &str| given.as_deref() == Some(word);
        let source_region = self.region(home);
        let rules = self.rules.into_iter().enumerate();
        Spec {
            source_bucket: self.source_bucket.unwrap_or_default(),
            source_region,
            source_kms_keys: self.source_kms_key_arns,
            rules: rules
                .map(|(position, rule)| rule.into_rule(owner, position))
                .collect(),
            role: self.role,
            permissions_boundary: self.permissions_boundary,
            when_missing: if is(&self.when_missing, "Fail") {
                WhenMissing::Fail
            } else {
                WhenMissing::Create
            },
            verification: match self.verification.as_deref() {
                Some("Required") => Verification::Required,
                Some("None") => Verification::None,
                _ => Verification::BestEffort,
            },
            revision: self.revision,
            existing_objects: if is(&self.existing_objects, "Replicate") {
                ExistingObjects::Replicate
            } else {
                ExistingObjects::Ignore
            },
            on_delete_buckets: if is(&self.on_delete.buckets, "DeleteWhenEmpty") {
                OnDeleteBuckets::DeleteWhenEmpty
            } else {
                OnDeleteBuckets::Retain
            },
            on_delete_keys: if is(&self.on_delete.keys, "ScheduleDeletion") {
                OnDeleteKeys::ScheduleDeletion
            } else {
                OnDeleteKeys::Retain
            },
        }
    }
}
