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
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            let digit = DIGITS.get(usize::from(nibble)).copied();
            text.push(digit.map_or('0', char::from));
        }
    }
    text
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
