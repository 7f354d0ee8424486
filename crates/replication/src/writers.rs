//! Who else writes to a bucket or reads from it, as far as its policy tells. Pure.
//!
//! Whoever writes to a bucket whose default encryption is a KMS key needs that key. S3's server access
//! logs, and those of load balancers, take none at all, see
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html> and
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html>;
//! other services, and other accounts, need a statement in the key's policy.

use std::collections::BTreeSet;

use serde_json::Value;

use aws_names::Arn;

const PUT: &str = "s3:putobject";
const GET: &str = "s3:getobject";
const EVERYBODY: &str = "*";

/// The services, and the principals of other accounts than `account`, that `policy` lets put objects.
/// Whoever is let in as anybody (`*`) is not told.
pub(crate) fn writers(policy: &str, account: &str) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let mut writers = BTreeSet::new();
    for principal in allowing(&policy, &[PUT]).filter_map(|statement| statement.get("Principal")) {
        writers.extend(named(principal, account));
    }
    writers
}

/// The services, and the principals that need not be of `account`, that `policy` lets put or get objects:
/// anybody too, unless a condition leaves only principals of `account`.
pub(crate) fn users(policy: &str, account: &str) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let mut users = BTreeSet::new();
    for statement in allowing(&policy, &[PUT, GET]) {
        let principal = statement.get("Principal").unwrap_or(&Value::Null);
        users.extend(named(principal, account));
        for kind in ["CanonicalUser", "Federated"] {
            users.extend(texts(principal.get(kind)).into_iter().map(str::to_owned));
        }
        let everybody = texts(Some(principal)).contains(&EVERYBODY)
            || texts(principal.get("AWS")).contains(&EVERYBODY)
            || statement.get("NotPrincipal").is_some();
        if everybody && !is_for_own(statement.get("Condition"), account) {
            users.insert(EVERYBODY.to_owned());
        }
    }
    users
}

/// The statements that allow any of these actions.
fn allowing<'a>(policy: &'a Value, actions: &[&str]) -> impl Iterator<Item = &'a Value> {
    let statements = many(policy.get("Statement")).into_iter();
    statements.filter(move |statement| {
        statement.get("Effect").and_then(Value::as_str) == Some("Allow")
            && actions.iter().any(|action| lets(statement, action))
    })
}

/// Services and principals of other accounts.
fn named<'a>(principal: &'a Value, account: &'a str) -> impl Iterator<Item = String> + 'a {
    let services = texts(principal.get("Service")).into_iter();
    let others = texts(principal.get("AWS")).into_iter().filter(move |name| {
        let of = Arn::parse(name).map_or_else(|| (*name).to_owned(), |arn| arn.account);
        of != account && of.len() == 12 && of.bytes().all(|digit| digit.is_ascii_digit())
    });
    services.chain(others).map(str::to_owned)
}

/// Whether a condition holds for principals of the account alone.
fn is_for_own(condition: Option<&Value>, account: &str) -> bool {
    let operators = condition.and_then(Value::as_object).into_iter().flatten();
    let positive = operators.filter(|(operator, _)| {
        let operator = operator.to_lowercase();
        ["stringequals", "stringlike", "arnequals", "arnlike"].contains(&operator.as_str())
    });
    let mut keys = positive.flat_map(|(_, keys)| keys.as_object().into_iter().flatten());
    keys.any(|(key, values)| {
        let values = texts(Some(values));
        let own = |value: &&str| match key.to_lowercase().as_str() {
            "aws:principalaccount" => *value == account,
            "aws:principalarn" => Arn::parse(value).is_some_and(|arn| arn.account == account),
            _ => false,
        };
        !values.is_empty() && values.iter().all(own)
    })
}

fn lets(statement: &Value, action: &str) -> bool {
    let names = |member: &str| {
        let patterns = texts(statement.get(member)).into_iter();
        let mut patterns = patterns.map(str::to_lowercase);
        patterns.any(|pattern| matches(pattern.as_bytes(), action.as_bytes()))
    };
    names("Action") || statement.get("NotAction").is_some() && !names("NotAction")
}

/// `*` stands for any characters, `?` for one.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        // One star says as much as two.
        ([b'*', rest @ ..], _) if rest.starts_with(b"*") => matches(rest, text),
        ([b'*', rest @ ..], _) => {
            matches(rest, text) || matches!(text, [_, tail @ ..] if matches(pattern, tail))
        }
        ([b'?', rest @ ..], [_, tail @ ..]) => matches(rest, tail),
        ([one, rest @ ..], [other, tail @ ..]) if one == other => matches(rest, tail),
        _ => false,
    }
}

fn many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

fn texts(value: Option<&Value>) -> Vec<&str> {
    many(value).into_iter().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(statement: &Value) -> Vec<String> {
        let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
        let found = writers(&policy.to_string(), "111122223333");
        found.into_iter().collect()
    }

    #[test]
    fn services_and_other_accounts_that_may_put_objects_are_told() {
        let put = |action: Value, principal: Value| {
            found(&json!({"Effect": "Allow", "Principal": principal, "Action": action}))
        };
        let logging = json!({"Service": "logging.s3.amazonaws.com"});
        for action in [
            json!("s3:PutObject"),
            json!(["s3:Get*", "s3:put*"]),
            json!("*"),
        ] {
            assert_eq!(put(action, logging.clone()), ["logging.s3.amazonaws.com"]);
        }
        for action in [json!("s3:GetObject"), json!(["s3:PutBucketPolicy"])] {
            assert_eq!(put(action, logging.clone()), [""; 0]);
        }
        // Load balancers write in the name of an account of AWS's.
        let accounts = json!({"AWS": ["arn:aws:iam::127311923021:root", "444455556666",
            "arn:aws:iam::111122223333:role/own", "111122223333", "*"]});
        assert_eq!(
            put(json!("s3:PutObject"), accounts),
            ["444455556666", "arn:aws:iam::127311923021:root"]
        );
    }

    #[test]
    fn whoever_reads_and_anybody_are_users_but_not_the_account_itself() {
        let used = |statement: Value| {
            let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
            let found = users(&policy.to_string(), "111122223333");
            found.into_iter().collect::<Vec<_>>()
        };
        let of = |action: &str, principal: Value, condition: Value| {
            used(
                json!({"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}),
            )
        };
        let front = json!({"Service": "cloudfront.amazonaws.com"});
        assert_eq!(
            of("s3:GetObject", front.clone(), json!({})),
            ["cloudfront.amazonaws.com"]
        );
        assert_eq!(of("s3:GetBucketAcl", front, json!({})), [""; 0]);
        let organisation = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
        for everybody in [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["*"]})] {
            assert_eq!(of("s3:*", everybody.clone(), organisation.clone()), ["*"]);
            for own in [
                json!({"StringEquals": {"aws:PrincipalAccount": "111122223333"}}),
                json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111122223333:role/*"}}),
            ] {
                assert_eq!(of("s3:*", everybody.clone(), own), [""; 0]);
            }
            let not = json!({"StringNotEquals": {"aws:PrincipalAccount": "111122223333"}});
            assert_eq!(of("s3:*", everybody, not), ["*"]);
        }
        let identity = json!({"CanonicalUser": "79a5"});
        assert_eq!(of("s3:GetObject*", identity, json!({})), ["79a5"]);
        let but = json!({"Effect": "Allow", "NotPrincipal": {"AWS": "444455556666"}, "Action": "s3:GetObject"});
        assert_eq!(used(but), ["*"]);
        let own = json!({"AWS": "arn:aws:iam::111122223333:root"});
        assert_eq!(of("s3:GetObject", own, json!({})), [""; 0]);
    }

    #[test]
    fn a_deny_lets_nobody_in_and_an_exception_may() {
        let logging = json!({"Service": "logging.s3.amazonaws.com"});
        let deny = json!({"Effect": "Deny", "Principal": logging, "Action": "s3:PutObject"});
        assert_eq!(found(&deny), [""; 0]);
        let but = |exception: &str| {
            found(&json!({"Effect": "Allow", "Principal": logging, "NotAction": exception}))
        };
        assert_eq!(but("s3:Delete*"), ["logging.s3.amazonaws.com"]);
        assert_eq!(but("s3:Put*"), [""; 0]);
        assert_eq!(
            writers("{}", "1").len() + writers("no policy", "1").len(),
            0
        );
    }
}
