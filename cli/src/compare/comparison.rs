//! The comparison: listings in, what is said of each version out, in memory that does not grow with them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::compared::Found;
pub use super::compared::{BrokeOff, Compared, Report, Told};
pub use super::question::{Comparison, Verdicts};
use super::range::Range;
use super::settle::{Looked, Settling};
use crate::listing::{ListEntries, Prefixes};
use crate::looking::{HeadVersion, ReadTags};
use crate::pace::Pace;

/// How fast each bucket is asked.
struct Paces {
    source: Pace,
    sides: Vec<Pace>,
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
        let found = RefCell::new(Found::new(&self.rules, report));
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
