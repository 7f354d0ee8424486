//! Statements of ours in the policy of a bucket or key, among other people's.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::MergeError;
use crate::owner::Owner;

const STATEMENT: &str = "Statement";
/// What a bucket without a policy begins with.
const EMPTY: &str = r#"{"Version":"2012-10-17"}"#;

/// `policy` with exactly `statements` as this owner's; `None` where no statement is left. What else it
/// holds stays as it was written, to the byte.
///
/// # Errors
/// Where `policy` cannot be read as one.
pub fn with_statements(
    policy: Option<&str>,
    owner: &Owner,
    statements: &[Value],
) -> Result<Option<String>, MergeError> {
    let unwritten = |error: serde_json::Error| MergeError::UnwritablePolicy(error.to_string());
    let (mut members, present) = read(policy.unwrap_or(EMPTY))?;
    let mut ours = Vec::new();
    let mut rest = Vec::new();
    for statement in present {
        match of(&statement, owner) {
            Some(own) => ours.push(own),
            None => rest.push(statement),
        }
    }
    // What is there in other words stays, so that no write is made for its sake.
    let same = ours.len() == statements.len()
        && statements
            .iter()
            .all(|wanted| ours.iter().any(|one| normal(one) == normal(wanted)));
    if same {
        return Ok(policy.map(str::to_owned));
    }
    for statement in statements {
        rest.push(to_raw_value(statement).map_err(unwritten)?);
    }
    if rest.is_empty() {
        return Ok(None);
    }
    let rest = to_raw_value(&rest).map_err(unwritten)?;
    members.insert(STATEMENT.to_owned(), rest);
    serde_json::to_string(&members).map(Some).map_err(unwritten)
}

/// Whether `policy` has statements of `owner`'s.
#[must_use]
pub fn has_statements(policy: &str, owner: &Owner) -> bool {
    read(policy).is_ok_and(|(_, statements)| statements.iter().any(|one| of(one, owner).is_some()))
}

type Members = BTreeMap<String, Box<RawValue>>;

/// A policy's statements, and everything else in it. IAM takes one statement without a list around it.
fn read(policy: &str) -> Result<(Members, Vec<Box<RawValue>>), MergeError> {
    let unreadable = |error: serde_json::Error| MergeError::UnreadablePolicy(error.to_string());
    let mut members: Members = serde_json::from_str(policy).map_err(unreadable)?;
    let statements = match members.remove(STATEMENT) {
        None => Vec::new(),
        Some(one) if one.get().starts_with('{') => vec![one],
        Some(several) => serde_json::from_str(several.get()).map_err(unreadable)?,
    };
    Ok((members, statements))
}

/// The statement, if it bears `owner`.
fn of(statement: &RawValue, owner: &Owner) -> Option<Value> {
    let statement: Value = serde_json::from_str(statement.get()).ok()?;
    let sid = statement.get("Sid").and_then(Value::as_str);
    sid.is_some_and(|sid| owner.owns_sid(sid))
        .then_some(statement)
}

/// Whether the text `found` is a policy that means the same as `wanted`.
pub(crate) fn is_same_policy(found: Option<&str>, wanted: &Value) -> bool {
    let found = found.and_then(|found| serde_json::from_str(found).ok());
    found.is_some_and(|found: Value| found == *wanted || normal(&found) == normal(wanted))
}

/// What a policy, or a part of one, means: its lists are sets, and one text is a list of one. AWS may
/// answer with either, in any order.
fn normal(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let set: BTreeMap<_, _> = items
                .iter()
                .map(normal)
                .map(|item| (item.to_string(), item))
                .collect();
            let mut items: Vec<_> = set.into_values().collect();
            match items.len() {
                1 => items.remove(0),
                _ => Value::Array(items),
            }
        }
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, value)| (name.clone(), normal(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner() -> Owner {
        Owner::new("stack", "Replication", "source")
    }

    fn ours() -> Value {
        json!({"Sid": owner().sid("ReplicaObjects"), "Effect": "Allow", "Action": ["s3:ReplicateObject"]})
    }

    #[test]
    fn what_others_wrote_stays_to_the_byte() {
        let theirs = r#"{ "Effect":"Allow", "Principal":"*", "Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":123456789012345678901.250}}}"#;
        let before = format!(r#"{{"Id":"a\u00e9", "Statement":{theirs},"Version":"2008-10-17"}}"#);
        let with = with_statements(Some(&before), &owner(), &[ours()]).unwrap();
        let with = with.unwrap();
        assert_eq!(
            with,
            format!(
                r#"{{"Id":"a\u00e9","Statement":[{theirs},{}],"Version":"2008-10-17"}}"#,
                ours()
            )
        );
        assert!(has_statements(&with, &owner()) && !has_statements(&before, &owner()));
        let without = with_statements(Some(&with), &owner(), &[]).unwrap();
        assert_eq!(
            without.unwrap(),
            format!(r#"{{"Id":"a\u00e9","Statement":[{theirs}],"Version":"2008-10-17"}}"#)
        );
    }

    #[test]
    fn statements_that_are_there_in_other_words_are_no_write() {
        let mut one = ours();
        one["Action"] = json!("s3:ReplicateObject");
        let policy = json!({"Statement": [one]}).to_string();
        let same = with_statements(Some(&policy), &owner(), &[ours()]);
        assert_eq!(same, Ok(Some(policy)));
    }

    #[test]
    fn lists_that_come_back_in_another_order_are_no_write() {
        let wanted = json!({"Sid": owner().sid("A"), "Effect": "Allow", "Action": ["s3:ReplicateObject", "s3:ReplicateTags"],
            "Resource": ["a", "b"], "Principal": {"AWS": ["r"]}, "Condition": {"StringLike": {"k": ["1", "2"]}}});
        let there = json!({"Sid": owner().sid("A"), "Effect": "Allow", "Action": ["s3:ReplicateTags", "s3:ReplicateObject"],
            "Resource": ["b", "a", "b"], "Principal": {"AWS": "r"}, "Condition": {"StringLike": {"k": ["2", "1"]}}});
        let policy = json!({"Statement": [there]}).to_string();
        let same = with_statements(Some(&policy), &owner(), std::slice::from_ref(&wanted));
        assert_eq!(same, Ok(Some(policy.clone())));
        let mut less = wanted.clone();
        less["Resource"] = json!(["a"]);
        assert_ne!(with_statements(Some(&policy), &owner(), &[less]), same);
    }

    #[test]
    fn a_policy_that_only_had_ours_goes() {
        let policy = json!({"Version": "2012-10-17", "Statement": ours()}).to_string();
        assert_eq!(with_statements(Some(&policy), &owner(), &[]), Ok(None));
        assert_eq!(with_statements(None, &owner(), &[]), Ok(None));
    }

    #[test]
    fn what_is_no_policy_is_refused_instead_of_overwritten() {
        for policy in [
            "",
            "[]",
            "{",
            r#"{"Statement":"all"}"#,
            r#"{"Statement":7}"#,
        ] {
            let refused = with_statements(Some(policy), &owner(), &[ours()]).unwrap_err();
            assert!(
                refused
                    .to_string()
                    .starts_with("its present policy cannot be read: "),
                "{refused}"
            );
        }
    }

    #[test]
    fn a_policy_whose_lists_come_back_in_another_order_is_the_same() {
        let wanted = json!({"Statement": [{"Action": ["a", "b"], "Resource": "c"}]});
        for (found, same) in [
            (
                r#"{"Statement": {"Resource": ["c"], "Action": ["b", "a"]}}"#,
                true,
            ),
            (
                r#"{"Statement": {"Resource": ["c"], "Action": ["b"]}}"#,
                false,
            ),
            ("no policy", false),
        ] {
            assert_eq!(is_same_policy(Some(found), &wanted), same, "{found}");
        }
        assert!(!is_same_policy(None, &wanted));
    }
}
