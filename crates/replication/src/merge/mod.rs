//! Our rules and notification among other people's: what a shared configuration becomes.
//!
//! S3 has no call for one rule or one notification; a write replaces the whole configuration. So
//! these functions are run on what was read the moment before, and everything that does not bear
//! our owner goes back as it came.

mod notifications;
mod rules;

pub use notifications::{FAILURE_EVENTS, with_failure_events, without_failure_events};
pub use rules::{MergeError, replication};
