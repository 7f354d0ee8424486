//! `verify BUCKET`: whether the evidence is whole, by the public key alone.

mod command;
mod directory;
mod lake;
mod line;
pub mod signature;
pub mod walk;

pub use self::command::{Arguments, run};
