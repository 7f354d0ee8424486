//! The jobs that were started last, as a tag of their role says it: `ID/ID… DIGEST`. Pure.

use aws_names::digest;
use expectation::Time;

use crate::owner::Owner;

const SECONDS_OF_A_DAY: i64 = 24 * 60 * 60;

/// Jobs, and what they were started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Started<'a> {
    /// Their ids, with `/` between them.
    pub(crate) ids: &'a str,
    /// A digest of what they are for. Older versions noted an id alone.
    pub(crate) of: Option<&'a str>,
}

impl<'a> Started<'a> {
    /// Reads a tag's value.
    pub(crate) fn read(text: &'a str) -> Self {
        match text.split_once(' ') {
            Some((ids, of)) => Self { ids, of: Some(of) },
            None => Self {
                ids: text,
                of: None,
            },
        }
    }
}

/// What tells jobs from others of the same resource, by what they are for: twenty digits, as a tag has room for as
/// many beside the ids.
pub(crate) fn digest_of<'a, S>(parts: impl IntoIterator<Item = &'a S>) -> String
where
    S: AsRef<str> + ?Sized + 'a,
{
    let mut digits = digest::hex(parts.into_iter().map(AsRef::as_ref));
    digits.truncate(20);
    digits
}

/// A tag's value.
pub(crate) fn tag_value(ids: &[String], of: &str) -> String {
    format!("{} {of}", ids.join("/"))
}

/// What S3 tells a request from others by: the same jobs are started once, however often they are asked for. `before`
/// are the ids of those that were started last. Of the day too: a resource that is made again under the same name has
/// jobs of its own.
pub(crate) fn token(owner: &Owner, before: &str, of: &str, now: Time) -> String {
    let day = (now.secs() / SECONDS_OF_A_DAY).to_string();
    let digits = digest::hex([owner.as_str(), before, of, &day]);
    format!("{owner}-{}", digits.get(..32).unwrap_or(&digits))
}
