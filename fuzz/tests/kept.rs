//! The kept events hold what the fuzzer holds: it starts from them, and what it finds joins them.

use std::fs;
use std::path::Path;

#[test]
fn kept_events_hold_what_must_hold_whatever_comes() {
    let events = Path::new(env!("CARGO_MANIFEST_DIR")).join("../events");
    for folder in [events.clone(), events.join("hostile")] {
        let mut count = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "json") {
                count += 1;
                let bytes = fs::read(&path).unwrap();
                fuzz::event::check(&bytes);
                fuzz::properties::check(&bytes);
                fuzz::request::check(&bytes);
            }
        }
        assert!(count > 20, "{count} events");
    }
}
