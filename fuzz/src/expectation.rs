//! Parameters of the registry, which anybody with `ssm:PutParameter` may have written.

use std::collections::BTreeSet;

use compliance::ports::RegistryParameter;
use compliance::registry::Registry;
use compliance::subject::Key;
use compliance::verdict::Standing;
use serde_json::{Value, json};

const OBJECTS: [&str; 4] = ["a", "Tax/document1", "Tax/", "Übersicht 2026 + 100%.pdf"];
const OURS: &str = "arn:aws:kms:us-west-2:111122223333:key/22222222";

/// Reads the bytes as an expectation, beside a sound one for every object.
///
/// # Panics
/// Where other keys are right for an object today than those of the rules that decide, or an error names
/// neither the parameter nor the set.
pub fn check(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let sound = json!({"schema": "encrypted-replication/expectation/1", "source": "arn:aws:s3:::source",
        "rules": [{"id": "r", "prefix": "", "kmsKeyArn": OURS}]});
    let parameters = [("fuzzed", text.to_string()), ("sound", sound.to_string())];
    let parameters = parameters.map(|(owner, value)| RegistryParameter {
        name: format!("/encrypted-replication/destination/{owner}"),
        value,
    });
    let registry = match Registry::read(&parameters) {
        Ok(registry) => registry,
        Err(error) => {
            let told = error.to_string();
            let named = told.contains("/fuzzed") || told.starts_with("the set of revision ");
            return assert!(named, "{told}");
        }
    };
    let written: Value = serde_json::from_str(&text).expect("what is read is JSON");
    let rules: Vec<Rule<'_>> = rules(&written).chain(rules(&sound)).collect();
    for object in OBJECTS {
        let key = Key::from_plain(object).expect("a key");
        let word = registry.word_on(&key);
        let today = word.keys.iter();
        let today = today.filter(|said| said.standing != Standing::Former);
        let allowed: BTreeSet<String> = today.map(|said| said.key.to_string()).collect();
        assert_eq!(allowed, deciding(&rules, object), "`{object}` by {text}");
    }
}

struct Rule<'a> {
    source: &'a str,
    prefix: &'a str,
    key: &'a str,
    priority: Option<i64>,
    conditional: bool,
    enabled: bool,
    replaced: bool,
}

fn rules(document: &Value) -> impl Iterator<Item = Rule<'_>> {
    let source = document.get("source").and_then(Value::as_str);
    let rules = document.get("rules").and_then(Value::as_array);
    rules.into_iter().flatten().map(move |rule| {
        let text = |name| rule.get(name).and_then(Value::as_str).unwrap_or_default();
        Rule {
            source: source.unwrap_or_default(),
            prefix: text("prefix"),
            key: text("kmsKeyArn"),
            priority: rule.get("priority").and_then(Value::as_i64),
            conditional: rule.get("conditional") == Some(&Value::Bool(true)),
            enabled: rule.get("enabled") != Some(&Value::Bool(false)),
            replaced: rule.get("until").is_some_and(Value::is_string),
        }
    })
}

/// The keys of the rules that decide: of those in force, or else of those disabled.
fn deciding(rules: &[Rule<'_>], object: &str) -> BTreeSet<String> {
    let fitting = || rules.iter().filter(|rule| object.starts_with(rule.prefix));
    let in_force: Vec<_> = fitting()
        .filter(|rule| rule.enabled && !rule.replaced)
        .collect();
    let those = if in_force.is_empty() {
        fitting().filter(|rule| !rule.enabled).collect()
    } else {
        in_force
    };
    let decides = |rule: &&&Rule<'_>| {
        let mut rivals = those.iter().filter(|other| other.source == rule.source);
        match rule.priority {
            Some(own) => !rivals
                .any(|other| !other.conditional && other.priority.is_some_and(|more| more > own)),
            None => !rivals
                .any(|other| other.priority.is_none() && other.prefix.len() > rule.prefix.len()),
        }
    };
    let keys = those.iter().filter(decides);
    keys.map(|rule| rule.key.to_owned()).collect()
}
