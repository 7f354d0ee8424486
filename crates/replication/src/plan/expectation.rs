//! What the checker is told to expect in a destination bucket.

use std::collections::BTreeMap;

use super::comparison::{Comparison, said};
use super::documents::{differing, documents_of, too_many};
use super::expected::{Before, Change, expected};
use super::leaving::{Spoken, word_taken_back};
use crate::configuration::Status;
use crate::fault::Faults;
use crate::step::Step;

impl Comparison<'_> {
    /// The parameters of all destinations that can be looked at, while the change is under way: before the rules
    /// are written, and once they are.
    pub(super) fn expectations(&self) -> Result<(Vec<Step>, Vec<Step>), Faults> {
        let (mut announced, mut meant) = (Vec::new(), Vec::new());
        let mut faults = Faults::default();
        let with_rules = self.parameters(Change::UnderWay);
        for ((bucket, before), (_, after)) in self
            .parameters(Change::Announced)
            .into_iter()
            .zip(with_rules)
        {
            if let Some(fault) = too_many(bucket, &before) {
                faults.add(fault);
                continue;
            }
            let none = BTreeMap::new();
            let found = self.observed.destinations.get(bucket);
            let present = found.map_or(&none, |found| &found.parameters);
            meant.extend(self.differing(bucket, &before, after));
            announced.extend(self.differing(bucket, present, before));
        }
        faults.or((announced, meant))
    }

    /// The same once the change is proved: the former keys end there.
    pub(super) fn proved_expectations(&self) -> Vec<Step> {
        let under_way = self.parameters(Change::UnderWay);
        let proved = self.parameters(Change::Proved);
        let steps = under_way
            .into_iter()
            .zip(proved)
            .flat_map(|((bucket, before), (_, after))| self.differing(bucket, &before, after));
        steps.collect()
    }

    fn parameters(&self, change: Change) -> Vec<(&str, BTreeMap<String, String>)> {
        let source = self.replication.source_arn();
        let (rules, said) = (self.prioritised(), said(self.observed));
        let written = self.observed.replication.as_ref();
        let written = written.map_or(&[][..], |found| &found.rules);
        let parameters = self.seen().map(|(bucket, _)| {
            let to_bucket = rules
                .iter()
                .filter(|rule| rule.destination.bucket_name() == bucket);
            let none = Vec::new();
            let present = said.get(bucket).unwrap_or(&none);
            let to_bucket: Vec<_> = to_bucket.collect();
            let others = self.others_to(bucket);
            let before = Before {
                present,
                others: &others,
                looked: None,
            };
            let lines = expected(&to_bucket, written, before, self.observed.now, change);
            let owner = &self.replication.owner;
            let documents = documents_of(&source, (owner, bucket), lines, None);
            (bucket.as_str(), documents)
        });
        parameters.collect()
    }

    /// Prefixes and priorities of rules in force of somebody else's that lead to a bucket.
    fn others_to(&self, bucket: &str) -> Vec<(&str, Option<i32>)> {
        let rules = self.observed.replication.iter().flat_map(|all| &all.rules);
        let others = rules.filter(|rule| {
            rule.status == Status::Enabled
                && rule.destination.bucket_name() == bucket
                && !self.replication.owner.owns(&rule.id)
        });
        others
            .map(|rule| (rule.filter_prefix(), rule.priority))
            .collect()
    }

    fn differing(
        &self,
        bucket: &str,
        present: &BTreeMap<String, String>,
        wanted: BTreeMap<String, String>,
    ) -> Vec<Step> {
        let region = self.desired.regions.get(bucket).cloned();
        differing((bucket, &region.unwrap_or_default()), present, wanted)
    }

    /// Of destinations that the spec no longer names.
    pub(super) fn abandoned_expectations(&self) -> Vec<Step> {
        let (owner, now) = (&self.replication.owner, self.observed.now);
        let abandoned = self.observed.abandoned.iter();
        let steps = abandoned
            .flat_map(|(bucket, found)| word_taken_back(Spoken::of(bucket, found), owner, now));
        steps.collect()
    }
}
