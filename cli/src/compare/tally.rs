//! What is counted, by destination and rule: constant in size, however many versions there are. Pure.

use std::collections::BTreeMap;

use expectation::Time;

use super::rules::Rules;
use super::state::State;

/// The counts of one rule, or of what is under none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By state.
    pub states: BTreeMap<State, u64>,
    /// When the oldest version was written that replication is not complete for.
    pub oldest_open: Option<Time>,
    /// When the oldest version was written that S3 took up.
    pub oldest_taken: Option<Time>,
    /// When the newest version was written.
    pub newest: Option<Time>,
}

impl Counts {
    fn add(&mut self, state: State, written: Time) {
        *self.states.entry(state).or_default() += 1;
        if state.is_open() {
            self.oldest_open = Some(earlier(self.oldest_open, written));
        }
        self.newest = Some(self.newest.map_or(written, |newest| newest.max(written)));
    }

    /// How many are in this state.
    #[must_use]
    pub fn of(&self, state: State) -> u64 {
        self.states.get(&state).copied().unwrap_or_default()
    }

    /// How many are something found.
    #[must_use]
    pub fn findings(&self) -> u64 {
        let found = self.states.iter().filter(|(state, _)| state.is_finding());
        found.map(|(_, count)| count).sum()
    }

    /// The newest time such that everything which was written until then, and that S3 takes up by the rule,
    /// has arrived. Where nothing is open that is when the comparison began.
    #[must_use]
    pub fn complete_up_to(&self, began: Time) -> Time {
        match self.oldest_open {
            Some(open) => Time::from_secs(open.secs().saturating_sub(1)).min(began),
            None => began,
        }
    }
}

fn earlier(known: Option<Time>, time: Time) -> Time {
    known.map_or(time, |known| known.min(time))
}

/// The counts of a comparison.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// By destination and, where one is known, rule; both by their places.
    counts: BTreeMap<(usize, Option<usize>), Counts>,
    /// Versions and delete markers at the source.
    pub listed: u64,
}

impl Tally {
    /// One for these rules: each has its line, whatever is found.
    #[must_use]
    pub fn of(rules: &Rules) -> Self {
        let places = rules.sides().iter().enumerate();
        let all = places.flat_map(|(place, side)| {
            (0..side.rules.len()).map(move |rule| ((place, Some(rule)), Counts::default()))
        });
        Self {
            counts: all.collect(),
            listed: 0,
        }
    }

    /// Counts a version.
    pub fn add(&mut self, side: usize, rule: Option<usize>, state: State, written: Time) {
        self.counts
            .entry((side, rule))
            .or_default()
            .add(state, written);
    }

    /// Notes that S3 took a version up by a rule.
    pub fn taken(&mut self, side: usize, rule: Option<usize>, written: Time) {
        let counts = self.counts.entry((side, rule)).or_default();
        counts.oldest_taken = Some(earlier(counts.oldest_taken, written));
    }

    /// The counts of a rule at a destination.
    #[must_use]
    pub fn counts(&self, side: usize, rule: Option<usize>) -> Option<&Counts> {
        self.counts.get(&(side, rule))
    }

    /// All counts, with destination and rule.
    pub fn iter(&self) -> impl Iterator<Item = (usize, Option<usize>, &Counts)> {
        self.counts
            .iter()
            .map(|((side, rule), counts)| (*side, *rule, counts))
    }

    /// How many are in this state, over all.
    #[must_use]
    pub fn of_state(&self, state: State) -> u64 {
        self.counts.values().map(|counts| counts.of(state)).sum()
    }

    /// How many are something found.
    #[must_use]
    pub fn findings(&self) -> u64 {
        self.counts.values().map(Counts::findings).sum()
    }
}
