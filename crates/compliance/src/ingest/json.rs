//! JSON that is looked at once and thrown away.
//!
//! `serde_json::Value` copies each name and each text, of which a verdict needs a handful. Here they are parts of the
//! text that was read, but for those whose escapes had to be taken out. Figures: docs/BENCH.md.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

/// Room for the fields of most objects that S3 and SQS send.
const FIELDS: usize = 10;

/// A value. What number it is nobody asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Json<'a> {
    Null,
    Bool(bool),
    Number,
    Text(Cow<'a, str>),
    Array(Vec<Self>),
    /// In the order in which they stand. Of two of one name the last one counts.
    Object(Vec<(Cow<'a, str>, Self)>),
}

impl<'a> Json<'a> {
    /// A field of an object.
    pub(super) fn get(&self, name: &str) -> Option<&Self> {
        let fields = self.as_object()?.iter();
        let mut named = fields.rev().filter(|(known, _)| known == name);
        named.next().map(|(_, value)| value)
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(super) fn as_object(&self) -> Option<&[(Cow<'a, str>, Self)]> {
        match self {
            Self::Object(fields) => Some(fields),
            _ => None,
        }
    }

    pub(super) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}

impl<'a> From<&'a Value> for Json<'a> {
    fn from(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(on) => Self::Bool(*on),
            Value::Number(_) => Self::Number,
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(fields) => {
                let fields = fields.iter();
                let fields =
                    fields.map(|(name, value)| (Cow::Borrowed(name.as_str()), value.into()));
                Self::Object(fields.collect())
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Json<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader(PhantomData))
    }
}

struct Reader<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for Reader<'a> {
    type Value = Json<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json<'a>, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, on: bool) -> Result<Json<'a>, E> {
        Ok(Json::Bool(on))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json<'a>, E> {
        Ok(Json::Number)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Json<'a>, E> {
        Ok(Json::Number)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json<'a>, E> {
        Ok(Json::Number)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Json<'a>, E> {
        Ok(Json::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Json<'a>, E> {
        Ok(Json::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json<'a>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Json::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json<'a>, A::Error> {
        let mut fields = Vec::new();
        while let Some(Name(name)) = map.next_key()? {
            if fields.is_empty() {
                fields.reserve(FIELDS);
            }
            fields.push((name, map.next_value()?));
        }
        Ok(Json::Object(fields))
    }
}

/// The name of a field.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_parts_of_what_was_read() {
        let text =
            r#"{"plain": "ab", "escaped": "a\"b", "n\u0061me": [1, -2, 0.5, true, null, {}]}"#;
        let read: Json<'_> = serde_json::from_str(text).unwrap();
        let is_part = |name| matches!(read.get(name), Some(Json::Text(Cow::Borrowed(_))));
        assert!(is_part("plain") && !is_part("escaped"));
        assert_eq!(read.get("escaped").and_then(Json::as_str), Some("a\"b"));
        assert_eq!(
            read.get("name").and_then(Json::as_array),
            Some(
                &[
                    Json::Number,
                    Json::Number,
                    Json::Number,
                    Json::Bool(true),
                    Json::Null,
                    Json::Object(Vec::new())
                ][..]
            )
        );
        assert_eq!(read.get("absent"), None);
        assert_eq!(Json::Null.get("absent"), None);
    }

    #[test]
    fn of_two_fields_of_one_name_the_last_one_counts_as_elsewhere() {
        let text = r#"{"a": "first", "a": "last"}"#;
        let read: Json<'_> = serde_json::from_str(text).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(read.get("a").and_then(Json::as_str), value["a"].as_str());
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..6).prop_map(|fields| json!(fields)),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_text_is_read_as_its_value_is(value in values()) {
            let text = value.to_string();
            let read: Json<'_> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read, Json::from(&value));
        }
    }
}
