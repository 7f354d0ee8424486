//! The local cloud: starts `MiniStack` with S3's replication behaviour, and hands out clients for it.
//!
//! Nothing here outlives the process that uses it: the server, the functions it runs, and every tool
//! that is still at work end with it, also when it is killed.

mod account;
#[cfg(feature = "clients")]
mod clients;
#[cfg(feature = "clients")]
pub mod cloudformation;
#[cfg(feature = "clients")]
mod control;
#[cfg(feature = "clients")]
pub mod faults;
pub mod greeting;
pub mod guard;
#[cfg(feature = "clients")]
pub mod organization;
pub mod place;
pub mod sam;
pub mod server;
pub mod tools;
#[cfg(feature = "clients")]
pub mod verdicts;
pub mod wait;

pub use account::Account;
#[cfg(feature = "clients")]
pub use clients::Clients;
pub use place::Place;
pub use server::{Sandbox, Weather};
pub use tools::Tools;
