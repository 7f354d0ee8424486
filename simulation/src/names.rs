//! Names as SEMANTICS says that they are made.

use std::fmt::Write;

use sha2::{Digest, Sha256};

/// `er` and 20 hexadecimal digits, the start of a SHA-256 over stack id, logical id and source bucket, each
/// after its length in eight bytes.
#[must_use]
pub fn owner(stack_id: &str, logical_id: &str, source_bucket: &str) -> String {
    let mut hash = Sha256::new();
    for part in [stack_id, logical_id, source_bucket] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let mut name = "er".to_owned();
    for byte in hash.finalize().iter().take(10) {
        // Writing to a text does not fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}
