//! What the checker is told to expect in a destination bucket.

use std::collections::BTreeMap;

use super::comparison::{Comparison, said};
use super::expected::{Before, Change, expected};
use super::leaving::{Spoken, word_taken_back};
use crate::configuration::Status;
use crate::fault::{About, Fault, FaultKind, Faults};
use crate::owner::Owner;
use crate::parameters::{Difference, LARGEST_PARAMETER};
use crate::step::Step;
use aws_names::digest;
use expectation::{Rule, Time};

/// Parameters of one destination; enough for 1,000 rules with prefixes of ordinary length.
const MOST_PARAMETERS: usize = 100;

/// Digits of the digest that tells sets apart.
const REVISION: usize = 12;

/// Room for the member that says when an owner left.
const MARK: usize = 40;

impl Comparison<'_> {
    /// The parameters of all destinations that can be looked at, while the change is under way.
    pub(super) fn expectations(&self) -> Result<Vec<Step>, Faults> {
        let (mut steps, mut faults) = (Vec::new(), Faults::default());
        for (bucket, wanted) in self.parameters(Change::UnderWay) {
            if let Some(fault) = too_many(bucket, &wanted) {
                faults.add(fault);
                continue;
            }
            let none = BTreeMap::new();
            let found = self.observed.destinations.get(bucket);
            let present = found.map_or(&none, |found| &found.parameters);
            steps.extend(self.differing(bucket, present, wanted));
        }
        faults.or(steps)
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
            let lines = expected(&to_bucket, before, self.observed.now, change);
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

/// What `owner` says of a destination in `lines`, as parameters by name. `left`: when it left the bucket.
pub(crate) fn documents_of(
    source_arn: &str,
    (owner, bucket): (&Owner, &str),
    lines: Vec<Rule>,
    left: Option<Time>,
) -> BTreeMap<String, String> {
    let revision = revision(&lines);
    let room = LARGEST_PARAMETER - left.map_or(0, |_| MARK);
    let documents = expectation::documents(source_arn, lines, room, &revision);
    let named = documents.into_iter().enumerate().map(|(number, document)| {
        let name = owner.parameter_name(bucket, number);
        let document = match left {
            Some(at) => document.leaving(at),
            None => document,
        };
        (name, document.written())
    });
    named.collect()
}

/// Why so many parameters are not written for one destination.
pub(crate) fn too_many(bucket: &str, wanted: &BTreeMap<String, String>) -> Option<Fault> {
    (wanted.len() > MOST_PARAMETERS).then(|| {
        let words = format!(
            "the expectations for bucket `{bucket}` would fill {} SSM parameters, at most {MOST_PARAMETERS} are \
             written; use fewer or shorter prefixes for this destination",
            wanted.len()
        );
        Fault::new(About::bucket(bucket), FaultKind::Limit, words)
    })
}

/// The steps from the parameters that are there to those `wanted`, for a bucket in a Region.
pub(crate) fn differing(
    (bucket, region): (&str, &str),
    present: &BTreeMap<String, String>,
    wanted: BTreeMap<String, String>,
) -> Vec<Step> {
    let difference = Difference::between(present, wanted);
    let put = difference
        .put
        .into_iter()
        .map(|(name, value)| Step::PutParameter {
            bucket: bucket.to_owned(),
            region: region.to_owned(),
            name,
            value,
        });
    let left_over = difference.delete.iter();
    put.chain(left_over.map(|name| deletion(bucket, region, name)))
        .collect()
}

pub(super) fn deletion(bucket: &str, region: &str, name: &str) -> Step {
    Step::DeleteParameter {
        bucket: bucket.to_owned(),
        region: region.to_owned(),
        name: name.to_owned(),
    }
}

/// Another one for other lines. Keys are left out, as one that is still to be made goes by another name
/// until then; where a key changes, so do the times.
fn revision(lines: &[Rule]) -> String {
    let lines = lines.iter().map(|line| {
        let line = Rule {
            kms_key_arn: String::new(),
            ..line.clone()
        };
        serde_json::to_value(line).unwrap_or_default().to_string()
    });
    let lines: Vec<String> = lines.collect();
    let mut digits = digest::hex(lines.iter().map(String::as_str));
    digits.truncate(REVISION);
    digits
}
