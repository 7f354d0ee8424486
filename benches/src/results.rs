//! Everything that one run measured.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::provisioner::Requests;

/// One program beside the others.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Peer {
    /// Process start to first poll, median, in milliseconds.
    pub(crate) poll_ms: f64,
    /// CPU time of that.
    pub(crate) poll_cpu_ms: f64,
    /// Process start to the first verdict over TLS, median, in milliseconds.
    pub(crate) verdict_ms: f64,
    /// CPU time of that.
    pub(crate) verdict_cpu_ms: f64,
    /// By delay of the server in milliseconds, then by size of the batch.
    pub(crate) batches: BTreeMap<u64, BTreeMap<usize, Batch>>,
    /// Peak memory of a fresh process for a batch of 1,000, in bytes.
    pub(crate) memory: u64,
    /// Bytes logged for each replica of that batch.
    pub(crate) logged_per_replica: f64,
}

impl Peer {
    /// Nothing measured yet.
    pub(crate) const fn new() -> Self {
        Self {
            poll_ms: 0.0,
            poll_cpu_ms: 0.0,
            verdict_ms: 0.0,
            verdict_cpu_ms: 0.0,
            batches: BTreeMap::new(),
            memory: 0,
            logged_per_replica: 0.0,
        }
    }
}

/// Medians over all invocations with batches of one size.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Batch {
    /// From event to answer, in milliseconds.
    pub(crate) wall_ms: f64,
    /// CPU time for each replica, in microseconds.
    pub(crate) cpu_us: f64,
}

/// What does not depend on the clock.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Steady {
    /// HEADs for each replica of a batch of 1,000.
    pub(crate) heads_per_replica: f64,
    /// Other calls of a fresh process for that batch.
    pub(crate) other_calls: u64,
    /// Zip size by function, in bytes.
    pub(crate) zip: BTreeMap<String, u64>,
    /// The provisioner's requests.
    pub(crate) provisioner: Requests,
    /// Instructions for each replica; nothing where there is no valgrind.
    pub(crate) instructions_per_replica: Option<f64>,
}

/// One run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) ours: Peer,
    pub(crate) bare_function: Peer,
    pub(crate) bare_client: Peer,
    pub(crate) twin: Peer,
    /// Peak memory of a fresh checker for one event of 1,000 records, in bytes.
    pub(crate) direct_memory: u64,
    pub(crate) steady: Steady,
}
