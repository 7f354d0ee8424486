//! Looking at single versions: HEADs within the pace that S3 takes, and the checker's judgement on them.

mod judging;
mod trips;

use std::future::Future;

use compliance::ports::Inspection;
use compliance::subject::{Key, ObjectVersion};
use replication::configuration::Tag;

use crate::listing::Entry;
use crate::pace::Fault;

pub use self::judging::Judging;
pub use self::trips::Trips;

/// Looks at one version of one bucket: one HEAD, not repeated.
pub trait HeadVersion: Send + Sync {
    /// What S3 shows of it.
    ///
    /// # Errors
    /// Where S3 gave no answer to go by.
    fn head(
        &self,
        version: &ObjectVersion,
    ) -> impl Future<Output = Result<Inspection, Fault>> + Send;
}

/// Reads the tags of one version of one bucket.
pub trait ReadTags: Send + Sync {
    /// Its tags, as they are now.
    ///
    /// # Errors
    /// Where S3 did not say, for whatever reason.
    fn tags(&self, version: &ObjectVersion)
    -> impl Future<Output = Result<Vec<Tag>, Fault>> + Send;
}

/// The version that a listing names; `None` where its key is none that S3 takes.
#[must_use]
pub fn version_of(bucket: &str, region: Option<&str>, entry: &Entry) -> Option<ObjectVersion> {
    Some(ObjectVersion {
        bucket: bucket.to_owned(),
        key: Key::from_plain(&entry.key).ok()?,
        version_id: Some(entry.version_id.clone()),
        region: region.map(str::to_owned),
        bucket_owner: None,
        event_time_ms: None,
    })
}
