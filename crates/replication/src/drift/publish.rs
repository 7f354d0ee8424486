//! Findings on the event bus.

use super::{Answer, Detection};
use crate::ports::Aws;
use crate::publishing::publish;

impl<A: Aws> Detection<'_, A> {
    /// Sends one event for each resource that is not in sync.
    pub(super) async fn publish(&self, answer: &Answer) -> Result<(), String> {
        let Some(bus) = self.bus else {
            return Ok(());
        };
        let home = &self.installation.home;
        let found = answer.resources.iter().filter(|found| !found.is_in_sync());
        let events: Vec<_> = found.map(|found| found.event(home)).collect();
        let sent = publish(self.aws, (&home.region, bus), &events, self.deadline).await;
        sent.map_err(|unsent| {
            format!(
                "{} resources have drifted and {} cannot be looked at, but {} of {} findings could not be sent to event \
                 bus `{bus}`: {}; see that the provisioner's role has events:PutEvents, and look again",
                answer.drifted,
                answer.unknown,
                unsent.events,
                events.len(),
                unsent.why,
            )
        })
    }
}
