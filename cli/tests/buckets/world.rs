//! Buckets in memory, which list, show and fail as S3 does.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use compliance::ports::{AskError, Inspection, Marker, Observed};
use compliance::subject::ObjectVersion;
use encrypted_replication::listing::{Entry, EntryKind, ListEntries, Page};
use encrypted_replication::looking::{HeadVersion, ReadTags};
use encrypted_replication::pace::{Fault, FaultKind};
use expectation::Time;
use replication::configuration::Tag;
use tokio::time::Instant;

/// What comes of it on a clock that nobody waits for, and how long it took by that.
pub(crate) fn on_a_paused_clock<T>(what: impl Future<Output = T>) -> (T, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let began = Instant::now();
        (what.await, began.elapsed())
    })
}

/// What a bucket has of one version.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) key: String,
    pub(crate) id: String,
    pub(crate) written: i64,
    pub(crate) kind: EntryKind,
    pub(crate) status: Option<&'static str>,
    pub(crate) algorithm: &'static str,
    pub(crate) kms_key: Option<&'static str>,
    pub(crate) tags: Vec<Tag>,
    /// Whether the listing has it; and, a moment later, a HEAD.
    pub(crate) listed: bool,
    pub(crate) shown: bool,
}

impl Stored {
    pub(crate) fn new(key: &str, id: &str, written: i64) -> Self {
        Self {
            key: key.to_owned(),
            id: id.to_owned(),
            written,
            kind: EntryKind::Version,
            status: None,
            algorithm: "aws:kms",
            kms_key: None,
            tags: Vec::new(),
            listed: true,
            shown: true,
        }
    }

    pub(crate) fn status(self, status: &'static str) -> Self {
        Self {
            status: Some(status),
            ..self
        }
    }
}

/// A bucket. Its versions are listed in the order of their keys' bytes, and within a key as they lie here.
#[derive(Debug, Default)]
pub(crate) struct Bucket {
    stored: Vec<Stored>,
    page: usize,
    /// Of so many calls of each kind the first ones fail so.
    faults: Mutex<BTreeMap<&'static str, (u64, Option<FaultKind>)>>,
    good: Option<(&'static str, u64)>,
    asked: AtomicU64,
    pub(crate) heads: AtomicU64,
    pub(crate) pages: AtomicU64,
    pub(crate) tag_reads: AtomicU64,
    pub(crate) slowed: AtomicU64,
    pub(crate) latency: Duration,
    /// HEADs a second that S3 takes of each first letter.
    limit: Option<f64>,
    reserves: Mutex<BTreeMap<char, (Instant, f64)>>,
    /// S3 shows nothing of any version.
    pub(crate) denies: bool,
    by_name: HashMap<(String, String), usize>,
}

impl Bucket {
    pub(crate) fn of(mut stored: Vec<Stored>, page: usize) -> Self {
        stored.sort_by(|one, other| one.key.as_bytes().cmp(other.key.as_bytes()));
        let names = stored.iter().enumerate();
        let names = names.map(|(place, one)| ((one.key.clone(), one.id.clone()), place));
        Self {
            by_name: names.collect(),
            stored,
            page,
            ..Self::default()
        }
    }

    /// Refuses HEADs of a prefix beyond so many a second.
    pub(crate) fn limited(self, a_second: f64) -> Self {
        Self {
            limit: Some(a_second),
            ..self
        }
    }

    /// Whether S3 takes this HEAD: each first letter has a limit of its own, with half a second's worth in
    /// reserve.
    fn takes(&self, key: &str) -> bool {
        let Some(limit) = self.limit else { return true };
        let now = Instant::now();
        let mut reserves = self.reserves.lock().unwrap();
        let letter = key.chars().next().unwrap();
        let (at, left) = reserves.entry(letter).or_insert((now, limit / 2.0));
        let filled = (*left + (now - *at).as_secs_f64() * limit).min(limit / 2.0);
        *at = now;
        *left = if filled >= 1.0 { filled - 1.0 } else { filled };
        filled >= 1.0
    }

    /// The next `times` calls of `what` (`page`, `head`, `tags`) fail.
    pub(crate) fn failing(self, what: &'static str, times: u64, kind: FaultKind) -> Self {
        self.faults
            .lock()
            .unwrap()
            .insert(what, (times, Some(kind)));
        self
    }

    /// All calls of `what` fail after the first `times`.
    pub(crate) fn failing_after(mut self, what: &'static str, times: u64) -> Self {
        self.good = Some((what, times));
        self
    }

    /// Its listing is in no order.
    pub(crate) fn shuffled(mut self) -> Self {
        self.stored.swap(2, 7);
        let names = self.stored.iter().enumerate();
        self.by_name = names
            .map(|(place, one)| ((one.key.clone(), one.id.clone()), place))
            .collect();
        self
    }

    pub(crate) fn slow(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    async fn fault(&self, what: &'static str) -> Result<(), Fault> {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        let mut faults = self.faults.lock().unwrap();
        let late = self.good.is_some_and(|(failing, times)| {
            failing == what && self.asked.fetch_add(1, Ordering::Relaxed) >= times
        });
        let kind = match faults.get_mut(what) {
            _ if late => FaultKind::Busy,
            Some((left, Some(kind))) if *left > 0 => {
                *left -= 1;
                *kind
            }
            _ => return Ok(()),
        };
        Err(fault(what, kind))
    }

    fn find(&self, version: &ObjectVersion) -> Option<&Stored> {
        let id = version.version_id.clone().unwrap_or_default();
        let place = self.by_name.get(&(version.key.as_str().to_owned(), id))?;
        self.stored.get(*place)
    }
}

fn fault(what: &str, kind: FaultKind) -> Fault {
    Fault {
        error: AskError {
            operation: "s3:Something",
            resource: what.to_owned(),
            answer: "status 500".to_owned(),
            remedy: String::new(),
        },
        kind,
    }
}

impl ListEntries for Bucket {
    async fn page(&self, prefix: &str, after: &Marker) -> Result<Page, Fault> {
        self.fault("page").await?;
        self.pages.fetch_add(1, Ordering::Relaxed);
        let begin = match (&after.key, &after.version_id) {
            (None, _) => 0,
            (Some(key), None) => self.stored.partition_point(|one| one.key <= *key),
            (Some(key), Some(id)) => self.by_name[&(key.clone(), id.clone())] + 1,
        };
        let mut under: Vec<_> = self.stored[begin..]
            .iter()
            .filter(|stored| stored.listed && stored.key.starts_with(prefix))
            .take(self.page.max(1) + 1)
            .collect();
        let more = under.len() > self.page.max(1);
        under.truncate(self.page.max(1));
        let entries = under.iter().map(|stored| Entry {
            key: stored.key.clone(),
            version_id: stored.id.clone(),
            written: Time::from_secs(stored.written),
            kind: stored.kind,
        });
        let last = under.last();
        Ok(Page {
            entries: entries.collect(),
            next: last.filter(|_| more).map(|last| Marker {
                key: Some(last.key.clone()),
                version_id: Some(last.id.clone()),
            }),
        })
    }
}

impl HeadVersion for Bucket {
    async fn head(&self, version: &ObjectVersion) -> Result<Inspection, Fault> {
        if !self.takes(version.key.as_str()) {
            self.slowed.fetch_add(1, Ordering::Relaxed);
            return Err(fault("head", FaultKind::SlowDown));
        }
        self.fault("head").await?;
        self.heads.fetch_add(1, Ordering::Relaxed);
        if self.denies {
            return Ok(Inspection::AccessDenied);
        }
        Ok(match self.find(version) {
            Some(stored) if stored.shown => Inspection::Object(Observed {
                algorithm: Some(stored.algorithm.to_owned()),
                kms_key: stored.kms_key.map(str::to_owned),
                replication_status: stored.status.map(str::to_owned),
                ..Observed::default()
            }),
            _ => Inspection::NotFound,
        })
    }
}

impl ReadTags for Bucket {
    async fn tags(&self, version: &ObjectVersion) -> Result<Vec<Tag>, Fault> {
        self.fault("tags").await?;
        self.tag_reads.fetch_add(1, Ordering::Relaxed);
        Ok(self
            .find(version)
            .map(|stored| stored.tags.clone())
            .unwrap_or_default())
    }
}
