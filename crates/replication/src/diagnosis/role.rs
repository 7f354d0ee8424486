//! The role that S3 assumes: there, trusted, and allowed to do what replication takes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt};
use serde_json::json;

use super::Check;
use super::access::{ENCRYPTION_CONTEXT, MOST_QUESTIONS, Question, VIA_SERVICE};
use super::fix::Fix;
use super::names::{ANNOTATIONS, ROLE_EXISTS, ROLE_PERMISSIONS, ROLE_TRUST};
use super::statements::{Context, Judgement, Principal, Request, Statements};
use crate::actions::SOURCE_ANNOTATIONS;
use crate::error::{AwsError, ErrorKind};
use crate::fault::{About, FaultKind};
use crate::policy::{S3, trust_policy};
use crate::ports::{Access, Aws, Decision, Outcome, RoleDescription};
use crate::replication::Replication;
use aws_names::Arn;

/// IAM throttles its simulator early.
const QUESTIONS_AT_ONCE: usize = 4;

/// What is known of the role, and IAM's answers about it.
#[derive(Debug)]
pub(super) struct Seen {
    role: Outcome<Option<RoleDescription>>,
    answers: Vec<(Question, Outcome<Vec<Decision>>)>,
    /// So many questions there were to ask.
    all: usize,
}

impl Seen {
    /// Whether the role has a permissions boundary, where that is known.
    pub(super) fn bounded(&self) -> Option<bool> {
        let role = self.role.as_ref().ok()?.as_ref()?;
        Some(role.permissions_boundary.is_some())
    }
}

/// What is known of the role already.
#[derive(Debug)]
pub(super) enum Known {
    /// It is ours, and this is what there is of it.
    Ours(Option<RoleDescription>),
    /// Nothing.
    Nothing,
}

/// Asks IAM. The role itself is looked at where nobody has (`known`).
pub(super) async fn look<A: Aws>(
    aws: &A,
    role_arn: &str,
    known: Known,
    mut questions: Vec<Question>,
) -> Seen {
    let role = match (known, Arn::parse(role_arn)) {
        (Known::Ours(role), _) => Ok(role),
        (Known::Nothing, Some(arn)) => aws.role(arn.role_name().unwrap_or_default()).await,
        (Known::Nothing, None) => Ok(None),
    };
    let all = questions.len();
    questions.truncate(MOST_QUESTIONS);
    let calls = questions.into_iter().map(|question| async move {
        let answer = aws.simulate(role_arn, &question.access).await;
        (question, answer)
    });
    let calls: Vec<_> = calls.collect();
    let answers = stream::iter(calls)
        .buffered(QUESTIONS_AT_ONCE)
        .collect()
        .await;
    Seen { role, answers, all }
}

/// What was seen, as checks. Of `allowed_otherwise` IAM's simulator knows nothing: that a policy of the
/// thing itself names the role.
pub(super) fn checks(
    replication: &Replication,
    role_arn: &str,
    seen: Seen,
    allowed_otherwise: impl Fn(&str, &Access) -> bool,
) -> Vec<Check> {
    let resource = format!("role `{role_arn}`");
    let mut checks = Vec::new();
    // The simulator knows whether there is one, also where nobody may look at it.
    let is_absent = seen
        .answers
        .iter()
        .any(|(_, answer)| matches!(answer, Err(error) if error.kind == ErrorKind::NotFound));
    match &seen.role {
        Ok(Some(role)) => {
            checks.push(Check::pass(ROLE_EXISTS, &resource, "is there"));
            checks.push(trust(&resource, role, replication));
        }
        Ok(None) if replication.spec.role.is_none() => {
            checks.push(
                Check::fail(ROLE_EXISTS, &resource, "does not exist")
                    .remedy("update the stack with any property changed, which makes it"),
            );
            return checks;
        }
        Ok(None) if is_absent => {
            checks.push(
                Check::fail(ROLE_EXISTS, &resource, "does not exist")
                    .remedy("create it, or name one that exists in the replication configuration")
                    .tells(About::Role(role_arn.to_owned()), FaultKind::Missing),
            );
            return checks;
        }
        Ok(None) if replication.is_nobodys() => checks.push(
            Check::skipped(
                ROLE_EXISTS,
                &resource,
                "is not there, or may not be looked at",
            )
            .remedy("allow yourself iam:GetRole and iam:SimulatePrincipalPolicy on it"),
        ),
        // A role of somebody else may be there and not be ours to look at.
        Ok(None) => checks.push(
            Check::skipped(
                ROLE_EXISTS,
                &resource,
                "is not there, or the provisioner may not look at it",
            )
            .remedy(
                "allow iam:GetRole and iam:SimulatePrincipalPolicy on it to the provisioner's role",
            ),
        ),
        Err(error) => {
            checks.push(Check::skipped(ROLE_EXISTS, &resource, error.to_string()).unread(error));
        }
    }
    checks.extend(permissions(&resource, seen, allowed_otherwise));
    checks
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
        Check::warn(ROLE_TRUST, resource, finding)
            .remedy("AWS does not say that S3 sends these; leave them out, or take only an object that arrives for proof")
    };
    match (surely, statements.allowed(&request)) {
        (Some((sid, _)), _) => {
            let finding = format!(
                "has a trust policy whose statement `{sid}` denies s3.amazonaws.com to assume it"
            );
            Check::fail(ROLE_TRUST, resource, finding).remedy("except s3.amazonaws.com from it")
        }
        (None, Judgement::No) => Check::fail(
            ROLE_TRUST,
            resource,
            "has no trust policy that lets s3.amazonaws.com assume it",
        )
        .remedy(
            "allow sts:AssumeRole to the service principal s3.amazonaws.com in its trust policy",
        )
        .fix(Fix::Document(trust_policy(S3))),
        (None, Judgement::May(doubts)) => may(&doubts),
        (None, Judgement::Yes) => match denied.first() {
            Some((_, Judgement::May(doubts))) => may(doubts),
            _ => Check::pass(ROLE_TRUST, resource, "may be assumed by s3.amazonaws.com"),
        },
    }
}

/// What is denied alike: on what, how, why it is needed, and which actions.
type Denial = (String, bool, Option<&'static str>, Vec<String>);

fn permissions(
    resource: &str,
    seen: Seen,
    allowed_otherwise: impl Fn(&str, &Access) -> bool,
) -> Vec<Check> {
    let (asked, all) = (seen.answers.len(), seen.all);
    // The accesses of which it is so: they differ in their encryption context.
    let mut denied: BTreeMap<Denial, Vec<Access>> = BTreeMap::new();
    for (Question { access, otherwise }, answer) in seen.answers {
        let decisions = match answer {
            Ok(decisions) => decisions,
            // The simulator answers only to those who may ask it.
            Err(error) => return vec![unasked(resource, &error)],
        };
        for explicit in [false, true] {
            let word = if explicit {
                "explicitDeny"
            } else {
                "implicitDeny"
            };
            let actions: Vec<_> = decisions
                .iter()
                .filter(|found| found.decision == word)
                .filter(|found| explicit || !allowed_otherwise(&found.action, &access))
                .map(|found| found.action.clone())
                .collect();
            if !actions.is_empty() {
                let denial = (access.resource.clone(), explicit, otherwise, actions);
                denied.entry(denial).or_default().push(access.clone());
            }
        }
    }
    let surely = denied
        .keys()
        .any(|(_, _, otherwise, _)| otherwise.is_none());
    let mut checks = Vec::new();
    if !surely {
        let finding = if asked < all {
            format!("is allowed what replication takes, as far as {asked} of {all} accesses show")
        } else {
            format!("is allowed all that replication takes ({asked} accesses)")
        };
        checks.push(Check::pass(ROLE_PERMISSIONS, resource, finding));
    }
    checks.extend(
        denied
            .iter()
            .map(|(denial, accesses)| refused(resource, denial, accesses)),
    );
    checks
}

fn unasked(resource: &str, error: &AwsError) -> Check {
    let remedy = match error.kind {
        ErrorKind::AccessDenied => {
            "allow iam:SimulatePrincipalPolicy on the role to the provisioner's role"
        }
        _ => "ask again",
    };
    Check::skipped(ROLE_PERMISSIONS, resource, error.to_string())
        .remedy(remedy)
        .unread(error)
}

fn refused(resource: &str, denial: &Denial, accesses: &[Access]) -> Check {
    let (on, explicit, otherwise, actions) = denial;
    let contexts: Vec<_> = accesses
        .iter()
        .filter_map(|access| access.context.get(ENCRYPTION_CONTEXT))
        .map(String::as_str)
        .collect();
    let contexts = match contexts.as_slice() {
        [] => String::new(),
        contexts => format!(" with encryption context `{}`", contexts.join("` and `")),
    };
    let how = if *explicit {
        "a statement denies it"
    } else {
        "no statement allows it"
    };
    let finding = format!(
        "may not use {} on `{on}`{contexts}: {how}",
        actions.join(", ")
    );
    let check = match otherwise {
        None => Check::fail(ROLE_PERMISSIONS, resource, finding),
        Some(so) => {
            let name = if actions.iter().all(|action| action == SOURCE_ANNOTATIONS) {
                ANNOTATIONS
            } else {
                ROLE_PERMISSIONS
            };
            Check::warn(name, resource, format!("{finding}, so that {so}"))
        }
    };
    let check = check.on(on);
    if *explicit {
        return check.remedy(
            "find the Deny in the role's policies, its permissions boundary or the organisation's policies",
        );
    }
    check
        .remedy("allow it in the role's policy, and in its permissions boundary where it has one")
        .fix(Fix::Document(statement(on, actions, accesses)))
}

/// The statement that would allow it: of an object all under the same prefix, of a key both contexts.
fn statement(on: &str, actions: &[String], accesses: &[Access]) -> serde_json::Value {
    let under = |arn: &str| match arn.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/*"),
        None => arn.to_owned(),
    };
    let contexts = || {
        accesses
            .iter()
            .filter_map(|access| access.context.get(ENCRYPTION_CONTEXT))
    };
    let bucket = contexts().find_map(|context| context.split('/').next());
    let Some(bucket) = bucket else {
        return json!({"Effect": "Allow", "Action": actions, "Resource": under(on)});
    };
    let mut allowed = BTreeSet::from([bucket.to_owned(), format!("{bucket}/*")]);
    let objects: Vec<_> = contexts().filter(|context| context.contains('/')).collect();
    if !objects.is_empty() {
        allowed.remove(&format!("{bucket}/*"));
        allowed.extend(objects.into_iter().map(|object| under(object)));
    }
    let services: BTreeSet<_> = accesses
        .iter()
        .filter_map(|access| access.context.get(VIA_SERVICE))
        .collect();
    json!({
        "Effect": "Allow",
        "Action": actions,
        "Resource": on,
        "Condition": {"StringLike": {VIA_SERVICE: services, ENCRYPTION_CONTEXT: allowed}},
    })
}
