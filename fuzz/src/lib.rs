//! What must hold whatever comes: one module for each door that bytes from outside come in at. Each
//! `check` takes any bytes and panics where something does not hold.
//!
//! `cargo xtask fuzz` drives them with libFuzzer, and `tests/kept.rs` with the kept events.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is how libFuzzer is told that something does not hold"
)]

pub mod event;
pub mod expectation;
pub mod policy;
pub mod properties;
pub mod request;

/// Nothing in it that means something in a path, a URL, an ARN or a policy.
fn names_a_bucket(name: &str) {
    let sound = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    assert!(!name.is_empty() && name.chars().all(sound), "{name:?}");
}
