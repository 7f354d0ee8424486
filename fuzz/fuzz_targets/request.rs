//! Fuzzes CloudFormation's requests: see [`fuzz::request`].

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::request::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("build this with `cargo xtask fuzz request`");
    std::process::exit(2);
}
