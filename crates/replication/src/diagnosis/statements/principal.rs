//! Whether a statement is about who asks. See
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.

use serde_json::Value;

use super::judgement::Judgement;
use super::{Effect, member, texts};
use aws_names::Arn;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Principal<'a> {
    /// A session of a role, which has a permissions boundary or not, where that is known.
    Role { arn: &'a Arn, bounded: Option<bool> },
    /// The same, where only a statement that names it counts, and not one that names its account.
    Named(&'a Arn),
    /// A service of AWS's.
    Service(&'a str),
    /// Whoever has the policy: one of IAM's names nobody.
    Itself,
}

const EVERYBODY: &str = "*";
const SESSION: &str = "it names sessions of the role";

/// Whether the statement's principals include `who`.
pub(super) fn includes(statement: &Value, effect: Effect, who: Principal<'_>) -> Judgement {
    if let Some(excluded) = statement.get("NotPrincipal") {
        return match who {
            Principal::Itself => Judgement::Yes,
            Principal::Role { arn, bounded } => beyond(excluded, effect, arn, bounded),
            // Whoever is not excluded is not named.
            Principal::Named(_) => Judgement::No,
            Principal::Service(name) => {
                Judgement::of(!is_everybody(excluded) && !names_service(excluded, name))
            }
        };
    }
    let principal = member(statement, &["Principal"]);
    match who {
        Principal::Itself => Judgement::Yes,
        Principal::Role { arn, .. } => names_role(principal, arn),
        Principal::Named(arn) => Judgement::of(
            is_everybody(principal)
                || texts(member(principal, &["AWS"])).contains(&arn.to_string().as_str()),
        ),
        Principal::Service(name) if names_service(principal, name) => Judgement::Yes,
        Principal::Service(_) if is_everybody(principal) => match effect {
            Effect::Deny => Judgement::Yes,
            Effect::Allow => Judgement::may("it names everybody, and no service"),
        },
        Principal::Service(_) => Judgement::No,
    }
}

fn is_everybody(principal: &Value) -> bool {
    texts(principal).contains(&EVERYBODY) || texts(member(principal, &["AWS"])).contains(&EVERYBODY)
}

fn names_service(principal: &Value, name: &str) -> bool {
    texts(member(principal, &["Service"]))
        .iter()
        .any(|one| *one == name || *one == EVERYBODY)
}

/// An account includes its roles, as far as their own policies go along.
fn names_role(principal: &Value, role: &Arn) -> Judgement {
    if is_everybody(principal) {
        return Judgement::Yes;
    }
    let named = texts(member(principal, &["AWS"]));
    if named
        .iter()
        .any(|one| *one == role.to_string() || is_account(one, role))
    {
        return Judgement::Yes;
    }
    if named.iter().any(|one| is_session(one, role)) {
        return Judgement::may(SESSION);
    }
    if member(principal, &["CanonicalUser"]).is_null() {
        Judgement::No
    } else {
        Judgement::may("it names an account by its canonical id")
    }
}

fn is_account(named: &str, role: &Arn) -> bool {
    let Arn {
        partition, account, ..
    } = role;
    named == account || named == format!("arn:{partition}:iam::{account}:root")
}

fn is_session(named: &str, role: &Arn) -> bool {
    let found = Arn::parse(named).filter(|arn| arn.service == "sts" && arn.account == role.account);
    let name = found.as_ref().and_then(|arn| {
        let session = arn.resource.strip_prefix("assumed-role/")?;
        session.split('/').next()
    });
    name.is_some() && name == role.role_name()
}

/// Everybody but those named. In a Deny, the account has to be named beside its role; and whoever has a
/// permissions boundary is always denied. See
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html>.
fn beyond(excluded: &Value, effect: Effect, role: &Arn, bounded: Option<bool>) -> Judgement {
    if is_everybody(excluded) {
        return Judgement::No;
    }
    let named = texts(member(excluded, &["AWS"]));
    let has_role = named.iter().any(|one| *one == role.to_string());
    let has_session = named.iter().any(|one| is_session(one, role));
    let has_account = named.iter().any(|one| is_account(one, role));
    match effect {
        Effect::Deny if bounded == Some(true) => Judgement::Yes,
        Effect::Deny if !has_role && has_session => Judgement::may(SESSION),
        Effect::Deny if !has_role => Judgement::Yes,
        Effect::Deny if !has_account => Judgement::may(
            "its NotPrincipal names the role and not its account, which AWS asks for",
        ),
        Effect::Deny if bounded == Some(false) => Judgement::No,
        Effect::Deny => Judgement::may(
            "its NotPrincipal always denies a role that has a permissions boundary, and this role could not be looked at",
        ),
        Effect::Allow if has_role => Judgement::No,
        Effect::Allow if has_account || has_session => {
            Judgement::may("its NotPrincipal names the role's account")
        }
        Effect::Allow => Judgement::Yes,
    }
}
