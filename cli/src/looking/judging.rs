//! The checker's ports, for somebody who only looks.

use std::sync::Arc;

use compliance::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, InspectObject, Inspection,
    KeyAnswer, RegistryParameter, Repair, RepairObject, Target,
};
use compliance::subject::ObjectVersion;

use super::HeadVersion;
use crate::listing::Prefixes;
use crate::pace::Pace;

/// HEADs within a pace for each prefix, expectations and keys as the checker asks for them, and no repair.
#[derive(Debug)]
pub struct Judging<H, E> {
    heads: Arc<H>,
    paces: Vec<(String, Pace)>,
    words: E,
}

impl<H, E> Judging<H, E> {
    /// Looks by `heads`, at each of `prefixes` with at most `most` calls in flight, and asks `words` what is
    /// expected and how keys are.
    pub fn new(heads: Arc<H>, prefixes: &Prefixes, most: usize, words: E) -> Self {
        let paces = prefixes
            .iter()
            .map(|prefix| (prefix.to_owned(), Pace::up_to(most)));
        Self {
            heads,
            paces: paces.collect(),
            words,
        }
    }
}

impl<H: HeadVersion, E: Send + Sync> InspectObject for Judging<H, E> {
    async fn inspect(
        &self,
        version: &ObjectVersion,
        _: Option<&str>,
    ) -> Result<Inspection, AskError> {
        let key = version.key.as_str();
        let mut paces = self.paces.iter();
        let answer = match paces.find(|(prefix, _)| key.starts_with(prefix)) {
            Some((_, pace)) => pace.insist(|| self.heads.head(version)).await,
            None => self.heads.head(version).await,
        };
        answer.map_err(|fault| fault.error)
    }
}

impl<H: HeadVersion, E: FindExpectation> FindExpectation for Judging<H, E> {
    async fn registry(&self, bucket: &str) -> Result<Vec<RegistryParameter>, AskError> {
        self.words.registry(bucket).await
    }

    async fn default_encryption(
        &self,
        bucket: &str,
        owner: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        self.words.default_encryption(bucket, owner).await
    }
}

impl<H: HeadVersion, E: DescribeKey> DescribeKey for Judging<H, E> {
    async fn describe(&self, key: &str) -> Result<KeyAnswer, AskError> {
        self.words.describe(key).await
    }
}

/// The checker demands it; this command writes nothing.
impl<H: HeadVersion, E: Send + Sync> RepairObject for Judging<H, E> {
    async fn repair(
        &self,
        _: &ObjectVersion,
        _: &Target,
        _: Option<&str>,
    ) -> Result<Repair, AskError> {
        Ok(Repair::Refused("this command only looks".to_owned()))
    }
}
