//! Seals the days that are over: lists what was written, hashes it, signs and writes the digests.
//!
//! It may be run at any time, and twice at once: a digest is written as one act, with its signature, where there
//! is none, and what is there is never written again. Days that were left out are made up for, the oldest first.

mod metrics;
mod ports;

use std::collections::{BTreeMap, HashSet};

use expectation::Time;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

pub use self::metrics::METRICS;
pub use self::ports::{AskError, Clock, Created, Listed, Page, Signer, Store};
use crate::{
    DIGESTS, Day, Digest, ERRORS, Hash, Lake, NotRead, Object, Previous, SCHEMA, STATEMENT_SCHEMA,
    SignedDigest, SignedStatement, Statement, VERDICTS, day_of_digest, digest_key,
};

/// Seconds after midnight before which the day that ended is not sealed: what is being written then may still
/// get its date.
pub const GRACE: i64 = 3600;

/// Objects that are read at the same time.
const AT_ONCE: usize = 8;

/// Why a day was not sealed. Nothing was written for it, and the next run begins with it.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// AWS could not be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// What is there as the last digest is none.
    #[error(
        "{key} is no digest that can be followed: {why}. The chain is not continued. Who wrote it? Its earlier \
         version, if it has one, is still in the bucket: delete the later one, and seal again"
    )]
    LastDigest {
        /// Its key.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// An object was there when it was listed, and not when it was read.
    #[error(
        "{key} (version {version_id}) went away while {day} was being sealed: deletions from the evidence are for a person to look at"
    )]
    WentAway {
        /// Its key.
        key: String,
        /// Its version id.
        version_id: String,
        /// The day.
        day: Day,
    },
    /// A digest could not be written as JSON.
    #[error("the digest of {day} cannot be written: {why}")]
    NotWritten {
        /// The day.
        day: Day,
        /// Why.
        why: serde_json::Error,
    },
}

/// A day that was sealed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sealed {
    /// The day.
    pub day: Day,
    /// Key of its digest.
    pub digest: String,
    /// Object versions in it.
    pub objects: usize,
    /// Those dated to an earlier day, whose upload ended after that day was sealed.
    pub late: usize,
    /// Bytes of all of them.
    pub bytes: u64,
    /// What could not be delivered on that day: object versions below `errors/`.
    pub undelivered: usize,
}

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The days that it sealed, in order.
    pub sealed: Vec<Sealed>,
    /// The first day that is over and not sealed, for want of time.
    pub left: Option<Day>,
    /// How many days had no digest when it began, beyond the one that was due.
    pub overdue: u32,
}

/// Seals a lake.
#[derive(Debug)]
pub struct Sealer<S, K, C> {
    lake: Lake,
    store: S,
    signer: K,
    clock: C,
}

/// The end of the chain so far.
struct Last {
    day: Day,
    previous: Previous,
    /// Names of its objects, as [`crate::mark`] makes them.
    objects: HashSet<u128>,
}

/// What there is to seal, as it was listed.
#[derive(Default)]
struct Written {
    verdicts: Vec<Listed>,
    /// How many object versions lie below `errors/`, by day.
    undelivered: BTreeMap<Day, usize>,
}

/// What was found of a day.
#[derive(Default)]
struct Found {
    objects: Vec<Object>,
    late: usize,
}

impl<S: Store, K: Signer, C: Clock> Sealer<S, K, C> {
    /// Of the lake in `store`, with the key of `signer`.
    pub const fn new(lake: Lake, store: S, signer: K, clock: C) -> Self {
        Self {
            lake,
            store,
            signer,
            clock,
        }
    }

    /// Seals every day that is over and has no digest, until it is `deadline`. A lake without any digest begins with
    /// yesterday, and with all that was there before.
    ///
    /// # Errors
    /// [`SealError`], of the first day that could not be sealed; those before it are.
    pub async fn run(&self, deadline: Time) -> Result<Report, SealError> {
        let due = Day::of(self.clock.now().secs() - GRACE).previous();
        let mut last = self.last(due).await?;
        let mut report = Report::default();
        let mut day = last.as_ref().map_or(due, |last| last.day.next());
        let mut late = day;
        while late < due {
            report.overdue += 1;
            late = late.next();
        }
        if day > due {
            return Ok(report);
        }
        // Once for all days that are to be sealed: a listing of the lake takes a call for each thousand objects.
        let begins = last.as_ref().map(|last| last.day);
        let Some(written) = self.written(begins, due, deadline).await? else {
            report.left = Some(day);
            return Ok(report);
        };
        while day <= due {
            let Some(sealed) = self.day(day, last.as_ref(), &written, deadline).await? else {
                report.left = Some(day);
                break;
            };
            report.sealed.extend(sealed);
            // As it is read back: whoever else sealed it, the next digest names what is there.
            last = Some(self.follow(&digest_key(day)).await?);
            day = day.next();
        }
        Ok(report)
    }

    /// A statement about a report, signed: its file.
    ///
    /// # Errors
    /// [`SealError`].
    pub async fn state(&self, sha256: Hash) -> Result<Vec<u8>, SealError> {
        let now = self.clock.now();
        let due = Day::of(now.secs() - GRACE).previous();
        let statement = Statement {
            schema: STATEMENT_SCHEMA.to_owned(),
            lake: self.lake.clone(),
            sha256,
            head: self.last(due).await?.map(|last| last.previous),
            at: now,
            key_arn: self.signer.key_arn().to_owned(),
        };
        let unwritten = |why| SealError::NotWritten { day: due, why };
        let signed = serde_json::to_vec(&statement).map_err(unwritten)?;
        let signature = self.signer.sign(Hash::of(&signed)).await?;
        SignedStatement::write(&signed, &signature).map_err(unwritten)
    }

    /// The last digest up to `due`. One of a day that is not over yet is none of ours, and nothing to follow.
    async fn last(&self, due: Day) -> Result<Option<Last>, SealError> {
        let mut key = None;
        let mut after = None;
        loop {
            let page = self.store.list(DIGESTS, after).await?;
            let digests = page.versions.into_iter();
            let digests =
                digests.filter(|one| day_of_digest(&one.key).is_some_and(|day| day <= due));
            key = digests.map(|one| one.key).chain(key).max();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        match key {
            None => Ok(None),
            Some(key) => self.follow(&key).await.map(Some),
        }
    }

    /// Reads the digest under this key, which the next one is to name.
    async fn follow(&self, key: &str) -> Result<Last, SealError> {
        let refused = |why: String| SealError::LastDigest {
            key: key.to_owned(),
            why,
        };
        let file = self.store.read(key).await?;
        let read =
            SignedDigest::read(&file).map_err(|error: NotRead| refused(error.to_string()))?;
        let digest = read.digest;
        if digest_key(digest.day) != key || digest.lake != self.lake {
            return Err(refused(format!(
                "it is the digest of {} for bucket {}",
                digest.day, digest.lake.bucket
            )));
        }
        if digest.key_arn != self.signer.key_arn() {
            return Err(refused(format!(
                "it is signed by {}, not by {}",
                digest.key_arn,
                self.signer.key_arn()
            )));
        }
        if !self
            .signer
            .verify(Hash::of(&read.signed), &read.signature)
            .await?
        {
            return Err(refused("its signature is not that of the key".to_owned()));
        }
        let objects = digest.objects.iter();
        Ok(Last {
            day: digest.day,
            previous: Previous {
                key: key.to_owned(),
                sha256: read.sha256,
            },
            objects: objects
                .map(|one| crate::mark(&one.key, &one.version_id))
                .collect(),
        })
    }

    /// Seals a day; `None` where time ran out. An empty answer: somebody else was first.
    async fn day(
        &self,
        day: Day,
        last: Option<&Last>,
        written: &Written,
        deadline: Time,
    ) -> Result<Option<Option<Sealed>>, SealError> {
        let of_day = written.verdicts.iter();
        let of_day: Vec<_> = of_day.filter(|one| belongs(one, day, last)).collect();
        let Some(found) = self.found(day, of_day, deadline).await? else {
            return Ok(None);
        };
        let undelivered = written.undelivered.get(&day).copied().unwrap_or(0);
        let digest = Digest {
            schema: SCHEMA.to_owned(),
            lake: self.lake.clone(),
            day,
            previous: last.map(|last| last.previous.clone()),
            made: self.clock.now(),
            key_arn: self.signer.key_arn().to_owned(),
            objects: found.objects,
        };
        let digest = digest.in_order();
        let sealed = Sealed {
            day,
            digest: digest_key(day),
            objects: digest.objects.len(),
            late: found.late,
            bytes: digest.objects.iter().map(|object| object.size).sum(),
            undelivered,
        };
        let unwritten = |why| SealError::NotWritten { day, why };
        let signed = digest.to_bytes().map_err(unwritten)?;
        drop(digest);
        let signature = self.signer.sign(Hash::of(&signed)).await?;
        let file = SignedDigest::write(&signed, &signature).map_err(unwritten)?;
        let created = self.store.create(&sealed.digest, file).await?;
        Ok(Some((created == Created::Yes).then_some(sealed)))
    }

    /// What is to be sealed, up to `due`: all of it, or that of the day that was sealed last and of the days after it.
    /// `None` where time ran out.
    async fn written(
        &self,
        begins: Option<Day>,
        due: Day,
        deadline: Time,
    ) -> Result<Option<Written>, SealError> {
        let is_due = |one: &Listed| {
            let day = Day::of(one.modified.secs());
            day <= due && begins.is_none_or(|begins| day >= begins)
        };
        let mut written = Written::default();
        let mut after = None;
        loop {
            let page = self.store.list(VERDICTS, after).await?;
            written
                .verdicts
                .extend(page.versions.into_iter().filter(is_due));
            after = page.next;
            if after.is_none() {
                break;
            }
            if self.clock.now() >= deadline {
                return Ok(None);
            }
        }
        loop {
            let page = self.store.list(ERRORS, after).await?;
            for one in &page.versions {
                let day = Day::of(one.modified.secs());
                *written.undelivered.entry(day).or_default() += 1;
            }
            after = page.next;
            if after.is_none() {
                return Ok(Some(written));
            }
        }
    }

    async fn found(
        &self,
        day: Day,
        of_day: Vec<&Listed>,
        deadline: Time,
    ) -> Result<Option<Found>, SealError> {
        let mut found = Found::default();
        let all = of_day.len();
        let mut hashed = stream::iter(of_day)
            .map(|one| self.hashed(one, day))
            .buffer_unordered(AT_ONCE);
        while let Some((object, is_late)) = hashed.try_next().await? {
            found.late += usize::from(is_late);
            found.objects.push(object);
            if self.clock.now() >= deadline && found.objects.len() < all {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    async fn hashed(&self, one: &Listed, day: Day) -> Result<(Object, bool), SealError> {
        let Some((size, sha256)) = self.store.hash(&one.key, &one.version_id).await? else {
            return Err(SealError::WentAway {
                key: one.key.clone(),
                version_id: one.version_id.clone(),
                day,
            });
        };
        let object = Object {
            key: one.key.clone(),
            version_id: one.version_id.clone(),
            size,
            sha256,
        };
        Ok((object, Day::of(one.modified.secs()) < day))
    }
}

/// Whether an object version stands in the digest of `day`: it was written then; or on the day before, and is not
/// in that day's digest; or before there was any.
fn belongs(one: &Listed, day: Day, last: Option<&Last>) -> bool {
    let written = Day::of(one.modified.secs());
    match last {
        None => written <= day,
        Some(last) => {
            written == day
                || written == day.previous()
                    && !last
                        .objects
                        .contains(&crate::mark(&one.key, &one.version_id))
        }
    }
}

#[cfg(test)]
mod tests;
