//! The statements of a policy, as far as a look needs them. Pure.
//!
//! Not an evaluation: IAM has the last word on its own policies ([`simulate`]). A bucket's and a
//! key's policy it leaves out for roles, and there it is asked only whether a statement could allow,
//! or could deny, what replication takes.
//!
//! [`simulate`]: crate::ports::Policies::simulate

use serde_json::Value;
use wildmatch::WildMatch;

use crate::arn::Arn;

/// A policy's statements.
#[derive(Debug)]
pub(super) struct Statements(Vec<Value>);

impl Statements {
    /// `None` where `policy` is no policy.
    pub(super) fn parse(policy: &str) -> Option<Self> {
        let mut policy: Value = serde_json::from_str(policy).ok()?;
        match policy.get_mut("Statement")?.take() {
            Value::Array(statements) => Some(Self(statements)),
            one @ Value::Object(_) => Some(Self(vec![one])),
            _ => None,
        }
    }

    /// Whether a service may assume the role that has these statements.
    pub(super) fn trust_service(&self, service: &str) -> bool {
        self.0.iter().any(|statement| {
            effect(statement) == "Allow"
                && texts(member(statement, &["Principal", "Service"])).contains(&service)
                && acts(statement, "sts:AssumeRole")
        })
    }

    /// The first of `actions` that no statement allows to `role`; what a statement adds by conditions
    /// is taken for met.
    pub(super) fn first_not_allowed<'a>(&self, role: &Arn, actions: &[&'a str]) -> Option<&'a str> {
        let allows = |action: &str| {
            self.0.iter().any(|statement| {
                effect(statement) == "Allow" && names(statement, role) && acts(statement, action)
            })
        };
        actions.iter().copied().find(|action| !allows(action))
    }

    /// Names of the statements that deny one of `actions` to `role`, with whether conditions may keep
    /// them from it.
    pub(super) fn denials(&self, role: &Arn, actions: &[&str]) -> Vec<(String, bool)> {
        let denials = self.0.iter().enumerate().filter(|(_, statement)| {
            effect(statement) == "Deny"
                && names(statement, role)
                && actions.iter().any(|action| acts(statement, action))
                && !is_about_transport(statement)
        });
        denials
            .map(|(number, statement)| {
                let sid = member(statement, &["Sid"]).as_str().map(str::to_owned);
                let conditional = member(statement, &["Condition"]).is_object();
                (
                    sid.unwrap_or_else(|| format!("number {}", number + 1)),
                    conditional,
                )
            })
            .collect()
    }
}

/// A member of a member of `statement`; null where there is none.
fn member<'a>(statement: &'a Value, path: &[&str]) -> &'a Value {
    path.iter()
        .try_fold(statement, |value, name| value.get(name))
        .unwrap_or(&Value::Null)
}

fn effect(statement: &Value) -> &str {
    member(statement, &["Effect"]).as_str().unwrap_or_default()
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

/// Whether the statement's principals include the role. An account includes its roles, as far as
/// their own policies go along.
fn names(statement: &Value, role: &Arn) -> bool {
    if let Some(excluded) = statement.get("NotPrincipal") {
        return !texts(member(excluded, &["AWS"])).contains(&role.to_string().as_str());
    }
    let principal = member(statement, &["Principal"]);
    let (role_arn, account) = (role.to_string(), &role.account);
    let root = format!("arn:{}:iam::{account}:root", role.partition);
    texts(principal).contains(&"*")
        || texts(member(principal, &["AWS"]))
            .into_iter()
            .any(|one| one == "*" || one == role_arn || one == root || one == account)
}

fn acts(statement: &Value, action: &str) -> bool {
    let matches =
        |pattern: &&str| WildMatch::new(&pattern.to_lowercase()).matches(&action.to_lowercase());
    match statement.get("NotAction") {
        Some(excluded) => !texts(excluded).iter().any(matches),
        None => texts(member(statement, &["Action"])).iter().any(matches),
    }
}

/// The Deny of plain HTTP that most bucket policies have: S3 replicates over TLS.
fn is_about_transport(statement: &Value) -> bool {
    member(statement, &["Condition"])
        .as_object()
        .is_some_and(|operators| {
            operators.values().all(|keys| {
                keys.as_object().is_some_and(|keys| {
                    !keys.is_empty()
                        && keys.keys().all(|key| {
                            [
                                "aws:securetransport",
                                "s3:tlsversion",
                                "aws:principalisawsservice",
                            ]
                            .contains(&key.to_lowercase().as_str())
                        })
                })
            })
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn role() -> Arn {
        Arn::parse("arn:aws:iam::111122223333:role/encrypted-replication/source").unwrap()
    }

    fn statements(statement: impl serde::Serialize) -> Statements {
        Statements::parse(&json!({"Statement": statement}).to_string()).unwrap()
    }

    #[test]
    fn an_account_its_roles_and_everybody_include_the_role() {
        for principal in [
            json!("*"),
            json!({"AWS": "*"}),
            json!({"AWS": "111122223333"}),
            json!({"AWS": ["arn:aws:iam::444455556666:root", "arn:aws:iam::111122223333:root"]}),
            json!({"AWS": role().to_string()}),
        ] {
            let found =
                statements(json!({"Effect": "Allow", "Principal": principal, "Action": "kms:*"}));
            assert_eq!(
                found.first_not_allowed(&role(), &["kms:Decrypt"]),
                None,
                "{principal}"
            );
        }
        let other = statements(json!([{"Effect": "Allow", "Action": "kms:*",
            "Principal": {"AWS": "arn:aws:iam::444455556666:root", "Service": "s3.amazonaws.com"}}]));
        assert_eq!(
            other.first_not_allowed(&role(), &["kms:Decrypt"]),
            Some("kms:Decrypt")
        );
    }

    #[test]
    fn actions_match_without_regard_to_case_and_by_exclusion() {
        let found = statements(
            json!({"Effect": "Allow", "Principal": "*", "Action": ["KMS:Gen*", "kms:Encrypt"]}),
        );
        assert_eq!(
            found.first_not_allowed(
                &role(),
                &["kms:Encrypt", "kms:GenerateDataKey", "kms:Decrypt"]
            ),
            Some("kms:Decrypt")
        );
        let found = statements(
            json!({"Sid": "OnlyReads", "Effect": "Deny", "Principal": "*", "NotAction": "s3:Get*"}),
        );
        assert_eq!(
            found.denials(&role(), &["s3:ReplicateObject"]),
            [("OnlyReads".to_owned(), false)]
        );
        assert_eq!(found.denials(&role(), &["s3:GetObject"]), []);
    }

    #[test]
    fn a_deny_of_plain_http_is_no_finding_and_one_without_a_name_is_numbered() {
        let found = statements(json!([
            {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}},
            {"Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:role/other"}, "Action": "s3:*",
             "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}]));
        assert_eq!(
            found.denials(&role(), &["s3:ReplicateObject"]),
            [("number 2".to_owned(), true)]
        );
    }

    #[test]
    fn only_the_service_itself_is_trusted() {
        let trust = |principal: Value, action: &str| {
            statements(json!({"Effect": "Allow", "Principal": principal, "Action": action}))
                .trust_service("s3.amazonaws.com")
        };
        assert!(trust(
            json!({"Service": ["lambda.amazonaws.com", "s3.amazonaws.com"]}),
            "sts:AssumeRole"
        ));
        assert!(!trust(
            json!({"Service": "lambda.amazonaws.com"}),
            "sts:AssumeRole"
        ));
        assert!(!trust(
            json!({"Service": "s3.amazonaws.com"}),
            "sts:TagSession"
        ));
        assert!(Statements::parse("{}").is_none() && Statements::parse("").is_none());
    }
}
