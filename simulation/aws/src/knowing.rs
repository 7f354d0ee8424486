//! What AWS does not know yet.

use replication::error::ErrorKind;

use super::state::State;
use super::weather::New;
use super::{Refusal, refuse};

impl State {
    /// Notes that something was made or written at this moment.
    pub fn is_new(&mut self, new: New<'_>) {
        let now = self.now;
        self.weather.since.insert(new.name(), now);
    }

    /// Whether AWS knows it by now.
    pub fn knows(&self, new: New<'_>) -> bool {
        let takes = match new {
            New::Key(_) => self.weather.keys,
            New::Alias(..) => self.weather.aliases,
            New::Role(_) => self.weather.principals,
            New::Bucket(_) => self.weather.buckets,
            New::Versioning(_) => self.weather.versioning,
            New::Configuration(_) => self.weather.between_writes,
            New::EventBridge(_) => self.weather.event_bridge,
        };
        self.weather
            .age(new, self.now)
            .is_none_or(|age| age >= takes)
    }

    /// Whether the tags of a key decide by now.
    pub fn goes_by_tags_of(&self, key: &str) -> bool {
        let age = self.weather.age(New::Key(key), self.now);
        age.is_none_or(|age| age >= self.weather.key_tags)
    }

    /// Refuses a write to the bucket's configuration right after another one.
    pub fn one_at_a_time(&mut self, bucket: &str) -> Result<(), Refusal> {
        if !self.knows(New::Configuration(bucket)) {
            return refuse(
                ErrorKind::Conflict,
                "OperationAborted",
                "A conflicting conditional operation is currently in progress against this resource. Try again.",
            );
        }
        self.is_new(New::Configuration(bucket));
        Ok(())
    }
}
