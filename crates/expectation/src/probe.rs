//! The objects that the provisioner proves replication with: how both halves know them.

/// What the last part of their keys begins with, whatever prefix is before it; an owner's name and a number
/// follow.
pub const PROBE: &str = ".encrypted-replication-probe-";

/// Whether the object with this key is a probe, by its whole name: `PREFIX.encrypted-replication-probe-OWNER-NUMBER`,
/// an owner being `er` and 20 hexadecimal digits.
#[must_use]
pub fn is_probe(key: &str) -> bool {
    // From the end, where nearly every key shows at once that it is none: every replica's is asked about.
    let Some((name, number)) = key.rsplit_once('-') else {
        return false;
    };
    if !(1..=5).contains(&number.len()) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let Some((before, digits)) = name.rsplit_once("er") else {
        return false;
    };
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    digits.len() == 20 && digits.bytes().all(is_digit) && before.ends_with(PROBE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_name_is_a_probes() {
        for (key, expected) in [
            (
                ".encrypted-replication-probe-er0123456789abcdef0123-1",
                true,
            ),
            (
                "Tax/.encrypted-replication-probe-er0123456789abcdef0123-12",
                true,
            ),
            (
                "a.encrypted-replication-probe-b/.encrypted-replication-probe-er0123456789abcdef0123-1",
                true,
            ),
            (
                "Tax/.encrypted-replication-probe-er0123456789abcdef0123",
                false,
            ),
            (
                "Tax/.encrypted-replication-probe-er0123456789abcdef0123-",
                false,
            ),
            (
                "Tax/.encrypted-replication-probe-er0123456789abcdef0123-1.pdf",
                false,
            ),
            (
                "Tax/.encrypted-replication-probe-er0123456789ABCDEF0123-1",
                false,
            ),
            (
                "Tax/.encrypted-replication-probe-er0123456789abcdef012-1",
                false,
            ),
            (
                ".encrypted-replication-probe-er0123456789abcdef0123-1/secret",
                false,
            ),
            (
                "Tax/encrypted-replication-probe-er0123456789abcdef0123-1",
                false,
            ),
            ("Tax/er0123456789abcdef0123-1", false),
            ("2026-11-27", false),
            ("a-1", false),
            ("", false),
        ] {
            assert_eq!(is_probe(key), expected, "{key}");
        }
    }
}
