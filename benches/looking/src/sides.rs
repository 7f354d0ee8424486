//! The rule of what is compared.

use encrypted_replication::compare::rules::Rules;
use replication::configuration::{
    AsRead, Destination, Filter, ReplicationConfiguration, ReplicationRule, Status,
};

/// One rule for everything.
pub(crate) fn rules() -> Rules {
    let rule = ReplicationRule {
        id: "all".to_owned(),
        priority: Some(1),
        status: Status::Enabled,
        filter: Some(Filter::default()),
        prefix: None,
        delete_marker_replication: None,
        sse_kms_encrypted_objects: Some(Status::Enabled),
        replica_modifications: None,
        existing_object_replication: None,
        destination: Destination {
            bucket: "arn:aws:s3:::replicas".to_owned(),
            ..Destination::default()
        },
        as_read: AsRead::default(),
    };
    Rules::of(&ReplicationConfiguration {
        rules: vec![rule],
        ..ReplicationConfiguration::default()
    })
}
