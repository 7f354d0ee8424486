//! Parameters of the registry, which anybody with `ssm:PutParameter` may have written.

use std::collections::BTreeSet;

use compliance::expectation::{Registry, SCHEMA};
use compliance::ports::RegistryParameter;
use compliance::subject::Key;
use serde_json::{Value, json};

const OBJECTS: [&str; 4] = ["a", "Tax/document1", "Tax/", "Übersicht 2026 + 100%.pdf"];
const OURS: &str = "arn:aws:kms:us-west-2:111122223333:key/22222222";

/// Reads the bytes as an expectation, beside a sound one for every object.
///
/// # Panics
/// Where other keys are allowed for an object than those of the longest prefix that fits, or an error
/// does not name the parameter.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let sound = json!({"schema": SCHEMA, "source": "arn:aws:s3:::source",
        "rules": [{"id": "r", "prefix": "", "kmsKeyArn": OURS}]});
    let parameters = [("fuzzed", text.to_string()), ("sound", sound.to_string())];
    let parameters = parameters.map(|(owner, value)| RegistryParameter {
        name: format!("/encrypted-replication/destination/{owner}"),
        value,
    });
    let registry = match Registry::read(&parameters) {
        Ok(registry) => registry,
        Err(error) => return assert!(error.to_string().contains("/fuzzed"), "{error}"),
    };
    let written: Value = serde_json::from_str(&text).expect("what is read is JSON");
    let rules = rules(&written).chain(rules(&sound));
    let rules: Vec<(&str, &str)> = rules.collect();
    for object in OBJECTS {
        let key = Key::from_plain(object).expect("a key");
        let allowed = registry.keys_for(&key);
        let distinct: BTreeSet<String> = allowed.iter().map(ToString::to_string).collect();
        assert_eq!(distinct.len(), allowed.len(), "{text}");
        assert_eq!(distinct, longest(&rules, object), "`{object}` by {text}");
    }
}

/// Prefix and key of each rule.
fn rules(document: &Value) -> impl Iterator<Item = (&str, &str)> {
    let rules = document.get("rules").and_then(Value::as_array);
    rules.into_iter().flatten().map(|rule| {
        let text = |name| rule.get(name).and_then(Value::as_str).unwrap_or_default();
        (text("prefix"), text("kmsKeyArn"))
    })
}

/// The keys of the longest prefix that fits.
fn longest(rules: &[(&str, &str)], object: &str) -> BTreeSet<String> {
    let fitting = || {
        rules
            .iter()
            .filter(|(prefix, _)| object.starts_with(prefix))
    };
    let longest = fitting().map(|(prefix, _)| prefix.len()).max();
    let keys = fitting().filter(|(prefix, _)| Some(prefix.len()) == longest);
    keys.map(|(_, key)| (*key).to_owned()).collect()
}
