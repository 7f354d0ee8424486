//! `coverage`: source and destination held against each other and against the verdicts by S3 Inventory, in Athena:
//! a query, however many versions there are.

mod command;
pub(crate) mod inventory;
mod row;

pub use self::command::{Arguments, run};
