//! What was seen of resources, on the event bus: each event until the bus has taken it, or the time is up.

use std::time::Duration;

use custom_resource::Deadline;
use event_bus::Event;

use crate::ports::Events;

/// Kept to return from the invocation.
const RETURN: Duration = Duration::from_secs(1);

/// That events could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotSent {
    /// How many.
    pub(crate) events: usize,
    /// Why the first was not.
    pub(crate) why: String,
}

/// Sends `events` to `bus`, until shortly before the `deadline`.
///
/// # Errors
/// What could not be sent.
pub(crate) async fn publish<A: Events>(
    aws: &A,
    (region, bus): (&str, &str),
    events: &[Event],
    deadline: Deadline,
) -> Result<(), NotSent> {
    let stop = deadline.earlier_by(RETURN).instant();
    let put = |batch: Vec<_>| async move { aws.put_events(region, bus, &batch).await };
    let results = event_bus::send(events, stop, put).await;
    let mut unsent = results.into_iter().filter_map(Result::err);
    match unsent.next() {
        None => Ok(()),
        Some(first) => Err(NotSent {
            events: 1 + unsent.count(),
            why: first.to_string(),
        }),
    }
}
