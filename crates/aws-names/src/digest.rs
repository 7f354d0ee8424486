//! Names that are derived from texts.

use sha2::{Digest, Sha256};

/// SHA-256 over `parts`, each preceded by its length in bytes as eight bytes, big-endian, in lower-case
/// hexadecimal digits. The lengths keep `ab` + `c` apart from `a` + `bc`.
#[must_use]
pub fn hex<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    digits(&hash.finalize())
}

/// `bytes` in lower-case hexadecimal digits.
#[must_use]
pub fn digits(bytes: &[u8]) -> String {
    // Without a table or a check for each: every replica has its id and its signatures.
    let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
    let digits = bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
    let mut text = Vec::with_capacity(bytes.len() * 2);
    text.extend(digits);
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_two_a_byte_and_lower_case() {
        assert_eq!(digits(&[0, 1, 0xab, 0xff]), "0001abff");
    }

    /// By `printf '\0\0\0\0\0\0\0\2ab\0\0\0\0\0\0\0\1c' | sha256sum`, and of nothing at all.
    #[test]
    fn the_digest_is_over_lengths_and_parts() {
        assert_eq!(
            hex(["ab", "c"]),
            "601d5476e2ccfe2c87a2bba7a322659734a05749d5b5aa781f513e4912db0d5f"
        );
        assert_eq!(
            hex([]),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_ne!(hex(["ab", "c"]), hex(["a", "bc"]));
    }
}
