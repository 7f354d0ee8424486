//! Replication as people set it up: rules, and the policy of the role.

use anyhow::Result;
use aws_sdk_s3::types::{
    AccessControlTranslation, DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination,
    EncryptionConfiguration, OwnerOverride, ReplicationRule, ReplicationRuleAndOperator,
    ReplicationRuleFilter, ReplicationRuleStatus, SourceSelectionCriteria, SseKmsEncryptedObjects,
    SseKmsEncryptedObjectsStatus, Tag,
};
use serde_json::{Value, json};

use crate::cloud::{EAST, WEST};

/// A rule for objects under KMS.
pub(crate) struct Rule<'a> {
    pub(crate) id: &'a str,
    pub(crate) priority: i32,
    /// A prefix, and a tag that objects must bear.
    pub(crate) filter: (&'a str, Option<(&'a str, &'a str)>),
    pub(crate) enabled: bool,
    /// The destination bucket, and the account that owns it where it is another.
    pub(crate) to: (&'a str, Option<&'a str>),
    /// The replicas' key; without one the rule does not opt in.
    pub(crate) key: Option<&'a str>,
}

impl Rule<'_> {
    pub(crate) fn build(&self) -> Result<ReplicationRule> {
        let (prefix, tag) = self.filter;
        let filter = match tag {
            None => ReplicationRuleFilter::builder().prefix(prefix),
            Some((key, value)) => ReplicationRuleFilter::builder().and(
                ReplicationRuleAndOperator::builder()
                    .prefix(prefix)
                    .tags(Tag::builder().key(key).value(value).build()?)
                    .build(),
            ),
        };
        let status = SseKmsEncryptedObjectsStatus::Enabled;
        let takes = SourceSelectionCriteria::builder()
            .sse_kms_encrypted_objects(SseKmsEncryptedObjects::builder().status(status).build()?);
        let (bucket, account) = self.to;
        let owner = AccessControlTranslation::builder().owner(OwnerOverride::Destination);
        let under = self.key.map(|key| {
            EncryptionConfiguration::builder()
                .replica_kms_key_id(key)
                .build()
        });
        let to = Destination::builder()
            .bucket(format!("arn:aws:s3:::{bucket}"))
            .set_account(account.map(str::to_owned))
            .set_access_control_translation(account.map(|_| owner.build()).transpose()?)
            .set_encryption_configuration(under);
        let markers = DeleteMarkerReplicationStatus::Disabled;
        let rule = ReplicationRule::builder()
            .id(self.id)
            .priority(self.priority)
            .status(if self.enabled {
                ReplicationRuleStatus::Enabled
            } else {
                ReplicationRuleStatus::Disabled
            })
            .filter(filter.build())
            .delete_marker_replication(DeleteMarkerReplication::builder().status(markers).build())
            .set_source_selection_criteria(self.key.map(|_| takes.build()))
            .destination(to.build()?);
        Ok(rule.build()?)
    }
}

/// What a role may that replicates between two buckets.
pub(crate) fn buckets(source: &str, copies: &str) -> Vec<Value> {
    vec![
        json!({"Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
               "Resource": format!("arn:aws:s3:::{source}")}),
        json!({"Effect": "Allow", "Resource": format!("arn:aws:s3:::{source}/*"),
               "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
                          "s3:GetObjectVersionAnnotationForReplication"]}),
        json!({"Effect": "Allow", "Resource": format!("arn:aws:s3:::{copies}/*"),
               "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags",
                          "s3:ObjectOwnerOverrideToBucketOwner"]}),
    ]
}

/// What it may with their keys: in the context of the buckets as well as of their objects, or of these alone.
pub(crate) fn keys(
    (source, own): (&str, &str),
    (copies, replica): (&str, &[&str]),
    both: bool,
) -> Vec<Value> {
    let of = |region: &str, bucket: &str| {
        let mut contexts = vec![format!("arn:aws:s3:::{bucket}/*")];
        contexts.extend(both.then(|| format!("arn:aws:s3:::{bucket}")));
        json!({"StringLike": {"kms:ViaService": format!("s3.{region}.amazonaws.com"),
                              "kms:EncryptionContext:aws:s3:arn": contexts}})
    };
    vec![
        json!({"Effect": "Allow", "Action": "kms:Decrypt", "Resource": own, "Condition": of(EAST, source)}),
        json!({"Effect": "Allow", "Action": ["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"],
               "Resource": replica, "Condition": of(WEST, copies)}),
    ]
}

pub(crate) fn policy(statements: &[Vec<Value>]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements.concat()})
}
