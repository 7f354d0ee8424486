//! The spec with every name resolved against what there is: which keys, which Regions, which role.

use std::collections::{BTreeMap, BTreeSet};

use aws_names::{KeyArn, is_bucket_name};

use super::keys::{self, Place};
use crate::configuration::{ObjectLock, ReplicationRule, Status};
use crate::desired::Desired;
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::observed::{KeyName, Observed, ObservedBucket};
use crate::owner::Owner;
use crate::replication::Replication;
use crate::spec::{Rule, Verification, WhenMissing};

/// Resolves the spec against what there is.
///
/// # Errors
/// Everything that cannot be or would not work, each with what to do about it.
pub fn desired(replication: &Replication, observed: &Observed) -> Result<Desired, Faults> {
    let (desired, faults) = resolved(replication, observed);
    faults.or(desired)
}

/// The same as far as it can be resolved, beside what keeps it from being so: for those who only look.
pub(crate) fn resolved(replication: &Replication, observed: &Observed) -> (Desired, Faults) {
    let spec = &replication.spec;
    let desired = Desired {
        role_arn: replication.role_arn(),
        source_keys: BTreeSet::new(),
        ordinary_key: None,
        rules: Vec::new(),
        regions: BTreeMap::new(),
        unseen: BTreeSet::new(),
        object_lock: false,
        retaining: BTreeSet::new(),
        shared: observed.shared,
        unusable: BTreeSet::new(),
        outranked: BTreeSet::new(),
        broken: Vec::new(),
        warnings: Vec::new(),
        new_keys: BTreeMap::new(),
        restored_keys: BTreeMap::new(),
        source_default: None,
    };
    let mut resolution = Resolution {
        replication,
        observed,
        desired,
        faults: Faults::default(),
    };
    resolution.source();
    resolution.lock(
        &spec.source_bucket,
        observed.source.as_ref().map(|found| found.object_lock),
    );
    for rule in &spec.rules {
        resolution.rule(rule);
    }
    (resolution.desired, resolution.faults)
}

/// A resolution under way.
struct Resolution<'a> {
    replication: &'a Replication,
    observed: &'a Observed,
    desired: Desired,
    faults: Faults,
}

impl Resolution<'_> {
    fn creates(&self) -> bool {
        self.replication.spec.when_missing == WhenMissing::Create
    }

    /// A bucket that is to be made needs a name that S3 still takes.
    fn nameable(&mut self, bucket: &str) {
        if !is_bucket_name(bucket) {
            self.fault(About::bucket(bucket), FaultKind::Missing, format!(
                "bucket `{bucket}` does not exist, and S3 makes none of that name any more: 3 to 63 lowercase letters, \
                 digits, dots and hyphens; take another name"
            ));
        }
    }

    fn missing(&mut self, bucket: &str) {
        let words = format!("bucket `{bucket}` does not exist, and `WhenMissing` is Fail");
        self.fault(About::bucket(bucket), FaultKind::Missing, words);
    }

    fn fault(&mut self, about: About, kind: FaultKind, words: String) {
        self.faults.add(Fault::new(about, kind, words));
    }

    /// The key that is meant, if that can be known. One that S3 cannot use is a fault, but for what is
    /// there already: that is not to be changed, and so is told and not refused.
    fn usable(
        &mut self,
        place: &Place<'_>,
        key: &str,
        what: &str,
        is_there: impl Fn(&Self, &str) -> bool,
    ) -> Option<String> {
        let found = match keys::usable(&self.observed.keys, place, key, what) {
            Ok(arn) => return Some(arn),
            Err(found) => found,
        };
        let meant = keys::meant(&self.observed.keys, place, key);
        match &meant {
            Some(arn) if is_there(self, arn) && self.observed.former.could_not_use(arn) => {
                self.desired.unusable.insert(arn.clone());
                self.break_with(found);
            }
            _ => self.faults.extend(found),
        }
        meant
    }

    fn break_with(&mut self, found: impl IntoIterator<Item = Fault>) {
        for fault in found {
            if !self.desired.broken.contains(&fault) {
                self.desired.broken.push(fault);
            }
        }
    }

    fn warn(&mut self, found: impl IntoIterator<Item = Fault>) {
        for fault in found {
            if !self.desired.warnings.contains(&fault) {
                self.desired.warnings.push(fault);
            }
        }
    }

    /// Whether rules of ours are in force.
    fn is_running(&self) -> bool {
        let rules = self.observed.replication.as_ref();
        self.replication.owner.rules_of(rules).next().is_some()
    }

    /// Whether objects under this source key are replicated already.
    fn takes(&self, key: &str) -> bool {
        let ours = self.replication.spec.role.is_none();
        self.is_running() && (!ours || self.observed.former.takes(key))
    }

    /// Whether a rule of ours leads there under this key already.
    fn leads(&self, bucket: &str, key: &str) -> bool {
        let rules = self.observed.replication.as_ref();
        self.replication.owner.rules_of(rules).any(|rule| {
            rule.destination.bucket_name() == bucket
                && rule.destination.replica_kms_key_id.as_deref() == Some(key)
        })
    }

    /// Whether rules of ours lead to the bucket already.
    fn leads_to(&self, bucket: &str) -> bool {
        let rules = self.observed.replication.as_ref();
        let mut ours = self.replication.owner.rules_of(rules);
        ours.any(|rule| rule.destination.bucket_name() == bucket)
    }

    fn source(&mut self) {
        let (spec, source) = (&self.replication.spec, self.observed.source.as_ref());
        match source {
            None if self.creates() => self.nameable(&spec.source_bucket),
            None => self.missing(&spec.source_bucket),
            Some(_) => {}
        }
        let place = Place {
            account: &self.replication.home.account,
            region: &spec.source_region,
        };
        for key in &spec.source_kms_keys {
            if let Some(arn) = self.usable(&place, key, "source key", Self::takes) {
                self.desired
                    .source_default
                    .get_or_insert_with(|| arn.clone());
                self.desired.source_keys.insert(arn);
            }
        }
        if !lacks_our_default(source, &self.replication.owner) {
            self.desired.source_default = None;
        }
        if !spec.source_kms_keys.is_empty() {
            self.desired.ordinary_key = self.desired.source_default.clone();
            self.default_among_given(&place);
            return;
        }
        if let Some(key) = source.and_then(ObservedBucket::default_key) {
            let what = "key of the source bucket's default encryption,";
            let arn = self.usable(&place, key, what, Self::takes);
            self.desired.ordinary_key.clone_from(&arn);
            self.desired.source_keys.extend(arn);
            return;
        }
        // S3 keeps an object's kind of encryption: what is uploaded under SSE-S3 arrives under
        // SSE-S3, whatever the rule's key. So the source needs a KMS key of its own.
        let key = self.key_of_ours(&place, &spec.source_bucket);
        self.desired.source_keys.insert(key.clone());
        if self.may_change_default(source) {
            self.desired.ordinary_key = Some(key.clone());
            self.desired.source_default = Some(key);
        }
    }

    /// Whoever writes to a bucket with a KMS key as its default needs that key, and log delivery takes none.
    fn may_change_default(&mut self, source: Option<&ObservedBucket>) -> bool {
        if source.is_none_or(|found| found.is_of(&self.replication.owner)) {
            return true;
        }
        let bucket = &self.replication.spec.source_bucket;
        let about = About::bucket(bucket);
        let others: Vec<_> = self
            .observed
            .outside_writers
            .iter()
            .map(|writer| format!("`{writer}`"))
            .collect();
        if others.is_empty() {
            let words = format!(
                "bucket `{bucket}` gets a KMS key as its default encryption: whoever writes to it needs \
                 kms:GenerateDataKey and kms:Decrypt on that key from then on"
            );
            self.warn([Fault::new(about, FaultKind::Occupied, words)]);
            return true;
        }
        let words = format!(
            "bucket `{bucket}` encrypts with SSE-S3, and its policy lets {} write to it: with a KMS key as its default \
             encryption, which replication under KMS keys needs, that would stop where the writer may not use the key, \
             and log delivery takes no such key at all; have it write to another bucket, or set the default encryption \
             yourself, or give `SourceKmsKeyArns`: then it stays as it is, and uploads must name one of these keys",
            others.join(", ")
        );
        let fault = Fault::new(about, FaultKind::Occupied, words);
        if self.is_running() {
            self.warn([fault]);
        } else {
            self.faults.add(fault);
        }
        false
    }

    /// Whether the keys that are given hold the one that people's uploads get: the replication role may
    /// decrypt with no other. Where our rules are in force already this is for the probe and the checks to
    /// tell: a refusal would keep the stack from being rolled back.
    fn default_among_given(&mut self, place: &Place<'_>) {
        let source = self.observed.source.as_ref();
        let Some(default) = source.and_then(ObservedBucket::default_key) else {
            return;
        };
        let asked = KeyName::new(place.account, place.region, default);
        let described = self.observed.keys.get(&asked).and_then(Option::as_ref);
        let arn = described.map_or_else(|| default.to_owned(), |key| key.arn.clone());
        // A key that could not be resolved is a fault of its own.
        let resolved = self.faults.is_empty();
        let given = !resolved || self.desired.source_keys.contains(&arn);
        let owner = &self.replication.owner;
        let in_force = owner.rules_of(self.observed.replication.as_ref()).next();
        if !given && in_force.is_none() {
            let bucket = &self.replication.spec.source_bucket;
            self.fault(
                About::key(default),
                FaultKind::Asked,
                format!(
                    "bucket `{bucket}` encrypts uploads that name no key with `{default}`, its default, which \
                     `SourceKmsKeyArns` does not have: S3 could not replicate them; add that key, or make one of those \
                     given the bucket's default"
                ),
            );
        }
        self.desired.ordinary_key = Some(arn);
    }

    /// What Object Lock on a bucket asks for. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock-managing.html#object-lock-managing-replication>.
    fn lock(&mut self, bucket: &str, lock: Option<ObjectLock>) {
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
            if self.replication.spec.verification == Verification::Required {
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

    fn rule(&mut self, rule: &Rule) {
        let bucket = &rule.destination_bucket;
        let found = self.observed.destinations.get(bucket);
        let Some(region) = found.and_then(|found| found.region.clone()) else {
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
            && keys::is_aws_managed(&self.observed.keys, &place, key)
        {
            self.fault(About::key(key), FaultKind::Unusable, format!(
                "replica key `{key}` is an AWS managed key, which no other account can use; give a key of the \
                 destination's own, or leave it out to have one made"
            ));
        }
        let mut resolved = rule.rule.clone();
        resolved.destination.replica_kms_key_id = match &rule.rule.destination.replica_kms_key_id {
            // The other account's owner vouches for it.
            Some(key) if !seen => Some(key.clone()),
            Some(key) => self.usable(&place, key, "replica key", |so_far, key| {
                so_far.leads(bucket, key)
            }),
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

    /// The key that we made or are to make for a bucket.
    fn key_of_ours(&mut self, place: &Place<'_>, bucket: &str) -> String {
        let Place { account, region } = *place;
        let alias = self.replication.alias_arn(region, bucket);
        let asked = KeyName::new(account, region, &alias);
        if let Some(Some(found)) = self.observed.keys.get(&asked) {
            // Our last life scheduled it: what it encrypts stays readable, and no key is left over.
            if found.is_about_to_go() && !self.is_in_use(&found.arn, bucket) {
                let place = (bucket.to_owned(), region.to_owned());
                self.desired.restored_keys.insert(found.arn.clone(), place);
                return found.arn.clone();
            }
            let is_there =
                |so_far: &Self, key: &str| so_far.takes(key) || so_far.leads(bucket, key);
            let found = self.usable(place, &alias, "our key", is_there);
            return found.unwrap_or(alias);
        }
        if !self.creates() {
            self.fault(
                About::bucket(bucket),
                FaultKind::Missing,
                format!("no key is given for bucket `{bucket}`, and `WhenMissing` is Fail"),
            );
        }
        self.desired
            .new_keys
            .insert(alias.clone(), (bucket.to_owned(), region.to_owned()));
        alias
    }
}

impl Resolution<'_> {
    /// Whether our present rules rest on the key of ours for `bucket`: then somebody else has scheduled its
    /// deletion, and may have had reasons.
    fn is_in_use(&self, key: &str, bucket: &str) -> bool {
        let replication = self.observed.replication.as_ref();
        let mut rules = self.replication.owner.rules_of(replication);
        rules.any(|rule| {
            bucket == self.replication.spec.source_bucket
                || rule.destination.replica_kms_key_id.as_deref() == Some(key)
        })
    }
}

/// Whether the bucket is to be made, or was made by us in a request that got no further.
pub(super) fn lacks_our_default(found: Option<&ObservedBucket>, owner: &Owner) -> bool {
    found.is_none_or(|found| found.is_of(owner) && found.default_key().is_none())
}
