//! Fuzzes the resource's properties: see [`fuzz::properties`].

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::properties::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("build this with `cargo xtask fuzz properties`");
    std::process::exit(2);
}
