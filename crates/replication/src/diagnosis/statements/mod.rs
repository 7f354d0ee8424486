//! What a policy's statements say to one request, as far as it can be said from here. Pure.
//!
//! Three-valued: surely, surely not, or it may. IAM has the last word on its own policies ([`simulate`]);
//! of a bucket's and a key's policy it leaves out what concerns roles, and of a role's trust all.
//!
//! [`simulate`]: crate::ports::Policies::simulate

mod condition;
mod context;
mod judgement;
mod pattern;
mod principal;
#[cfg(test)]
mod tests;

use serde_json::Value;

pub(crate) use self::context::Context;
pub(crate) use self::judgement::Judgement;
pub(crate) use self::pattern::Extent;
use self::pattern::{Pattern, Variables};
pub(crate) use self::principal::Principal;

/// What a statement does where it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    Allow,
    Deny,
}

/// What is asked of a policy: may somebody do this to that?
#[derive(Clone, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) principal: Principal<'a>,
    pub(crate) action: &'a str,
    pub(crate) resource: Extent,
    pub(crate) context: &'a Context,
}

/// A policy's statements.
#[derive(Debug)]
pub(crate) struct Statements {
    statements: Vec<Value>,
    /// Policies of before have no variables.
    has_variables: bool,
}

impl Statements {
    /// `None` where `policy` is no policy.
    pub(crate) fn parse(policy: &str) -> Option<Self> {
        let mut policy: Value = serde_json::from_str(policy).ok()?;
        let has_variables = member(&policy, &["Version"]).as_str() == Some("2012-10-17");
        let statements = match policy.get_mut("Statement")?.take() {
            Value::Array(statements) => statements,
            one @ Value::Object(_) => vec![one],
            _ => return None,
        };
        Some(Self {
            statements,
            has_variables,
        })
    }

    /// A policy without statements.
    pub(crate) const fn none() -> Self {
        Self {
            statements: Vec::new(),
            has_variables: false,
        }
    }

    /// Whether a statement allows it.
    pub(crate) fn allowed(&self, request: &Request<'_>) -> Judgement {
        let judged = self.statements.iter();
        Judgement::any(judged.map(|one| self.applies(one, Effect::Allow, request)))
    }

    /// Names of the statements that deny it, or may, with how sure that is.
    pub(crate) fn denials(&self, request: &Request<'_>) -> Vec<(String, Judgement)> {
        let all = self.statements.iter().enumerate();
        let denials = all.filter_map(|(number, one)| {
            let judged = self.applies(one, Effect::Deny, request);
            (judged != Judgement::No).then(|| (name(one, number), judged))
        });
        denials.collect()
    }

    fn applies(&self, statement: &Value, effect: Effect, request: &Request<'_>) -> Judgement {
        let variable = |name: &str| request.context.variable(name);
        let variables: Option<Variables<'_>> = if self.has_variables {
            Some(&variable)
        } else {
            None
        };
        let has_effect = match effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        Judgement::of(member(statement, &["Effect"]).as_str() == Some(has_effect))
            .and(|| acts(statement, request.action))
            .and(|| principal::includes(statement, effect, request.principal))
            .and(|| concerns(statement, &request.resource, variables))
            .and(|| {
                condition::holds(
                    member(statement, &["Condition"]),
                    request.context,
                    variables,
                )
            })
    }
}

fn name(statement: &Value, number: usize) -> String {
    let sid = member(statement, &["Sid"]).as_str();
    sid.map_or_else(|| format!("number {}", number + 1), str::to_owned)
}

/// A member of a member of `statement`; null where there is none.
fn member<'a>(statement: &'a Value, path: &[&str]) -> &'a Value {
    path.iter()
        .try_fold(statement, |value, name| value.get(name))
        .unwrap_or(&Value::Null)
}

fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    }
}

/// Actions have no variables, and their case does not matter.
fn acts(statement: &Value, action: &str) -> Judgement {
    let action = Extent::One(action.to_lowercase());
    let matches = |patterns: &Value| {
        let patterns = texts(patterns).into_iter();
        Judgement::any(
            patterns.map(|pattern| Pattern::new(&pattern.to_lowercase(), None).matches(&action)),
        )
    };
    match statement.get("NotAction") {
        Some(excluded) => !matches(excluded),
        None => matches(member(statement, &["Action"])),
    }
}

/// A trust policy's statements name no resource: they are about the role.
fn concerns(statement: &Value, resource: &Extent, variables: Option<Variables<'_>>) -> Judgement {
    let matches = |patterns: &Value| {
        let patterns = texts(patterns).into_iter();
        Judgement::any(patterns.map(|pattern| Pattern::new(pattern, variables).matches(resource)))
    };
    match (statement.get("NotResource"), statement.get("Resource")) {
        (Some(excluded), _) => !matches(excluded),
        (None, Some(named)) => matches(named),
        (None, None) => Judgement::Yes,
    }
}
