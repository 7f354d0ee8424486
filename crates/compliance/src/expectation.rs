//! Which keys are right for a replica: the registry's documents, and the choice among their rules.

use serde::Deserialize;
use serde_json::Value;

use crate::key_arn::{KeyName, KeyNameError};
use crate::ports::RegistryParameter;
use crate::subject::Key;

/// The schema of the documents this checker reads.
pub const SCHEMA: &str = "encrypted-replication/expectation/1";

/// Who said which key is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// `EXPECTED_KMS_KEY_ARNS` in the function's environment.
    Environment,
    /// The bucket's parameters under `/encrypted-replication/`.
    Registry,
    /// The bucket's default encryption.
    BucketDefault,
}

impl Authority {
    /// As verdicts spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Registry => "registry",
            Self::BucketDefault => "bucket-default",
        }
    }
}

/// One owner's document about one destination bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Document {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    prefix: String,
    key: KeyName,
}

/// The document as it is written; unknown fields are a later minor version's.
#[derive(Deserialize)]
struct WireDocument {
    rules: Vec<WireRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRule {
    #[serde(default)]
    prefix: String,
    kms_key_arn: String,
}

/// Why a registry parameter cannot be used. Nothing is judged by half a registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExpectationError {
    /// Not JSON, or fields missing.
    #[error("SSM parameter {parameter} is not an expectation document: {problem}")]
    Document {
        /// The parameter's name.
        parameter: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Another schema or a newer version of it.
    #[error("SSM parameter {parameter} has schema `{schema}`, and only `{SCHEMA}` is known")]
    Schema {
        /// The parameter's name.
        parameter: String,
        /// The schema it names.
        schema: String,
    },
    /// A key that is none.
    #[error("SSM parameter {parameter}: `{key}` is {problem}")]
    Key {
        /// The parameter's name.
        parameter: String,
        /// The key's name.
        key: String,
        /// What is wrong with it.
        problem: KeyNameError,
    },
}

/// All rules about one bucket, of every owner.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// Longest prefix first.
    rules: Vec<Rule>,
}

impl Registry {
    /// Reads all of a bucket's parameters.
    ///
    /// # Errors
    /// The first parameter's that cannot be read.
    pub fn read(parameters: &[RegistryParameter]) -> Result<Self, ExpectationError> {
        let mut rules = Vec::new();
        for parameter in parameters {
            rules.extend(read_document(parameter)?.rules);
        }
        rules.sort_by_key(|rule: &Rule| std::cmp::Reverse(rule.prefix.len()));
        Ok(Self { rules })
    }

    /// The keys allowed for an object: those of every rule with the longest prefix that fits,
    /// whoever owns it. Empty where no rule speaks of the object.
    #[must_use]
    pub fn keys_for(&self, object: &Key) -> Vec<&KeyName> {
        let mut fitting = self
            .rules
            .iter()
            .filter(|rule| object.as_str().starts_with(&rule.prefix))
            .peekable();
        let longest = fitting.peek().map_or(0, |rule| rule.prefix.len());
        let mut keys: Vec<&KeyName> = Vec::new();
        for rule in fitting.take_while(|rule| rule.prefix.len() == longest) {
            if !keys.contains(&&rule.key) {
                keys.push(&rule.key);
            }
        }
        keys
    }
}

fn read_document(parameter: &RegistryParameter) -> Result<Document, ExpectationError> {
    let name = || parameter.name.clone();
    let problem = |error: serde_json::Error| ExpectationError::Document {
        parameter: parameter.name.clone(),
        problem: error.to_string(),
    };
    let value: Value = serde_json::from_str(&parameter.value).map_err(problem)?;
    // The schema first: a newer document may have other fields.
    let schema = value
        .get("schema")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if schema != SCHEMA {
        return Err(ExpectationError::Schema {
            parameter: name(),
            schema: schema.to_owned(),
        });
    }
    let document: WireDocument = serde_json::from_value(value).map_err(problem)?;
    let rules = document.rules.into_iter().map(|rule| {
        let key = KeyName::parse(&rule.kms_key_arn).map_err(|problem| ExpectationError::Key {
            parameter: name(),
            key: rule.kms_key_arn,
            problem,
        })?;
        Ok(Rule {
            prefix: rule.prefix,
            key,
        })
    });
    rules
        .collect::<Result<_, _>>()
        .map(|rules| Document { rules })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const K1: &str = "arn:aws:kms:us-west-2:111122223333:key/11111111";
    const K2: &str = "arn:aws:kms:us-west-2:111122223333:key/22222222";
    const K3: &str = "arn:aws:kms:us-west-2:111122223333:key/33333333";

    fn parameter(owner: &str, rules: &Value) -> RegistryParameter {
        let value = json!({
            "schema": SCHEMA, "source": "arn:aws:s3:::source", "rules": rules, "later": {"x": 1},
        });
        let name = format!("/encrypted-replication/destination/{owner}");
        RegistryParameter {
            name,
            value: value.to_string(),
        }
    }

    fn keys(registry: &Registry, object: &str) -> Vec<String> {
        let object = Key::from_plain(object).unwrap();
        registry
            .keys_for(&object)
            .into_iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_longest_prefix_wins_across_owners_and_equal_ones_allow_any_key() {
        let registry = Registry::read(&[
            parameter(
                "a",
                &json!([
                    {"id": "all", "prefix": "", "kmsKeyArn": K1},
                    {"id": "tax", "prefix": "Tax/", "kmsKeyArn": K2},
                ]),
            ),
            parameter(
                "b",
                &json!([
                    {"id": "tax", "prefix": "Tax/", "kmsKeyArn": K3},
                    {"id": "again", "prefix": "Tax/", "kmsKeyArn": K2},
                ]),
            ),
        ])
        .unwrap();
        assert_eq!(keys(&registry, "Tax/document1"), [K2, K3]);
        assert_eq!(keys(&registry, "Tax"), [K1]);
        assert_eq!(keys(&registry, "tax/document1"), [K1]);
    }

    #[test]
    fn no_rule_that_fits_allows_no_key() {
        let registry = Registry::read(&[parameter(
            "a",
            &json!([{"prefix": "Tax/", "kmsKeyArn": K1}]),
        )])
        .unwrap();
        assert_eq!(keys(&registry, "Other/document1"), Vec::<String>::new());
        assert_eq!(
            keys(&Registry::default(), "Tax/document1"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_rule_without_prefix_speaks_of_every_object() {
        let registry = Registry::read(&[parameter("a", &json!([{"kmsKeyArn": K1}]))]).unwrap();
        assert_eq!(keys(&registry, "Ümläut"), [K1]);
    }

    #[test]
    fn one_bad_document_makes_the_whole_registry_unusable() {
        let good = parameter("a", &json!([{"kmsKeyArn": K1}]));
        let with = |value: &str| {
            let bad = RegistryParameter {
                name: "/e/b/bad".to_owned(),
                value: value.to_owned(),
            };
            Registry::read(&[good.clone(), bad])
                .unwrap_err()
                .to_string()
        };
        assert!(with("{").starts_with("SSM parameter /e/b/bad is not an expectation document: "));
        assert_eq!(
            with(r#"{"schema":"encrypted-replication/expectation/2","rules":[]}"#),
            "SSM parameter /e/b/bad has schema `encrypted-replication/expectation/2`, and only \
             `encrypted-replication/expectation/1` is known",
        );
        assert_eq!(
            with(r#"{"rules":[]}"#),
            "SSM parameter /e/b/bad has schema ``, and only `encrypted-replication/expectation/1` \
             is known",
        );
        assert_eq!(
            with(&format!(
                r#"{{"schema":"{SCHEMA}","rules":[{{"kmsKeyArn":"a key"}}]}}"#
            )),
            "SSM parameter /e/b/bad: `a key` is not the ARN of a KMS key or alias, a key id or an \
             alias name",
        );
        assert!(with(&format!(r#"{{"schema":"{SCHEMA}"}}"#)).contains("missing field `rules`"));
    }
}
