//! The comparison: listings in, what is said of each version out, in memory that does not grow with them.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;

use compliance::ports::AskError;
use compliance::subject::ObjectVersion;
use compliance::verdict::{Kind, Verdict};
use expectation::Time;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use serde::{Deserialize, Serialize};

use super::judge::{Judged, Judgement, USUAL, age, by_age};
use super::merge::{Merge, Sink, Step, Who};
use super::rules::{Cover, Rules};
use super::settle::{Decision, Looked, Settling};
use super::spool::Spool;
use super::state::State;
use super::tally::Tally;
use crate::listing::{Entry, EntryKind, ListEntries, Listing, Prefixes, read};
use crate::looking::{HeadVersion, ReadTags, version_of};
use crate::pace::{Fault, Pace};

/// How many versions are being asked about, or wait for their turn to be told.
const WINDOW: usize = 4096;

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
    /// A version that did not arrive, or that is at the destination alone.
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
    /// Which part.
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
    pub lost: BTreeMap<usize, (String, String)>,
    /// Why the source's did, and after which key to go on.
    pub stopped: Option<(String, String)>,
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

/// What is to be asked.
#[derive(Debug)]
enum Job {
    Settle(Entry, Vec<usize>),
    Look(usize, Entry),
}

/// What came of it.
enum Done {
    Settled(Entry, Vec<Decision>),
    Looked(Option<Box<Result<Verdict, AskError>>>),
}

/// Sorts what the merge finds: what is clear is counted and told, the rest is to be asked about.
struct Sorting<'a> {
    rules: &'a Rules,
    began: Time,
    looks: bool,
    tally: &'a mut Tally,
    jobs: VecDeque<Job>,
    told: Vec<(Entry, Decision)>,
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

impl<B, V> Comparison<B, V>
where
    B: ListEntries + HeadVersion + ReadTags + 'static,
    V: Verdicts,
{
    /// Compares, and tells `report`.
    ///
    /// # Guarantees
    /// - A version is said to be missing only after a HEAD at the source, and one at the destination.
    /// - What is kept in memory are pages, the versions of one key without a counterpart, and the versions
    ///   that are being asked about.
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
        let mut compared = Compared {
            tally: Tally::of(&self.rules),
            ..Compared::default()
        };
        let mut waiting = Spool::new();
        let mut listings = Listings::of(self);
        let mut merge = Merge::of(self.sides.len());
        for side in listings.absent() {
            merge.lose(side);
        }
        let mut jobs = VecDeque::new();
        let mut asking: FuturesOrdered<BoxFuture<'_, Done>> = FuturesOrdered::new();
        let mut ended = false;
        loop {
            while asking.len() < WINDOW
                && let Some(job) = jobs.pop_front()
            {
                asking.push_back(Box::pin(self.ask(&settling, job)));
            }
            if ended || !jobs.is_empty() {
                match asking.next().await {
                    Some(done) => Self::done(done, &mut compared, &mut waiting, report)?,
                    None => break,
                }
                continue;
            }
            let mut sorting = Sorting {
                rules: &self.rules,
                began: self.began,
                looks: self.verdicts.is_some(),
                tally: &mut compared.tally,
                jobs,
                told: Vec::new(),
            };
            let step = merge.advance(&mut sorting);
            let told = sorting.told;
            jobs = sorting.jobs;
            for (entry, decision) in told {
                tell(&entry, &decision, &mut compared.tally, report)?;
            }
            let who = match step {
                Ok(Step::Done) => {
                    ended = true;
                    continue;
                }
                Ok(Step::Page(who)) => who,
                Err(wrong) => {
                    ended |= lost(&mut compared, &mut merge, wrong.who, wrong.to_string());
                    continue;
                }
            };
            if !jobs.is_empty() {
                continue;
            }
            let page = tokio::select! {
                biased;
                Some(done) = asking.next(), if !asking.is_empty() => {
                    Self::done(done, &mut compared, &mut waiting, report)?;
                    continue;
                }
                page = listings.next(who) => page,
            };
            let fed = match page {
                Ok(page) => {
                    if who == Who::Source {
                        let more = page.as_ref().map_or(0, Vec::len);
                        compared.tally.listed += more as u64;
                        report.listed(more);
                    }
                    merge.feed(who, page).map_err(|wrong| wrong.to_string())
                }
                Err(fault) => Err(fault.to_string()),
            };
            if let Err(why) = fed {
                ended |= lost(&mut compared, &mut merge, who, why);
            }
        }
        self.at_the_end(waiting, &mut compared, report)?;
        Ok(compared)
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

    async fn ask(&self, settling: &Settling<'_, B>, job: Job) -> Done {
        match job {
            Job::Settle(entry, sides) => {
                let decisions = settling.settle(&entry, &sides).await;
                Done::Settled(entry, decisions)
            }
            Job::Look(side, entry) => {
                let bucket = self.rules.side(side).map(|side| side.bucket.as_str());
                let version = version_of(bucket.unwrap_or_default(), None, &entry);
                let verdict = match (&self.verdicts, version) {
                    (Some(verdicts), Some(version)) => {
                        Some(Box::new(verdicts.verdict(side, &version).await))
                    }
                    _ => None,
                };
                Done::Looked(verdict)
            }
        }
    }

    fn done(
        done: Done,
        compared: &mut Compared,
        waiting: &mut Spool<Waiting>,
        report: &mut impl Report,
    ) -> io::Result<()> {
        match done {
            Done::Looked(None) => {}
            Done::Looked(Some(looked)) => match *looked {
                Ok(verdict) => {
                    let kind = verdict.judgement.kind;
                    *compared.verdicts.entry(kind).or_default() += 1;
                    report.verdict(&verdict)?;
                }
                Err(error) => {
                    compared.unanswered += 1;
                    compared.first_unanswered.get_or_insert(error);
                }
            },
            Done::Settled(entry, decisions) => {
                let mut replayed = false;
                let mut by_age = Vec::new();
                for decision in decisions {
                    match &decision.judgement {
                        Judgement::ByAge => by_age.push((decision.side, decision.rule)),
                        Judgement::Now(judged) => {
                            if judged.state.is_to_replay() && !replayed {
                                replayed = true;
                                report.replay(&entry.key, &entry.version_id)?;
                            }
                            tell(&entry, &decision, &mut compared.tally, report)?;
                        }
                    }
                }
                if !by_age.is_empty() {
                    waiting.push(Waiting {
                        written: entry.written.secs(),
                        archived: entry.kind == EntryKind::Archived,
                        key: entry.key,
                        version_id: entry.version_id,
                        at: by_age,
                        replayed,
                    })?;
                }
            }
        }
        Ok(())
    }

    /// What S3 never took up is older than its rule where it is older than all that it did take up.
    fn at_the_end(
        &self,
        waiting: Spool<Waiting>,
        compared: &mut Compared,
        report: &mut impl Report,
    ) -> io::Result<()> {
        for (side, rule, counts) in compared.tally.iter() {
            if let Some(rule) = rule
                && let Some(since) = self.since.or(counts.oldest_taken)
            {
                compared.since.insert((side, rule), since);
            }
        }
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
                let since = rule.and_then(|rule| compared.since.get(&(side, rule)).copied());
                let judged = by_age(entry.written, since);
                let older = self.replays_older && judged.state == State::OlderThanRule;
                if (judged.state.is_to_replay() || older) && !replayed {
                    replayed = true;
                    report.replay(&entry.key, &entry.version_id)?;
                }
                let decision = Decision::now(side, rule, judged);
                tell(&entry, &decision, &mut compared.tally, report)?;
            }
            Ok(())
        })
    }
}

/// Counts what is said of a version, and says it.
fn tell(
    entry: &Entry,
    decision: &Decision,
    tally: &mut Tally,
    report: &mut impl Report,
) -> io::Result<()> {
    let Judgement::Now(judged) = &decision.judgement else {
        return Ok(());
    };
    tally.add(decision.side, decision.rule, judged.state, entry.written);
    if decision.status.is_some() && judged.state != State::NotCovered {
        tally.taken(decision.side, decision.rule, entry.written);
    }
    if judged.state == State::Arrived {
        return Ok(());
    }
    report.told(Told {
        side: decision.side,
        rule: decision.rule,
        entry,
        status: decision.status.as_deref(),
        judged,
    })
}

/// Notes that a listing broke off; whether nothing more can be compared.
fn lost(compared: &mut Compared, merge: &mut Merge, who: Who, why: String) -> bool {
    let after = merge.done().to_owned();
    match who {
        Who::Source => {
            compared.stopped = Some((after, why));
            true
        }
        Who::Destination(side) => {
            merge.lose(side);
            compared.lost.insert(side, (after, why));
            false
        }
    }
}

/// How fast each bucket is asked.
struct Paces {
    source: Pace,
    sides: Vec<Pace>,
}

/// The listings of source and destinations.
struct Listings {
    source: Listing,
    sides: Vec<Option<Listing>>,
}

impl Listings {
    fn of<B: ListEntries + 'static, V>(comparison: &Comparison<B, V>) -> Self {
        let scope = &comparison.scope;
        let sides = comparison.rules.sides().iter().zip(&comparison.sides);
        let after = || comparison.after.clone();
        Self {
            source: read(Arc::clone(&comparison.source), scope.clone(), after()),
            sides: sides
                .map(|(side, port)| {
                    let prefixes = side.prefixes().within(scope);
                    Some(read(Arc::clone(port.as_ref()?), prefixes, after()))
                })
                .collect(),
        }
    }

    fn absent(&self) -> impl Iterator<Item = usize> {
        let sides = self.sides.iter().enumerate();
        sides.filter_map(|(side, listing)| listing.is_none().then_some(side))
    }

    async fn next(&mut self, who: Who) -> Result<Option<Vec<Entry>>, Fault> {
        match who {
            Who::Source => self.source.next().await,
            Who::Destination(side) => match self.sides.get_mut(side) {
                Some(Some(listing)) => listing.next().await,
                _ => Ok(None),
            },
        }
    }
}
