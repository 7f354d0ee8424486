//! Findings on the event bus: what could not be sent is no more done than what could not be judged.

use std::time::Duration;

use tokio::time::Instant;

use super::{Handler, HandlerError, Invocation, Surroundings};
use crate::batch::{Judged, Outcome};
use crate::findings::{self, Publish};
use crate::ports::PublishFindings;

/// Time kept for sending findings, where they are published.
const RESERVE: Duration = Duration::from_secs(5);

impl<A: PublishFindings, S: Surroundings> Handler<A, S> {
    /// When to stop judging: in time to send what was found, even to a bus that is slow.
    pub(super) fn stop_judging(&self, invocation: &Invocation) -> Instant {
        let stop = invocation.stop();
        if self.findings_event_bus.is_none() {
            return stop;
        }
        let left = stop.saturating_duration_since(Instant::now());
        stop.checked_sub(RESERVE.min(left / 4)).unwrap_or(stop)
    }

    /// Publishes what is to be published. A subject whose event could not be sent is marked
    /// [`Outcome::Failed`]: it comes back, and tells the same finding again.
    pub(super) async fn publish(
        &self,
        judged: &mut Judged,
        publish: Publish,
        invocation: &Invocation,
    ) -> Result<(), HandlerError> {
        let Some(bus) = &self.findings_event_bus else {
            return Ok(());
        };
        let mut places = Vec::new();
        let mut events = Vec::new();
        for (place, verdict) in judged.verdicts.iter().enumerate() {
            if let Some(detail_type) = publish.detail_type(verdict) {
                places.push(place);
                events.push(findings::event(
                    detail_type,
                    verdict,
                    invocation.home.as_ref(),
                )?);
            }
        }
        let results = findings::publish(self.checker.aws(), bus, &events, invocation.stop()).await;
        let mut unsent = vec![None; judged.verdicts.len()];
        for (place, result) in places.into_iter().zip(results) {
            if let (Some(slot), Err(error)) = (unsent.get_mut(place), result) {
                *slot = Some(error);
            }
        }
        for outcome in &mut judged.outcomes {
            if let Outcome::Judged(place) = outcome
                && let Some(Some(error)) = unsent.get(*place)
            {
                *outcome = Outcome::Failed(error.clone());
            }
        }
        Ok(())
    }
}
