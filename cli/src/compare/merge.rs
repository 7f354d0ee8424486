//! Source and destinations, side by side as they are listed: which version is where. Pure.
//!
//! All listings are in the order of their keys, so that only the versions of one key are looked at at a time,
//! and of those only the ones without a counterpart yet are kept. Within a key the versions' order is not
//! relied on: a replica that came late may stand elsewhere than its source version.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::vec::IntoIter;

use crate::listing::Entry;

/// What is made of the pairs.
pub trait Sink {
    /// A version of the source is at destination `side` as well.
    fn arrived(&mut self, side: usize, version: &Entry);
    /// A version of the source is not at these destinations.
    fn absent(&mut self, version: Entry, sides: Vec<usize>);
    /// A version is at destination `side` and not at the source.
    fn only_there(&mut self, side: usize, version: Entry);
}

/// Whose entries a listing gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The source bucket.
    Source,
    /// A destination, by its place.
    Destination(usize),
}

/// What the merge needs to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next entries of this listing.
    Page(Who),
    /// Nothing: all listings are at their end.
    Done,
}

/// A listing that is not in the order of its keys, or gives a version twice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{next}` was listed after `{last}`: not in the order of the keys' bytes")]
pub struct OutOfOrder {
    /// Whose listing.
    pub who: Who,
    /// The greater key.
    pub last: String,
    /// The one that came after it.
    pub next: String,
}

/// Merges the listings of a source and its destinations.
#[derive(Debug)]
pub struct Merge {
    source: Cursor,
    sides: Vec<Cursor>,
    /// The key whose versions are being looked at, or were last.
    key: String,
    at_key: bool,
    /// The one before it.
    done: String,
    waiting: Waiting,
    /// What is only at each side so far, of this key.
    there: Vec<Waiting>,
    /// Of which sides nothing is said any more.
    lost: Vec<bool>,
}

/// Entries of one key without a counterpart, by version id.
#[derive(Debug, Default)]
struct Waiting {
    entries: HashMap<String, Held>,
    count: usize,
}

#[derive(Debug)]
struct Held {
    place: usize,
    entry: Entry,
    /// Of a source's version: where it is not, as far as is known.
    absent: Vec<usize>,
}

impl Waiting {
    fn hold(&mut self, entry: Entry, absent: Vec<usize>) {
        let place = self.count;
        self.count += 1;
        let id = entry.version_id.clone();
        let held = Held {
            place,
            entry,
            absent,
        };
        self.entries.insert(id, held);
    }

    /// All of them, in the order in which they came.
    fn take(&mut self) -> Vec<Held> {
        self.count = 0;
        if self.entries.is_empty() {
            return Vec::new();
        }
        let mut all: Vec<_> = self.entries.drain().map(|(_, held)| held).collect();
        all.sort_unstable_by_key(|held| held.place);
        all
    }
}

/// One listing.
#[derive(Debug)]
struct Cursor {
    who: Who,
    head: Option<Entry>,
    rest: IntoIter<Entry>,
    ended: bool,
}

impl Cursor {
    fn new(who: Who) -> Self {
        Self {
            who,
            head: None,
            rest: Vec::new().into_iter(),
            ended: false,
        }
    }

    fn needs_page(&self) -> bool {
        self.head.is_none() && !self.ended
    }

    fn is_at(&self, key: &str) -> bool {
        self.head.as_ref().is_some_and(|head| head.key == key)
    }

    /// The head, where it is of this key.
    fn take(&mut self, key: &str) -> Result<Option<Entry>, OutOfOrder> {
        if !self.is_at(key) {
            return Ok(None);
        }
        let next = self.rest.next();
        if let Some(next) = &next {
            self.in_order(key, next)?;
        }
        Ok(std::mem::replace(&mut self.head, next))
    }

    fn in_order(&self, last: &str, next: &Entry) -> Result<(), OutOfOrder> {
        match last.cmp(&next.key) {
            Ordering::Less | Ordering::Equal => Ok(()),
            Ordering::Greater => Err(OutOfOrder {
                who: self.who,
                last: last.to_owned(),
                next: next.key.clone(),
            }),
        }
    }
}

impl Merge {
    /// Merges a source and so many destinations.
    #[must_use]
    pub fn of(sides: usize) -> Self {
        Self {
            source: Cursor::new(Who::Source),
            sides: (0..sides)
                .map(|side| Cursor::new(Who::Destination(side)))
                .collect(),
            key: String::new(),
            at_key: false,
            done: String::new(),
            waiting: Waiting::default(),
            there: (0..sides).map(|_| Waiting::default()).collect(),
            lost: vec![false; sides],
        }
    }

    /// Says nothing more of a destination, whose listing gives nothing more.
    pub fn lose(&mut self, side: usize) {
        if let Some(cursor) = self.sides.get_mut(side) {
            *cursor = Cursor {
                ended: true,
                ..Cursor::new(cursor.who)
            };
        }
        if let Some(there) = self.there.get_mut(side) {
            there.take();
        }
        if let Some(lost) = self.lost.get_mut(side) {
            *lost = true;
        }
    }

    /// A key that all is said about, as about all before it; empty where there is none yet.
    #[must_use]
    pub fn done(&self) -> &str {
        if self.at_key { &self.done } else { &self.key }
    }

    /// Gives the next entries of a listing; none: it is at its end.
    ///
    /// # Errors
    /// Where they do not come after those before.
    pub fn feed(&mut self, who: Who, page: Option<Vec<Entry>>) -> Result<(), OutOfOrder> {
        let cursor = match who {
            Who::Source => &mut self.source,
            Who::Destination(side) => match self.sides.get_mut(side) {
                Some(cursor) => cursor,
                None => return Ok(()),
            },
        };
        let Some(page) = page else {
            cursor.ended = true;
            return Ok(());
        };
        cursor.rest = page.into_iter();
        cursor.head = cursor.rest.next();
        match &cursor.head {
            // All heads before the key that is looked at have been taken.
            Some(next) => cursor.in_order(&self.key, next),
            None => Ok(()),
        }
    }

    /// Goes on as far as what was given leads.
    ///
    /// # Errors
    /// Where a listing is not in order: nothing can be said of what it holds.
    pub fn advance(&mut self, sink: &mut impl Sink) -> Result<Step, OutOfOrder> {
        loop {
            let mut cursors = std::iter::once(&self.source).chain(&self.sides);
            if let Some(empty) = cursors.find(|cursor| cursor.needs_page()) {
                return Ok(Step::Page(empty.who));
            }
            if !self.at_key {
                let heads = std::iter::once(&self.source).chain(&self.sides);
                let keys = heads.filter_map(|cursor| cursor.head.as_ref().map(|head| &head.key));
                let Some(first) = keys.min() else {
                    return Ok(Step::Done);
                };
                std::mem::swap(&mut self.done, &mut self.key);
                self.key.clear();
                self.key.push_str(first);
                self.at_key = true;
            }
            if !self.one_of_each(sink)? {
                self.end_of_key(sink);
                self.at_key = false;
            }
        }
    }

    /// Takes the next entry of the key from each listing that has one; whether any had.
    fn one_of_each(&mut self, sink: &mut impl Sink) -> Result<bool, OutOfOrder> {
        let version = self.source.take(&self.key)?;
        let mut any = version.is_some();
        let mut absent = Vec::new();
        for (side, (cursor, there)) in self.sides.iter_mut().zip(&mut self.there).enumerate() {
            let replica = cursor.take(&self.key)?;
            any |= replica.is_some();
            match (&version, replica) {
                (Some(version), Some(replica)) if version.version_id == replica.version_id => {
                    sink.arrived(side, version);
                    continue;
                }
                (_, Some(replica)) => match self.waiting.entries.get_mut(&replica.version_id) {
                    Some(held) if held.absent.contains(&side) => {
                        held.absent.retain(|other| *other != side);
                        sink.arrived(side, &held.entry);
                        if held.absent.is_empty() {
                            self.waiting.entries.remove(&replica.version_id);
                        }
                    }
                    _ => there.hold(replica, Vec::new()),
                },
                (_, None) => {}
            }
            if let Some(version) = &version {
                match there.entries.remove(&version.version_id) {
                    Some(_) => sink.arrived(side, version),
                    None if self.lost.get(side) == Some(&true) => {}
                    None => absent.push(side),
                }
            }
        }
        if let Some(version) = version
            && !absent.is_empty()
        {
            self.waiting.hold(version, absent);
        }
        Ok(any)
    }

    fn end_of_key(&mut self, sink: &mut impl Sink) {
        for mut held in self.waiting.take() {
            held.absent
                .retain(|side| self.lost.get(*side) == Some(&false));
            if !held.absent.is_empty() {
                sink.absent(held.entry, held.absent);
            }
        }
        for (side, there) in self.there.iter_mut().enumerate() {
            for held in there.take() {
                sink.only_there(side, held.entry);
            }
        }
    }
}
