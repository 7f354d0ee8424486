//! A cache with a time to live, in which concurrent misses make one call.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Entries beyond this number make room for expired ones to be dropped.
const PRUNE_ABOVE: usize = 1024;

/// Values by name, each fetched at most once per time to live.
///
/// # Guarantees
/// - Callers that miss at the same time wait for one fetch and share its result, an error included.
/// - Errors are shared but never kept: the next caller fetches again.
/// - A caller that is dropped while it fetches leaves the fetch to the next one waiting.
#[derive(Debug)]
pub struct Cache<K, V, E> {
    time_to_live: Duration,
    slots: Mutex<HashMap<K, Arc<Slot<V, E>>>>,
}

#[derive(Debug)]
struct Slot<V, E> {
    value: Mutex<Option<(Instant, V)>>,
    /// Held by whoever fetches. The number counts failed fetches, and the error is the last one's.
    fetching: tokio::sync::Mutex<()>,
    failure: Mutex<(u64, Option<E>)>,
}

impl<V, E> Default for Slot<V, E> {
    fn default() -> Self {
        Self {
            value: Mutex::new(None),
            fetching: tokio::sync::Mutex::new(()),
            failure: Mutex::new((0, None)),
        }
    }
}

impl<V: Clone, E: Clone> Slot<V, E> {
    fn fresh(&self, wanted: Wanted) -> Option<V> {
        let value = lock(&self.value);
        let (asked, value) = value.as_ref()?;
        let fresh = *asked >= wanted.since || asked.elapsed() < wanted.time_to_live;
        fresh.then(|| value.clone())
    }
}

/// Whether what is remembered will do.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Freshness {
    /// As its time to live allows.
    Cached,
    /// Asked for at this moment or later.
    Since(Instant),
}

impl Freshness {
    /// The value under `key`, as fresh as it has to be on a trip that `began` then.
    pub(crate) async fn of<K, V, E, Q, F, T>(
        self,
        (cache, key): (&Cache<K, V, E>, &Q),
        began: Instant,
        fetch: F,
    ) -> Result<V, E>
    where
        K: Eq + Hash + Clone + std::borrow::Borrow<Q>,
        V: Clone,
        E: Clone,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
        F: FnOnce() -> T,
        T: Future<Output = Result<V, E>>,
    {
        match self {
            Self::Cached => cache.get_or_fetch(key, began, fetch).await,
            Self::Since(since) => cache.get_anew(key, since, fetch).await,
        }
    }
}

/// How fresh a value has to be.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    time_to_live: Duration,
    since: Instant,
}

impl<K: Eq + Hash + Clone, V: Clone, E: Clone> Cache<K, V, E> {
    /// An empty cache.
    #[must_use]
    pub fn new(time_to_live: Duration) -> Self {
        Self {
            time_to_live,
            slots: Mutex::new(HashMap::new()),
        }
    }

    /// The value under `key`: from the cache where it lives on, or was asked for at `since` or later, so
    /// that one batch asks once however short values live; else from `fetch`.
    ///
    /// # Errors
    /// What `fetch` answered, to this caller or to the one it waited for.
    pub async fn get_or_fetch<Q, F, T>(&self, key: &Q, since: Instant, fetch: F) -> Result<V, E>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
        F: FnOnce() -> T,
        T: Future<Output = Result<V, E>>,
    {
        let wanted = Wanted {
            time_to_live: self.time_to_live,
            since,
        };
        self.get(key, wanted, fetch).await
    }

    /// The value under `key` as it is now, however long values live: one that was asked for at `since` or
    /// later.
    ///
    /// # Errors
    /// As [`Cache::get_or_fetch`].
    pub async fn get_anew<Q, F, T>(&self, key: &Q, since: Instant, fetch: F) -> Result<V, E>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
        F: FnOnce() -> T,
        T: Future<Output = Result<V, E>>,
    {
        let wanted = Wanted {
            time_to_live: Duration::ZERO,
            since,
        };
        self.get(key, wanted, fetch).await
    }

    async fn get<Q, F, T>(&self, key: &Q, wanted: Wanted, fetch: F) -> Result<V, E>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
        F: FnOnce() -> T,
        T: Future<Output = Result<V, E>>,
    {
        let slot = self.slot(key);
        if let Some(value) = slot.fresh(wanted) {
            return Ok(value);
        }
        // On the heap, as it is rare and large: each of a batch's futures would hold room for it.
        Box::pin(Self::miss(&slot, wanted, fetch)).await
    }

    async fn miss<F, T>(slot: &Slot<V, E>, wanted: Wanted, fetch: F) -> Result<V, E>
    where
        F: FnOnce() -> T,
        T: Future<Output = Result<V, E>>,
    {
        let failures_before = lock(&slot.failure).0;
        let _turn = slot.fetching.lock().await;
        if let Some(value) = slot.fresh(wanted) {
            return Ok(value);
        }
        if let (failures, Some(error)) = &*lock(&slot.failure)
            && *failures > failures_before
        {
            return Err(error.clone());
        }
        let asked = Instant::now();
        let result = fetch().await;
        match &result {
            Ok(value) => *lock(&slot.value) = Some((asked, value.clone())),
            Err(error) => {
                let mut failure = lock(&slot.failure);
                *failure = (failure.0 + 1, Some(error.clone()));
            }
        }
        result
    }

    fn slot<Q>(&self, key: &Q) -> Arc<Slot<V, E>>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let mut slots = lock(&self.slots);
        if let Some(slot) = slots.get(key) {
            return Arc::clone(slot);
        }
        if slots.len() >= PRUNE_ABOVE {
            let wanted = Wanted {
                time_to_live: self.time_to_live,
                since: Instant::now(),
            };
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.fresh(wanted).is_some());
        }
        Arc::clone(slots.entry(key.to_owned()).or_default())
    }
}

/// No code panics while it holds one of these locks, so a poisoned one holds good data.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;

    use super::*;

    async fn slow(
        calls: &AtomicUsize,
        answer: Result<u32, &'static str>,
    ) -> Result<u32, &'static str> {
        calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn a_value_is_fetched_again_only_after_its_time_to_live() {
        let cache = Cache::<String, u32, &str>::new(Duration::from_mins(5));
        let calls = AtomicUsize::new(0);
        assert_eq!(
            cache
                .get_or_fetch("a", Instant::now(), || slow(&calls, Ok(1)))
                .await,
            Ok(1)
        );
        tokio::time::advance(Duration::from_secs(299)).await;
        assert_eq!(
            cache
                .get_or_fetch("a", Instant::now(), || slow(&calls, Ok(2)))
                .await,
            Ok(1)
        );
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(
            cache
                .get_or_fetch("a", Instant::now(), || slow(&calls, Ok(3)))
                .await,
            Ok(3)
        );
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_misses_make_one_call_and_names_do_not_share() {
        let cache = Cache::<String, u32, &str>::new(Duration::from_mins(5));
        let calls = AtomicUsize::new(0);
        let all = join_all(
            (0..100).map(|_| cache.get_or_fetch("a", Instant::now(), || slow(&calls, Ok(7)))),
        )
        .await;
        assert!(all.iter().all(|value| *value == Ok(7)));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(
            cache
                .get_or_fetch("b", Instant::now(), || slow(&calls, Ok(8)))
                .await,
            Ok(8)
        );
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_those_who_waited_and_tried_again_by_the_next() {
        let cache = Cache::<String, u32, &str>::new(Duration::from_mins(5));
        let calls = AtomicUsize::new(0);
        let all = join_all(
            (0..100).map(|_| cache.get_or_fetch("a", Instant::now(), || slow(&calls, Err("down")))),
        )
        .await;
        assert!(all.iter().all(|value| *value == Err("down")));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(
            cache
                .get_or_fetch("a", Instant::now(), || slow(&calls, Ok(1)))
                .await,
            Ok(1)
        );
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_is_dropped_is_taken_over() {
        let cache = Cache::<String, u32, &str>::new(Duration::from_mins(5));
        let calls = AtomicUsize::new(0);
        let first = tokio::time::timeout(
            Duration::from_millis(10),
            cache.get_or_fetch("a", Instant::now(), || slow(&calls, Ok(1))),
        );
        let (first, second) = tokio::join!(
            first,
            cache.get_or_fetch("a", Instant::now(), || slow(&calls, Ok(2)))
        );
        assert!(first.is_err());
        assert_eq!(second, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn expired_entries_make_room() {
        let cache = Cache::<String, u32, &str>::new(Duration::from_secs(1));
        for name in 0..PRUNE_ABOVE {
            let _ = cache
                .get_or_fetch(&name.to_string(), Instant::now(), || async { Ok(1) })
                .await;
        }
        tokio::time::advance(Duration::from_secs(2)).await;
        let _ = cache
            .get_or_fetch("last", Instant::now(), || async { Ok(1) })
            .await;
        assert_eq!(lock(&cache.slots).len(), 1);
    }
}
