//! From what should be and what is to the steps between. Pure: the same input gives the same plan,
//! and a plan made after its own steps is empty.

mod create;
mod delete;
mod desired;
mod expectation;
mod foreign;
pub(crate) mod keys;
mod parameters;
mod record;
mod role;
#[cfg(test)]
mod tests;

pub use create::plan;
pub use delete::plan_delete;
pub(crate) use desired::resolved;
pub use desired::{Desired, desired};
pub(crate) use parameters::written;
pub use record::plan_record;
pub(crate) use role::fitting_policy;

use serde_json::Value;

/// Whether the text `found` is the JSON document `wanted`, however it is spaced.
pub(crate) fn says(found: Option<&str>, wanted: &Value) -> bool {
    found
        .and_then(|found| serde_json::from_str::<Value>(found).ok())
        .is_some_and(|found| found == *wanted)
}
