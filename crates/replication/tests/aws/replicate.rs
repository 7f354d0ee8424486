//! Replication itself, some time after an object was written.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>
//! for what S3 needs, and <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>
//! for the statuses: with several destinations an object is `COMPLETED` when all have it.

use std::collections::BTreeMap;

use replication::arn::Arn;
use replication::configuration::{ObjectLock, ReplicationRule, Status, Tag, Versioning};
use tokio::time::Instant;

use super::ACCOUNT;
use super::evaluate::{Access, allowed, lets_in};
use super::state::{State, Version};

/// Whether `rule` takes an object: without the opt-in S3 leaves out silently what is encrypted with KMS.
pub(crate) fn applies(rule: &ReplicationRule, key: &str, tags: &[Tag], by_kms: bool) -> bool {
    rule.status == Status::Enabled
        && (!by_kms || rule.sse_kms_encrypted_objects == Some(Status::Enabled))
        && rule.covers(key, tags)
}

const NO_STATEMENTS: &str = r#"{"Statement":[]}"#;

/// Retention and legal hold go with the object.
fn may_lock(
    may: &impl Fn(&Access<'_>) -> Option<()>,
    target_lock: ObjectLock,
    source_object: &str,
    target_object: &str,
) -> Option<()> {
    for action in ["s3:GetObjectRetention", "s3:GetObjectLegalHold"] {
        may(&Access::s3(action, source_object))?;
    }
    for action in ["s3:PutObjectRetention", "s3:PutObjectLegalHold"] {
        may(&Access::s3(action, target_object))?;
    }
    (target_lock != ObjectLock::Off).then_some(())
}

impl State {
    /// Replicates all that is due at `now`.
    pub(crate) fn settle(&mut self, now: Instant) {
        self.now = now;
        let Some(after) = self.replicates_after else {
            return;
        };
        let mut due = Vec::new();
        for (name, bucket) in &self.buckets {
            for version in &bucket.versions {
                let ready = version.written + after <= now;
                if version.replication_status == Some("PENDING") && ready {
                    due.push((name.clone(), version.clone(), version.written + after));
                }
            }
        }
        for (source, version, at) in due {
            let status = self.replicate(&source, &version, at);
            let bucket = self.buckets.get_mut(&source);
            let found = bucket.and_then(|bucket| {
                bucket
                    .versions
                    .iter_mut()
                    .find(|found| found.key == version.key && found.id == version.id)
            });
            if let Some(found) = found {
                found.replication_status = Some(status);
            }
        }
    }

    fn replicate(&mut self, source: &str, version: &Version, at: Instant) -> &'static str {
        let Some(bucket) = self.buckets.get(source) else {
            return "FAILED";
        };
        let Some(Some(configuration)) = bucket
            .replication
            .in_force(at, self.lag.max(self.weather.rules))
        else {
            return "FAILED";
        };
        let configuration = configuration.clone();
        let mut winners: BTreeMap<&str, &ReplicationRule> = BTreeMap::new();
        for rule in &configuration.rules {
            if applies(rule, &version.key, &version.tags, version.kms_key.is_some()) {
                let winner = winners.entry(&rule.destination.bucket).or_insert(rule);
                if rule.priority > winner.priority {
                    *winner = rule;
                }
            }
        }
        let mut status = "COMPLETED";
        for rule in winners.into_values() {
            if self
                .replicate_by(source, version, &configuration.role, rule, at)
                .is_none()
            {
                status = "FAILED";
            }
        }
        status
    }

    /// The policy of a bucket or key in another account than the role's; `None` for ours.
    fn foreign_policy(&self, resource: &str) -> Option<&str> {
        if let Some(key) = self.keys.get(resource) {
            let foreign = !resource.contains(&format!(":{ACCOUNT}:"));
            return foreign.then_some(key.policy.as_str());
        }
        let name = resource.strip_prefix("arn:aws:s3:::")?.split('/').next()?;
        let bucket = self.buckets.get(name)?;
        (bucket.account != ACCOUNT).then(|| bucket.policy.as_deref().unwrap_or(NO_STATEMENTS))
    }

    /// `None` where the role's policies do not allow, or another account does not let the role in.
    fn permits(&self, policies: &[String], role: &str, access: &Access<'_>) -> Option<()> {
        let let_in = self
            .foreign_policy(access.resource())
            .is_none_or(|policy| lets_in(policy, role, access));
        (allowed(policies, access) && let_in).then_some(())
    }

    /// `None` where anything refuses.
    fn replicate_by(
        &mut self,
        source: &str,
        version: &Version,
        role: &str,
        by: &ReplicationRule,
        at: Instant,
    ) -> Option<()> {
        let arn = Arn::parse(role)?;
        let role = self
            .roles
            .get(arn.role_name()?)
            .filter(|found| found.arn == role)?;
        let policies: Vec<_> = role
            .policies
            .in_force(at, self.lag.max(self.weather.permissions))?
            .values()
            .cloned()
            .collect();
        let role_arn = role.arn.clone();
        let may = |access: &Access<'_>| self.permits(&policies, &role_arn, access);
        let destination = Arn::parse(&by.destination.bucket)?
            .bucket_name()?
            .to_owned();
        let source_arn = format!("arn:aws:s3:::{source}");
        let source_object = format!("{source_arn}/{}", version.key);
        let target = self.buckets.get(&destination)?;
        let refused = self.refused_destinations.contains(&destination);
        if refused || target.versioning != Versioning::Enabled {
            return None;
        }
        let target_lock = target.object_lock;
        let source_region = self.buckets.get(source)?.region.clone();
        let target_region = target.region.clone();
        let enabled = |arn: &str, region: &str| {
            let found = self.keys.get(arn)?;
            (found.state == "Enabled" && found.region == region).then_some(())
        };
        // Of both sides; none for what was uploaded under SSE-S3, whose replica is under SSE-S3 again.
        let keys = match &version.kms_key {
            None => None,
            Some(source_key) => {
                let replica_key = by.destination.replica_kms_key_id.clone()?;
                enabled(source_key, &source_region)?;
                // An alias in the rule is resolved in the destination's Region.
                enabled(&replica_key, &target_region)?;
                Some((source_key, replica_key))
            }
        };
        may(&Access::s3("s3:GetReplicationConfiguration", &source_arn))?;
        may(&Access::s3(
            "s3:GetObjectVersionForReplication",
            &source_object,
        ))?;
        may(&Access::s3("s3:GetObjectVersionAcl", &source_object))?;
        let target_arn = format!("arn:aws:s3:::{destination}");
        let target_object = format!("{target_arn}/{}", version.key);
        let mut write = Access::s3("s3:ReplicateObject", &target_object);
        if let Some((_, replica_key)) = &keys {
            write.encrypted_with(replica_key);
        }
        may(&write)?;
        if by.destination.owner_override.is_some() {
            may(&Access::s3(
                "s3:ObjectOwnerOverrideToBucketOwner",
                &target_object,
            ))?;
        }
        if self.buckets.get(source)?.object_lock != ObjectLock::Off {
            may_lock(&may, target_lock, &source_object, &target_object)?;
        }
        // An object with a Bucket Key is encrypted in the context of its bucket, and so is its replica,
        // which keeps the setting. See
        // https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html.
        let (from, to) = if version.bucket_key {
            (&source_arn, &target_arn)
        } else {
            (&source_object, &target_object)
        };
        if let Some((source_key, replica_key)) = &keys {
            may(&Access::kms(
                "kms:Decrypt",
                source_key,
                &source_region,
                from,
            ))?;
            let mut uses = vec!["kms:Encrypt"];
            if version.bucket_key {
                uses.extend(["kms:Decrypt", "kms:GenerateDataKey"]);
            }
            for action in uses {
                may(&Access::kms(action, replica_key, &target_region, to))?;
            }
        }
        // Without the permission the object arrives, its tags do not.
        let tagged = may(&Access::s3("s3:GetObjectVersionTagging", &source_object)).is_some();
        let replica = Version {
            kms_key: keys.map(|(_, replica_key)| replica_key),
            replication_status: Some("REPLICA"),
            tags: if tagged {
                version.tags.clone()
            } else {
                Vec::new()
            },
            written: at,
            ..version.clone()
        };
        self.arrivals
            .push((destination.clone(), version.key.clone()));
        self.buckets.get_mut(&destination)?.versions.push(replica);
        Some(())
    }
}
