//! What should become of an upload, and what the keys are called.

use super::cloud::Uploaded;

/// What should become of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Should {
    /// Arrive, and be judged so in the destination bucket.
    Arrive(&'static str),
    /// Fail to replicate, and be reported so for the source bucket.
    Fail(&'static str),
    /// Stay where it is: no replica, no verdict.
    Stay,
}

/// An uploaded object with what should become of it.
pub(crate) struct Case {
    /// The object version.
    pub(crate) object: Uploaded,
    /// Its destiny.
    pub(crate) should: Should,
}

/// Every key that the demo knows, by its name in the table.
#[derive(Default)]
pub(crate) struct Names(Vec<(String, &'static str)>);

impl Names {
    /// From each key's ARN and name.
    pub(crate) fn of_keys(names: Vec<(String, &'static str)>) -> Self {
        Self(names)
    }

    /// What the table calls a key.
    pub(crate) fn of(&self, arn: &str) -> String {
        let known = self.0.iter().find(|(key, _)| key == arn);
        known.map_or_else(|| arn.to_owned(), |(_, name)| (*name).to_owned())
    }
}
