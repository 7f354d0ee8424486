//! Findings as events on an EventBridge bus: which verdicts become one, and how they get there.
//!
//! See <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html>.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::key_arn::Home;
use crate::ports::{AskError, EventError, PublishFindings};
use crate::report;
use crate::verdict::Verdict;

/// The events' `source`.
pub const SOURCE: &str = "encrypted-replication";
/// `detail-type` of a version that is not as it should be.
pub const FINDING: &str = "Replica Finding";
/// `detail-type` of a version that is as it should be again.
pub const RESOLVED: &str = "Replica Finding Resolved";

/// `PutEvents` takes at most this many events.
const MOST_EVENTS: usize = 10;
/// And at most 256 KB of them, by <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>.
const MOST_BYTES: usize = 256_000;
/// Requests in flight: a thousand findings at once take no longer than a few seconds.
const REQUESTS_IN_FLIGHT: usize = 8;
/// How often an event is sent that EventBridge accepts only later.
const ATTEMPTS: u32 = 5;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// Which verdicts of an invocation become events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Publish {
    /// Findings, and what was repaired: an event for each good replica would cost as much as all the rest.
    #[default]
    Findings,
    /// `Compliant` ones too, as the sender asked, so that findings that are mended get resolved.
    FindingsAndCompliant,
}

impl Publish {
    /// The `detail-type` that a verdict is published under; `None` where it is not published.
    #[must_use]
    pub fn detail_type(self, verdict: &Verdict) -> Option<&'static str> {
        match verdict.judgement.kind.compliant() {
            Some(false) => Some(FINDING),
            // What was repaired may have been a finding, where the repair failed at first.
            Some(true) if verdict.repaired || self == Self::FindingsAndCompliant => Some(RESOLVED),
            Some(true) | None => None,
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// [`FINDING`] or [`RESOLVED`].
    pub detail_type: &'static str,
    /// The verdict line.
    pub detail: String,
    /// The ARNs of the object and of its bucket; none where the partition is not known.
    pub resources: Vec<String>,
}

impl Event {
    /// The event that tells `verdict`.
    ///
    /// # Errors
    /// As [`report::line`].
    pub fn new(
        detail_type: &'static str,
        verdict: &Verdict,
        home: Option<&Home>,
    ) -> Result<Self, serde_json::Error> {
        let resources = home.map_or_else(Vec::new, |home| {
            let bucket = format!("arn:{}:s3:::{}", home.partition, verdict.version.bucket);
            vec![format!("{bucket}/{}", verdict.version.key), bucket]
        });
        Ok(Self {
            detail_type,
            detail: report::line(verdict)?,
            resources,
        })
    }

    /// The event's size, as EventBridge counts it.
    fn bytes(&self) -> usize {
        let resources: usize = self.resources.iter().map(String::len).sum();
        SOURCE.len() + self.detail_type.len() + self.detail.len() + resources
    }
}

/// Sends `events` to `bus` until `stop`: one result for each, in their order.
///
/// What EventBridge accepts only later (throttling, faults of its own) is sent again with backoff;
/// the others of the same request are not. An event whose answer never came counts as not sent, and
/// may arrive twice: its detail's `id` tells.
pub async fn publish<A: PublishFindings>(
    aws: &A,
    bus: &str,
    events: &[Event],
    stop: Instant,
) -> Vec<Result<(), AskError>> {
    let mut results: Vec<_> = events
        .iter()
        .map(|_| Err(unsent(bus, "no answer in time")))
        .collect();
    let mut pending: Vec<usize> = (0..events.len()).collect();
    let mut backoff = FIRST_BACKOFF;
    for attempt in 1..=ATTEMPTS {
        let mut again = Vec::new();
        let requests = stream::iter(requests(events, &pending))
            .map(|places| async move {
                let entries: Vec<&Event> = places.iter().filter_map(|&at| events.get(at)).collect();
                let answer = aws.put(bus, &entries).await;
                (places, answer)
            })
            .buffer_unordered(REQUESTS_IN_FLIGHT);
        let mut requests = std::pin::pin!(requests);
        while let Ok(Some((places, answer))) = timeout_at(stop, requests.next()).await {
            let mut answers = answer.map(Vec::into_iter);
            for at in places {
                let (result, retry) = match &mut answers {
                    Ok(answers) => read(bus, answers.next()),
                    Err(error) => (Err(error.clone()), false),
                };
                if retry {
                    again.push(at);
                }
                if let Some(slot) = results.get_mut(at) {
                    *slot = result;
                }
            }
        }
        let next = Instant::now() + backoff;
        if again.is_empty() || attempt == ATTEMPTS || next >= stop {
            break;
        }
        sleep_until(next).await;
        backoff *= 2;
        pending = again;
    }
    results
}

/// What EventBridge said of one event, and whether to send it again.
fn read(bus: &str, answer: Option<Result<(), EventError>>) -> (Result<(), AskError>, bool) {
    match answer {
        Some(Ok(())) => (Ok(()), false),
        Some(Err(error)) => {
            // The others are refusals, the same however often they are asked for.
            let retry = matches!(
                error.code.as_str(),
                "ThrottlingException" | "InternalFailure" | "InternalException"
            );
            let answer = format!("{}: {}", error.code, error.message);
            (Err(unsent(bus, &answer)), retry)
        }
        None => (Err(unsent(bus, "nothing was said of this event")), true),
    }
}

fn unsent(bus: &str, answer: &str) -> AskError {
    let denied = answer.starts_with("AccessDenied") || answer.starts_with("NotAuthorized");
    AskError {
        operation: "events:PutEvents",
        resource: format!("event bus {bus}"),
        answer: answer.to_owned(),
        remedy: if denied {
            "allow the checker's role events:PutEvents; the message is tried again".to_owned()
        } else {
            "the message is tried again".to_owned()
        },
    }
}

/// The pending events' places, cut into requests that EventBridge takes.
fn requests(events: &[Event], pending: &[usize]) -> Vec<Vec<usize>> {
    let mut requests: Vec<Vec<usize>> = Vec::new();
    let mut bytes = 0_usize;
    for &at in pending {
        let size = events.get(at).map_or(0, Event::bytes);
        match requests.last_mut() {
            Some(request) if request.len() < MOST_EVENTS && bytes + size <= MOST_BYTES => {
                request.push(at);
                bytes += size;
            }
            _ => {
                requests.push(vec![at]);
                bytes = size;
            }
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(bytes: usize) -> Event {
        Event {
            detail_type: FINDING,
            detail: "x".repeat(bytes - SOURCE.len() - FINDING.len()),
            resources: Vec::new(),
        }
    }

    #[test]
    fn requests_hold_ten_events_and_256_kb_at_most_in_order() {
        let table: [(&[usize], &[usize]); 4] = [
            (&[1_000; 25], &[10, 10, 5]),
            (&[128_000, 128_000, 100], &[2, 1]),
            (&[128_001, 128_000], &[1, 1]),
            // Nobody can send it; EventBridge says so.
            (&[100, 300_000, 100], &[1, 1, 1]),
        ];
        for (sizes, lengths) in table {
            let events: Vec<_> = sizes.iter().map(|&size| event(size)).collect();
            let pending: Vec<_> = (0..events.len()).collect();
            let requests = requests(&events, &pending);
            let found: Vec<_> = requests.iter().map(Vec::len).collect();
            assert_eq!(found, lengths);
            assert_eq!(requests.concat(), pending);
        }
    }
}
