//! What a request made. AWS may take minutes until a new role, key, bucket or alias is known everywhere,
//! so that what is refused or missed about it is asked again; about anything else it is told at once. Pure.
//!
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
//! and <https://docs.aws.amazon.com/kms/latest/developerguide/programming-eventual-consistency.html>.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{AwsError, ErrorKind};
use crate::observed::{KeyName, Observed};
use crate::ports::KeyDescription;
use crate::replication::Replication;
use crate::spec::Spec;
use crate::step::{Plan, Step};

/// What one request made, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Made {
    buckets: BTreeSet<String>,
    /// ARN of a key by that of its alias; `None` where it is not known yet.
    keys: BTreeMap<String, Option<String>>,
    roles: BTreeSet<String>,
    /// Buckets whose versioning was enabled.
    versioned: BTreeSet<String>,
}

impl Made {
    /// What an earlier delivery of the same request made, or may have: everything that bears our name and
    /// that the properties of before did not ask for.
    #[must_use]
    pub fn before(replication: &Replication, former: Option<&Spec>, observed: &Observed) -> Self {
        let mut made = Self::default();
        let owner = &replication.owner;
        let was_asked_for = |bucket: &str| {
            former.is_some_and(|former| {
                let mut rules = former.rules.iter();
                former.source_bucket == bucket
                    || rules.any(|rule| rule.destination_bucket == bucket)
            })
        };
        let source = (&replication.spec.source_bucket, observed.source.as_ref());
        let destinations = observed.destinations.iter();
        let destinations = destinations.map(|(name, found)| (name, found.bucket.as_ref()));
        for (name, bucket) in std::iter::once(source).chain(destinations) {
            if was_asked_for(name) {
                continue;
            }
            if bucket.is_some_and(|bucket| bucket.is_of(owner)) {
                made.buckets.insert(name.clone());
            }
            // An alias of ours holds the bucket's name.
            let alias = owner.key_alias(name);
            let found = observed.keys.iter();
            let ours = found.filter(|(asked, _)| asked.name.ends_with(&alias));
            for (asked, key) in ours {
                if let Some(key) = key {
                    made.keys.insert(asked.name.clone(), Some(key.arn.clone()));
                }
            }
        }
        let policies = &observed.role_policies;
        let alone = policies.keys().all(|policy| owner.owns(policy));
        if former.is_none() && observed.role.is_some() && alone {
            made.roles.insert(replication.role_arn());
        }
        made
    }

    /// Notes what the steps of `plan` make. A step that failed may have made it all the same.
    pub fn note(&mut self, plan: &Plan, replication: &Replication) {
        for step in plan.steps() {
            match step {
                Step::CreateBucket { bucket, .. } => {
                    self.buckets.insert(bucket.clone());
                }
                Step::EnableVersioning { bucket, .. } => {
                    self.versioned.insert(bucket.clone());
                }
                Step::CreateKey { alias_arn, .. } => {
                    self.keys.entry(alias_arn.clone()).or_default();
                }
                Step::CreateRole { .. } => {
                    self.roles.insert(replication.role_arn());
                }
                _ => {}
            }
        }
    }

    /// Notes keys by the ARNs of their aliases.
    pub fn note_keys(&mut self, keys: impl IntoIterator<Item = (String, String)>) {
        for (alias, key) in keys {
            self.keys.insert(alias, Some(key));
        }
    }

    /// Puts the keys that were made, and that AWS does not show by their alias yet, into what was observed:
    /// they are not to be made again.
    pub fn fill_in(&self, observed: &mut Observed) {
        let unseen = observed
            .keys
            .iter_mut()
            .filter(|(_, found)| found.is_none());
        for (KeyName { name, .. }, found) in unseen {
            if let Some(Some(key)) = self.keys.get(name) {
                *found = Some(KeyDescription {
                    arn: key.clone(),
                    state: "Enabled".to_owned(),
                    usage: "ENCRYPT_DECRYPT".to_owned(),
                    spec: "SYMMETRIC_DEFAULT".to_owned(),
                    manager: "CUSTOMER".to_owned(),
                });
            }
        }
    }

    /// Whether an upload to this bucket, under this key or one of ours, is about something new.
    #[must_use]
    pub fn is_about(&self, bucket: &str, key: Option<&str>) -> bool {
        let known = |key: &str| self.keys.values().flatten().any(|made| made == key);
        // Without a key the bucket's default decides, which is ours where we made one.
        self.buckets.contains(bucket) || key.map_or(!self.keys.is_empty(), known)
    }

    /// Whether `error`, of `step` where it was part of one, may only mean that what was made is not known
    /// everywhere yet.
    #[must_use]
    pub fn may_explain(&self, step: Option<&Step>, error: &AwsError) -> bool {
        let AwsError {
            kind,
            code,
            message,
            ..
        } = error;
        // "Versioning must be 'Enabled' on the bucket to apply a replication configuration", of either side.
        if *kind == ErrorKind::Invalid && message.contains("ersioning") {
            return !self.versioned.is_empty()
                && matches!(step, Some(Step::MergeReplication { .. }));
        }
        let unknown = match kind {
            ErrorKind::AccessDenied | ErrorKind::NotFound => true,
            // "Invalid principal in policy".
            ErrorKind::Invalid => code.starts_with("MalformedPolicy"),
            _ => false,
        };
        unknown
            && match step {
                // What makes a thing finds nothing of it.
                Some(
                    Step::CreateBucket { .. } | Step::CreateKey { .. } | Step::CreateRole { .. },
                ) => *kind != ErrorKind::AccessDenied,
                // A parameter is for a bucket, and none of it.
                Some(Step::PutParameter { .. } | Step::DeleteParameter { .. }) => false,
                Some(step) => self.is_named_by(step),
                None => self.is_named_in(&error.resource),
            }
    }

    fn is_named_by(&self, step: &Step) -> bool {
        let named = step
            .bucket()
            .is_some_and(|bucket| self.buckets.contains(bucket));
        // The ARNs of keys and roles are long, and occur nowhere by chance.
        let text = serde_json::to_string(step).unwrap_or_default();
        let mut known = self
            .keys
            .iter()
            .flat_map(|(alias, key)| std::iter::once(alias).chain(key));
        let role = match step {
            Step::PutRolePolicy { .. } | Step::PutPermissionsBoundary { .. } => {
                !self.roles.is_empty()
            }
            _ => self.roles.iter().any(|role| text.contains(role.as_str())),
        };
        named || role || known.any(|arn| text.contains(arn.as_str()))
    }

    /// Whether what a call was made on, in words, is one of these.
    fn is_named_in(&self, resource: &str) -> bool {
        let quoted = |name: &String| resource.contains(&format!("`{name}`"));
        let mut keys = self.keys.iter();
        let role = |arn: &String| {
            let name = arn.rsplit('/').next().unwrap_or_default();
            resource == format!("role `{name}`")
        };
        self.buckets.iter().any(quoted)
            || keys.any(|(alias, key)| quoted(alias) || key.as_ref().is_some_and(quoted))
            || self.roles.iter().any(role)
    }
}
