//! Buckets in memory, compared and audited.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "clippy.toml lets tests panic, but not the helpers they call"
)]

mod auditing;
mod compared;
mod comparing;
mod told;
mod world;
