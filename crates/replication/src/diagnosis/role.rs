//! The role that S3 assumes: there, trusted, and allowed to do what replication takes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};

use super::Check;
use super::access::{ENCRYPTION_CONTEXT, MOST_QUESTIONS, accesses};
use super::statements::{Context, Judgement, Principal, Request, Statements};
use crate::case::Case;
use crate::error::{AwsError, ErrorKind};
use crate::plan::Desired;
use crate::policy::S3;
use crate::ports::{Access, Aws, Decision, RoleDescription};
use crate::replication::Replication;
use aws_names::Arn;

/// IAM throttles its simulator early.
const QUESTIONS_AT_ONCE: usize = 4;

const EXISTS: &str = "RoleExists";
pub(super) const TRUST: &str = "RoleTrust";
const PERMISSIONS: &str = "RolePermissions";

pub(super) async fn role<A: Aws>(
    case: &Case<'_, A>,
    ours: Option<RoleDescription>,
    desired: &Desired,
) -> (Vec<Check>, Option<bool>) {
    let (aws, spec) = (case.accounts.home(), &case.replication.spec);
    let resource = format!("role `{}`", desired.role_arn);
    let found = match (&spec.role, Arn::parse(&desired.role_arn)) {
        (None, _) => Ok(ours),
        (Some(_), Some(arn)) => aws.role(arn.role_name().unwrap_or_default()).await,
        (Some(_), None) => Ok(None),
    };
    let mut checks = Vec::new();
    let known = found.as_ref().ok().and_then(Option::as_ref);
    let bounded = known.map(|role| role.permissions_boundary.is_some());
    match found {
        Ok(Some(role)) => {
            checks.push(Check::pass(EXISTS, &resource, "is there"));
            checks.push(trust(&resource, &role, &case.replication));
        }
        Ok(None) if spec.role.is_none() => {
            checks.push(
                Check::fail(EXISTS, &resource, "does not exist")
                    .remedy("update the stack with any property changed, which makes it"),
            );
            return (checks, bounded);
        }
        // A role of somebody else may be there and not be ours to look at.
        Ok(None) => checks.push(
            Check::skipped(
                EXISTS,
                &resource,
                "is not there, or the provisioner may not look at it",
            )
            .remedy(
                "allow iam:GetRole and iam:SimulatePrincipalPolicy on it to the provisioner's role",
            ),
        ),
        Err(error) => checks.push(Check::skipped(EXISTS, &resource, error.to_string())),
    }
    let mut questions = accesses(&case.replication, desired);
    let all = questions.len();
    questions.truncate(MOST_QUESTIONS);
    let calls = questions.iter().map(|access| async move {
        let answer = aws.simulate(&desired.role_arn, access).await;
        (access, answer)
    });
    let calls: Vec<_> = calls.collect();
    let answers: Vec<_> = stream::iter(calls)
        .buffered(QUESTIONS_AT_ONCE)
        .collect()
        .await;
    checks.extend(permissions(&resource, answers, all));
    (checks, bounded)
}

/// S3 sends no external id; whether it says for whom it assumes the role, AWS does not say.
fn trust(resource: &str, role: &RoleDescription, replication: &Replication) -> Check {
    let (account, source) = (&replication.home.account, replication.source_arn());
    let context = Context::of_service(S3, account, &source);
    let request = Request {
        principal: Principal::Service(S3),
        action: "sts:AssumeRole",
        resource: role.arn.as_str().into(),
        context: &context,
    };
    let statements = Statements::parse(&role.trust_policy).unwrap_or_else(Statements::none);
    let denied = statements.denials(&request);
    let surely = denied.iter().find(|(_, judged)| *judged == Judgement::Yes);
    let may = |doubts: &BTreeSet<String>| {
        let doubts: Vec<_> = doubts.iter().map(String::as_str).collect();
        let finding = format!(
            "has a trust policy that lets s3.amazonaws.com assume it under conditions: it depends on {}",
            doubts.join(", ")
        );
        Check::warn(TRUST, resource, finding)
            .remedy("AWS does not say that S3 sends these; leave them out, or take only an object that arrives for proof")
    };
    match (surely, statements.allowed(&request)) {
        (Some((sid, _)), _) => {
            let finding = format!(
                "has a trust policy whose statement `{sid}` denies s3.amazonaws.com to assume it"
            );
            Check::fail(TRUST, resource, finding).remedy("except s3.amazonaws.com from it")
        }
        (None, Judgement::No) => Check::fail(
            TRUST,
            resource,
            "has no trust policy that lets s3.amazonaws.com assume it",
        )
        .remedy(
            "allow sts:AssumeRole to the service principal s3.amazonaws.com in its trust policy",
        ),
        (None, Judgement::May(doubts)) => may(&doubts),
        (None, Judgement::Yes) => match denied.first() {
            Some((_, Judgement::May(doubts))) => may(doubts),
            _ => Check::pass(TRUST, resource, "may be assumed by s3.amazonaws.com"),
        },
    }
}

fn permissions(
    resource: &str,
    answers: Vec<(&Access, Result<Vec<Decision>, AwsError>)>,
    all: usize,
) -> Vec<Check> {
    let asked = answers.len();
    // By resource, decision and actions: the contexts in which it is so.
    let mut denied: BTreeMap<(&str, bool, Vec<String>), Vec<&str>> = BTreeMap::new();
    for (access, answer) in answers {
        match answer {
            Ok(decisions) => {
                for explicit in [false, true] {
                    let word = if explicit {
                        "explicitDeny"
                    } else {
                        "implicitDeny"
                    };
                    let actions: Vec<_> = decisions
                        .iter()
                        .filter(|found| found.decision == word)
                        .map(|found| found.action.clone())
                        .collect();
                    if !actions.is_empty() {
                        let contexts = denied
                            .entry((&access.resource, explicit, actions))
                            .or_default();
                        contexts.extend(access.context.get(ENCRYPTION_CONTEXT).map(String::as_str));
                    }
                }
            }
            // The simulator answers only to those who may ask it.
            Err(error) => {
                let remedy = match error.kind {
                    ErrorKind::AccessDenied => {
                        "allow iam:SimulatePrincipalPolicy on the role to the provisioner's role"
                    }
                    _ => "ask again",
                };
                return vec![
                    Check::skipped(PERMISSIONS, resource, error.to_string()).remedy(remedy),
                ];
            }
        }
    }
    if denied.is_empty() {
        let finding = if asked < all {
            format!("is allowed what replication takes, as far as {asked} of {all} accesses show")
        } else {
            format!("is allowed all that replication takes ({asked} accesses)")
        };
        return vec![Check::pass(PERMISSIONS, resource, finding)];
    }
    let checks = denied.into_iter().map(|((on, explicit, actions), contexts)| {
        let contexts = match contexts.as_slice() {
            [] => String::new(),
            contexts => format!(" with encryption context `{}`", contexts.join("` and `")),
        };
        let (how, remedy) = if explicit {
            (
                "a statement denies it",
                "find the Deny in the role's policies, its permissions boundary or the \
                 organisation's policies",
            )
        } else {
            (
                "no statement allows it",
                "allow it in the role's policy, and in its permissions boundary where it has one",
            )
        };
        let actions = actions.join(", ");
        let finding = format!("may not use {actions} on `{on}`{contexts}: {how}");
        Check::fail(PERMISSIONS, resource, finding).remedy(remedy)
    });
    checks.collect()
}
