//! The comparison: listings in, what is said of each version out, in memory that does not grow with them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use compliance::ports::AskError;
use compliance::subject::ObjectVersion;
use compliance::verdict::{Kind, Verdict};
use expectation::Time;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};

use super::judge::{Judged, Judgement, by_age};
use super::range::{Range, Ranged};
use super::rules::Rules;
use super::settle::{Decision, Looked, Settling};
use super::spool::Spool;
use super::state::State;
use super::tally::Tally;
use crate::listing::{Entry, EntryKind, ListEntries, Prefixes};
use crate::looking::{HeadVersion, ReadTags};
use crate::pace::Pace;

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

/// Judges replicas' keys.
pub trait Verdicts: Send + Sync {
    /// The verdict on a version at the destination at this place.
    fn verdict(
        &self,
        side: usize,
        version: &ObjectVersion,
    ) -> impl Future<Output = Result<Verdict, AskError>> + Send;
}

/// What is to be compared.
#[derive(Debug)]
pub struct Comparison<B, V> {
    /// The source bucket.
    pub bucket: String,
    /// Its rules.
    pub rules: Rules,
    /// The way to the source.
    pub source: Arc<B>,
    /// The way to each destination; `None` where there is none.
    pub sides: Vec<Option<Arc<B>>>,
    /// Which part; each prefix at the same time as the others.
    pub scope: Prefixes,
    /// Only what comes after this key.
    pub after: Option<String>,
    /// Since when the rules hold, where somebody says it.
    pub since: Option<Time>,
    /// When it begins.
    pub began: Time,
    /// How many calls are in flight to one bucket, at most.
    pub most: usize,
    /// Who judges replicas' keys, where they are to be looked at.
    pub verdicts: Option<V>,
    /// Whether what is older than its rule is to be replicated again as well.
    pub replays_older: bool,
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

/// How fast each bucket is asked.
struct Paces {
    source: Pace,
    sides: Vec<Pace>,
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

impl<B, V> Comparison<B, V>
where
    B: ListEntries + HeadVersion + ReadTags + 'static,
    V: Verdicts,
{
    /// Compares, and tells `report`.
    ///
    /// # Guarantees
    /// - A version is said to be missing only after a HEAD at the source, and one at the destination.
    /// - What is kept in memory are, for each prefix, pages, the versions of one key without a counterpart,
    ///   and the versions that are being asked about.
    ///
    /// # Errors
    /// Where `report` fails, or the file of what waits for the end. What S3 does not answer is in
    /// [`Compared`].
    pub async fn run(&self, report: &mut impl Report) -> io::Result<Compared> {
        let paces = Paces {
            source: Pace::up_to(self.most),
            sides: self.sides.iter().map(|_| Pace::up_to(self.most)).collect(),
        };
        let settling = self.settling(&paces);
        let found = RefCell::new(Found {
            tally: Tally::of(&self.rules),
            verdicts: BTreeMap::new(),
            unanswered: 0,
            first_unanswered: None,
            waiting: Spool::new(),
            report,
        });
        let ranges = self.scope.iter().enumerate().map(|(place, prefix)| {
            let range = Range {
                comparison: self,
                settling: &settling,
                found: &found,
                scope: Prefixes::of([prefix]),
            };
            async move { range.run().await.map(|how| (place, how)) }
        });
        let mut running: FuturesUnordered<_> = ranges.collect();
        let mut endings = BTreeMap::new();
        while let Some(ended) = running.next().await {
            let (place, how) = ended?;
            endings.insert(place, how);
        }
        drop(running);
        found.into_inner().end(self, endings.into_values())
    }

    fn settling<'a>(&'a self, paces: &'a Paces) -> Settling<'a, B> {
        let sides = self.rules.sides().iter().zip(&self.sides).zip(&paces.sides);
        Settling {
            rules: &self.rules,
            source: Looked {
                bucket: &self.bucket,
                port: &*self.source,
                pace: &paces.source,
            },
            sides: sides
                .map(|((side, port), pace)| {
                    Some(Looked {
                        bucket: &side.bucket,
                        port: &**port.as_ref()?,
                        pace,
                    })
                })
                .collect(),
            since: self.since,
            began: self.began,
        }
    }
}

impl<R: Report> Found<'_, R> {
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
    fn end<B, V>(
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
