//! From what should be and what is to the steps between. Pure: the same input gives the same plan,
//! and a plan made after its own steps is empty.

mod comparison;
mod create;
mod delete;
mod desired;
mod destination;
mod documents;
mod expectation;
mod expected;
mod foreign;
mod leaving;
mod ranks;
mod record;
mod role;
#[cfg(test)]
mod tests;
pub(crate) mod usable_keys;
mod warning;

pub use crate::desired::Desired;
pub(crate) use create::failure_events;
pub use create::{narrowing, plan};
pub use delete::{Deletion, plan_delete};
pub use desired::desired;
pub(crate) use desired::resolved;
pub(crate) use documents::{differing, documents_of, too_many};
pub(crate) use expected::{Before, Change, Said, expected_of};
pub(crate) use leaving::{Spoken, word_never_meant, word_taken_back};
pub(crate) use ranks::Among;
pub use record::plan_record;
pub(crate) use role::fitting_policy;
pub(crate) use warning::suspicious;
pub use warning::warnings;
