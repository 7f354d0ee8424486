//! The rules with every name of their destinations resolved.

use aws_names::KeyArn;

use super::desired::Resolution;
use super::usable_keys::{self, Place};
use crate::configuration::{ObjectLock, ReplicationRule, Status};
use crate::fault::{About, Fault, FaultKind};
use crate::spec::{Rule, Verification};

impl Resolution<'_> {
    /// What Object Lock on a bucket asks for. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication>.
    pub(super) fn lock(&mut self, bucket: &str, lock: Option<ObjectLock>) {
        let lock = lock.unwrap_or_default();
        if bucket == self.replication.spec.source_bucket {
            self.desired.object_lock = lock != ObjectLock::Off;
        } else if self.desired.object_lock && lock == ObjectLock::Off {
            self.unless_there(bucket, format!(
                "the source bucket has Object Lock and bucket `{bucket}` has not: S3 replicates its objects only to a \
                 bucket with Object Lock; create it with Object Lock, or enable that (s3:PutBucketObjectLockConfiguration)"
            ));
        }
        if lock == ObjectLock::Retaining {
            self.desired.retaining.insert(bucket.to_owned());
            let is_source = bucket == self.replication.spec.source_bucket;
            let is_there = is_source && self.is_running() || self.leads_to(bucket);
            // What is in force already is for the proof to refuse, which lets a stack be rolled back to it.
            if self.replication.spec.verification == Verification::Required && !is_there {
                self.fault(About::bucket(bucket), FaultKind::Unusable, format!(
                    "`Verification` is Required, but bucket `{bucket}` has a default retention, by which a probe could \
                     not be removed again; set `Verification` to BestEffort or None"
                ));
            }
        }
    }

    /// What keeps a destination from being used: a fault, but for one that is used already.
    fn unless_there(&mut self, bucket: &str, words: String) {
        let fault = Fault::new(About::bucket(bucket), FaultKind::Unusable, words);
        if self.leads_to(bucket) {
            self.break_with([fault]);
        } else {
            self.faults.add(fault);
        }
    }

    pub(super) fn rule(&mut self, rule: &Rule) {
        let bucket = &rule.destination_bucket;
        let found = self.observed.destinations.get(bucket);
        let lost = self.lost(rule);
        let region = found.and_then(|found| found.region.clone());
        let region = region.or_else(|| Some(KeyArn::parse(lost.as_deref()?)?.region));
        let Some(region) = region else {
            self.fault(About::bucket(bucket), FaultKind::Missing, format!(
                "bucket `{bucket}` does not exist and nothing says its Region; give `Destination.Region`"
            ));
            return;
        };
        let seen = found.is_none_or(|found| found.seen);
        if seen && found.is_none_or(|found| found.bucket.is_none()) {
            if self.creates() {
                self.nameable(bucket);
            } else {
                self.missing(bucket);
            }
        }
        if seen {
            let present = found.and_then(|found| found.bucket.as_ref());
            self.lock(bucket, present.map(|found| found.object_lock));
        }
        if found.is_some_and(|found| found.requester_pays) {
            self.unless_there(bucket, format!(
                "bucket `{bucket}` is a Requester Pays bucket, which S3 does not replicate to; set its payer to \
                 BucketOwner (s3:PutBucketRequestPayment)"
            ));
        }
        let place = Place {
            account: self.replication.account_of(bucket),
            region: &region,
        };
        if place.account != self.replication.home.account
            && let Some(key) = &rule.rule.destination.replica_kms_key_id
            && usable_keys::is_aws_managed(&self.observed.keys, &place, key)
        {
            self.fault(About::key(key), FaultKind::Unusable, format!(
                "replica key `{key}` is an AWS managed key, which no other account can use; give a key of the \
                 destination's own, or leave it out to have one made"
            ));
        }
        let mut resolved = rule.rule.clone();
        resolved.destination.replica_kms_key_id = match &rule.rule.destination.replica_kms_key_id {
            Some(key) if lost.is_some() && KeyArn::parse(key).is_none() => lost,
            // The other account's owner vouches for it.
            Some(key) if !seen => Some(key.clone()),
            Some(key) if self.is_lost(&place, key) && self.key_there(&rule.rule).is_some() => {
                let found =
                    usable_keys::usable(&self.observed.keys, &place, key, "replica key").err();
                self.break_with(found.into_iter().flatten());
                self.key_there(&rule.rule)
            }
            Some(key) => self.usable(&place, (key, "replica key"), |so_far, key| {
                so_far.leads(bucket, key)
            }),
            None if lost.is_some() => lost,
            None if !seen => {
                self.fault(About::bucket(bucket), FaultKind::Unreachable, format!(
                    "bucket `{bucket}` cannot be looked at, and no rule that is there says which key its replicas are \
                     to have; have the owner of its account let the provisioner's role assume `AssumeRoleArn` again"
                ));
                return;
            }
            None => Some(self.key_of_ours(&place, bucket)),
        };
        self.source_key_of(&resolved);
        if !seen {
            self.unprovable(&rule.rule);
            self.desired.unseen.insert(bucket.clone());
        }
        self.desired.regions.insert(bucket.clone(), region);
        self.desired.rules.push(resolved);
    }

    /// The key of a rule that is there and leads to where a role no longer lets us in, which is only met by a
    /// request that rolls back: nothing is looked at there, and nothing changed.
    fn lost(&mut self, rule: &Rule) -> Option<String> {
        let bucket = &rule.destination_bucket;
        let assumed = rule.assume_role_arn.as_ref()?;
        if self.observed.destinations.get(bucket)?.seen {
            return None;
        }
        let words = format!(
            "bucket `{bucket}`: role `{assumed}` can no longer be assumed, so that nothing was looked at or changed \
             there; have its owner let the provisioner's role assume it again, then change any property of the resource"
        );
        self.warn([Fault::new(
            About::bucket(bucket),
            FaultKind::Unreachable,
            words,
        )]);
        self.key_there(&rule.rule)
    }

    /// With `UseSourceMultiRegionKey` each replica gets the key related to its source object's. One key is
    /// in the policies and expected, so that all source keys must be related to it.
    fn source_key_of(&mut self, rule: &ReplicationRule) {
        let to = &rule.destination;
        if to.use_source_multi_region_key != Some(Status::Enabled) {
            return;
        }
        let replica = to.replica_kms_key_id.as_deref().and_then(KeyArn::parse);
        let related = |key: &String| {
            let key = KeyArn::parse(key);
            key.zip(replica.as_ref())
                .is_some_and(|(key, replica)| key.is_related_to(replica))
        };
        let others = self.desired.source_keys.iter().filter(|key| !related(key));
        for key in others.cloned().collect::<Vec<_>>() {
            let replica = to.replica_kms_key_id.as_deref().unwrap_or_default();
            self.fault(About::key(&key), FaultKind::Unusable, format!(
                "source key `{key}` is not of one set of multi-Region keys with replica key `{replica}`, which \
                 `UseSourceMultiRegionKey` of rule `{}` asks for; give related keys, or leave `UseSourceMultiRegionKey` out",
                rule.id
            ));
        }
    }

    /// A rule whose replicas we may not look at, where each must be proved. One that is in force already is
    /// for the proof to refuse, which lets a stack be rolled back to it.
    fn unprovable(&mut self, rule: &ReplicationRule) {
        let mut present = self
            .replication
            .owner
            .rules_of(self.observed.replication.as_ref());
        let required = self.replication.spec.verification == Verification::Required;
        if !required || rule.status == Status::Disabled || present.any(|known| known.id == rule.id)
        {
            return;
        }
        let bucket = rule.destination.bucket_name();
        let words = format!(
            "`Verification` is Required, but rule `{}` leads to bucket `{bucket}` of another account, where we may not \
             look for a probe; give `AssumeRoleArn`, or set `Verification` to BestEffort or None",
            rule.id
        );
        self.fault(About::bucket(bucket), FaultKind::Unreachable, words);
    }
}
