//! What the merge finds, sorted: what is clear is counted and told, the rest is to be asked about. Pure.

use std::collections::VecDeque;

use expectation::Time;

use super::judge::{Judged, USUAL, age};
use super::merge::Sink;
use super::rules::{Cover, Rules};
use super::settle::Decision;
use super::state::State;
use super::tally::Tally;
use crate::listing::Entry;

/// What is to be asked.
#[derive(Debug)]
pub(super) enum Job {
    /// How a version stands at these destinations.
    Settle(Entry, Vec<usize>),
    /// The replica's key at this destination.
    Look(usize, Entry),
}

/// Sorts.
pub(super) struct Sorting<'a> {
    pub(super) rules: &'a Rules,
    pub(super) began: Time,
    /// Whether replicas' keys are looked at.
    pub(super) looks: bool,
    pub(super) tally: &'a mut Tally,
    pub(super) jobs: VecDeque<Job>,
    pub(super) told: Vec<(Entry, Decision)>,
}

impl Sorting<'_> {
    fn cover(&self, side: usize, key: &str) -> Cover {
        let side = self.rules.side(side);
        side.map_or(Cover::None(None), |side| side.cover(key, None))
    }

    fn say(&mut self, entry: Entry, side: usize, rule: Option<usize>, judged: Judged) {
        self.told.push((entry, Decision::now(side, rule, judged)));
    }

    fn marker(&mut self, marker: &Entry, side: usize) {
        let rules = self.rules.side(side);
        let place = rules.and_then(|side| side.replicates_marker(marker));
        let judged = match place {
            None => Judged::new(State::NotCovered, "no rule replicates delete markers there"),
            Some(_) if age(marker, self.began) <= USUAL => {
                Judged::new(State::Pending, "written in the last 15 minutes")
            }
            Some(_) => Judged::new(
                State::DeleteMarkerMissing,
                "the rule replicates delete markers, but for those that lifecycle rules make",
            ),
        };
        self.say(marker.clone(), side, place, judged);
    }
}

impl Sink for Sorting<'_> {
    fn arrived(&mut self, side: usize, version: &Entry) {
        let (rule, taken) = match self.cover(side, &version.key) {
            Cover::By(rule) => (Some(rule), Some(rule)),
            // Its tags are not asked for: it may have come by this one.
            Cover::Tags(rule) => (None, Some(rule)),
            _ => (None, None),
        };
        self.tally.add(side, rule, State::Arrived, version.written);
        if !version.is_marker() {
            self.tally.taken(side, taken, version.written);
            if self.looks {
                self.jobs.push_back(Job::Look(side, version.clone()));
            }
        }
    }

    fn absent(&mut self, version: Entry, sides: Vec<usize>) {
        if version.is_marker() {
            for side in sides {
                self.marker(&version, side);
            }
            return;
        }
        let covered = |side: &usize| !matches!(self.cover(*side, &version.key), Cover::None(_));
        if sides.iter().any(covered) {
            self.jobs.push_back(Job::Settle(version, sides));
            return;
        }
        for side in sides {
            let cover = self.cover(side, &version.key);
            self.told
                .push((version.clone(), Decision::not_covered(side, cover)));
        }
    }

    fn only_there(&mut self, side: usize, version: Entry) {
        // The source was listed before it.
        if version.written >= self.began {
            return;
        }
        let rule = match self.cover(side, &version.key) {
            Cover::By(rule) => Some(rule),
            Cover::None(None) => return,
            _ => None,
        };
        let judged = if version.is_marker() {
            Judged::new(
                State::ExtraDeleteMarker,
                "it was made at the destination, and hides the replicas of its key",
            )
        } else {
            Judged::new(
                State::Extra,
                "the source does not have it: deleted there since, or it came from elsewhere",
            )
        };
        self.say(version, side, rule, judged);
    }
}
