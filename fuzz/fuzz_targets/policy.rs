//! Fuzzes other people's policies: see [`fuzz::policy`].

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::policy::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("build this with `cargo xtask fuzz policy`");
    std::process::exit(2);
}
