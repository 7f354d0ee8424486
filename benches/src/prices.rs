//! What Lambda asks for: list prices of us-east-1, arm64, November 2026, not read off a bill; check them
//! at <https://aws.amazon.com/lambda/pricing/>.

use crate::results::Peer;

/// USD for a GB-second.
const GB_SECOND: f64 = 0.000_013_333_4;
/// USD for a million requests.
const MILLION_REQUESTS: f64 = 0.20;

/// The template's memory for the checker.
pub(crate) const MEMORY_MB: f64 = 256.0;
/// The twin's peak does not leave 256 MB much room for a batch of 1,000, but it fits.
pub(crate) const TWIN_MEMORY_MB: f64 = 256.0;

/// At so much memory a function has one whole processor; at less, its share of one. See
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>.
const WHOLE_PROCESSOR_MB: f64 = 1769.0;

/// Compute and requests of Lambda in USD for a million replicas that come in batches of `size`, each
/// call to AWS taking 20 ms. An invocation takes as long as it was seen to, or as long as its CPU
/// time takes on the share of a processor that goes with its memory, whichever is longer.
pub(crate) fn compute_per_million(peer: &Peer, size: usize, memory_mb: f64) -> Option<f64> {
    let batch = peer.batches.get(&20)?.get(&size)?;
    let replicas = f64::from(u32::try_from(size).ok()?);
    let cpu_seconds = batch.cpu_us * replicas / 1e6;
    let throttled = cpu_seconds * WHOLE_PROCESSOR_MB / memory_mb;
    let seconds = throttled.max(batch.wall_ms / 1000.0);
    let invocations = 1e6 / replicas;
    Some(invocations * (seconds * memory_mb / 1024.0 * GB_SECOND + MILLION_REQUESTS / 1e6))
}
