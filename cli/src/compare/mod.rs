//! Source and destinations, version by version: what is missing, what failed, complete up to when.

mod command;
mod compared;
pub mod comparison;
pub mod judge;
pub mod line;
pub mod manifest;
pub mod merge;
mod question;
mod range;
pub mod rules;
mod settle;
mod sorting;
pub mod spool;
pub mod state;
pub mod tally;
mod telling;
pub mod words;

pub use self::command::{Arguments, run};
