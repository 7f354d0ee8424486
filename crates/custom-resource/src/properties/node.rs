//! One value of the properties, as serde reads it.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use serde_json::{Map, Value};

use crate::kind::kind;

/// A longer value is not repeated in a fault.
const LONGEST_SHOWN: usize = 64;

/// What was found wrong so far, each with the path it is at.
#[derive(Debug, Default)]
pub(super) struct Reading {
    faults: RefCell<Vec<(String, String)>>,
    /// Members that are missing: the next reading puts something there.
    missing: RefCell<Vec<String>>,
    /// Values that cannot be read: the next reading takes something else.
    unfit: RefCell<Vec<String>>,
    /// Members that nobody knows: the next reading leaves them out.
    unknown: RefCell<Vec<String>>,
}

impl Reading {
    /// In the order in which they were found.
    pub(super) fn faults(&self) -> Vec<String> {
        let faults = self.faults.borrow();
        faults.iter().map(|(_, words)| words.clone()).collect()
    }

    fn note(&self, path: &str, words: impl FnOnce() -> String) {
        let mut faults = self.faults.borrow_mut();
        if !faults.iter().any(|(at, _)| at == path) {
            faults.push((path.to_owned(), words()));
        }
    }
}

fn has(paths: &RefCell<Vec<String>>, path: &str) -> bool {
    paths.borrow().iter().any(|one| one == path)
}

fn add(paths: &RefCell<Vec<String>>, path: String) {
    if !has(paths, &path) {
        paths.borrow_mut().push(path);
    }
}

/// Why a reading stops.
#[derive(Debug)]
pub(super) enum Error {
    /// A struct lacks this member.
    Missing(&'static str),
    /// A struct has a member that is none of these.
    Unknown(String, &'static [&'static str]),
    /// The value is refused in these words.
    Refused(String),
    /// It is noted already, where it was found.
    Noted,
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(formatter, "{name} is missing"),
            Self::Unknown(name, _) => write!(formatter, "{name} is unknown"),
            Self::Refused(words) => formatter.write_str(words),
            Self::Noted => formatter.write_str("it cannot be read"),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(words: T) -> Self {
        Self::Refused(words.to_string())
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        Self::Refused(format!("none of {}", listed(expected)))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::Unknown(field.to_owned(), expected)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// `a, b and c`
fn listed(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A value, or the place where one is missing or unfit: there anything is read as its type's zero.
#[derive(Clone)]
pub(super) struct Node<'a> {
    value: Option<&'a Value>,
    members: Option<&'a Map<String, Value>>,
    path: String,
    reading: &'a Reading,
}

impl<'a> Node<'a> {
    /// The properties themselves.
    pub(super) fn root(members: &'a Map<String, Value>, reading: &'a Reading) -> Self {
        Self {
            value: None,
            members: Some(members),
            path: String::new(),
            reading,
        }
    }

    fn below(&self, value: Option<&'a Value>, path: String) -> Self {
        let value = value.filter(|_| !has(&self.reading.unfit, &path));
        Self {
            value,
            members: value.and_then(Value::as_object),
            path,
            reading: self.reading,
        }
    }

    /// Reads a value below another; what its type refuses by itself is noted here, where it is known
    /// which value that was.
    fn read<T: DeserializeSeed<'a>>(self, seed: T) -> Result<T::Value, Error> {
        let node = self.clone();
        node.noted(seed.deserialize(self))
    }

    /// What a fault is about.
    fn subject(&self) -> String {
        if self.path.is_empty() {
            "the properties as a whole".to_owned()
        } else {
            format!("property {}", self.path)
        }
    }

    fn member_path(&self, name: &str) -> String {
        if self.path.is_empty() {
            name.to_owned()
        } else {
            format!("{}.{name}", self.path)
        }
    }

    fn is_absent(&self) -> bool {
        self.value.is_none() && self.members.is_none()
    }

    /// The value as a fault shows it.
    fn shown(&self) -> String {
        match self.value {
            Some(Value::String(text)) if text.len() <= LONGEST_SHOWN => format!("`{text}`"),
            Some(Value::String(text)) => format!("a text of {} bytes", text.len()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => format!("`{value}`"),
            Some(value) => kind(value).to_owned(),
            None if self.members.is_some() => "an object".to_owned(),
            None => "missing".to_owned(),
        }
    }

    /// Notes that it is not what is wanted; nothing is noted of what is not there.
    fn unlike(&self, wanted: &str) {
        if !self.is_absent() {
            let shown = self.shown();
            self.reading.note(&self.path, || {
                format!("{} is {shown}, not {wanted}", self.subject())
            });
        }
    }

    /// The text of a scalar.
    fn text(&self) -> Option<String> {
        match self.value? {
            Value::String(text) => Some(text.trim().to_owned()),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(value.to_string()),
            _ => None,
        }
    }

    /// Notes what the visitor refused of this value, so that the next reading goes past it.
    fn noted<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        outcome.map_err(|error| {
            match error {
                Error::Noted => {}
                Error::Missing(name) => {
                    let path = self.member_path(name);
                    self.reading
                        .note(&path, || format!("property {path} is missing"));
                    add(&self.reading.missing, path);
                }
                Error::Unknown(name, known) => {
                    let path = self.member_path(&name);
                    self.reading.note(&path, || {
                        format!("property {path} is unknown; there are {}", listed(known))
                    });
                    add(&self.reading.unknown, path);
                }
                Error::Refused(words) => {
                    let shown = self.shown();
                    // "none of …" goes on as a sentence does.
                    let sign = if words.starts_with("none of ") {
                        ","
                    } else {
                        ":"
                    };
                    self.reading.note(&self.path, || {
                        format!("{} is {shown}{sign} {words}", self.subject())
                    });
                    add(&self.reading.unfit, self.path.clone());
                }
            }
            Error::Noted
        })
    }

    fn struct_members(&self, fields: &'static [&'static str]) -> Members<'a> {
        let mut entries: Vec<(String, Node<'a>)> = Vec::new();
        for (name, value) in self.members.into_iter().flatten() {
            let path = self.member_path(name);
            if !has(&self.reading.unknown, &path) {
                entries.push((name.clone(), self.below(Some(value), path)));
            }
        }
        for field in fields {
            let path = self.member_path(field);
            let is_there = entries.iter().any(|(name, _)| name == field);
            if !is_there && (self.is_absent() || has(&self.reading.missing, &path)) {
                entries.push(((*field).to_owned(), self.below(None, path)));
            }
        }
        Members {
            entries: entries.into_iter(),
            value: None,
        }
    }
}

macro_rules! number {
    ($($deserialize:ident $visit:ident $type:ty: $wanted:expr;)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let number: Option<$type> = self.text().and_then(|text| text.parse().ok());
            if number.is_none() {
                self.unlike(&$wanted);
            }
            let outcome = visitor.$visit(number.unwrap_or_default());
            self.noted(outcome)
        }
    )*};
}

macro_rules! whole {
    ($type:ty) => {
        format!("a whole number from {} to {}", <$type>::MIN, <$type>::MAX)
    };
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Error;

    number! {
        deserialize_i8 visit_i8 i8: whole!(i8);
        deserialize_i16 visit_i16 i16: whole!(i16);
        deserialize_i32 visit_i32 i32: whole!(i32);
        deserialize_i64 visit_i64 i64: whole!(i64);
        deserialize_i128 visit_i128 i128: whole!(i128);
        deserialize_u8 visit_u8 u8: whole!(u8);
        deserialize_u16 visit_u16 u16: whole!(u16);
        deserialize_u32 visit_u32 u32: whole!(u32);
        deserialize_u64 visit_u64 u64: whole!(u64);
        deserialize_u128 visit_u128 u128: whole!(u128);
        deserialize_f32 visit_f32 f32: "a number";
        deserialize_f64 visit_f64 f64: "a number";
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let outcome = match (self.value, self.members) {
            (Some(value), _) => value.deserialize_any(visitor).map_err(de::Error::custom),
            (None, Some(members)) => members.deserialize_any(visitor).map_err(de::Error::custom),
            (None, None) => visitor.visit_unit(),
        };
        self.noted(outcome)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let truth: Option<bool> = self.text().and_then(|text| text.parse().ok());
        if truth.is_none() {
            self.unlike("true or false");
        }
        let outcome = visitor.visit_bool(truth.unwrap_or_default());
        self.noted(outcome)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let text = match self.value {
            Some(Value::String(text)) => Some(text.clone()),
            _ => self.text(),
        };
        if text.is_none() {
            self.unlike("a text");
        }
        let outcome = visitor.visit_string(text.unwrap_or_default());
        self.noted(outcome)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_absent() || self.value == Some(&Value::Null) {
            let outcome = visitor.visit_none();
            return self.noted(outcome);
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let outcome = visitor.visit_unit();
        self.noted(outcome)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        let node = self.clone();
        let outcome = visitor.visit_newtype_struct(self);
        node.noted(outcome)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let list = self.value.and_then(Value::as_array);
        if list.is_none() {
            self.unlike("a list");
        }
        let elements: Vec<Node<'de>> = list
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(place, value)| self.below(Some(value), format!("{}[{place}]", self.path)))
            .collect();
        let outcome = visitor.visit_seq(Elements(elements.into_iter()));
        self.noted(outcome)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.members.is_none() {
            self.unlike("an object");
            if !self.is_absent() {
                // Of what it would have had, nothing more is said.
                add(&self.reading.unfit, self.path.clone());
                return Err(Error::Noted);
            }
        }
        let outcome = visitor.visit_map(self.struct_members(fields));
        self.noted(outcome)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let first = variants.first().copied().unwrap_or_default();
        let only = self.members.filter(|members| members.len() == 1);
        let variant = match (self.value, only.and_then(|members| members.iter().next())) {
            (_, Some((name, value))) => Variant {
                name: name.clone(),
                content: self.below(Some(value), self.member_path(name)),
            },
            (Some(Value::String(text)), None) => Variant {
                name: text.clone(),
                content: self.below(None, self.path.clone()),
            },
            (None, None) => Variant {
                name: first.to_owned(),
                content: self.below(None, self.path.clone()),
            },
            (Some(_), None) => {
                let outcome = Err(de::Error::unknown_variant("", variants));
                return self.noted(outcome);
            }
        };
        let outcome = visitor.visit_enum(variant);
        self.noted(outcome)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

struct Elements<'a>(std::vec::IntoIter<Node<'a>>);

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|node| node.read(seed)).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

struct Members<'a> {
    entries: std::vec::IntoIter<(String, Node<'a>)>,
    value: Option<Node<'a>>,
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((name, node)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some(node);
        let name: StrDeserializer<'_, Error> = name.as_str().into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        match self.value.take() {
            Some(node) => node.read(seed),
            None => Err(de::Error::custom("a value was asked for before its name")),
        }
    }
}

/// A variant by its name alone, or as an object of one member.
struct Variant<'a> {
    name: String,
    content: Node<'a>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Content<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Content<'de>), Error> {
        let name: StrDeserializer<'_, Error> = self.name.as_str().into_deserializer();
        Ok((seed.deserialize(name)?, Content(self.content)))
    }
}

struct Content<'a>(Node<'a>);

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_struct("", fields, visitor)
    }
}
