//! Findings on the event bus: each until the bus has taken it, or the time is up.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Answer, Patrol};
use crate::ports::{Aws, BusEvent, Untaken};

/// `PutEvents` takes at most this many events.
const MOST_EVENTS: usize = 10;
/// How often an event is sent that the bus takes only later.
const ATTEMPTS: u32 = 5;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
/// Kept to return from the invocation.
const RETURN: Duration = Duration::from_secs(1);

impl<A: Aws> Patrol<'_, A> {
    /// Sends one event for each resource that is not in sync.
    pub(super) async fn publish(&self, answer: &Answer) -> Result<(), String> {
        let Some(bus) = self.bus else {
            return Ok(());
        };
        let found = answer.resources.iter().filter(|found| !found.is_in_sync());
        let events: Vec<_> = found.map(|found| found.event(self.home)).collect();
        let all = events.len();
        let stop = self.deadline.earlier_by(RETURN).instant();
        match self.send(bus, events, stop).await {
            Ok(()) => Ok(()),
            Err((unsent, why)) => Err(format!(
                "{} resources have drifted and {} cannot be looked at, but {unsent} of {all} findings could not be sent to \
                 event bus `{bus}`: {why}; see that the provisioner's role has events:PutEvents, and look again",
                answer.drifted, answer.unknown
            )),
        }
    }

    /// Sends all, or tells how many could not be sent, and why the first of them.
    async fn send(
        &self,
        bus: &str,
        mut pending: Vec<BusEvent>,
        stop: Instant,
    ) -> Result<(), (usize, String)> {
        let mut refused = Vec::new();
        let mut backoff = FIRST_BACKOFF;
        for attempt in 1..=ATTEMPTS {
            let mut again = Vec::new();
            for events in pending.chunks(MOST_EVENTS) {
                let region = &self.home.region;
                let call = self.aws.put_events(region, bus, events);
                match timeout_at(stop, call).await {
                    Err(_) => again.extend(told(events, "there was no time left")),
                    // The SDK has tried more than once.
                    Ok(Err(error)) => refused.extend(told(events, &error.to_string())),
                    Ok(Ok(results)) => {
                        let mut results = results.into_iter();
                        for event in events {
                            match results.next() {
                                Some(Ok(())) => {}
                                Some(Err(untaken)) if is_final(&untaken) => {
                                    refused.push((event.clone(), said(&untaken)));
                                }
                                Some(Err(untaken)) => again.push((event.clone(), said(&untaken))),
                                None => again.extend(told(
                                    std::slice::from_ref(event),
                                    "nothing was said of it",
                                )),
                            }
                        }
                    }
                }
            }
            let next = Instant::now() + backoff;
            if again.is_empty() || attempt == ATTEMPTS || next >= stop {
                refused.extend(again);
                break;
            }
            sleep_until(next).await;
            backoff *= 2;
            pending = again.into_iter().map(|(event, _)| event).collect();
        }
        match refused.first() {
            None => Ok(()),
            Some((_, why)) => Err((refused.len(), why.clone())),
        }
    }
}

fn told(events: &[BusEvent], why: &str) -> Vec<(BusEvent, String)> {
    let events = events.iter().cloned();
    events.map(|event| (event, why.to_owned())).collect()
}

fn said(untaken: &Untaken) -> String {
    format!("{}: {}", untaken.code, untaken.message)
}

/// Whether the bus would say the same however often it is asked.
fn is_final(untaken: &Untaken) -> bool {
    !matches!(
        untaken.code.as_str(),
        "ThrottlingException" | "InternalFailure" | "InternalException"
    )
}
