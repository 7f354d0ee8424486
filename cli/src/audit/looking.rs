//! The audit: a listing in, verdicts out in its order, in memory that does not grow with it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use aws_names::Home;
use compliance::checker::Checker;
use compliance::ports::{AskError, DescribeKey, FindExpectation, InspectObject, RepairObject};
use compliance::subject::Subject;
use compliance::verdict::{Detail, Kind, Verdict};
use futures_util::stream::{self, BoxStream, StreamExt};

use super::sample::Sample;
use crate::listing::{Entry, ListEntries, Listing, Prefixes, read};
use crate::looking::{Trips, version_of};
use crate::pace::Fault;

/// How many versions of one prefix are being looked at, or wait to be told in their order: one that S3
/// answers late holds up the others no sooner.
const WINDOW: usize = 8192;

/// After so many in a row that cannot be looked at, the rest cannot be either.
const BLIND_AFTER: u32 = 100;

/// What is to be looked at.
#[derive(Debug)]
pub struct Audit<B, A> {
    /// The destination bucket.
    pub bucket: String,
    /// Its Region, its account as far as it is known.
    pub home: Home,
    /// The way to its listing.
    pub port: Arc<B>,
    /// Who judges.
    pub checker: Checker<A>,
    /// Which part; each prefix at the same time as the others.
    pub scope: Prefixes,
    /// Only what comes after this key.
    pub after: Option<String>,
    /// Only so many versions, drawn by this seed.
    pub sample: Option<(u64, usize)>,
}

/// Whom it is told to.
pub trait Report {
    /// A verdict; those of one prefix in the order of its keys.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()>;

    /// So many more versions were listed, for a sample.
    fn listed(&mut self, _more: usize) {}

    /// How many versions the sample has.
    fn drawn(&mut self, _count: usize) {}

    /// All versions up to this key have been told: there another run may go on.
    fn reached(&mut self, _key: &str) {}
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Audited {
    /// How many of each verdict.
    pub verdicts: BTreeMap<Kind, u64>,
    /// How many could not be looked at for want of a permission.
    pub denied: u64,
    /// How many AWS did not answer for.
    pub unanswered: u64,
    /// Why the first of them was not.
    pub first_unanswered: Option<String>,
    /// Of how many versions the sample was drawn.
    pub population: Option<u64>,
    /// Why it ended early.
    pub stopped: Option<String>,
    /// The last key up to which all is told.
    pub reached: Option<String>,
}

impl Audited {
    /// How many verdicts there are.
    #[must_use]
    pub fn judged(&self) -> u64 {
        self.verdicts.values().sum()
    }

    /// How many are something found.
    #[must_use]
    pub fn findings(&self) -> u64 {
        let found = self
            .verdicts
            .iter()
            .filter(|(kind, _)| kind.compliant() == Some(false));
        found.map(|(_, count)| count).sum()
    }

    /// How many replicas have a verdict that says whether they are right.
    #[must_use]
    pub fn decided(&self) -> u64 {
        let decided = self
            .verdicts
            .iter()
            .filter(|(kind, _)| kind.compliant().is_some());
        decided.map(|(_, count)| count).sum()
    }

    /// How many of a kind.
    #[must_use]
    pub fn of(&self, kind: Kind) -> u64 {
        self.verdicts.get(&kind).copied().unwrap_or_default()
    }
}

/// What became of one version.
struct Looked {
    lane: usize,
    key: String,
    outcome: Result<Verdict, AskError>,
}

/// How far each prefix is.
struct Lanes(Vec<Lane>);

#[derive(Clone, Debug, Default)]
struct Lane {
    at: Option<String>,
    done: Option<String>,
    ended: bool,
}

impl Lanes {
    fn new(count: usize) -> Self {
        Self(vec![Lane::default(); count])
    }

    fn at(&mut self, lane: usize, key: &str) {
        if let Some(lane) = self.0.get_mut(lane)
            && lane.at.as_deref() != Some(key)
        {
            lane.done = lane.at.replace(key.to_owned());
        }
    }

    fn end(&mut self, lane: usize) {
        if let Some(lane) = self.0.get_mut(lane) {
            lane.ended = true;
            lane.done = lane.at.take().or(lane.done.take());
        }
    }

    /// The last key such that all before it, in all prefixes, are told.
    fn reached(&self) -> Option<&str> {
        let mut reached = None;
        for lane in &self.0 {
            reached = lane.done.as_deref().or(reached);
            if !lane.ended {
                break;
            }
        }
        reached
    }
}

impl<B, A> Audit<B, A>
where
    B: ListEntries + 'static,
    A: InspectObject + FindExpectation + DescribeKey + RepairObject,
{
    /// Looks at all versions, or at the sample, and tells `report`.
    ///
    /// # Errors
    /// Where `report` fails. What AWS does not answer is in [`Audited`].
    pub async fn run(&self, report: &mut impl Report) -> io::Result<Audited> {
        let mut audited = Audited::default();
        let trips = Trips::to(self.home.clone());
        let trips = &trips;
        let lanes: Vec<Prefixes> = self
            .scope
            .iter()
            .map(|prefix| Prefixes::of([prefix]))
            .collect();
        let mut streams: Vec<BoxStream<'_, Step>> = Vec::new();
        if let Some((seed, most)) = self.sample {
            let Some(drawn) = self.draw(seed, most, &mut audited, report).await else {
                return Ok(audited);
            };
            report.drawn(drawn.len());
            let entries = stream::iter(drawn.into_iter().map(|entry| Ok(vec![entry])));
            streams.push(self.looks(0, entries.boxed(), trips));
        } else {
            for (number, prefixes) in lanes.iter().enumerate() {
                let listing = read(Arc::clone(&self.port), prefixes.clone(), self.after.clone());
                streams.push(self.looks(number, pages(listing), trips));
            }
        }
        let mut lanes = Lanes::new(streams.len());
        let mut all = stream::select_all(streams);
        let mut blind = 0;
        while let Some(step) = all.next().await {
            let looked = match step {
                Step::Looked(looked) => *looked,
                Step::End(lane) => {
                    lanes.end(lane);
                    continue;
                }
                Step::Broke(fault) => {
                    audited.stopped = Some(fault.to_string());
                    break;
                }
            };
            lanes.at(looked.lane, &looked.key);
            blind = match looked.outcome {
                Ok(verdict) => {
                    let kind = verdict.judgement.kind;
                    let denied = verdict.judgement.detail == Detail::AccessDenied;
                    audited.denied += u64::from(denied);
                    *audited.verdicts.entry(kind).or_default() += 1;
                    report.verdict(&verdict)?;
                    if denied { blind + 1 } else { 0 }
                }
                Err(error) => {
                    audited.unanswered += 1;
                    audited.first_unanswered.get_or_insert(error.to_string());
                    blind + 1
                }
            };
            if let Some(key) = lanes.reached().filter(|_| self.sample.is_none()) {
                report.reached(key);
            }
            if blind == BLIND_AFTER {
                audited.stopped = Some(format!(
                    "{BLIND_AFTER} versions in a row could not be looked at"
                ));
                break;
            }
        }
        audited.reached = lanes
            .reached()
            .filter(|_| self.sample.is_none())
            .map(str::to_owned);
        Ok(audited)
    }

    /// The sample, from a listing of everything.
    async fn draw(
        &self,
        seed: u64,
        most: usize,
        audited: &mut Audited,
        report: &mut impl Report,
    ) -> Option<Vec<Entry>> {
        let mut sample = Sample::new(seed, most);
        let mut listing = read(Arc::clone(&self.port), self.scope.clone(), None);
        loop {
            match listing.next().await {
                Ok(None) => break,
                Ok(Some(entries)) => {
                    report.listed(entries.len());
                    let versions = entries.into_iter().filter(|entry| !entry.is_marker());
                    versions.for_each(|entry| sample.consider(entry));
                }
                Err(fault) => {
                    audited.stopped = Some(fault.to_string());
                    return None;
                }
            }
        }
        audited.population = Some(sample.of());
        Some(sample.drawn())
    }

    /// The verdicts on what one prefix lists, in its order.
    fn looks<'a>(
        &'a self,
        lane: usize,
        pages: BoxStream<'a, Result<Vec<Entry>, Fault>>,
        trips: &'a Trips,
    ) -> BoxStream<'a, Step> {
        let entries = pages.flat_map(|page| match page {
            Ok(entries) => {
                let versions = entries.into_iter().filter(|entry| !entry.is_marker());
                stream::iter(versions.map(Ok).collect::<Vec<_>>())
            }
            Err(fault) => stream::iter(vec![Err(fault)]),
        });
        let looks = entries.map(move |entry| async move {
            match entry {
                Ok(entry) => Step::Looked(Box::new(self.look(lane, entry, trips).await)),
                Err(fault) => Step::Broke(fault),
            }
        });
        let end = stream::once(async move { Step::End(lane) });
        looks.buffered(WINDOW).chain(end).boxed()
    }

    async fn look(&self, lane: usize, entry: Entry, trips: &Trips) -> Looked {
        let outcome = match version_of(&self.bucket, Some(&self.home.region), &entry) {
            Some(version) => {
                let subject = Subject::Arrival(version);
                self.checker.check(&subject, trips.current()).await
            }
            None => Err(AskError {
                operation: "s3:HeadObject",
                resource: format!("bucket {} key {}", self.bucket, entry.key),
                answer: "the key is none that S3 takes".to_owned(),
                remedy: String::new(),
            }),
        };
        Looked {
            lane,
            key: entry.key,
            outcome,
        }
    }
}

/// What comes of a prefix.
enum Step {
    Looked(Box<Looked>),
    Broke(Fault),
    End(usize),
}

fn pages(listing: Listing) -> BoxStream<'static, Result<Vec<Entry>, Fault>> {
    let next = |mut listing: Listing| async move {
        let page = listing.next().await.transpose()?;
        Some((page, listing))
    };
    stream::unfold(listing, next).boxed()
}
