//! IAM's decision over a role's inline policies.
//!
//! As in <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>:
//! an explicit Deny wins, nothing is allowed by itself. Knows the operators and keys that replication
//! roles use and panics at any other, so that no condition passes unread.

use std::collections::BTreeMap;

use serde_json::Value;

/// One thing that S3 does in the role's name.
#[derive(Debug)]
pub struct Access<'a> {
    action: &'a str,
    resource: &'a str,
    context: BTreeMap<&'static str, String>,
}

impl<'a> Access<'a> {
    pub fn s3(action: &'a str, resource: &'a str) -> Self {
        Self {
            action,
            resource,
            context: BTreeMap::new(),
        }
    }

    pub fn kms(action: &'a str, key: &'a str, region: &str, context_arn: &str) -> Self {
        let context = BTreeMap::from([
            ("kms:ViaService", format!("s3.{region}.amazonaws.com")),
            ("kms:EncryptionContext:aws:s3:arn", context_arn.to_owned()),
        ]);
        Self {
            action,
            resource: key,
            context,
        }
    }

    /// What a caller of the simulator says that a request would carry.
    pub fn simulated(action: &'a str, access: &'a replication::ports::Access) -> Self {
        Self {
            action,
            resource: &access.resource,
            context: access.context.clone(),
        }
    }

    pub fn resource(&self) -> &str {
        self.resource
    }

    pub fn action(&self) -> &str {
        self.action
    }

    pub fn encrypted_with(&mut self, key: &str) {
        self.context
            .insert("s3:x-amz-server-side-encryption", "aws:kms".into());
        self.context
            .insert("s3:x-amz-server-side-encryption-aws-kms-key-id", key.into());
    }
}

pub fn allowed(policies: &[String], access: &Access<'_>) -> bool {
    verdict(policies, access) == "allowed"
}

/// In the simulator's words.
pub fn verdict(policies: &[String], access: &Access<'_>) -> &'static str {
    let mut decision = "implicitDeny";
    for policy in policies {
        let policy: Value = serde_json::from_str(policy).expect("a policy that was accepted");
        for statement in many(&policy["Statement"]) {
            let applies = texts(&statement["Action"])
                .iter()
                .any(|pattern| matches(&pattern.to_lowercase(), &access.action.to_lowercase()))
                && texts(&statement["Resource"])
                    .iter()
                    .any(|pattern| matches(pattern, access.resource))
                && conditions(&statement["Condition"], access);
            match statement["Effect"].as_str() {
                Some("Deny") if applies => return "explicitDeny",
                Some("Allow") if applies => decision = "allowed",
                _ => {}
            }
        }
    }
    decision
}

/// Whether the policy of a resource in another account lets a role in.
pub fn lets_in(policy: &str, role: &str, access: &Access<'_>) -> bool {
    allowed(&[about(policy, role)], access)
}

/// Whether the policy of a resource denies a role, whatever else allows it.
pub fn denies(policy: &str, role: &str, access: &Access<'_>) -> bool {
    verdict(&[about(policy, role)], access) == "explicitDeny"
}

/// The policy without the statements that are about others.
fn about(policy: &str, role: &str) -> String {
    let mut policy: Value = serde_json::from_str(policy).expect("a policy that was accepted");
    let account = role.split(':').nth(4).unwrap_or_default();
    let root = format!("arn:aws:iam::{account}:root");
    let statements = policy["Statement"].as_array_mut().expect("statements");
    statements.retain(|statement| {
        let principal = texts(&statement["Principal"]["AWS"]);
        statement["Principal"] == "*"
            || principal.contains(&role)
            || principal.contains(&root.as_str())
            || principal.contains(&"*")
    });
    policy.to_string()
}

/// Whether S3 may assume a role.
pub fn trusts_s3(trust_policy: &str) -> bool {
    let policy: Value = serde_json::from_str(trust_policy).expect("a policy that was accepted");
    many(&policy["Statement"]).into_iter().any(|statement| {
        statement["Effect"] == "Allow"
            && texts(&statement["Principal"]["Service"]).contains(&"s3.amazonaws.com")
    })
}

fn conditions(block: &Value, access: &Access<'_>) -> bool {
    let Some(block) = block.as_object() else {
        return true;
    };
    block.iter().all(|(operator, keys)| {
        let keys = keys.as_object().expect("condition keys");
        keys.iter().all(|(key, patterns)| {
            let known = access
                .context
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(key));
            let any = |test: &dyn Fn(&str, &str) -> bool, absent: bool| {
                known.map_or(absent, |(_, value)| {
                    texts(patterns).iter().any(|pattern| test(pattern, value))
                })
            };
            match operator.as_str() {
                "StringLike" => any(&matches, false),
                "StringEquals" => any(&|a, b| a == b, false),
                "StringLikeIfExists" => any(&matches, true),
                other => panic!("unknown condition operator {other}"),
            }
        })
    })
}

fn many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(items) => items.iter().collect(),
        Value::Null => Vec::new(),
        one => vec![one],
    }
}

fn texts(value: &Value) -> Vec<&str> {
    many(value).into_iter().filter_map(Value::as_str).collect()
}

/// `*` any characters, `?` one, `${*}`, `${?}` and `${$}` the characters themselves.
pub fn matches(pattern: &str, text: &str) -> bool {
    // Most are literal but for a star at their end, and lives are spent in here.
    let special = pattern.find(['*', '?', '$']).unwrap_or(pattern.len());
    let (literal, pattern) = pattern.split_at(special);
    let Some(text) = text.strip_prefix(literal) else {
        return false;
    };
    match pattern {
        "" => return text.is_empty(),
        "*" => return true,
        _ => {}
    }
    let mut tokens = Vec::new();
    let mut rest: &[char] = &pattern.chars().collect::<Vec<_>>();
    loop {
        rest = match rest {
            [] => break,
            ['*', more @ ..] => {
                tokens.push((None, true));
                more
            }
            ['?', more @ ..] => {
                tokens.push((None, false));
                more
            }
            ['$', '{', c @ ('*' | '?' | '$'), '}', more @ ..] => {
                tokens.push((Some(*c), false));
                more
            }
            // It would stand for a value of the request: no policy of ours has one.
            ['$', '{', ..] => panic!("a policy variable in `{pattern}`"),
            [c, more @ ..] => {
                tokens.push((Some(*c), false));
                more
            }
        };
    }
    let text: Vec<char> = text.chars().collect();
    // reachable[i]: the tokens so far match the first i characters.
    let mut reachable = vec![false; text.len() + 1];
    reachable[0] = true;
    for (literal, star) in tokens {
        let mut next = vec![false; text.len() + 1];
        if star {
            let mut seen = false;
            for i in 0..=text.len() {
                seen |= reachable[i];
                next[i] = seen;
            }
        } else {
            for i in 0..text.len() {
                next[i + 1] = reachable[i] && literal.is_none_or(|c| c == text[i]);
            }
        }
        reachable = next;
    }
    reachable[text.len()]
}
