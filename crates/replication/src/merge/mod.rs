//! Our rules, notification and policy statements among other people's: what a shared configuration
//! becomes.
//!
//! There is no call for one rule, notification or statement; a write replaces the whole configuration. So
//! these functions are run on what was read the moment before, and everything that does not bear
//! our owner goes back as it came.

mod error;
mod notifications;
mod policy;
mod rules;

pub use error::MergeError;
pub use notifications::{FAILURE_EVENTS, heir, takes, with_failure_events, without_failure_events};
pub(crate) use policy::is_same_policy;
pub use policy::{has_statements, with_statements};
pub use rules::replication;
