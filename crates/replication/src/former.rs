//! What S3 may still go by while a change is under way.
//!
//! S3 takes its time over a new configuration, and over the objects that were uploaded under the old one,
//! see <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>. So what the rules
//! needed when a request began stays allowed beside what they need now, until the new ones are proved.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use expectation::Rule;
use serde_json::Value;

use crate::arn::Arn;
use crate::configuration::{Filter, ReplicationRule};
use crate::desired::Desired;
use crate::observed::Observed;
use crate::replication::Replication;

/// What was in force when a request began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Former {
    /// The rules of ours.
    pub(crate) rules: Vec<ReplicationRule>,
    /// Keys of source objects that the role of ours could use.
    pub(crate) source_keys: BTreeSet<String>,
    /// Keys that S3 could not use.
    unusable: BTreeSet<String>,
    /// Whether all of it is replaced by what was proved.
    replaced: bool,
}

impl Former {
    /// What `observed` shows, as far as it works: nothing that our policy does not allow is ever allowed
    /// for the sake of a rule that somebody wrote into the bucket.
    #[must_use]
    pub fn of(replication: &Replication, observed: &Observed) -> Self {
        let owner = &replication.owner;
        let policy = observed.role_policies.get(&owner.policy_name());
        let allowed = policy.map(|policy| Allowed::by(policy));
        let mut rules: Vec<_> = owner
            .rules_of(observed.replication.as_ref())
            .cloned()
            .collect();
        let mut source_keys = BTreeSet::new();
        if replication.spec.role.is_none() {
            let allowed = allowed.unwrap_or_default();
            rules.retain(|rule| allowed.allows(replication, rule));
            source_keys = allowed.under(&owner.sid("SourceKeys"));
        }
        let keys = observed.keys.iter();
        let unusable = keys.filter_map(|(name, found)| match found {
            Some(key) => (key.state != "Enabled").then(|| key.arn.clone()),
            None => Some(name.name.clone()),
        });
        Self {
            rules,
            source_keys,
            unusable: unusable.collect(),
            replaced: false,
        }
    }

    /// Whether S3 goes by nothing of it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.replaced || self.rules.is_empty()
    }

    /// It is replaced by what was proved.
    pub(crate) const fn let_go(&mut self) {
        self.replaced = true;
    }

    /// Whether S3 could not use this key already when the request began.
    pub(crate) fn could_not_use(&self, key: &str) -> bool {
        self.unusable.contains(key)
    }

    /// Whether objects under this key could be replicated.
    pub(crate) fn takes(&self, source_key: &str) -> bool {
        self.source_keys.contains(source_key)
    }

    /// Names of the destinations.
    pub(crate) fn destinations(&self) -> BTreeSet<String> {
        let rules = self.rules.iter();
        rules
            .map(|rule| rule.destination.bucket_name().to_owned())
            .collect()
    }
}

impl Desired {
    /// What should be, with what was beside it.
    pub(crate) fn beside(&self, former: &Former) -> Self {
        let mut both = self.clone();
        if former.replaced {
            return both;
        }
        for rule in &former.rules {
            let key = rule.destination.replica_kms_key_id.as_deref();
            // A key is in the Region of its bucket.
            let Some(region) = key.and_then(Arn::parse).map(|arn| arn.region) else {
                continue;
            };
            let bucket = rule.destination.bucket_name().to_owned();
            both.regions.entry(bucket).or_insert(region);
            both.rules.push(rule.clone());
        }
        both.source_keys.extend(former.source_keys.iter().cloned());
        both
    }

    /// Rules that expectations still speak of as not yet replaced by something proved, in the shape of the
    /// rules that stand in their place.
    pub(crate) fn unproved(
        &self,
        expectations: &BTreeMap<String, Vec<Rule>>,
        now: expectation::Time,
    ) -> Former {
        let mut former = Former::default();
        for (bucket, lines) in expectations {
            let there = self
                .rules
                .iter()
                .find(|rule| rule.destination.bucket_name() == bucket);
            let Some(there) = there else { continue };
            let waiting = lines
                .iter()
                .filter(|line| !line.disabled && line.until.is_some_and(|until| until > now));
            former.rules.extend(waiting.map(|line| {
                let mut rule = there.clone();
                rule.filter = Some(Filter {
                    prefix: line.prefix.clone(),
                    ..Filter::default()
                });
                rule.destination.replica_kms_key_id = Some(line.kms_key_arn.clone());
                rule
            }));
        }
        former
    }
}

/// What a policy of ours allows, by statement.
#[derive(Debug, Default)]
struct Allowed {
    resources: BTreeMap<String, BTreeSet<String>>,
}

impl Allowed {
    fn by(policy: &str) -> Self {
        let policy: Value = serde_json::from_str(policy).unwrap_or_default();
        let statements = policy.get("Statement").and_then(Value::as_array);
        let resources = statements.into_iter().flatten().filter_map(|statement| {
            let sid = statement.get("Sid")?.as_str()?.to_owned();
            let resources = match statement.get("Resource")? {
                Value::String(one) => BTreeSet::from([one.clone()]),
                Value::Array(several) => several
                    .iter()
                    .filter_map(|one| one.as_str().map(str::to_owned))
                    .collect(),
                _ => return None,
            };
            Some((sid, resources))
        });
        Self {
            resources: resources.collect(),
        }
    }

    fn under(&self, sid: &str) -> BTreeSet<String> {
        self.resources.get(sid).cloned().unwrap_or_default()
    }

    /// Whether replicas may be written there, under that key.
    fn allows(&self, replication: &Replication, rule: &ReplicationRule) -> bool {
        let owner = &replication.owner;
        let bucket = format!(
            "{}/",
            replication.home.bucket_arn(rule.destination.bucket_name())
        );
        let object = format!("{bucket}{}", crate::policy::literal(rule.filter_prefix()));
        let written = self.under(&owner.sid("ReplicaObjects"));
        let covers = |resource: &String| {
            let start = resource.strip_suffix('*').unwrap_or(resource);
            start.starts_with(&bucket) && object.starts_with(start)
        };
        let numbered = owner.sid("ReplicaKey");
        let mut keys = self
            .resources
            .iter()
            .filter(|(sid, _)| sid.starts_with(&numbered))
            .flat_map(|(_, keys)| keys);
        let key = rule.destination.replica_kms_key_id.as_ref();
        written.iter().any(covers) && keys.any(|allowed| Some(allowed) == key)
    }
}
