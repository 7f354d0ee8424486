//! Destinations in other accounts: our statements in the policies of their buckets and keys.

use serde_json::Value;

use super::comparison::Comparison;
use crate::claims::{Claim, Others};
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::grants::{Grants, grants};
use crate::merge;
use crate::policy::default_key_policy;
use crate::step::Step;
use aws_names::Arn;

/// The largest bucket policy, in bytes. See
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/add-bucket-policy.html>.
const LARGEST_BUCKET_POLICY: usize = 20 * 1024;
/// The largest key policy, in bytes. See
/// <https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html>.
const LARGEST_KEY_POLICY: usize = 32 * 1024;

impl Comparison<'_> {
    /// The statements that are to be put where we can.
    pub(super) fn granted(&self) -> Result<Vec<Step>, Faults> {
        let (mut steps, mut faults) = (Vec::new(), Faults::default());
        for place in self.places() {
            match self.standing_statements(&place) {
                Ok((standing, true)) => steps.push(self.put(&place, standing)),
                Ok((_, false)) => {}
                Err(fault) => faults.add(fault),
            }
        }
        faults.or(steps)
    }

    /// The policies without what the rules no longer need.
    pub(super) fn narrowed_grants(&self) -> Vec<Step> {
        let narrowed = self.places().into_iter().filter_map(|place| {
            let (standing, _) = self.standing_statements(&place).ok()?;
            let wanted = place.statements(&self.grants);
            (standing != wanted).then(|| self.put(&place, wanted))
        });
        let mut steps: Vec<_> = narrowed.collect();
        steps.extend(self.former_grants());
        steps
    }

    /// The policies that are to have statements of ours.
    fn places(&self) -> Vec<Place<'_>> {
        let buckets = self.grants.buckets.keys();
        let buckets = buckets
            .filter(|bucket| self.acts_in(bucket))
            .map(|bucket| Place::Bucket(bucket));
        let keys = self.grants.keys.iter().filter(|(key, grant)| {
            self.acts_in(&grant.bucket) && self.is_of_account(key, &grant.bucket)
        });
        let keys = keys.map(|(key, grant)| Place::Key(key, &grant.bucket));
        buckets.chain(keys).collect()
    }

    /// The statements while a change is under way, by this request or by an earlier one that could not
    /// prove it, and whether they are still to be put.
    fn standing_statements(&self, place: &Place<'_>) -> Result<(Vec<Value>, bool), Fault> {
        let of = |desired| place.statements(&grants(self.replication, desired));
        let standing = of(&self.standing);
        if !self.changed(place, &standing)? {
            return Ok((standing, false));
        }
        let unproved = of(&self.unproved);
        match self.changed(place, &unproved) {
            Ok(false) => Ok((unproved, false)),
            _ => Ok((standing, true)),
        }
    }

    fn put(&self, place: &Place<'_>, statements: Vec<Value>) -> Step {
        match *place {
            Place::Bucket(bucket) => Step::MergeBucketPolicy {
                bucket: bucket.to_owned(),
                region: self.region(bucket),
                statements,
            },
            Place::Key(key, bucket) => Step::MergeKeyPolicy {
                bucket: bucket.to_owned(),
                region: self.region(bucket),
                key_arn: key.to_owned(),
                statements,
            },
        }
    }

    /// Statements that nobody needs any more. They go last, when no rule leads there.
    fn former_grants(&self) -> Vec<Step> {
        let owner = &self.replication.owner;
        let others = self.others();
        let former = self.observed.former_keys.iter();
        let unneeded = former.filter(|(key, bucket)| {
            // The policy is not at hand: who has statements of their own in it is not known.
            let claims = others.of_statements(key, bucket, owner);
            !claims.iter().any(Claim::is_nobodys)
        });
        let mut steps: Vec<_> = unneeded
            .map(|(key, bucket)| Step::MergeKeyPolicy {
                bucket: bucket.clone(),
                region: self.region(bucket),
                key_arn: key.clone(),
                statements: Vec::new(),
            })
            .collect();
        for (bucket, found) in &self.observed.abandoned {
            let mut found = found.clone();
            // Another destination may use the same key.
            found
                .granted_keys
                .retain(|key| !self.grants.keys.contains_key(key));
            let (revoked, kept) = super::delete::revoked(bucket, &found, &others, owner);
            for kept in kept {
                tracing::warn!(%kept, "needed by others");
            }
            steps.extend(revoked);
        }
        steps
    }

    /// What others say of what an Update leaves.
    fn others(&self) -> Others {
        let mut others = Others::default();
        let source = &self.replication.spec.source_bucket;
        let replication = self.observed.replication.clone();
        others
            .replication
            .extend(replication.map(|found| (source.clone(), found)));
        for found in self.observed.abandoned.values() {
            others.policies.extend(found.policies.clone());
        }
        others
    }

    fn acts_in(&self, bucket: &str) -> bool {
        !self.desired.unseen.contains(bucket)
    }

    fn is_of_account(&self, key: &str, bucket: &str) -> bool {
        let account = self.replication.account_of(bucket);
        Arn::parse(key).is_some_and(|key| key.account == account)
    }

    fn region(&self, bucket: &str) -> String {
        self.desired
            .regions
            .get(bucket)
            .cloned()
            .unwrap_or_default()
    }

    fn changed(&self, place: &Place<'_>, statements: &[Value]) -> Result<bool, Fault> {
        let first;
        let (about, present, largest) = match *place {
            Place::Bucket(bucket) => {
                let found = self.observed.destinations.get(bucket);
                let present = found.and_then(|found| found.policy.as_deref());
                (About::bucket(bucket), present, LARGEST_BUCKET_POLICY)
            }
            Place::Key(key, bucket) => {
                let account = self.replication.account_of(bucket);
                let partition = &self.replication.home.partition;
                let new = self.desired.new_keys.contains_key(key);
                first = new.then(|| default_key_policy(partition, account).to_string());
                let present = self.observed.key_policies.get(key).or(first.as_ref());
                let present = present.map(String::as_str);
                (About::key(key), present, LARGEST_KEY_POLICY)
            }
        };
        let merged = match merge::with_statements(present, &self.replication.owner, statements) {
            Ok(merged) => merged,
            Err(error) => return Err(error.fault(about)),
        };
        let length = merged.as_ref().map_or(0, String::len);
        if length > largest {
            let words = format!(
                "its policy would have {length} bytes, AWS takes at most {largest}; use fewer or wider prefixes"
            );
            return Err(Fault::of(about, FaultKind::Limit, words));
        }
        Ok(merged.as_deref() != present)
    }
}

/// A policy in another account.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Bucket(&'a str),
    /// And the bucket that the key is for.
    Key(&'a str, &'a str),
}

impl Place<'_> {
    fn statements(&self, grants: &Grants) -> Vec<Value> {
        match *self {
            Self::Bucket(bucket) => grants.buckets.get(bucket).cloned(),
            Self::Key(key, _) => grants.keys.get(key).map(|grant| grant.statements.clone()),
        }
        .unwrap_or_default()
    }
}
