//! Findings on the event bus.

use super::{Answer, Detection};
use crate::ports::Aws;

impl<A: Aws> Detection<'_, A> {
    /// Sends one event for each resource that is not in sync.
    pub(super) async fn publish(&self, answer: &Answer) -> Result<(), String> {
        let home = &self.teller.installation.home;
        let found = answer.resources.iter().filter(|found| !found.is_in_sync());
        let events: Vec<_> = found.map(|found| found.event(home)).collect();
        self.teller.publish(&events).await.map_err(|unsent| {
            format!(
                "{} resources have drifted and {} cannot be looked at, but {}",
                answer.drifted,
                answer.unknown,
                unsent.told("findings", "look again"),
            )
        })
    }
}
