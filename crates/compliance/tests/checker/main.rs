//! The checker from outside: sample events in, verdicts out, AWS replaced at the ports or on the
//! wire.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "clippy.toml lets tests panic, but not the helpers they call"
)]

mod batches;
#[cfg(feature = "aws")]
mod direct;
mod failure_reasons;
mod findings;
mod hostile;
mod ingest;
mod remembered;
mod repairs;
mod support;
mod verdicts;
#[cfg(feature = "aws")]
mod wire;
