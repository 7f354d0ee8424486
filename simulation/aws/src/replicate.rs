//! Replication itself, some time after an object was written.
//!
//! See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>
//! for what S3 needs, and <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-status.html>
//! for the statuses: with several destinations an object is `COMPLETED` when all have it.

use std::collections::BTreeMap;

use replication::configuration::{ObjectLock, ReplicationRule, Status, Tag, Versioning};
use tokio::time::Instant;

use super::ACCOUNT;
use super::evaluate::{self, Access, allowed, denies, lets_in};
use super::names::{bucket_of, role_of};
use super::news::{Carried, News, Stop, Thing};
use super::state::State;
use super::things::Version;

/// An object on its way.
#[derive(Clone, Copy)]
struct Way<'a> {
    /// Its bucket.
    source: &'a str,
    version: &'a Version,
    at: Instant,
}

/// Whether `rule` takes an object: without the opt-in S3 leaves out silently what is encrypted with KMS.
pub fn applies(rule: &ReplicationRule, key: &str, tags: &[Tag], by_kms: bool) -> bool {
    rule.status == Status::Enabled
        && (!by_kms || rule.sse_kms_encrypted_objects == Some(Status::Enabled))
        && covers(rule, key, tags)
}

/// Whether an object falls under a rule's filter. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ReplicationRuleFilter.html>.
pub fn covers(rule: &ReplicationRule, key: &str, tags: &[Tag]) -> bool {
    let has = |wanted: &Tag| {
        tags.iter()
            .any(|tag| (&tag.key, &tag.value) == (&wanted.key, &wanted.value))
    };
    let Some(filter) = &rule.filter else {
        // The older schema.
        return key.starts_with(rule.prefix.as_deref().unwrap_or(""));
    };
    let left_out = filter
        .not
        .prefixes
        .iter()
        .any(|prefix| key.starts_with(prefix.as_str()))
        || filter.not.tags.iter().any(has);
    key.starts_with(filter.prefix.as_str()) && filter.tags.iter().all(has) && !left_out
}

const NO_STATEMENTS: &str = r#"{"Statement":[]}"#;

/// What S3 does in a role's name.
struct Errand<'a> {
    role: &'a str,
    policies: Vec<String>,
}

impl State {
    /// Replicates all that is due at `now`.
    pub fn settle(&mut self, now: Instant) {
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
        let way = Way {
            source,
            version,
            at,
        };
        let mut status = "COMPLETED";
        for rule in winners.into_values() {
            if let Err(stop) = self.replicate_by(way, &configuration.role, rule) {
                status = "FAILED";
                self.hears_of_failure(way, rule, stop);
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

    /// Whether the policy of a bucket or key of the account itself stands in the way, where such policies
    /// are weighed.
    fn own_policy_refuses(&self, role: &str, access: &Access<'_>) -> bool {
        if !self.weighs_own_policies {
            return false;
        }
        let resource = access.resource();
        if let Some(key) = self.keys.get(resource) {
            return resource.contains(&format!(":{ACCOUNT}:"))
                && !lets_in(&key.policy, role, access);
        }
        let name = resource.strip_prefix("arn:aws:s3:::");
        let name = name.and_then(|name| name.split('/').next());
        let bucket = name.and_then(|name| self.buckets.get(name));
        let policy = bucket.and_then(|bucket| bucket.policy.as_deref());
        policy.is_some_and(|policy| denies(policy, role, access))
    }

    /// Refuses where the role's policies do not allow, or the resource's policy does not let the role in.
    fn permits(&self, errand: &Errand<'_>, access: &Access<'_>) -> Result<(), Stop> {
        let resource = access.resource();
        if !allowed(&errand.policies, access) {
            let name = role_of(errand.role).unwrap_or_default();
            return Err(Stop::at(
                Thing::RolePolicies(name.to_owned()),
                access.action(),
            ));
        }
        let let_in = self
            .foreign_policy(resource)
            .is_none_or(|policy| lets_in(policy, errand.role, access));
        if let_in && !self.own_policy_refuses(errand.role, access) {
            return Ok(());
        }
        let what = match resource.strip_prefix("arn:aws:s3:::") {
            None => Thing::KeyPolicy(resource.to_owned()),
            Some(path) => Thing::BucketPolicy(path.split('/').next().unwrap_or(path).to_owned()),
        };
        Err(Stop::at(what, access.action()))
    }

    /// Retention and legal hold go with the object.
    fn may_lock(
        &self,
        errand: &Errand<'_>,
        target_lock: ObjectLock,
        source_object: &str,
        target_object: &str,
    ) -> Result<(), Stop> {
        for action in ["s3:GetObjectRetention", "s3:GetObjectLegalHold"] {
            self.permits(errand, &Access::s3(action, source_object))?;
        }
        for action in ["s3:PutObjectRetention", "s3:PutObjectLegalHold"] {
            self.permits(errand, &Access::s3(action, target_object))?;
        }
        if target_lock == ObjectLock::Off {
            let name = target_object.strip_prefix("arn:aws:s3:::");
            let name = name.and_then(|name| name.split('/').next());
            let bucket = Thing::Bucket(name.unwrap_or_default().to_owned());
            return Err(Stop::at(bucket, "has no Object Lock"));
        }
        Ok(())
    }

    /// The policies with which S3 acts, where it may assume the role.
    fn errand<'a>(&self, role: &'a str, at: Instant) -> Result<Errand<'a>, Stop> {
        let name = role_of(role).unwrap_or_default();
        let gone = || Stop::at(Thing::Role(name.to_owned()), "is not there");
        let found = self.roles.get(name).filter(|found| found.arn == role);
        let found = found.ok_or_else(gone)?;
        if self.weighs_own_policies && !evaluate::trusts_s3(&found.trust_policy) {
            return Err(Stop::at(Thing::Trust(name.to_owned()), "does not trust S3"));
        }
        let lag = self.lag.max(self.weather.permissions);
        let policies = found.policies.in_force(at, lag).ok_or_else(gone)?;
        Ok(Errand {
            role,
            policies: policies.values().cloned().collect(),
        })
    }

    fn enabled(&self, arn: &str, region: &str) -> Result<(), Stop> {
        let found = self.keys.get(arn);
        match found.filter(|key| key.state == "Enabled" && key.region == region) {
            Some(_) => Ok(()),
            None => Err(Stop::at(Thing::Key(arn.to_owned()), "cannot be used")),
        }
    }

    /// Refuses where anything does.
    fn replicate_by(
        &mut self,
        Way {
            source,
            version,
            at,
        }: Way<'_>,
        role: &str,
        by: &ReplicationRule,
    ) -> Result<(), Stop> {
        let errand = self.errand(role, at)?;
        let destination = bucket_of(&by.destination.bucket).unwrap_or_default();
        let destination = destination.to_owned();
        let no_bucket = |why| Stop::at(Thing::Bucket(destination.clone()), why);
        let source_arn = format!("arn:aws:s3:::{source}");
        let source_object = format!("{source_arn}/{}", version.key);
        let target = self.buckets.get(&destination);
        let target = target.ok_or_else(|| no_bucket("is not there"))?;
        if self.refused_destinations.contains(&destination) {
            return Err(no_bucket("is closed by the organisation"));
        }
        if target.versioning != Versioning::Enabled {
            return Err(Stop::at(Thing::Versioning(destination), "is not enabled"));
        }
        let target_lock = target.object_lock;
        let target_region = target.region.clone();
        let from = self.buckets.get(source);
        let from = from.ok_or_else(|| Stop::at(Thing::Bucket(source.to_owned()), "is gone"))?;
        let (source_region, source_lock) = (from.region.clone(), from.object_lock);
        // Of both sides; none for what was uploaded under SSE-S3, whose replica is under SSE-S3 again.
        let keys = match &version.kms_key {
            None => None,
            Some(source_key) => {
                let no_key = || Stop::at(Thing::Rules(source.to_owned()), "names no replica key");
                let replica_key = by
                    .destination
                    .replica_kms_key_id
                    .clone()
                    .ok_or_else(no_key)?;
                self.enabled(source_key, &source_region)?;
                // An alias in the rule is resolved in the destination's Region.
                self.enabled(&replica_key, &target_region)?;
                Some((source_key, replica_key))
            }
        };
        let may = |access: &Access<'_>| self.permits(&errand, access);
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
        if source_lock != ObjectLock::Off {
            self.may_lock(&errand, target_lock, &source_object, &target_object)?;
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
        let tagged = may(&Access::s3("s3:GetObjectVersionTagging", &source_object)).is_ok();
        let replica = Version {
            kms_key: keys.map(|(_, replica_key)| replica_key),
            replication_status: Some("REPLICA"),
            tags: if tagged {
                version.tags.clone()
            } else {
                Vec::new()
            },
            // S3 gives a replica the time of its source object, see
            // https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication.html.
            written: version.written,
            ..version.clone()
        };
        self.arrivals
            .push((destination.clone(), version.key.clone()));
        let carried = Carried {
            source: source.to_owned(),
            rule: by.id.clone(),
        };
        self.hears_of_object(&destination, &replica, Some(carried), at);
        if let Some(bucket) = self.buckets.get_mut(&destination) {
            bucket.take_out(&replica);
            bucket.versions.push(replica);
        }
        Ok(())
    }

    /// Notes that an object was made, and whether EventBridge hears of it.
    pub fn hears_of_object(
        &mut self,
        bucket: &str,
        version: &Version,
        carried: Option<Carried>,
        at: Instant,
    ) {
        let Some(found) = self.buckets.get(bucket) else {
            return;
        };
        let heard = found.notifications.event_bridge
            && self.knows(super::weather::New::EventBridge(bucket));
        let news = News::Object {
            bucket: bucket.to_owned(),
            region: found.region.clone(),
            account: found.account.clone(),
            version: version.clone(),
            carried,
            heard,
            at,
        };
        self.news.push(news);
    }

    /// Notes that an object was not replicated, and which queues S3 tells.
    fn hears_of_failure(
        &mut self,
        Way {
            source,
            version,
            at,
        }: Way<'_>,
        rule: &ReplicationRule,
        stop: Stop,
    ) {
        const EVENT: &str = "s3:Replication:OperationFailedReplication";
        let Some(found) = self.buckets.get(source) else {
            return;
        };
        let metrics = rule.destination.metrics.as_ref();
        let measured = metrics.is_some_and(|metrics| metrics.status == Status::Enabled);
        let within = |event: &String| {
            event == EVENT
                || event
                    .strip_suffix('*')
                    .is_some_and(|start| EVENT.starts_with(start))
        };
        let queues = found.notifications.queues.iter().filter(|queue| {
            measured
                && queue.events.iter().any(within)
                && queue.key_filters.iter().all(|(name, value)| {
                    if name.eq_ignore_ascii_case("prefix") {
                        version.key.starts_with(value.as_str())
                    } else {
                        version.key.ends_with(value.as_str())
                    }
                })
        });
        let news = News::Failure {
            source: source.to_owned(),
            region: found.region.clone(),
            version: version.clone(),
            rule: rule.id.clone(),
            destination: rule.destination.bucket.clone(),
            stop,
            queues: queues.map(|queue| queue.target_arn.clone()).collect(),
            at,
        };
        self.news.push(news);
    }
}
