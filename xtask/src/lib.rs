//! What the commands of `cargo xtask` share, also those in a program of their own (`xtask/cloud`).

pub mod progress;
pub mod serve;
pub mod signals;
