//! The kept events hold what the fuzzer holds: it starts from them, and what it finds joins them.

#![expect(
    clippy::unwrap_used,
    reason = "clippy.toml lets tests panic, but not the helpers they call"
)]

use std::fs;
use std::path::Path;

/// The files below a folder of the workspace.
fn files(folder: &str) -> Vec<Vec<u8>> {
    let folder = Path::new("..").join(folder);
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let events = paths.filter(|path| path.extension().is_some_and(|kind| kind == "json"));
    events.map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn kept_events_hold_what_must_hold_whatever_comes() {
    for (folder, at_least) in [
        ("events", 20),
        ("events/hostile", 20),
        ("fuzz/seeds/expectation", 2),
        ("fuzz/seeds/policy", 2),
    ] {
        let files = files(folder);
        assert!(files.len() >= at_least, "{} in {folder}", files.len());
        for bytes in files {
            fuzz::event::check(&bytes);
            fuzz::expectation::check(&bytes);
            fuzz::policy::check(&bytes);
            fuzz::properties::check(&bytes);
            fuzz::request::check(&bytes);
        }
    }
}
