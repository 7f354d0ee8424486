//! `report`: what the evidence of a time says, for an auditor: one page, or data.
//!
//! What is asked of Athena are the saved queries of [`evidence::queries`], word for word, and one of our own
//! for the coverage; all of them stand in the report with their parameters.

pub(crate) mod athena;
mod buckets;
mod chart;
mod command;
mod coverage;
mod gather;
mod history;
mod html;
mod lake;
pub mod model;
pub mod page;
mod row;
mod table;

pub use self::command::{Arguments, run};
