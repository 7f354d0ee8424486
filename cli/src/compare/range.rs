//! One prefix of a comparison: its listings merged as they come, and what needs it asked about.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use compliance::ports::AskError;
use compliance::verdict::Verdict;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;

use super::compared::{Found, Ranged, Report};
use super::merge::{Merge, OutOfOrder, Step, Who};
use super::question::{Comparison, Verdicts};
use super::settle::{Decision, Settling};
use super::sorting::{Job, Sorting};
use crate::listing::{Entry, ListEntries, Listing, Prefixes, read};
use crate::looking::{HeadVersion, ReadTags, version_of};
use crate::pace::Fault;

/// How many versions are being asked about, or wait for their turn to be told.
const WINDOW: usize = 4096;

/// A part of what is compared.
pub(super) struct Range<'a, 'r, B, V, R> {
    pub(super) comparison: &'a Comparison<B, V>,
    pub(super) settling: &'a Settling<'a, B>,
    pub(super) found: &'a RefCell<Found<'r, R>>,
    /// One prefix.
    pub(super) scope: Prefixes,
}

impl Ranged {
    /// Notes that a listing broke off; whether nothing more can be compared.
    fn broke(&mut self, merge: &mut Merge, who: Who, why: String) -> bool {
        match who {
            Who::Source => {
                self.stopped = Some(why);
                true
            }
            Who::Destination(side) => {
                let after = merge.done().to_owned();
                merge.lose(side);
                self.lost.insert(side, (after, why));
                false
            }
        }
    }
}

/// What came of a question.
enum Done {
    Settled(Entry, Vec<Decision>),
    Looked(Option<Box<Result<Verdict, AskError>>>),
}

impl<B, V, R> Range<'_, '_, B, V, R>
where
    B: ListEntries + HeadVersion + ReadTags + 'static,
    V: Verdicts,
    R: Report,
{
    /// Compares it.
    ///
    /// # Errors
    /// Where what is found cannot be written.
    pub(super) async fn run(&self) -> io::Result<Ranged> {
        let mut ranged = Ranged::default();
        let mut listings = self.listings();
        let mut merge = Merge::of(self.comparison.sides.len());
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
                asking.push_back(Box::pin(ask(self.comparison, self.settling, job)));
            }
            if ended || !jobs.is_empty() {
                match asking.next().await {
                    Some(done) => self.done(done)?,
                    None => break,
                }
                continue;
            }
            let step;
            (step, jobs) = self.sort(&mut merge, jobs)?;
            let who = match step {
                Ok(Step::Done) => {
                    ended = true;
                    continue;
                }
                Ok(Step::Page(who)) => who,
                Err(wrong) => {
                    ended |= ranged.broke(&mut merge, wrong.who, wrong.to_string());
                    continue;
                }
            };
            if !jobs.is_empty() {
                continue;
            }
            let page = tokio::select! {
                biased;
                Some(done) = asking.next(), if !asking.is_empty() => {
                    self.done(done)?;
                    continue;
                }
                page = listings.next(who) => page,
            };
            let fed = match page {
                Ok(page) => {
                    if who == Who::Source {
                        let more = page.as_ref().map_or(0, Vec::len);
                        self.found.borrow_mut().listed(more);
                    }
                    merge.feed(who, page).map_err(|wrong| wrong.to_string())
                }
                Err(fault) => Err(fault.to_string()),
            };
            if let Err(why) = fed {
                ended |= ranged.broke(&mut merge, who, why);
            }
        }
        merge.done().clone_into(&mut ranged.reached);
        Ok(ranged)
    }

    /// Goes on with the merge as far as what was listed leads.
    fn sort(
        &self,
        merge: &mut Merge,
        jobs: VecDeque<Job>,
    ) -> io::Result<(Result<Step, OutOfOrder>, VecDeque<Job>)> {
        let found = &mut *self.found.borrow_mut();
        let mut sorting = Sorting {
            rules: &self.comparison.rules,
            began: self.comparison.began,
            looks: self.comparison.verdicts.is_some(),
            tally: &mut found.tally,
            jobs,
            told: Vec::new(),
        };
        let step = merge.advance(&mut sorting);
        let (told, jobs) = (sorting.told, sorting.jobs);
        for (entry, decision) in told {
            found.tell(&entry, &decision)?;
        }
        Ok((step, jobs))
    }

    fn done(&self, done: Done) -> io::Result<()> {
        let mut found = self.found.borrow_mut();
        match done {
            Done::Looked(None) => Ok(()),
            Done::Looked(Some(looked)) => found.looked(*looked),
            Done::Settled(entry, decisions) => found.settled(entry, decisions),
        }
    }

    fn listings(&self) -> Listings {
        let Comparison {
            rules,
            source,
            sides,
            after,
            ..
        } = self.comparison;
        let sides = rules.sides().iter().zip(sides);
        Listings {
            source: read(Arc::clone(source), self.scope.clone(), after.clone()),
            sides: sides
                .map(|(side, port)| {
                    let prefixes = side.prefixes().within(&self.scope);
                    Some(read(Arc::clone(port.as_ref()?), prefixes, after.clone()))
                })
                .collect(),
        }
    }
}

async fn ask<B, V>(comparison: &Comparison<B, V>, settling: &Settling<'_, B>, job: Job) -> Done
where
    B: HeadVersion + ReadTags,
    V: Verdicts,
{
    match job {
        Job::Settle(entry, sides) => {
            let decisions = settling.settle(&entry, &sides).await;
            Done::Settled(entry, decisions)
        }
        Job::Look(side, entry) => {
            let bucket = comparison.rules.side(side).map(|side| side.bucket.as_str());
            let version = version_of(bucket.unwrap_or_default(), None, &entry);
            let verdict = match (&comparison.verdicts, version) {
                (Some(verdicts), Some(version)) => {
                    Some(Box::new(verdicts.verdict(side, &version).await))
                }
                _ => None,
            };
            Done::Looked(verdict)
        }
    }
}

/// The listings of source and destinations.
struct Listings {
    source: Listing,
    sides: Vec<Option<Listing>>,
}

impl Listings {
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
