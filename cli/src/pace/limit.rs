//! How many calls are made a second: as many as S3 takes of this prefix, which nobody says but S3.
//!
//! At first only calls in flight are limited, and more of them with each answer. The first refusal shows
//! what S3 takes: as many calls as it answered in the last moment. From then on calls are that far apart,
//! and closer again the longer S3 refuses none. S3 refuses each prefix by itself, so each has a pace of its
//! own. See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html>.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use super::{Fault, FaultKind, Patience};

/// Calls in flight at first.
const FIRST: usize = 16;
/// What is tried after a refusal, of what was answered.
const AFTER_REFUSAL: f64 = 0.95;
const AT_LEAST: f64 = 0.9;
/// How much closer calls come: by this share each second, for each second without a refusal.
const GROWTH: f64 = 0.02;
/// What is refused at the same time says the same thing once.
const SAME_REFUSAL: Duration = Duration::from_millis(250);
/// And of what was tried, which S3's reserve may have answered for a while.
const OF_TRIED: f64 = 0.85;
/// Answers are counted over a while in parts: longer ago S3's reserve may have been full.
const PART: Duration = Duration::from_millis(50);
const PARTS: usize = 6;

/// How many calls are made.
#[derive(Debug)]
pub struct Pace {
    permits: Semaphore,
    most: usize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Calls that may be in flight.
    limit: usize,
    answered: Answered,
    rate: Option<Rate>,
    slowed: u64,
}

/// Calls a second, since the last refusal.
#[derive(Debug)]
struct Rate {
    refused: Instant,
    then: f64,
    /// When the next call may be made.
    next: Instant,
}

impl Rate {
    fn now(&self, now: Instant) -> f64 {
        let quiet = (now - self.refused).as_secs_f64();
        // Never so large that it is none any more.
        self.then * (GROWTH / 2.0 * quiet * quiet).min(20.0).exp()
    }
}

/// The answers of the last moment.
#[derive(Debug, Default)]
struct Answered {
    parts: VecDeque<(Instant, u32)>,
}

impl Answered {
    fn one(&mut self, now: Instant) {
        match self.parts.back_mut() {
            Some((began, count)) if now - *began < PART => *count += 1,
            _ => self.parts.push_back((now, 1)),
        }
        while self.parts.len() > PARTS {
            self.parts.pop_front();
        }
    }

    fn a_second(&self, now: Instant) -> f64 {
        let moment = PART * u32::try_from(PARTS).unwrap_or(u32::MAX);
        let recent = self
            .parts
            .iter()
            .filter(|(began, _)| now - *began <= moment);
        let (mut count, mut since) = (0, now);
        for (began, more) in recent {
            count += more;
            since = since.min(*began);
        }
        let time = (now - since).max(PART).as_secs_f64();
        f64::from(count) / time
    }
}

impl Pace {
    /// At most `most` calls at once, and at least one.
    #[must_use]
    pub fn up_to(most: usize) -> Self {
        let most = most.max(1);
        let limit = FIRST.min(most);
        Self {
            permits: Semaphore::new(limit),
            most,
            state: Mutex::new(State {
                limit,
                answered: Answered::default(),
                rate: None,
                slowed: 0,
            }),
        }
    }

    /// How often S3 asked to slow down.
    #[must_use]
    pub fn slowed(&self) -> u64 {
        self.state().slowed
    }

    /// Makes a call until it is answered, within the pace.
    ///
    /// # Errors
    /// The last fault, where asking again changes nothing or patience has ended.
    pub async fn insist<T, F, C>(&self, call: F) -> Result<T, Fault>
    where
        F: Fn() -> C,
        C: Future<Output = Result<T, Fault>>,
    {
        let mut patience = None;
        loop {
            let answer = {
                // Never closed.
                let _permit = self.permits.acquire().await.ok();
                if let Some(turn) = self.turn() {
                    sleep_until(turn).await;
                }
                call().await
            };
            self.heard(answer.as_ref().err().map(|fault| fault.kind));
            let fault = match answer {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let patience = patience.get_or_insert_with(Patience::for_versions);
            if !patience.wait(&fault).await {
                return Err(fault);
            }
        }
    }

    /// When this call may be made, where it has to wait.
    fn turn(&self) -> Option<Instant> {
        let mut state = self.state();
        let rate = state.rate.as_mut()?;
        let now = Instant::now();
        let turn = rate.next.max(now);
        rate.next = turn + Duration::from_secs_f64(1.0 / rate.now(now));
        (turn > now).then_some(turn)
    }

    fn heard(&self, fault: Option<FaultKind>) {
        let now = Instant::now();
        let mut state = self.state();
        match fault {
            None => {
                state.answered.one(now);
                if state.limit < self.most {
                    state.limit += 1;
                    self.permits.add_permits(1);
                }
            }
            Some(FaultKind::SlowDown) => {
                state.slowed += 1;
                let said = |rate: &Rate| now - rate.refused < SAME_REFUSAL;
                if state.rate.as_ref().is_some_and(said) {
                    return;
                }
                let tried = state.rate.as_ref().map_or(f64::MAX, |rate| rate.now(now));
                let answered = state.answered.a_second(now);
                // What is refused now may have been sent before the last cut: not ever less. And never so
                // slow that nothing would be tried.
                let then = (tried * OF_TRIED)
                    .clamp(answered * AT_LEAST, answered * AFTER_REFUSAL)
                    .max(1.0);
                // Those that have their turn already keep it.
                let next = state.rate.as_ref().map_or(now, |rate| rate.next);
                state.rate = Some(Rate {
                    refused: now,
                    then,
                    next,
                });
            }
            Some(FaultKind::Busy | FaultKind::Refused) => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use compliance::ports::AskError;
    use futures_util::StreamExt;
    use futures_util::stream;

    use super::*;

    /// How much later than it was asked to tokio's timer may ring.
    const TIMER: Duration = Duration::from_millis(2);

    /// A prefix of S3's: so many calls a second, with half a second's worth in reserve, each answered after
    /// a while, and the rest refused at once.
    struct Prefix {
        a_second: f64,
        reserve: Cell<f64>,
        at: Cell<Instant>,
        refused: Cell<u32>,
        in_flight: Cell<usize>,
        most_in_flight: Cell<usize>,
    }

    impl Prefix {
        fn new(a_second: f64) -> Self {
            Self {
                a_second,
                reserve: Cell::new(a_second / 2.0),
                at: Cell::new(Instant::now()),
                refused: Cell::new(0),
                in_flight: Cell::new(0),
                most_in_flight: Cell::new(0),
            }
        }

        async fn head(&self) -> Result<(), Fault> {
            let now = Instant::now();
            let came = (now - self.at.replace(now)).as_secs_f64() * self.a_second;
            let left = (self.reserve.get() + came).min(self.a_second / 2.0);
            self.in_flight.set(self.in_flight.get() + 1);
            self.most_in_flight
                .set(self.most_in_flight.get().max(self.in_flight.get()));
            let taken = left >= 1.0;
            self.reserve.set(if taken { left - 1.0 } else { left });
            let time = if taken { 20 } else { 5 };
            tokio::time::sleep(Duration::from_millis(time)).await;
            self.in_flight.set(self.in_flight.get() - 1);
            if taken {
                return Ok(());
            }
            self.refused.set(self.refused.get() + 1);
            Err(fault(FaultKind::SlowDown))
        }
    }

    fn fault(kind: FaultKind) -> Fault {
        Fault {
            error: AskError {
                operation: "s3:HeadObject",
                resource: "bucket b key k".to_owned(),
                answer: "status 503, SlowDown".to_owned(),
                remedy: String::new(),
            },
            kind,
        }
    }

    async fn heads(pace: &Pace, prefix: &Prefix, count: usize) -> Duration {
        let began = Instant::now();
        stream::iter(0..count)
            .map(|_| pace.insist(|| prefix.head()))
            .buffer_unordered(4096)
            .for_each(|answer| async move { answer.unwrap() })
            .await;
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_finds_s3s_limit_for_a_prefix_and_stays_near_it() {
        let (pace, prefix) = (Pace::up_to(1024), Prefix::new(5500.0));
        let took = heads(&pace, &prefix, 80_000).await;
        let a_second = 80_000.0 / took.as_secs_f64();
        assert!(a_second > 5500.0 * 0.9, "{a_second} HEADs a second");
        let refused = f64::from(prefix.refused.get()) / 80_000.0;
        assert!(refused < 0.1, "{refused} of the HEADs were refused");
    }

    #[tokio::test(start_paused = true)]
    async fn it_slows_down_where_a_prefix_takes_less_and_finds_back() {
        let (pace, prefix) = (Pace::up_to(1024), Prefix::new(5500.0));
        heads(&pace, &prefix, 20_000).await;
        let slow = Prefix::new(500.0);
        let took = heads(&pace, &slow, 8_000).await;
        assert!(8_000.0 / took.as_secs_f64() > 500.0 * 0.8, "{took:?}");
        let took = heads(&pace, &prefix, 60_000).await;
        // 11 seconds at its best, and some to find back to it.
        assert!(took < Duration::from_secs(26), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_in_flight_than_was_said() {
        let (pace, prefix) = (Pace::up_to(40), Prefix::new(1_000_000.0));
        heads(&pace, &prefix, 10_000).await;
        assert_eq!(prefix.most_in_flight.get(), 40);
        assert_eq!(pace.slowed(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_refused_is_asked_once_and_what_is_busy_until_patience_ends() {
        for (kind, least, most) in [
            (FaultKind::Refused, 1, 1),
            (FaultKind::Busy, 8, 20),
            (FaultKind::SlowDown, 100, 300),
        ] {
            let (pace, calls) = (Pace::up_to(4), RefCell::new(0));
            let began = Instant::now();
            let answer: Result<(), Fault> = pace
                .insist(|| async {
                    *calls.borrow_mut() += 1;
                    Err(fault(kind))
                })
                .await;
            assert_eq!(answer, Err(fault(kind)));
            let calls = *calls.borrow();
            assert!((least..=most).contains(&calls), "{kind:?}: {calls}");
            // The last call, begun in time, waits for its turn: a second at the slowest pace there is.
            let most = Duration::from_mins(2) + Duration::from_secs(1);
            let took = began.elapsed();
            assert!(took <= most + TIMER, "{kind:?}: {took:?}");
        }
    }
}
