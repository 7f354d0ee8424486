//! What should be beside what is: what all parts of a plan go by.

use std::collections::BTreeMap;

use expectation::{Document, Rule};

use crate::configuration::{ReplicationConfiguration, ReplicationRule};
use crate::desired::Desired;
use crate::grants::{Grants, grants};
use crate::merge::{self, MergeError};
use crate::observed::{Observed, ObservedBucket};
use crate::replication::Replication;

/// What should be beside what is.
pub(super) struct Comparison<'a> {
    pub replication: &'a Replication,
    pub desired: &'a Desired,
    pub observed: &'a Observed,
    /// What should be, with what was in force when the request began.
    pub standing: Desired,
    /// The same with what an earlier request left unproved.
    pub unproved: Desired,
    pub grants: Grants,
}

impl<'a> Comparison<'a> {
    pub(super) fn of(
        replication: &'a Replication,
        desired: &'a Desired,
        observed: &'a Observed,
    ) -> Self {
        let standing = desired.beside(&observed.former);
        let said = said(observed);
        let unproved = standing.beside(&desired.unproved(&said, observed.now));
        Self {
            replication,
            desired,
            observed,
            standing,
            unproved,
            grants: grants(replication, desired),
        }
    }
}

impl Comparison<'_> {
    /// The bucket's rules as they are to be.
    pub(super) fn merged(&self) -> Result<Option<ReplicationConfiguration>, MergeError> {
        merge::replication(
            self.observed.replication.as_ref(),
            &self.replication.owner,
            &self.desired.role_arn,
            &self.desired.rules,
        )
    }

    /// Our rules as they are to be, in the template's order.
    pub(super) fn prioritised(&self) -> Vec<ReplicationRule> {
        let merged = self.merged().ok().flatten();
        let merged = merged.as_ref().map_or(&[][..], |merged| &merged.rules);
        let rules = self.desired.rules.iter().map(|rule| {
            let known = merged.iter().find(|known| known.id == rule.id);
            known.unwrap_or(rule).clone()
        });
        rules.collect()
    }

    /// Destinations that can be looked at, with their Regions.
    pub(super) fn seen(&self) -> impl Iterator<Item = (&String, &String)> {
        let all = self.desired.regions.iter();
        all.filter(|(bucket, _)| !self.desired.unseen.contains(*bucket))
    }

    pub(super) fn destination(&self, bucket: &str) -> Option<&ObservedBucket> {
        self.observed.destinations.get(bucket)?.bucket.as_ref()
    }
}

/// What is said of each destination now; nothing where it cannot be read.
pub(super) fn said(observed: &Observed) -> BTreeMap<String, Vec<Rule>> {
    let destinations = observed.destinations.iter();
    let said = destinations.map(|(bucket, found)| {
        let documents = found.parameters.values();
        let documents = documents.filter_map(|text| Document::read(text).ok());
        let lines = documents.flat_map(|document| document.rules);
        (bucket.clone(), lines.collect())
    });
    said.collect()
}
