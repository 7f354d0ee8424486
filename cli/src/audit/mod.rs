//! Verdicts on the replicas that are in a destination bucket.

mod command;
pub mod line;
pub mod looking;
pub mod sample;
mod telling;

pub use self::command::{Arguments, run};
