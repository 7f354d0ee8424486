//! Who else writes to a bucket, as far as its policy tells. Pure.
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

/// The services, and the principals of other accounts than `account`, that `policy` lets put objects.
/// Whoever is let in as anybody (`*`) is not told.
pub(crate) fn writers(policy: &str, account: &str) -> BTreeSet<String> {
    let policy: Value = serde_json::from_str(policy).unwrap_or_default();
    let statements = many(policy.get("Statement"));
    let allowing = statements.into_iter().filter(|statement| {
        statement.get("Effect").and_then(Value::as_str) == Some("Allow") && lets_put(statement)
    });
    let principals = allowing.filter_map(|statement| statement.get("Principal"));
    let mut writers = BTreeSet::new();
    for principal in principals {
        let services = texts(principal.get("Service"));
        writers.extend(services.into_iter().map(str::to_owned));
        let others = texts(principal.get("AWS")).into_iter().filter(|name| {
            let of = Arn::parse(name).map_or_else(|| (*name).to_owned(), |arn| arn.account);
            of != account && of.len() == 12 && of.bytes().all(|digit| digit.is_ascii_digit())
        });
        writers.extend(others.map(str::to_owned));
    }
    writers
}

fn lets_put(statement: &Value) -> bool {
    let names = |member: &str| {
        let patterns = texts(statement.get(member)).into_iter();
        let mut patterns = patterns.map(str::to_lowercase);
        patterns.any(|pattern| matches(pattern.as_bytes(), PUT.as_bytes()))
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
