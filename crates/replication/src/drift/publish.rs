//! Findings on the event bus: each until the bus has taken it, or the time is up.

use std::time::Duration;

use super::{Answer, Detection};
use crate::ports::Aws;

/// Kept to return from the invocation.
const RETURN: Duration = Duration::from_secs(1);

impl<A: Aws> Detection<'_, A> {
    /// Sends one event for each resource that is not in sync.
    pub(super) async fn publish(&self, answer: &Answer) -> Result<(), String> {
        let Some(bus) = self.bus else {
            return Ok(());
        };
        let found = answer.resources.iter().filter(|found| !found.is_in_sync());
        let events: Vec<_> = found
            .map(|found| found.event(&self.installation.home))
            .collect();
        let stop = self.deadline.earlier_by(RETURN).instant();
        let (aws, region) = (&self.aws, &self.installation.home.region);
        let put = |batch: Vec<_>| async move { aws.put_events(region, bus, &batch).await };
        let results = event_bus::send(&events, stop, put).await;
        let mut unsent = results.into_iter().filter_map(Result::err);
        let Some(first) = unsent.next() else {
            return Ok(());
        };
        Err(format!(
            "{} resources have drifted and {} cannot be looked at, but {} of {} findings could not be sent to event \
             bus `{bus}`: {first}; see that the provisioner's role has events:PutEvents, and look again",
            answer.drifted,
            answer.unknown,
            1 + unsent.count(),
            events.len(),
        ))
    }
}
