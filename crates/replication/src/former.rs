//! What S3 may still go by while a change is under way.
//!
//! S3 takes its time over a new configuration, and over the objects that were uploaded under the old one,
//! see <https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html>. So what the rules
//! needed when a request began stays allowed beside what they need now, until the new ones are proved.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use expectation::Rule;

use crate::configuration::{Filter, ReplicationRule};
use crate::desired::{ByHand, Desired};
use aws_names::Arn;

/// What was in force when a request began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Former {
    pub(crate) rules: Vec<ReplicationRule>,
    /// Keys of source objects that the role of ours could use.
    pub(crate) source_keys: BTreeSet<String>,
    /// What rules that no resource of ours stands behind rest on.
    pub(crate) by_hand: ByHand,
    /// Keys that S3 could not use.
    pub(crate) unusable: BTreeSet<String>,
    /// Whether all of it but what is by hand is replaced by what was proved.
    pub(crate) replaced: bool,
}

impl Former {
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
