//! Fuzzes the registry's parameters: see [`fuzz::expectation`].

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::expectation::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("build this with `cargo xtask fuzz expectation`");
    std::process::exit(2);
}
