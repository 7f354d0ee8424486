//! One trip of many subjects through the checker.

use aws_names::Home;
use expectation::Time;
use tokio::time::Instant;

use crate::subject::ObjectVersion;

/// One trip of many subjects through the checker.
#[derive(Clone, Copy, Debug)]
pub struct Trip<'a> {
    /// Where the function runs; `None` where its ARN could not be read.
    pub home: Option<&'a Home>,
    /// When it began: what was asked since then is not asked again.
    pub began: Instant,
    /// Whether only to look, although the checker repairs.
    pub only_looks: bool,
}

impl<'a> Trip<'a> {
    /// A trip that begins now, and repairs where the checker does.
    #[must_use]
    pub fn from(home: Option<&'a Home>) -> Self {
        Self {
            home,
            began: Instant::now(),
            only_looks: false,
        }
    }

    /// The account that should own the bucket: the event's word, else the function's own.
    pub(crate) fn owner_of<'v>(&self, version: &'v ObjectVersion) -> Option<&'v str>
    where
        'a: 'v,
    {
        version
            .bucket_owner
            .as_deref()
            .or(self.home.map(|home| home.account.as_str()))
    }

    /// The account of the bucket's owner, in the checker's Region.
    pub(crate) fn home_of(&self, version: &ObjectVersion) -> Option<Home> {
        let home = self.home?;
        Some(match version.bucket_owner.as_deref() {
            Some(owner) if owner != home.account => home.of_account(owner),
            _ => home.clone(),
        })
    }
}

/// When a version arrived, where an event says it.
pub(crate) fn arrived(version: &ObjectVersion) -> Option<Time> {
    version
        .event_time_ms
        .map(|ms| Time::from_secs(ms.div_euclid(1000)))
}
