//! Prefixes of keys as a policy's resources, and back. Pure.

use std::collections::BTreeSet;

/// The prefixes without those that another one covers.
fn widest<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let sorted: BTreeSet<&str> = prefixes.into_iter().collect();
    let mut widest: Vec<&str> = Vec::new();
    for prefix in sorted {
        // In byte order a prefix comes before all that it starts.
        if !widest.last().is_some_and(|wider| prefix.starts_with(wider)) {
            widest.push(prefix);
        }
    }
    widest
}

/// The objects under any of the prefixes, as a policy's resources.
pub(crate) fn objects<'a>(
    bucket_arn: &str,
    prefixes: impl IntoIterator<Item = &'a str>,
) -> Vec<String> {
    let prefixes = widest(prefixes).into_iter();
    prefixes
        .map(|prefix| format!("{bucket_arn}/{}*", literal(prefix)))
        .collect()
}

/// `text` as IAM reads it literally: the wildcards and the sign that starts a policy variable are
/// written as the variables that stand for them, so that a prefix never widens a policy. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-specialchars>.
///
/// IAM and KMS take no other characters than tab, line ends and U+0020 to U+00FF in a policy, see
/// <https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html>. Any other is left open, as
/// narrowly as can be: `?` for it; `*` beyond U+FFFF, which counts for two where UTF-16 is counted.
#[must_use]
pub(crate) fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '*' | '?' | '$' => literal.extend(['$', '{', c, '}']),
            '\t' | '\n' | '\r' | ' '..='\u{FF}' => literal.push(c),
            ..='\u{FFFF}' => literal.push('?'),
            _ => literal.push('*'),
        }
    }
    literal
}

/// What [`literal`] was given, up to the first wildcard.
#[must_use]
pub(crate) fn unescaped_start(path: &str) -> String {
    let mut literal = String::new();
    let mut rest = path;
    while let Some(first) = rest.chars().next() {
        let escaped = ["${*}", "${?}", "${$}"]
            .iter()
            .find_map(|variable| Some((rest.strip_prefix(variable)?, variable.chars().nth(2)?)));
        match (escaped, first) {
            (Some((after, character)), _) => {
                literal.push(character);
                rest = after;
            }
            (None, '*' | '?') => break,
            (None, character) => {
                literal.push(character);
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
            }
        }
    }
    literal
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_iam_takes_in_no_policy_is_left_open() {
        for (prefix, written) in [
            ("Tax/", "Tax/"),
            ("é/ÿ", "é/ÿ"),
            ("税/", "?/"),
            ("a😀/", "a*/"),
            ("Ā*?$", "?${*}${?}${$}"),
            ("a\u{1}\u{7f}\u{9f}\t", "a?\u{7f}\u{9f}\t"),
        ] {
            assert_eq!(literal(prefix), written, "{prefix}");
        }
    }

    proptest! {
        #[test]
        fn a_policy_has_no_character_that_iam_refuses(prefix in ".{0,12}") {
            let taken = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FF}');
            prop_assert!(objects("arn:aws:s3:::b", [prefix.as_str()]).concat().chars().all(taken));
        }

        #[test]
        fn a_prefix_never_brings_a_wildcard_or_variable_of_its_own(prefix in "[a-z*?${}/]{0,12}") {
            let written = literal(&prefix);
            let bare = written.replace("${*}", "").replace("${?}", "").replace("${$}", "");
            prop_assert!(!bare.contains(['*', '?', '$']));
            prop_assert_eq!(unescaped_start(&format!("{written}*")), prefix);
        }

        #[test]
        fn widest_prefixes_cover_the_same_keys(prefixes in prop::collection::vec("[ab/]{0,4}", 1..8), key in "[ab/]{0,6}") {
            let covered = |set: &[&str]| set.iter().any(|prefix| key.starts_with(prefix));
            let all: Vec<&str> = prefixes.iter().map(String::as_str).collect();
            prop_assert_eq!(covered(&all), covered(&widest(all.iter().copied())));
        }
    }
}
