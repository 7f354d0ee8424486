//! Many events, each until the bus has taken it.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::{Event, Refusal};

/// `PutEvents` takes at most this many events.
const MOST_EVENTS: usize = 10;
/// And at most 256 KB of them, by <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html>.
const MOST_BYTES: usize = 256_000;
/// Requests in flight: a thousand events at once take no longer than a few seconds.
const REQUESTS_IN_FLIGHT: usize = 8;
/// How often an event is sent that the bus takes only later.
const ATTEMPTS: u32 = 5;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// Why an event was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent<E> {
    /// There was no answer before the time was up. The event may have arrived.
    #[error("no answer in time")]
    NoAnswer,
    /// The request as a whole failed.
    #[error("{0}")]
    Failed(E),
    /// The bus did not take it, at its last attempt.
    #[error("{0}")]
    Refused(Refusal),
    /// The bus answered the request, and said nothing of this event.
    #[error("nothing was said of this event")]
    Unmentioned,
}

impl<E> Unsent<E> {
    /// Whether another attempt may fare better. A failed request is not sent again: whoever made it
    /// has tried more than once.
    fn is_retried(&self) -> bool {
        match self {
            Self::Refused(refusal) => !refusal.is_final(),
            Self::Unmentioned => true,
            Self::Failed(_) | Self::NoAnswer => false,
        }
    }
}

/// Sends `events` by `put`, one request at most ten of them, until `stop`: one result for each, in their
/// order.
///
/// What the bus takes only later (throttling, faults of its own) is sent again with backoff; the
/// others of the same request are not. An event whose answer never came counts as not sent, and may
/// arrive twice once it is sent again.
pub async fn send<'e, E, P, F>(
    events: &'e [Event],
    stop: Instant,
    put: P,
) -> Vec<Result<(), Unsent<E>>>
where
    E: Clone,
    P: Fn(Vec<&'e Event>) -> F,
    F: Future<Output = Result<Vec<Result<(), Refusal>>, E>>,
{
    let mut results: Vec<_> = events.iter().map(|_| Err(Unsent::NoAnswer)).collect();
    let mut pending: Vec<usize> = (0..events.len()).collect();
    let mut backoff = FIRST_BACKOFF;
    for attempt in 1..=ATTEMPTS {
        let mut again = Vec::new();
        let requests = stream::iter(requests(events, &pending))
            .map(|places| {
                let entries = places.iter().filter_map(|&at| events.get(at)).collect();
                let answer = put(entries);
                async move { (places, answer.await) }
            })
            .buffer_unordered(REQUESTS_IN_FLIGHT);
        let mut requests = std::pin::pin!(requests);
        while let Ok(Some((places, answer))) = timeout_at(stop, requests.next()).await {
            let mut answers = answer.map(Vec::into_iter);
            for at in places {
                let result = match &mut answers {
                    Ok(answers) => match answers.next() {
                        Some(answer) => answer.map_err(Unsent::Refused),
                        None => Err(Unsent::Unmentioned),
                    },
                    Err(error) => Err(Unsent::Failed(error.clone())),
                };
                if result.as_ref().is_err_and(Unsent::is_retried) {
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
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::SOURCE;

    const TYPE: &str = "Type";

    fn event(bytes: usize) -> Event {
        Event {
            detail_type: TYPE,
            detail: "x".repeat(bytes - SOURCE.len() - TYPE.len()),
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

    /// What the bus says of one event at one attempt.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Says {
        Taken,
        Later,
        Never,
        Nothing,
    }

    fn says() -> impl Strategy<Value = Says> {
        prop_oneof![
            4 => Just(Says::Taken),
            2 => Just(Says::Later),
            1 => Just(Says::Never),
            1 => Just(Says::Nothing),
        ]
    }

    fn answer(says: Says) -> Option<Result<(), Refusal>> {
        let refusal = |code: &str| {
            Err(Refusal {
                code: code.to_owned(),
                message: String::new(),
            })
        };
        match says {
            Says::Taken => Some(Ok(())),
            Says::Later => Some(refusal("ThrottlingException")),
            Says::Never => Some(refusal("AccessDeniedException")),
            Says::Nothing => None,
        }
    }

    proptest! {
        /// A bus that is silent of an event is silent of all after it, as its answer is a list.
        #[test]
        fn each_event_is_sent_until_it_is_taken_or_refused_and_no_longer(
            script in prop::collection::vec(prop::collection::vec(says(), 1..7), 0..40),
        ) {
            let events: Vec<Event> = (0..script.len()).map(|at| Event {
                detail_type: TYPE,
                detail: at.to_string(),
                resources: Vec::new(),
            }).collect();
            let heard = Mutex::new(vec![Vec::new(); script.len()]);
            let put = |batch: Vec<&Event>| {
                let mut answers = Vec::new();
                let mut is_silent = false;
                for event in batch {
                    let at: usize = event.detail.parse().unwrap();
                    let mut heard = heard.lock().unwrap();
                    let attempt = heard[at].len();
                    let said = script[at][attempt.min(script[at].len() - 1)];
                    is_silent |= said == Says::Nothing;
                    let said = if is_silent { Says::Nothing } else { said };
                    heard[at].push(said);
                    answers.extend(answer(said));
                }
                async { Ok::<_, ()>(answers) }
            };
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build()
                .unwrap();
            let results = runtime.block_on(async {
                send(&events, Instant::now() + Duration::from_mins(1), put).await
            });
            for (result, heard) in results.iter().zip(heard.into_inner().unwrap()) {
                let last = *heard.last().unwrap();
                let expected = match answer(last) {
                    Some(answer) => answer.map_err(Unsent::Refused),
                    None => Err(Unsent::Unmentioned),
                };
                prop_assert_eq!(result, &expected);
                let (_, before) = heard.split_last().unwrap();
                prop_assert!(
                    before.iter().all(|said| matches!(said, Says::Later | Says::Nothing)),
                    "{:?}", heard
                );
                let is_over = matches!(last, Says::Taken | Says::Never);
                prop_assert!(is_over || heard.len() == 5, "{:?}", heard);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_bus_that_is_slow_has_until_the_time_is_up_and_a_failed_request_is_not_repeated() {
        let events = [event(100), event(100)];
        let stop = Instant::now() + Duration::from_secs(2);
        let slow = send(&events, stop, |_| async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            Ok::<_, String>(vec![Ok(()), Ok(())])
        });
        assert_eq!(slow.await, [Err(Unsent::NoAnswer), Err(Unsent::NoAnswer)]);
        assert_eq!(Instant::now(), stop);

        let calls = Mutex::new(0);
        let stop = Instant::now() + Duration::from_secs(2);
        let failing = send(&events, stop, |_| {
            *calls.lock().unwrap() += 1;
            async { Err("cut off".to_owned()) }
        });
        let expected = Err(Unsent::Failed("cut off".to_owned()));
        assert_eq!(failing.await, [expected.clone(), expected]);
        assert_eq!(*calls.lock().unwrap(), 1);
    }
}
