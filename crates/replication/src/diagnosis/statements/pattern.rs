//! IAM's patterns: `*` any characters, `?` one, `${…}` a policy variable. See
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>.

use super::judgement::Judgement;

/// One text, or every text that begins so: the objects under a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// This one.
    One(String),
    /// All that begin so.
    Under(String),
}

impl Extent {
    /// The same with its text changed.
    pub(super) fn map(&self, change: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::One(text) => Self::One(change(text)),
            Self::Under(text) => Self::Under(change(text)),
        }
    }
}

impl From<&str> for Extent {
    fn from(text: &str) -> Self {
        Self::One(text.to_owned())
    }
}

/// What is known of a policy variable: the value that stands for it, if there is one.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Any,
    /// A variable that nothing is known of.
    Unknown,
}

/// A pattern, with its variables filled in as far as they are known.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Token>);

impl Pattern {
    /// A pattern of wildcards; of variables too, where there may be some.
    pub(super) fn new(text: &str, variables: Option<Variables<'_>>) -> Self {
        Self(read(text, variables, true))
    }

    /// A text without wildcards.
    pub(super) fn literal(text: &str, variables: Option<Variables<'_>>) -> Self {
        Self(read(text, variables, false))
    }

    /// Whether it matches all of `extent`.
    pub(super) fn matches(&self, extent: &Extent) -> Judgement {
        const PART: &str = "it is about a part of the objects";
        let (text, open) = match extent {
            Extent::One(text) => (text, false),
            Extent::Under(text) => (text, true),
        };
        let reached = self.after(text);
        let unknown = self.0.contains(&Token::Unknown);
        let certain = |holds: bool| match (holds, unknown) {
            (false, _) => Judgement::No,
            (true, true) => Judgement::may("it has a policy variable"),
            (true, false) => Judgement::Yes,
        };
        if !open {
            return certain(reached.last() == Some(&true));
        }
        // What follows may be anything: all of it matches where the rest is a star.
        let rest_is_star = |at: usize| {
            let rest = self.0.get(at..).unwrap_or_default();
            !rest.is_empty() && rest.iter().all(|token| *token == Token::Any)
        };
        let mut positions = (0..reached.len()).filter(|at| reached.get(*at) == Some(&true));
        match positions.clone().any(rest_is_star) {
            true => certain(true),
            false if positions.next().is_some() => Judgement::may(PART),
            false => Judgement::No,
        }
    }

    /// The places in the pattern that `text` may lead to, from 0 to the pattern's end.
    fn after(&self, text: &str) -> Vec<bool> {
        let mut reached = vec![false; self.0.len() + 1];
        if let Some(start) = reached.first_mut() {
            *start = true;
        }
        self.skip_empty(&mut reached);
        for c in text.chars() {
            let mut next = vec![false; reached.len()];
            for (at, token) in self.0.iter().enumerate() {
                if reached.get(at) != Some(&true) {
                    continue;
                }
                let to = match token {
                    Token::Any | Token::Unknown => at,
                    Token::One => at + 1,
                    Token::Literal(wanted) if *wanted == c => at + 1,
                    Token::Literal(_) => continue,
                };
                if let Some(place) = next.get_mut(to) {
                    *place = true;
                }
            }
            self.skip_empty(&mut next);
            reached = next;
        }
        reached
    }

    /// A star and a variable may stand for nothing.
    fn skip_empty(&self, reached: &mut [bool]) {
        for (at, token) in self.0.iter().enumerate() {
            if matches!(token, Token::Any | Token::Unknown)
                && reached.get(at) == Some(&true)
                && let Some(next) = reached.get_mut(at + 1)
            {
                *next = true;
            }
        }
    }
}

fn read(text: &str, variables: Option<Variables<'_>>, wildcards: bool) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(variables) = variables
            && let Some((name, after)) = rest.strip_prefix("${").and_then(|r| r.split_once('}'))
        {
            match name {
                "*" | "?" | "$" => tokens.extend(name.chars().map(Token::Literal)),
                name => match variables(name) {
                    Some(value) => tokens.extend(value.chars().map(Token::Literal)),
                    None => tokens.push(Token::Unknown),
                },
            }
            rest = after;
            continue;
        }
        tokens.push(match c {
            '*' if wildcards => Token::Any,
            '?' if wildcards => Token::One,
            c => Token::Literal(c),
        });
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pattern: &str, extent: &Extent) -> &'static str {
        let known = |name: &str| (name == "aws:PrincipalAccount").then(|| "1".to_owned());
        match Pattern::new(pattern, Some(&known)).matches(extent) {
            Judgement::No => "no",
            Judgement::May(_) => "may",
            Judgement::Yes => "yes",
        }
    }

    #[test]
    fn one_text_matches_or_not() {
        for (pattern, text, expected) in [
            ("*", "", "yes"),
            ("*", "abc", "yes"),
            ("a*c", "abbc", "yes"),
            ("a*c", "abb", "no"),
            ("a?c", "abc", "yes"),
            ("a?c", "ac", "no"),
            ("a??", "abc", "yes"),
            ("", "", "yes"),
            ("", "a", "no"),
            ("a${*}", "a*", "yes"),
            ("a${*}", "ab", "no"),
            ("a${aws:PrincipalAccount}", "a1", "yes"),
            ("a${aws:PrincipalAccount}", "a2", "no"),
            ("a${aws:userid}c", "abc", "may"),
            ("a${aws:userid}c", "abd", "no"),
            ("a${", "a${", "yes"),
            ("*ab*ab*", "xabyabz", "yes"),
            ("*ab*ab*", "xabyaz", "no"),
            ("税*", "税/a", "yes"),
        ] {
            assert_eq!(judged(pattern, &text.into()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn of_the_texts_that_begin_so_all_match_or_some_or_none() {
        for (pattern, prefix, expected) in [
            ("*", "", "yes"),
            ("b/*", "b/", "yes"),
            ("b/*", "b/tax/", "yes"),
            ("b/tax/*", "b/tax/", "yes"),
            ("b/tax*", "b/tax/", "yes"),
            ("b/private/*", "b/tax/", "no"),
            ("b/private/*", "b/", "may"),
            ("b/tax/private/*", "b/tax/", "may"),
            ("b", "b/", "no"),
            ("b/tax/", "b/tax/", "may"),
            ("b/*.csv", "b/tax/", "may"),
            ("b/?ax/*", "b/tax/", "yes"),
            ("b/?*", "b/tax/", "yes"),
            ("b/tax/?*", "b/tax/", "may"),
            ("b/tax/**", "b/tax/", "yes"),
            ("c/*", "b/", "no"),
            ("b/${aws:userid}/*", "b/tax/", "may"),
            ("c/${aws:userid}/*", "b/tax/", "no"),
        ] {
            let extent = Extent::Under(prefix.to_owned());
            assert_eq!(judged(pattern, &extent), expected, "{pattern} {prefix}");
        }
    }

    #[test]
    fn an_older_policy_has_no_variables() {
        let pattern = Pattern::new("a${*}", None);
        assert_eq!(pattern.matches(&"a${b}".into()), Judgement::Yes);
        assert_eq!(pattern.matches(&"a*".into()), Judgement::No);
    }
}
