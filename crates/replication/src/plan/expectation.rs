//! What the checker is told to expect in a destination bucket.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::configuration::ReplicationRule;

/// The largest value that an SSM parameter holds (advanced tier), in bytes.
/// See <https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html>.
pub(super) const LARGEST_PARAMETER: usize = 8 * 1024;

/// The expectation for one destination: which prefix is to arrive under which key. Rules that say
/// the same are written once.
pub(super) fn expectation(source_arn: &str, rules: &[&ReplicationRule]) -> Value {
    let mut said = BTreeSet::new();
    let rules = rules.iter().filter_map(|rule| {
        let prefix = rule
            .filter
            .as_ref()
            .map_or("", |filter| filter.prefix.as_str());
        let key = rule.destination.replica_kms_key_id.as_deref()?;
        said.insert((prefix, key))
            .then(|| json!({"id": rule.id, "prefix": prefix, "kmsKeyArn": key}))
    });
    json!({
        "schema": "encrypted-replication/expectation/1",
        "source": source_arn,
        "rules": rules.collect::<Vec<_>>(),
    })
}
