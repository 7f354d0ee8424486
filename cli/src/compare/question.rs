//! What is to be compared, and who judges replicas' keys.

use std::sync::Arc;

use compliance::ports::AskError;
use compliance::subject::ObjectVersion;
use compliance::verdict::Verdict;
use expectation::Time;

use super::rules::Rules;
use crate::listing::Prefixes;

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
