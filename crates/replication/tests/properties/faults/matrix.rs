//! What happened, counted by request, call and fault, and as the page `docs/FAULTS.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::Ask;

/// A kind of fault, as the page has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Column {
    NoAnswer,
    LostAnswer,
    Denied,
    Refused,
    Stale,
}

impl Column {
    const ALL: [Self; 5] = [
        Self::NoAnswer,
        Self::LostAnswer,
        Self::Denied,
        Self::Refused,
        Self::Stale,
    ];
}

/// What there is after the request with the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Left {
    /// As before the request.
    Untouched,
    Part,
    /// As after a request without fault.
    Whole,
}

/// Which call of which request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) ask: Ask,
    pub(super) api: &'static str,
}

#[derive(Clone, Copy, Debug, Default)]
struct Answers {
    success: usize,
    failed: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Matrix {
    answers: BTreeMap<(Place, Column), Answers>,
    /// After those that failed.
    left: BTreeMap<(Place, Left), usize>,
    pub(super) rolled_back: usize,
}

impl Matrix {
    pub(super) fn count(&mut self, place: Place, column: Column, succeeded: bool, left: Left) {
        let answers = self.answers.entry((place, column)).or_default();
        if succeeded {
            answers.success += 1;
        } else {
            answers.failed += 1;
            *self.left.entry((place, left)).or_default() += 1;
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (at, answers) in &other.answers {
            let sum = self.answers.entry(*at).or_default();
            sum.success += answers.success;
            sum.failed += answers.failed;
        }
        for (at, times) in &other.left {
            *self.left.entry(*at).or_default() += times;
        }
        self.rolled_back += other.rolled_back;
    }

    pub(super) fn runs(&self) -> usize {
        let answers = self.answers.values();
        answers.map(|one| one.success + one.failed).sum()
    }

    fn failed(&self) -> usize {
        self.answers.values().map(|one| one.failed).sum()
    }

    fn cell(&self, place: Place, column: Column) -> String {
        match self.answers.get(&(place, column)) {
            None => String::new(),
            Some(Answers { success, failed: 0 }) => format!("{success} ✓"),
            Some(Answers { success: 0, failed }) => format!("{failed} ✗"),
            Some(Answers { success, failed }) => format!("{success} ✓ {failed} ✗"),
        }
    }

    /// What is left after the failures at one place.
    fn remains(&self, place: Place) -> String {
        let words = [
            (Left::Untouched, "as before"),
            (Left::Part, "part"),
            (Left::Whole, "all"),
        ];
        let told = words.into_iter().filter_map(|(left, word)| {
            let times = self.left.get(&(place, left))?;
            Some(format!("{times} {word}"))
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// The page, with what the design cannot help.
    pub(super) fn page(&self, known: &[&str]) -> String {
        let mut page = format!(
            "# What a fault at each call does\n\n\
             Made by the test that carries them out, on an AWS in memory: each request on three starts (nothing there, \
             existing buckets, destinations in another account), with one fault at one call, for every call and every fault. \
             {runs} runs, of which {failed} were answered with `FAILED`, {rolled_back} of them Creates, which were then also rolled back.\n\n\
             After every one of them the same request, sent again, succeeded and ended where one without a fault ends; every \
             roll-back succeeded and left what the account held before, versioning, the EventBridge switch and keys that wait for \
             their deletion aside; no probe object was left; and whatever was answered with `SUCCESS` was there whole. The exceptions \
             are [below](#what-cannot-be-helped).\n\n\
             | column | the fault |\n|---|---|\n\
             | no answer | throttled, HTTP 5xx, timed out or cut off, after the SDK's own tries; nothing was done |\n\
             | lost answer | the same, and it was done; or the SDK's own repetition found its earlier work, as `NoSuchEntity` or `EntityAlreadyExists` |\n\
             | denied | `AccessDenied` |\n\
             | refused | not there, already there, another Region, a conflict, an invalid request: each of them in turn |\n\
             | stale read | a read that does not see the last write yet |\n\
             | left by ✗ | what there was after `FAILED`: as before the request, a part of what was asked for, or all of it |\n\n\
             ✓ is `SUCCESS`, ✗ is `FAILED`.\n",
            runs = self.runs(),
            failed = self.failed(),
            rolled_back = self.rolled_back,
        );
        let mut ask = None;
        let mut places: Vec<Place> = self.answers.keys().map(|(place, _)| *place).collect();
        places.dedup();
        for place in places {
            if ask != Some(place.ask) {
                ask = Some(place.ask);
                let _ = write!(
                    page,
                    "\n## {:?}\n\n| call | no answer | lost answer | denied | refused | stale read | left by ✗ |\n\
                     |---|--:|--:|--:|--:|--:|---|\n",
                    place.ask
                );
            }
            let cells = Column::ALL.map(|column| self.cell(place, column));
            let _ = writeln!(
                page,
                "| `{}` | {} | {} |",
                place.api,
                cells.join(" | "),
                self.remains(place)
            );
        }
        page += "\n## What cannot be helped\n\n";
        for why in known {
            let _ = writeln!(page, "- {why}");
        }
        page
    }
}
