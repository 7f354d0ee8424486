//! Tables of `docs/` that are made from the code: the tests hold each against its page, and
//! `cargo xtask reference` writes them anew.

use std::path::PathBuf;
use std::{env, fs};

/// Holds that a page of `docs/` has this table, which is known by its first line; with
/// `UPDATE_REFERENCE` in the environment writes it there.
pub(crate) fn holds(page: &str, table: &str) {
    let path = PathBuf::from("../docs").join(page);
    let text = fs::read_to_string(&path).unwrap();
    let header = table.lines().next().unwrap();
    let (before, rest) = text
        .split_once(header)
        .unwrap_or_else(|| panic!("docs/{page} has no table that begins with {header}"));
    let (_, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
    let after = if after.is_empty() {
        String::new()
    } else {
        format!("\n{after}")
    };
    let made = format!("{before}{table}{after}");
    if text == made {
        return;
    }
    assert!(
        env::var_os("UPDATE_REFERENCE").is_some(),
        "docs/{page} is stale; cargo xtask reference writes it anew:\n{table}"
    );
    fs::write(&path, made).unwrap();
}
