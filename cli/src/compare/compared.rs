//! What came of a comparison, and who is told.

use std::collections::BTreeMap;
use std::io;

use compliance::ports::AskError;
use compliance::verdict::{Kind, Verdict};
use expectation::Time;
use serde::{Deserialize, Serialize};

use super::judge::{Judged, Judgement, by_age};
use super::question::Comparison;
use super::rules::Rules;
use super::settle::Decision;
use super::spool::Spool;
use super::state::State;
use super::tally::Tally;
use crate::listing::{Entry, EntryKind};

/// What is said of a version at one destination.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// The destination, by its place.
    pub side: usize,
    /// The rule, by its place.
    pub rule: Option<usize>,
    /// The version or delete marker.
    pub entry: &'a Entry,
    /// S3's replication status at the source, where it was asked for and said.
    pub status: Option<&'a str>,
    /// What is said.
    pub judged: &'a Judged,
}

/// Whom it is told to.
pub trait Report {
    /// A version that did not arrive, or that is at the destination alone; those of one prefix in the order
    /// of its keys, but for what waits for the end.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn told(&mut self, told: Told<'_>) -> io::Result<()>;

    /// A version to be replicated again, once for all destinations.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn replay(&mut self, key: &str, version_id: &str) -> io::Result<()>;

    /// The verdict on a replica.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()>;

    /// So many more versions of the source were listed.
    fn listed(&mut self, _more: usize) {}
}

/// After which key a listing broke off, and why.
pub type BrokeOff = (String, String);

/// What came of it.
#[derive(Debug, Default)]
pub struct Compared {
    /// The counts.
    pub tally: Tally,
    /// Since when each rule holds, by destination and rule, as far as that is known.
    pub since: BTreeMap<(usize, usize), Time>,
    /// Verdicts on replicas.
    pub verdicts: BTreeMap<Kind, u64>,
    /// Replicas that nobody could be asked about.
    pub unanswered: u64,
    /// Why the first of them could not.
    pub first_unanswered: Option<AskError>,
    /// Destinations whose listing broke off, after which key, and why.
    pub lost: BTreeMap<usize, BrokeOff>,
    /// Why the source's did, and after which key to go on.
    pub stopped: Option<BrokeOff>,
}

/// How one prefix ended.
#[derive(Debug, Default)]
pub(super) struct Ranged {
    /// A key that all is said about, as about all of the range before it; empty where there is none.
    pub(super) reached: String,
    /// Destinations whose listing broke off, after which key, and why.
    pub(super) lost: BTreeMap<usize, BrokeOff>,
    /// Why the source's did.
    pub(super) stopped: Option<String>,
}

/// A version that waits for its rule's age.
#[derive(Debug, Serialize, Deserialize)]
struct Waiting {
    key: String,
    version_id: String,
    written: i64,
    archived: bool,
    at: Vec<(usize, Option<usize>)>,
    replayed: bool,
}

/// What is known so far, and who is told.
#[derive(Debug)]
pub(super) struct Found<'a, R> {
    pub(super) tally: Tally,
    verdicts: BTreeMap<Kind, u64>,
    unanswered: u64,
    first_unanswered: Option<AskError>,
    waiting: Spool<Waiting>,
    report: &'a mut R,
}

impl<'a, R: Report> Found<'a, R> {
    /// Nothing is known yet.
    pub(super) fn new(rules: &Rules, report: &'a mut R) -> Self {
        Self {
            tally: Tally::of(rules),
            verdicts: BTreeMap::new(),
            unanswered: 0,
            first_unanswered: None,
            waiting: Spool::new(),
            report,
        }
    }

    /// More versions of the source were listed.
    pub(super) fn listed(&mut self, more: usize) {
        self.tally.listed += more as u64;
        self.report.listed(more);
    }

    /// What came of the look at a replica.
    pub(super) fn looked(&mut self, looked: Result<Verdict, AskError>) -> io::Result<()> {
        match looked {
            Ok(verdict) => {
                let kind = verdict.judgement.kind;
                *self.verdicts.entry(kind).or_default() += 1;
                self.report.verdict(&verdict)?;
            }
            Err(error) => {
                self.unanswered += 1;
                self.first_unanswered.get_or_insert(error);
            }
        }
        Ok(())
    }

    /// What was decided on a version.
    pub(super) fn settled(&mut self, entry: Entry, decisions: Vec<Decision>) -> io::Result<()> {
        let mut replayed = false;
        let mut by_age = Vec::new();
        for decision in decisions {
            match &decision.judgement {
                Judgement::ByAge => by_age.push((decision.side, decision.rule)),
                Judgement::Now(judged) => {
                    if judged.state.is_to_replay() && !replayed {
                        replayed = true;
                        self.report.replay(&entry.key, &entry.version_id)?;
                    }
                    self.tell(&entry, &decision)?;
                }
            }
        }
        if by_age.is_empty() {
            return Ok(());
        }
        self.waiting.push(Waiting {
            written: entry.written.secs(),
            archived: entry.kind == EntryKind::Archived,
            key: entry.key,
            version_id: entry.version_id,
            at: by_age,
            replayed,
        })
    }

    /// Counts what is said of a version, and says it.
    pub(super) fn tell(&mut self, entry: &Entry, decision: &Decision) -> io::Result<()> {
        let Judgement::Now(judged) = &decision.judgement else {
            return Ok(());
        };
        self.tally
            .add(decision.side, decision.rule, judged.state, entry.written);
        if decision.status.is_some() && judged.state != State::NotCovered {
            self.tally
                .taken(decision.side, decision.rule, entry.written);
        }
        if judged.state == State::Arrived {
            return Ok(());
        }
        self.report.told(Told {
            side: decision.side,
            rule: decision.rule,
            entry,
            status: decision.status.as_deref(),
            judged,
        })
    }

    /// What S3 never took up is older than its rule where it is older than all that it did take up: it is
    /// told now.
    pub(super) fn end<B, V>(
        mut self,
        comparison: &Comparison<B, V>,
        ranges: impl Iterator<Item = Ranged>,
    ) -> io::Result<Compared> {
        let mut since = BTreeMap::new();
        for (side, rule, counts) in self.tally.iter() {
            if let Some(rule) = rule
                && let Some(time) = comparison.since.or(counts.oldest_taken)
            {
                since.insert((side, rule), time);
            }
        }
        let waiting = std::mem::take(&mut self.waiting);
        waiting.drain(|one| {
            let entry = Entry {
                written: Time::from_secs(one.written),
                kind: if one.archived {
                    EntryKind::Archived
                } else {
                    EntryKind::Version
                },
                key: one.key,
                version_id: one.version_id,
            };
            let mut replayed = one.replayed;
            for (side, rule) in one.at {
                let since = rule.and_then(|rule| since.get(&(side, rule)).copied());
                let judged = by_age(entry.written, since);
                let older = comparison.replays_older && judged.state == State::OlderThanRule;
                if (judged.state.is_to_replay() || older) && !replayed {
                    replayed = true;
                    self.report.replay(&entry.key, &entry.version_id)?;
                }
                self.tell(&entry, &Decision::now(side, rule, judged))?;
            }
            Ok(())
        })?;
        let (lost, stopped) = broken_off(ranges);
        Ok(Compared {
            tally: self.tally,
            since,
            verdicts: self.verdicts,
            unanswered: self.unanswered,
            first_unanswered: self.first_unanswered,
            lost,
            stopped,
        })
    }
}

/// What was not listed to its end: of each destination, and of the source, after which key and why. The
/// ranges come in the order of their keys, and before that key everything was compared.
fn broken_off(
    ranges: impl Iterator<Item = Ranged>,
) -> (BTreeMap<usize, BrokeOff>, Option<BrokeOff>) {
    let (mut lost, mut stopped) = (BTreeMap::new(), None);
    let mut before = String::new();
    for range in ranges {
        for (side, (after, why)) in range.lost {
            let after = if after.is_empty() { &before } else { &after };
            lost.entry(side).or_insert_with(|| (after.clone(), why));
        }
        if stopped.is_none() {
            if !range.reached.is_empty() {
                before = range.reached;
            }
            stopped = range.stopped.map(|why| (before.clone(), why));
        }
    }
    (lost, stopped)
}
