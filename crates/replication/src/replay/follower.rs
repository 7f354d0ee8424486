//! Whoever follows jobs: how much time there is, and who is told.

use std::time::Duration;

use event_bus::Event;

use crate::ports::Aws;
use crate::teller::Teller;

/// Kept to note how far a report was read, and to answer.
const RESERVE: Duration = Duration::from_secs(30);

/// Whoever follows jobs.
#[derive(Debug)]
pub(crate) struct Follow<'a, A> {
    pub(crate) teller: Teller<'a, A>,
}

impl<A: Aws> Follow<'_, A> {
    pub(super) fn is_late(&self) -> bool {
        self.teller.deadline.remaining() < RESERVE
    }

    pub(super) async fn send(&self, events: &[Event]) -> Result<(), String> {
        let sent = self.teller.publish(events).await;
        sent.map_err(|unsent| unsent.told("events", "ask again"))
    }
}
