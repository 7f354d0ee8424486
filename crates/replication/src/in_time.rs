//! As much as there is time for.

use std::collections::BTreeMap;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};

/// What comes of `work`, `at_once` of it at the same time, by name: all that is done by `stop`.
pub(crate) async fn in_time<K: Ord, V>(
    work: Vec<impl Future<Output = (K, V)>>,
    at_once: usize,
    stop: Instant,
) -> BTreeMap<K, V> {
    let mut running = stream::iter(work).buffer_unordered(at_once);
    let mut done = BTreeMap::new();
    while let Ok(Some((name, what))) = timeout_at(stop, running.next()).await {
        done.insert(name, what);
    }
    done
}
