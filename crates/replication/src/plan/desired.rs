//! The spec with every name resolved against what there is: which keys, which Regions, which role.

use std::collections::{BTreeMap, BTreeSet};

use aws_names::is_bucket_name;

use super::usable_keys::{self, Place};
use crate::configuration::ReplicationRule;
use crate::desired::Desired;
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::observed::{GivenRole, KeyName, Observed, ObservedBucket};
use crate::owner::Owner;
use crate::replication::Replication;
use crate::spec::WhenMissing;

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
        by_hand: observed.former.by_hand.clone(),
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
    resolution.given_role();
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
pub(super) struct Resolution<'a> {
    pub(super) replication: &'a Replication,
    pub(super) observed: &'a Observed,
    pub(super) desired: Desired,
    pub(super) faults: Faults,
}

impl Resolution<'_> {
    pub(super) fn creates(&self) -> bool {
        self.replication.spec.when_missing == WhenMissing::Create
    }

    /// A bucket that is to be made needs a name that S3 still takes.
    pub(super) fn nameable(&mut self, bucket: &str) {
        if !is_bucket_name(bucket) {
            self.fault(About::bucket(bucket), FaultKind::Missing, format!(
                "bucket `{bucket}` does not exist, and S3 makes none of that name any more: 3 to 63 lowercase letters, \
                 digits, dots and hyphens; take another name"
            ));
        }
    }

    /// S3 takes any role of the account, and then every object fails.
    fn given_role(&mut self) {
        let GivenRole::Absent(other) = &self.observed.given_role else {
            return;
        };
        let given = self.desired.role_arn.clone();
        let so = match other {
            Some(other) => format!("; the one of that name is `{other}`: give its ARN as `Role`"),
            None => "; create it first, or leave `Role` out to get one made".to_owned(),
        };
        let words = format!("role `{given}` does not exist{so}");
        self.fault(About::Role(given), FaultKind::Missing, words);
    }

    pub(super) fn missing(&mut self, bucket: &str) {
        let words = format!("bucket `{bucket}` does not exist, and `WhenMissing` is Fail");
        self.fault(About::bucket(bucket), FaultKind::Missing, words);
    }

    pub(super) fn fault(&mut self, about: About, kind: FaultKind, words: String) {
        self.faults.add(Fault::new(about, kind, words));
    }

    /// The key that is meant, if that can be known. One that S3 cannot use is a fault, but for what is
    /// there already: that is not to be changed, and so is told and not refused.
    pub(super) fn usable(
        &mut self,
        place: &Place<'_>,
        (key, what): (&str, &str),
        is_there: impl Fn(&Self, &str) -> bool,
    ) -> Option<String> {
        let found = match usable_keys::usable(&self.observed.keys, place, key, what) {
            Ok(arn) => return Some(arn),
            Err(found) => found,
        };
        let meant = usable_keys::meant(&self.observed.keys, place, key);
        match &meant {
            Some(arn) if is_there(self, arn) && self.observed.former.could_not_use(arn) => {
                self.desired.unusable.insert(arn.clone());
                self.break_with(found);
            }
            _ => self.faults.extend(found),
        }
        meant
    }

    /// Whether `key` is a name that was asked for before and leads nowhere any more.
    pub(super) fn is_lost(&self, place: &Place<'_>, key: &str) -> bool {
        let asked = KeyName::new(place.account, place.region, key);
        let before = self.observed.asked_before.as_ref();
        let said = before.is_some_and(|before| {
            let mut replicas = before.rules.iter().map(|rule| &rule.rule.destination);
            before.source_kms_keys.iter().any(|known| known == key)
                || replicas.any(|to| to.replica_kms_key_id.as_deref() == Some(key))
        });
        said && usable_keys::meant(&self.observed.keys, place, key).is_none()
            && self.observed.keys.get(&asked) == Some(&None)
            && self.observed.former.could_not_use(key)
    }

    /// The key of the rule of ours that is in the bucket already.
    pub(super) fn key_there(&self, rule: &ReplicationRule) -> Option<String> {
        let rules = self.observed.replication.as_ref();
        let mut ours = self.replication.owner.rules_of(rules);
        let there = ours.find(|there| {
            there.id == rule.id && there.destination.bucket == rule.destination.bucket
        });
        there.and_then(|there| there.destination.replica_kms_key_id.clone())
    }

    pub(super) fn break_with(&mut self, found: impl IntoIterator<Item = Fault>) {
        for fault in found {
            if !self.desired.broken.contains(&fault) {
                self.desired.broken.push(fault);
            }
        }
    }

    pub(super) fn warn(&mut self, found: impl IntoIterator<Item = Fault>) {
        for fault in found {
            if !self.desired.warnings.contains(&fault) {
                self.desired.warnings.push(fault);
            }
        }
    }

    /// Whether rules of ours are in force.
    pub(super) fn is_running(&self) -> bool {
        let rules = self.observed.replication.as_ref();
        self.replication.owner.rules_of(rules).next().is_some()
    }

    /// Whether objects under this source key are replicated already.
    fn takes(&self, key: &str) -> bool {
        let ours = self.replication.spec.role.is_none();
        self.is_running() && (!ours || self.observed.former.takes(key))
    }

    /// Whether a rule of ours leads there under this key already.
    pub(super) fn leads(&self, bucket: &str, key: &str) -> bool {
        let rules = self.observed.replication.as_ref();
        self.replication.owner.rules_of(rules).any(|rule| {
            rule.destination.bucket_name() == bucket
                && rule.destination.replica_kms_key_id.as_deref() == Some(key)
        })
    }

    /// Whether rules of ours lead to the bucket already.
    pub(super) fn leads_to(&self, bucket: &str) -> bool {
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
            if self.is_lost(&place, key) && self.is_running() {
                let found =
                    usable_keys::usable(&self.observed.keys, &place, key, "source key").err();
                self.break_with(found.into_iter().flatten());
                let known = self.observed.former.source_keys.iter().cloned();
                self.desired.source_keys.extend(known);
                continue;
            }
            if let Some(arn) = self.usable(&place, (key, "source key"), Self::takes) {
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
            if self.desired.ordinary_key.is_none() {
                self.warn_of_ordinary_uploads();
            }
            return;
        }
        if let Some(key) = source.and_then(ObservedBucket::default_key) {
            let what = "key of the source bucket's default encryption,";
            // Whoever made it the default: to refuse it would keep the stack from being rolled back.
            let arn = self.usable(&place, (key, what), |so_far, _| so_far.is_running());
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
            let users: Vec<_> = self
                .observed
                .outside_users
                .iter()
                .map(|user| format!("`{user}`"))
                .collect();
            let users = if users.is_empty() {
                String::new()
            } else {
                format!(
                    "; its policy lets {} read from it or write to it: of new objects they can do neither where they may \
                     not use the key, and nobody can who is not signed in",
                    users.join(", ")
                )
            };
            let words = format!(
                "bucket `{bucket}` gets a KMS key as its default encryption: whoever writes to it needs \
                 kms:GenerateDataKey and kms:Decrypt on that key from then on{users}"
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
    /// decrypt with no other. Where our rules are in force already it is told: a refusal would keep the stack
    /// from being rolled back.
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
        if !given {
            let bucket = &self.replication.spec.source_bucket;
            let words = format!(
                "bucket `{bucket}` encrypts uploads that name no key with `{default}`, its default, which \
                 `SourceKmsKeyArns` does not have: S3 could not replicate them; add that key, or make one of those \
                 given the bucket's default"
            );
            let fault = Fault::new(About::key(default), FaultKind::Asked, words);
            match in_force {
                None => self.faults.add(fault),
                Some(_) => self.break_with([fault]),
            }
        }
        self.desired.ordinary_key = Some(arn);
    }

    /// S3 keeps an object's kind of encryption. See
    /// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-config-for-kms-objects.html>.
    fn warn_of_ordinary_uploads(&mut self) {
        let bucket = &self.replication.spec.source_bucket;
        let words = format!(
            "bucket `{bucket}` encrypts uploads that name no key with SSE-S3, and `SourceKmsKeyArns` leaves that as it \
             is: their replicas are under SSE-S3 too, whatever key the rule names; have uploads name one of these keys, \
             or make one of them the bucket's default encryption"
        );
        self.warn([Fault::new(About::bucket(bucket), FaultKind::Asked, words)]);
    }

    /// The key that we made or are to make for a bucket.
    pub(super) fn key_of_ours(&mut self, place: &Place<'_>, bucket: &str) -> String {
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
            let found = self.usable(place, (&alias, "our key"), is_there);
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
