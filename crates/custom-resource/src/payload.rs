//! What Lambda hands over, read without ever failing.

use std::fmt;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The payload of an invocation, as far as it can be read.
///
/// `lambda_runtime` does not call the handler for a payload that fails to deserialise, and a stack
/// then waits for its answer until `ServiceTimeout`. This type always deserialises: from JSON that
/// is broken off, nested too deeply or holds a number out of range it keeps the members in front of
/// the fault, which CloudFormation writes ahead of the properties, so that the request can be
/// answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Payload {
    pub(crate) value: Value,
    pub(crate) fault: Option<String>,
}

impl Payload {
    /// Reads `bytes` as `lambda_runtime` does.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Self {
        read(&mut serde_json::Deserializer::from_slice(bytes))
    }
}

impl From<Value> for Payload {
    fn from(value: Value) -> Self {
        Self { value, fault: None }
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(read(deserializer))
    }
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Payload {
    let mut collected = Collected::default();
    let fault = deserializer.deserialize_any(&mut collected).err();
    let fault = fault.map(|error| match &collected.member {
        Some(member) => format!("member `{member}` of the request cannot be read: {error}"),
        None => format!("the request cannot be read: {error}"),
    });
    Payload {
        value: collected.value,
        fault,
    }
}

/// What was read so far: it outlives the error that ends the reading.
#[derive(Default)]
struct Collected {
    value: Value,
    member: Option<String>,
}

impl<'de> Visitor<'de> for &mut Collected {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        self.value = Value::Object(Map::new());
        while let Some(key) = access.next_key::<String>()? {
            // All of CloudFormation's are words; what is none may be a piece of the URL.
            let word = key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
            self.member = word.then(|| key.clone());
            let value = access.next_value()?;
            if let Value::Object(members) = &mut self.value {
                members.insert(key, value);
            }
            self.member = None;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<(), A::Error> {
        self.value = Value::deserialize(SeqAccessDeserializer::new(access))?;
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.value = value.into();
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.value = value.into();
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.value = value.into();
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.value = value.into();
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.value = value.into();
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn sound_json_is_taken_whole() {
        for value in [
            json!(null),
            json!(true),
            json!(-3),
            json!(18_446_744_073_709_551_615_u64),
            json!(1.5),
            json!("text"),
            json!([1, {"a": [null]}]),
            json!({"RequestType": "Create", "ResourceProperties": {"List": [1, "2"]}}),
        ] {
            let payload = Payload::from_slice(value.to_string().as_bytes());
            assert_eq!(payload, Payload::from(value));
        }
    }

    #[test]
    fn members_before_the_fault_are_kept() {
        let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
        for (damage, part) in [
            ("", "EOF while parsing a value"),
            ("{\"Rules\": [1, ", "EOF"),
            (deep.as_str(), "recursion limit exceeded"),
            ("{\"n\": 1e999}}", "number out of range"),
            ("\"\u{1}\"}", "control character"),
        ] {
            let text = format!("{{\"StackId\": \"s\", \"ResourceProperties\": {damage}");
            let payload = Payload::from_slice(text.as_bytes());
            assert_eq!(payload.value, json!({"StackId": "s"}), "{damage}");
            let fault = payload.fault.unwrap();
            assert!(
                fault.starts_with("member `ResourceProperties` of the request cannot be read: "),
                "{fault}"
            );
            assert!(fault.contains(part), "{fault}");
        }
    }

    #[test]
    fn a_member_that_may_be_a_piece_of_the_url_is_not_named() {
        let payload = Payload::from_slice(
            b"{\"ResponseURL\": \"https://h\", \"x?X-Amz-Signature=5ec3e7\" 1}".as_slice(),
        );
        let fault = payload.fault.unwrap();
        assert!(
            fault.starts_with("the request cannot be read: ") && !fault.contains("5ec3e7"),
            "{fault}"
        );
    }

    #[test]
    fn what_is_not_json_keeps_the_fault_alone() {
        for text in ["", "hello", "\u{feff}{}", "<xml/>"] {
            let payload = Payload::from_slice(text.as_bytes());
            assert_eq!(payload.value, Value::Null, "{text}");
            assert!(
                payload
                    .fault
                    .unwrap()
                    .starts_with("the request cannot be read: "),
                "{text}"
            );
        }
    }
}
