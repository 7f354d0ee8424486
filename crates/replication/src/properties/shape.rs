//! The form of properties, as data, and the one reader that holds any JSON against it.
//!
//! CloudFormation delivers numbers and booleans as strings, so both spellings are read. Names that
//! the S3 API spells differently are put into CloudFormation's spelling.

use serde_json::{Map, Value};

use crate::fault::Faults;

pub(super) struct Property {
    /// CloudFormation's spelling.
    pub name: &'static str,
    /// The S3 API's spelling, where it differs.
    pub alias: Option<&'static str>,
    /// What it may hold.
    pub kind: Kind,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, in a sentence or two of Markdown.
    pub about: &'static str,
}

/// What a property may hold.
pub(super) enum Kind {
    /// Text of so many bytes.
    Text { min: usize, max: usize },
    /// A whole number.
    Integer { min: i64, max: i64 },
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Properties of its own.
    Object(&'static [Property]),
    /// So many of one kind.
    List {
        of: &'static Kind,
        min: usize,
        max: usize,
    },
    /// Known, and refused: says what to write instead.
    Refused(&'static str),
}

impl Kind {
    /// Whether a value of this form may be one of the kind.
    fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Text { .. } | Self::Integer { .. } | Self::OneOf(_) => scalar(value).is_some(),
            Self::Object(_) => value.is_object(),
            Self::List { .. } => value.is_array(),
            Self::Refused(_) => false,
        }
    }
}

/// `object` in canonical spelling and types, holding only what is sound; all else is in `faults`.
pub(super) fn canonical(
    object: &Map<String, Value>,
    properties: &[Property],
    path: &str,
    faults: &mut Faults,
) -> Map<String, Value> {
    let mut sound = Map::new();
    for (name, value) in object {
        let at = join(path, &brief(name));
        let known = properties
            .iter()
            .find(|p| p.name == name || p.alias == Some(name.as_str()));
        let Some(property) = known else {
            let told = if faults.0.len() < MOST_GUESSES {
                unknown(name, value, object, properties)
            } else {
                "is not a property here".to_owned()
            };
            faults.push(at, told);
            continue;
        };
        // CloudFormation drops properties set to AWS::NoValue; a null can only come by hand.
        if value.is_null() {
            continue;
        }
        if let Some(value) = canonical_value(value, &property.kind, &at, faults)
            && sound.insert(property.name.to_owned(), value).is_some()
        {
            let alias = property.alias.unwrap_or_default();
            faults.push(
                at,
                format!(
                    "given twice, as `{}` and as `{alias}`; keep one",
                    property.name
                ),
            );
        }
    }
    for property in properties {
        let given = |name: &str| object.get(name).is_some_and(|value| !value.is_null());
        if property.required && !given(property.name) && !property.alias.is_some_and(given) {
            faults.push(join(path, property.name), "is required");
        }
    }
    sound
}

fn canonical_value(value: &Value, kind: &Kind, at: &str, faults: &mut Faults) -> Option<Value> {
    let fault = |faults: &mut Faults, message: String| {
        faults.push(at, message);
        None
    };
    match kind {
        Kind::Text { min, max } => match scalar(value) {
            Some(text) if text.is_empty() && *min > 0 => fault(faults, "must not be empty".into()),
            Some(text) if text.len() < *min => {
                let least = if min == max { "" } else { "at least " };
                fault(
                    faults,
                    format!("must have {least}{min} characters, has {}", text.len()),
                )
            }
            Some(text) if text.len() > *max => fault(
                faults,
                format!("has {} bytes, S3 takes at most {max}", text.len()),
            ),
            Some(text) => Some(Value::String(text)),
            None => fault(faults, format!("must be text, is {}", name_of(value))),
        },
        Kind::Integer { min, max } => match scalar(value).map(|text| text.trim().parse::<i64>()) {
            Some(Ok(number)) if (*min..=*max).contains(&number) => Some(number.into()),
            Some(Ok(number)) if min == max => fault(faults, format!("must be {min}, is {number}")),
            Some(Ok(number)) => fault(
                faults,
                format!("must be between {min} and {max}, is {number}"),
            ),
            _ => fault(
                faults,
                format!("must be a whole number, is {}", quoted(value)),
            ),
        },
        Kind::OneOf(words) => match scalar(value) {
            Some(text) if words.contains(&text.as_str()) => Some(Value::String(text)),
            _ => {
                let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                fault(
                    faults,
                    format!("must be {}, is {}", words.join(" or "), quoted(value)),
                )
            }
        },
        Kind::Object(properties) => match value {
            Value::Object(object) => Some(Value::Object(canonical(object, properties, at, faults))),
            _ => fault(faults, format!("must be an object, is {}", name_of(value))),
        },
        Kind::List { of, min, max } => match value {
            Value::Array(items) if (*min..=*max).contains(&items.len()) => Some(Value::Array(
                items
                    .iter()
                    .enumerate()
                    .filter_map(|(n, item)| {
                        canonical_value(item, of, &format!("{at}[{n}]"), faults)
                    })
                    .collect(),
            )),
            Value::Array(items) => fault(
                faults,
                format!("must have {min} to {max} entries, has {}", items.len()),
            ),
            Value::Object(object) => {
                let inner = object.iter().find(|(_, value)| value.is_array());
                let hint = inner.map(|(name, _)| format!("; its `{}` is one", brief(name)));
                let hint = hint.unwrap_or_default();
                fault(faults, format!("must be a list, is an object{hint}"))
            }
            _ => fault(faults, format!("must be a list, is {}", name_of(value))),
        },
        Kind::Refused(instead) => fault(faults, (*instead).to_owned()),
    }
}

pub(crate) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn quoted(value: &Value) -> String {
    match scalar(value) {
        Some(text) => format!("`{}`", brief(&text)),
        None => name_of(value).to_owned(),
    }
}

/// No name of ours, nor a word that stands for one, is longer.
const LONGEST_SHOWN: usize = 60;

fn brief(text: &str) -> String {
    match text.char_indices().nth(LONGEST_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn name_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// An answer has no room for as many faults, and a guess takes its time.
const MOST_GUESSES: usize = 100;

/// The name that was meant is the nearest; of two as near the one that is missing, or that takes such a
/// value, rather than one that is there already.
fn unknown(
    name: &str,
    value: &Value,
    object: &Map<String, Value>,
    properties: &[Property],
) -> String {
    let spellings = properties.iter().flat_map(|property| {
        let spellings = [Some(property.name), property.alias];
        spellings
            .into_iter()
            .flatten()
            .map(move |known| (known, property))
    });
    // The distance takes time and room for the product of both lengths.
    let near_enough = spellings.filter(|(known, _)| name.len() <= LONGEST_SHOWN.max(known.len()));
    let ranked = near_enough.filter_map(|(known, property)| {
        let distance = strsim::damerau_levenshtein(&known.to_lowercase(), &name.to_lowercase());
        let given = [Some(property.name), property.alias]
            .into_iter()
            .flatten()
            .any(|spelling| object.contains_key(spelling));
        let unlike = [
            !property.required || given,
            !property.kind.takes(value),
            given,
        ];
        let unlike = unlike.into_iter().filter(|unlike| *unlike).count();
        (distance <= known.len().max(name.len()) / 2).then_some((2 * distance + unlike, known))
    });
    if let Some((_, known)) = ranked.min() {
        return format!("is not a property here; did you mean `{known}`?");
    }
    let known: Vec<_> = properties.iter().map(|p| format!("`{}`", p.name)).collect();
    format!("is not a property here; there are {}", known.join(", "))
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const TAG: Kind = Kind::Object(&[Property {
        name: "Key",
        alias: None,
        kind: Kind::Text { min: 1, max: 8 },
        required: true,
        about: "",
    }]);
    const SHAPE: &[Property] = &[
        Property {
            name: "Id",
            alias: Some("ID"),
            kind: Kind::Text { min: 1, max: 8 },
            required: false,
            about: "",
        },
        Property {
            name: "Priority",
            alias: None,
            kind: Kind::Integer { min: 0, max: 9 },
            required: true,
            about: "",
        },
        Property {
            name: "Status",
            alias: None,
            kind: Kind::OneOf(&["Enabled", "Disabled"]),
            required: false,
            about: "",
        },
        Property {
            name: "Tags",
            alias: None,
            kind: Kind::List {
                of: &TAG,
                min: 1,
                max: 2,
            },
            required: false,
            about: "",
        },
        Property {
            name: "Old",
            alias: None,
            kind: Kind::Refused("write `Id`"),
            required: false,
            about: "",
        },
    ];

    fn read(value: Value) -> (Value, Vec<String>) {
        let mut faults = Faults::default();
        let Value::Object(object) = value else {
            panic!("an object")
        };
        let sound = canonical(&object, SHAPE, "", &mut faults);
        (Value::Object(sound), faults.by_place())
    }

    #[test]
    fn a_name_of_a_megabyte_is_told_shortly() {
        let name = "x".repeat(1 << 20);
        let (_, faults) = read(json!({"Priority": 1, name: 1}));
        let [fault] = faults.as_slice() else {
            panic!("{} faults", faults.len());
        };
        assert!(fault.len() < 300, "{} bytes", fault.len());
        assert!(
            fault.starts_with("xxx") && fault.contains("`Priority`"),
            "{fault}"
        );
    }

    #[test]
    fn strings_become_numbers_and_api_spellings_cloudformation_ones() {
        let (sound, faults) = read(json!({"ID": 7, "Priority": "3"}));
        assert_eq!(sound, json!({"Id": "7", "Priority": 3}));
        assert_eq!(faults, Vec::<String>::new());
    }

    #[test]
    fn every_fault_is_told_with_its_place() {
        let (sound, faults) = read(json!({
            "Statsu": "Enabled", "Priority": "x", "Status": "on", "Old": 1,
            "Tags": [{"Key": "a"}, {"Kee": "b"}], "Id": "123456789",
        }));
        assert_eq!(sound, json!({"Tags": [{"Key": "a"}, {}]}));
        assert_eq!(
            faults,
            [
                "Id: has 9 bytes, S3 takes at most 8",
                "Old: write `Id`",
                "Priority: must be a whole number, is `x`",
                "Statsu: is not a property here; did you mean `Status`?",
                "Status: must be `Enabled` or `Disabled`, is `on`",
                "Tags[1].Kee: is not a property here; did you mean `Key`?",
                "Tags[1].Key: is required",
            ]
        );
    }

    #[test]
    fn what_is_too_short_is_not_called_empty() {
        let short = |min, max, text: &str| {
            let mut faults = Faults::default();
            canonical_value(&json!(text), &Kind::Text { min, max }, "A", &mut faults);
            faults.told().join("")
        };
        assert_eq!(short(3, 9, ""), "`A`: must not be empty");
        assert_eq!(
            short(3, 9, "ab"),
            "`A`: must have at least 3 characters, has 2"
        );
        assert_eq!(short(4, 4, "123"), "`A`: must have 4 characters, has 3");
    }

    #[test]
    fn what_is_missing_twice_given_or_out_of_range_is_told() {
        let (_, faults) = read(json!({"Id": "a", "ID": "b", "Tags": [], "Zebra": 1}));
        assert_eq!(
            faults,
            [
                "Id: given twice, as `Id` and as `ID`; keep one",
                "Tags: must have 1 to 2 entries, has 0",
                "Zebra: is not a property here; there are `Id`, `Priority`, `Status`, `Tags`, `Old`",
                "Priority: is required",
            ]
        );
    }
}
