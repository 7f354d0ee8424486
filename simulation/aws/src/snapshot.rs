//! The whole account at one moment, to compare.

use std::collections::{BTreeMap, BTreeSet};

use replication::configuration::{
    DefaultEncryption, NotificationConfiguration, ReplicationConfiguration, Tag, Versioning,
};
/// Where the provisioner notes what its resources were asked for, see `docs/SEMANTICS.md`.
const RECORDS: &str = "/encrypted-replication/_resources";

use super::state::State;
use super::things::Key;

/// Everything that a person could see.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    pub buckets: BTreeMap<String, SnapshotBucket>,
    pub keys: BTreeMap<String, Key>,
    pub aliases: BTreeMap<(String, String), String>,
    /// ARN, trust policy, boundary, tags and inline policies.
    #[expect(clippy::type_complexity, reason = "compared as a whole only")]
    pub roles: BTreeMap<
        String,
        (
            String,
            String,
            Option<String>,
            Vec<Tag>,
            BTreeMap<String, String>,
        ),
    >,
    /// Without the records.
    pub parameters: BTreeMap<(String, String), String>,
    /// Parameters that note what resources were asked for, without what was proved.
    pub records: BTreeMap<(String, String), String>,
    pub foreign_parameters: BTreeMap<String, BTreeMap<(String, String), String>>,
}

/// One bucket.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotBucket {
    pub region: String,
    pub versioning: Versioning,
    pub encryption: Option<DefaultEncryption>,
    pub tags: Vec<Tag>,
    pub notifications: NotificationConfiguration,
    pub replication: Option<ReplicationConfiguration>,
    /// Key and version id.
    pub objects: BTreeSet<(String, String)>,
    pub policy: Option<String>,
}

/// What a probe showed, when and for which request, is nothing that is there; nor is when a job was started.
fn without_proof(record: String) -> String {
    match serde_json::from_str::<serde_json::Value>(&record) {
        Ok(serde_json::Value::Object(mut whole))
            if whole.contains_key("proof") || whole.contains_key("started") =>
        {
            whole.remove("proof");
            whole.remove("started");
            serde_json::Value::Object(whole).to_string()
        }
        // Without one, or a part of one.
        _ => record,
    }
}

impl Snapshot {
    pub fn of(state: &State) -> Self {
        let buckets = state.buckets.iter().map(|(name, bucket)| {
            let objects = bucket.versions.iter();
            let shown = SnapshotBucket {
                region: bucket.region.clone(),
                versioning: bucket.versioning,
                encryption: bucket.encryption.clone(),
                tags: bucket.tags.clone(),
                notifications: bucket.notifications.clone(),
                replication: bucket.replication.written().clone(),
                objects: objects
                    .map(|one| (one.key.clone(), one.id.clone()))
                    .collect(),
                policy: bucket.policy.clone(),
            };
            (name.clone(), shown)
        });
        let roles = state.roles.iter().map(|(name, role)| {
            let shown = (
                role.arn.clone(),
                role.trust_policy.clone(),
                role.permissions_boundary.clone(),
                role.tags.clone(),
                role.policies.written().clone(),
            );
            (name.clone(), shown)
        });
        let all = state.parameters.clone().into_iter();
        let (records, parameters): (BTreeMap<_, _>, _) =
            all.partition(|((_, name), _)| name.starts_with(&format!("{RECORDS}/")));
        Self {
            buckets: buckets.collect(),
            keys: state.keys.clone(),
            aliases: state.aliases.clone(),
            roles: roles.collect(),
            parameters,
            records: records
                .into_iter()
                .map(|(name, record)| (name, without_proof(record)))
                .collect(),
            foreign_parameters: state
                .foreign_parameters
                .iter()
                .filter(|(_, parameters)| !parameters.is_empty())
                .map(|(account, parameters)| (account.clone(), parameters.clone()))
                .collect(),
        }
    }
}
