//! Replicas that nobody has judged, as their event was lost, are shown to the checker.

use std::collections::{BTreeMap, BTreeSet};

use expectation::Time;
use serde::{Deserialize, Serialize};

use super::{Asker, Cloud, FIRST_OBJECT, Version};
use crate::queries::UNHEARD;
use crate::seal::AskError;
use crate::{Day, sweep_key};

/// Versions that the checker is shown at once: it takes seconds for them, of its minute.
const AT_ONCE: usize = 100;

/// Why nothing became of a bucket that the time was up for.
const NOT_BEGUN: &str = "there was no time left for it: the next sweep begins with it";

/// The schema of [`Sweep`].
pub const SWEEP_SCHEMA: &str = "encrypted-replication/sweep/1";

/// The record of a sweep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sweep {
    /// [`SWEEP_SCHEMA`].
    pub schema: String,
    /// When it began.
    pub at: Time,
    /// By bucket, in the order of their turns.
    pub buckets: Vec<SweptBucket>,
}

/// What came of a sweep in one bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SweptBucket {
    /// Its name.
    pub bucket: String,
    /// `dt` of the inventory that was asked; without one nothing was looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<String>,
    /// Replicas in it that had no verdict, the first 10,000.
    pub without_verdict: u64,
    /// What the checker said of them.
    pub verdicts: BTreeMap<String, u64>,
    /// Those that it could not look at, or that there was no time for. In its next turn the bucket begins with them.
    pub not_looked_at: u64,
    /// Whether the time was up before its turn came: nobody knows how many have no verdict.
    #[serde(default, skip_serializing_if = "is_false")]
    pub not_begun: bool,
    /// Why no more became of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn is_false(member: &bool) -> bool {
    !*member
}

impl<C: Cloud> Asker<C> {
    /// Shows the checker what has no verdict by the newest inventory of each bucket of which anything is expected, as
    /// long as there `has_time`, and keeps a record of that. Its verdicts come into the evidence as all others do.
    /// Buckets take turns: it begins with those whose turn did not come in the last sweep.
    ///
    /// # Errors
    /// Where the expectations or the last record cannot be read, or the record cannot be kept.
    pub async fn sweep(
        &self,
        at: Time,
        mut has_time: impl FnMut() -> bool,
    ) -> Result<Sweep, AskError> {
        let mut buckets = Vec::new();
        let expected = self.cloud.expected().await?;
        let last = self.cloud.last_sweep(at).await?;
        for bucket in in_turn(expected, last) {
            let mut swept = SweptBucket {
                bucket,
                ..SweptBucket::default()
            };
            if !has_time() {
                swept.not_begun = true;
                swept.failed = Some(NOT_BEGUN.to_owned());
            } else if let Err(error) = self.swept(&mut swept, at, &mut has_time).await {
                swept.failed = Some(error.to_string());
            }
            let looked_at: u64 = swept.verdicts.values().sum();
            swept.not_looked_at = swept.without_verdict.saturating_sub(looked_at);
            buckets.push(swept);
        }
        let sweep = Sweep {
            schema: SWEEP_SCHEMA.to_owned(),
            at,
            buckets,
        };
        let record = serde_json::to_vec(&sweep).map_err(|error| AskError {
            operation: "s3:PutObject",
            resource: sweep_key(at),
            answer: error.to_string(),
        })?;
        self.cloud.keep(&sweep_key(at), record).await?;
        Ok(sweep)
    }

    async fn swept(
        &self,
        swept: &mut SweptBucket,
        at: Time,
        has_time: &mut impl FnMut() -> bool,
    ) -> Result<(), AskError> {
        let bucket = swept.bucket.clone();
        let Some(dt) = self.cloud.newest_inventory(&bucket).await? else {
            return Ok(());
        };
        swept.inventory = Some(dt.clone());
        let (first, last) = self.span(at);
        let (first, last) = (first.to_string(), last.to_string());
        let now = at.to_string();
        let parameters = [FIRST_OBJECT, &now, &bucket, &dt, &bucket, &first, &last];
        let rows = self.cloud.ask(UNHEARD, &parameters).await?;
        let versions: Vec<_> = rows.into_iter().map(version).collect();
        swept.without_verdict = versions.len() as u64;
        for some in versions.chunks(AT_ONCE) {
            if !has_time() {
                break;
            }
            for verdict in self.cloud.look(&bucket, some).await?.into_iter().flatten() {
                *swept.verdicts.entry(verdict).or_default() += 1;
            }
        }
        Ok(())
    }

    /// The first and the last day of the verdicts that are asked about.
    pub(super) fn span(&self, at: Time) -> (Day, Day) {
        let first = Day::of(at.secs() - self.days * 86_400);
        (first, Day::of(at.secs()))
    }
}

/// Those whose turn did not come go first, in the order in which they would have had it.
fn in_turn(expected: BTreeSet<String>, last: Option<Sweep>) -> Vec<String> {
    let last = last.map(|sweep| sweep.buckets).unwrap_or_default();
    let waiting = last.into_iter().filter(|bucket| bucket.not_begun);
    let mut turns: Vec<_> = waiting
        .map(|bucket| bucket.bucket)
        .filter(|bucket| expected.contains(bucket))
        .collect();
    for bucket in expected {
        if !turns.contains(&bucket) {
            turns.push(bucket);
        }
    }
    turns
}

fn version(mut row: BTreeMap<String, String>) -> Version {
    let mut field = |name: &str| row.remove(name).unwrap_or_default();
    Version {
        key: field("key"),
        id: field("versionid"),
    }
}
