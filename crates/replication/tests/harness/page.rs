//! Pages of `docs/` that tests make.

use std::path::PathBuf;
use std::{env, fs};

/// Holds a page against what the test made; with `UPDATE_REFERENCE` set, writes it.
pub(crate) fn same(name: &str, made: &str) {
    let path = PathBuf::from("../../docs").join(name);
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, made).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == made,
        "docs/{name} is stale; cargo xtask reference writes it anew"
    );
}
