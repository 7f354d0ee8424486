//! IAM's condition operators over what is known of a request. See
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html> and
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-logic-multiple-context-keys-or-values.html>.

use serde_json::Value;

use super::context::{Context, World};
use super::judgement::Judgement;
use super::pattern::{Extent, Pattern, Variables};

/// Whether a statement's `Condition` holds: all its operators, for all their keys.
pub(super) fn holds(
    block: &Value,
    context: &Context,
    variables: Option<Variables<'_>>,
) -> Judgement {
    let operators = match block {
        Value::Null => return Judgement::Yes,
        Value::Object(operators) => operators,
        _ => return Judgement::may("its condition cannot be read"),
    };
    Judgement::all(operators.iter().flat_map(|(name, keys)| {
        let keys = keys.as_object().into_iter().flatten();
        keys.map(move |(key, wanted)| match Operator::read(name) {
            Some(operator) => operator.holds(key, &texts(wanted), context, variables),
            None => Judgement::may(format!("operator `{name}` is not known here")),
        })
    }))
}

/// Policies may write numbers and booleans without quotes.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null | Value::Object(_) => Vec::new(),
        scalar => vec![scalar.to_string()],
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compares {
    Text,
    TextInAnyCase,
    Like,
    Number(Order),
    Boolean,
    Arn,
    /// Whether the key is absent.
    Absence,
    /// Dates, addresses and bytes: of none of these is a value known.
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// How the values of a key that may have several are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    All,
    Any,
}

#[derive(Clone, Copy, Debug)]
struct Operator {
    compares: Compares,
    negated: bool,
    if_exists: bool,
    set: Option<Set>,
}

impl Operator {
    fn read(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let (set, name) = match name.split_once(':') {
            Some(("forallvalues", rest)) => (Some(Set::All), rest),
            Some(("foranyvalue", rest)) => (Some(Set::Any), rest),
            Some(_) => return None,
            None => (None, name.as_str()),
        };
        let (name, if_exists) = match name.strip_suffix("ifexists") {
            Some(rest) => (rest, true),
            None => (name, false),
        };
        let (compares, negated) = match name {
            "stringequals" => (Compares::Text, false),
            "stringnotequals" => (Compares::Text, true),
            "stringequalsignorecase" => (Compares::TextInAnyCase, false),
            "stringnotequalsignorecase" => (Compares::TextInAnyCase, true),
            "stringlike" => (Compares::Like, false),
            "stringnotlike" => (Compares::Like, true),
            "numericequals" => (Compares::Number(Order::Equal), false),
            "numericnotequals" => (Compares::Number(Order::Equal), true),
            "numericlessthan" => (Compares::Number(Order::Less), false),
            "numericlessthanequals" => (Compares::Number(Order::LessOrEqual), false),
            "numericgreaterthan" => (Compares::Number(Order::Greater), false),
            "numericgreaterthanequals" => (Compares::Number(Order::GreaterOrEqual), false),
            "bool" => (Compares::Boolean, false),
            "arnequals" | "arnlike" => (Compares::Arn, false),
            "arnnotequals" | "arnnotlike" => (Compares::Arn, true),
            "null" if !if_exists => (Compares::Absence, false),
            "dateequals"
            | "datelessthan"
            | "datelessthanequals"
            | "dategreaterthan"
            | "dategreaterthanequals"
            | "ipaddress"
            | "binaryequals" => (Compares::Other, false),
            "datenotequals" | "notipaddress" => (Compares::Other, true),
            _ => return None,
        };
        Some(Self {
            compares,
            negated,
            if_exists,
            set,
        })
    }

    fn holds(
        self,
        key: &str,
        wanted: &[String],
        context: &Context,
        variables: Option<Variables<'_>>,
    ) -> Judgement {
        let doubt = format!("`{key}`");
        let Some(worlds) = context.worlds(key) else {
            return Judgement::may(doubt);
        };
        let judged = worlds
            .iter()
            .map(|world| self.holds_in(world, wanted, variables));
        Judgement::whichever(judged, &doubt)
    }

    fn holds_in(
        self,
        world: &World,
        wanted: &[String],
        variables: Option<Variables<'_>>,
    ) -> Judgement {
        if self.compares == Compares::Absence {
            let absent = if world.is_none() { "true" } else { "false" };
            return Judgement::of(wanted.iter().any(|one| one.eq_ignore_ascii_case(absent)));
        }
        let Some(values) = world else {
            return Judgement::of(match self.set {
                _ if self.if_exists => true,
                Some(Set::All) => true,
                Some(Set::Any) => false,
                None => self.negated,
            });
        };
        let judged = values.iter().map(|value| {
            let one = wanted
                .iter()
                .map(|wanted| self.matches(value, wanted, variables));
            let found = Judgement::any(one);
            if self.negated { !found } else { found }
        });
        match self.set {
            Some(Set::All) => Judgement::all(judged),
            Some(Set::Any) | None => Judgement::any(judged),
        }
    }

    fn matches(self, value: &Extent, wanted: &str, variables: Option<Variables<'_>>) -> Judgement {
        let lower = |text: &str| text.to_lowercase();
        match (self.compares, value) {
            (Compares::Text, value) => Pattern::literal(wanted, variables).matches(value),
            (Compares::TextInAnyCase, value) => {
                Pattern::literal(&lower(wanted), variables).matches(&value.map(lower))
            }
            (Compares::Like, value) => Pattern::new(wanted, variables).matches(value),
            (Compares::Arn, value) => arn_matches(value, wanted, variables),
            (Compares::Boolean, Extent::One(value)) => {
                Judgement::of(value.eq_ignore_ascii_case(wanted))
            }
            (Compares::Number(order), Extent::One(value)) => {
                match (value.parse::<f64>(), wanted.parse::<f64>()) {
                    (Ok(value), Ok(wanted)) => Judgement::of(match order {
                        Order::Equal => (value - wanted).abs() < f64::EPSILON,
                        Order::Less => value < wanted,
                        Order::LessOrEqual => value <= wanted,
                        Order::Greater => value > wanted,
                        Order::GreaterOrEqual => value >= wanted,
                    }),
                    _ => Judgement::No,
                }
            }
            (Compares::Boolean | Compares::Number(_) | Compares::Absence | Compares::Other, _) => {
                Judgement::may("a value cannot be compared here")
            }
        }
    }
}

/// Each of the six parts is matched by itself, a star never reaches over a colon of the first five. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_ARN>.
fn arn_matches(value: &Extent, wanted: &str, variables: Option<Variables<'_>>) -> Judgement {
    let (text, open) = match value {
        Extent::One(text) => (text, false),
        Extent::Under(text) => (text, true),
    };
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let patterns: Vec<&str> = split(wanted);
    if parts.len() != patterns.len() {
        return if wanted == "*" {
            Judgement::Yes
        } else {
            Judgement::No
        };
    }
    let last = parts.len() - 1;
    Judgement::all(
        parts
            .iter()
            .zip(patterns)
            .enumerate()
            .map(|(at, (part, pattern))| {
                let part = (*part).to_owned();
                let part = if open && at == last {
                    Extent::Under(part)
                } else {
                    Extent::One(part)
                };
                Pattern::new(pattern, variables).matches(&part)
            }),
    )
}

/// An ARN's pattern by its parts: a colon within a variable's braces is no end of one.
fn split(pattern: &str) -> Vec<&str> {
    let (mut parts, mut start, mut within) = (Vec::new(), 0, false);
    for (at, c) in pattern.char_indices() {
        match c {
            '{' => {
                within = pattern
                    .get(..at)
                    .is_some_and(|before| before.ends_with('$'));
            }
            '}' => within = false,
            ':' if !within && parts.len() < 5 => {
                parts.push(pattern.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(pattern.get(start..).unwrap_or_default());
    parts
}
