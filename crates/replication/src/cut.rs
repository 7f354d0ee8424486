//! Texts cut to what there is room for.

/// At most `longest` bytes of a text, in whole characters, and `…` behind them where it goes on.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    match text.get(..text.floor_char_boundary(longest)) {
        Some(start) if start.len() < text.len() => format!("{start}…"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_ends_with_a_whole_character() {
        for (text, longest, expected) in [
            ("", 0, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "abc…"),
            ("ää", 3, "ä…"),
            ("ä", 1, "…"),
        ] {
            assert_eq!(cut(text, longest), expected);
        }
    }
}
