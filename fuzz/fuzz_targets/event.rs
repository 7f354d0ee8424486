//! Fuzzes the checker's ingest: see [`fuzz::event`].

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::event::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    eprintln!("build this with `cargo xtask fuzz event`");
    std::process::exit(2);
}
