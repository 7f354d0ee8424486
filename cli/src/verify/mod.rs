//! `verify BUCKET`: whether the evidence is whole, by the public key alone.

mod command;
mod directory;
pub(crate) mod lake;
mod line;
pub mod signature;
mod signed;
pub mod walk;

pub use self::command::{Arguments, run};
