//! An S3 that makes up what it lists and shows.

use aws_names::Home;
use compliance::ports::{
    AskError, DefaultEncryption, DescribeKey, FindExpectation, Inspection, KeyAnswer,
    KeyDescription, Marker, Observed, RegistryParameter,
};
use compliance::subject::ObjectVersion;
use compliance::verdict::Verdict;
use encrypted_replication::compare::comparison::Verdicts;
use encrypted_replication::listing::{Entry, EntryKind, ListEntries, Page};
use encrypted_replication::looking::{HeadVersion, ReadTags};
use encrypted_replication::pace::Fault;
use expectation::Time;
use replication::configuration::Tag;

pub(crate) const BEGAN: i64 = 1_800_000_000;
pub(crate) const RIGHT: &str =
    "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
/// One version in so many is missing at the destination.
pub(crate) const EVERY: u64 = 100_000;
const PAGE: u64 = 1_000;

/// A bucket of so many versions.
#[derive(Debug)]
pub(crate) struct MadeUp {
    pub(crate) versions: u64,
    pub(crate) has_gaps: bool,
    /// What S3 says of each that is there.
    pub(crate) status: &'static str,
}

impl ListEntries for MadeUp {
    async fn page(&self, _: &str, after: &Marker) -> Result<Page, Fault> {
        let begin = after.version_id.as_deref().and_then(|id| id.parse().ok());
        let begin = begin.unwrap_or(0);
        let end = (begin + PAGE).min(self.versions);
        let there = (begin..end).filter(|number| !self.has_gaps || number % EVERY != 0);
        let entries = there.map(|number| Entry {
            key: format!("tax/2026/11/27/documents/{number:012}.pdf"),
            version_id: format!("3L4kqtJlcpXroDTDmJ{number:014}"),
            written: Time::from_secs(BEGAN - 86_400),
            kind: EntryKind::Version,
        });
        let entries = entries.collect();
        let next = (end < self.versions).then(|| Marker {
            key: None,
            version_id: Some(end.to_string()),
        });
        // As an answer that comes later does.
        tokio::task::yield_now().await;
        Ok(Page { entries, next })
    }
}

impl HeadVersion for MadeUp {
    async fn head(&self, _: &ObjectVersion) -> Result<Inspection, Fault> {
        tokio::task::yield_now().await;
        if self.has_gaps {
            return Ok(Inspection::NotFound);
        }
        Ok(Inspection::Object(Observed {
            algorithm: Some("aws:kms".to_owned()),
            kms_key: Some(RIGHT.to_owned()),
            bucket_key_enabled: true,
            replication_status: Some(self.status.to_owned()),
            version_id: None,
            last_modified: None,
        }))
    }
}

impl ReadTags for MadeUp {
    async fn tags(&self, _: &ObjectVersion) -> Result<Vec<Tag>, Fault> {
        Ok(Vec::new())
    }
}

/// Every key works; nobody has written down which is right.
#[derive(Debug)]
pub(crate) struct Words;

impl FindExpectation for Words {
    async fn registry(&self, _: &str) -> Result<Vec<RegistryParameter>, AskError> {
        Ok(Vec::new())
    }

    async fn default_encryption(
        &self,
        _: &str,
        _: Option<&str>,
    ) -> Result<DefaultEncryption, AskError> {
        Ok(DefaultEncryption::Other)
    }
}

impl DescribeKey for Words {
    async fn describe(&self, key: &str) -> Result<KeyAnswer, AskError> {
        Ok(KeyAnswer::Found(KeyDescription {
            arn: key.to_owned(),
            state: "Enabled".to_owned(),
            aws_managed: false,
        }))
    }
}

/// Nobody looks at keys while comparing.
#[derive(Debug)]
pub(crate) enum NoLook {}

impl Verdicts for NoLook {
    async fn verdict(&self, _: usize, _: &ObjectVersion) -> Result<Verdict, AskError> {
        match *self {}
    }
}

pub(crate) fn home() -> Home {
    Home {
        partition: "aws".to_owned(),
        region: "us-west-2".to_owned(),
        account: "111122223333".to_owned(),
    }
}
