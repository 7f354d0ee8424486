//! What AWS's names look like, as far as two readers need to know it.

/// Whether `text` is an account id: twelve digits.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether `text` has 1 to `longest` letters, digits, dots, hyphens and underscores: nothing that means
/// something in a path, a URL or an ARN.
pub(crate) fn is_plain(text: &str, longest: usize) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=longest).contains(&text.len()) && text.bytes().all(plain)
}
