//! Why replication does not work, or would not: every condition that it needs, looked at one by one.
//!
//! The list follows
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-troubleshoot.html>. Nothing is
//! changed.

mod access;
mod configuration;
mod fix;
pub mod names;
mod policies;
mod role;
pub mod standing;
mod statements;
mod watched;

use std::collections::BTreeSet;
use std::fmt;

use futures_util::future::join;
use serde::Serialize;

use self::policies::{Asking, Wanted};
use crate::case::Case;
use crate::error::{AwsError, ErrorKind};
use crate::fault::{About, Fault, FaultKind};
use crate::observed::Observed;
use crate::owner::Owner;
use crate::plan::{Desired, plan, resolved, warnings};
use crate::ports::Aws;
use crate::replication::Replication;
use aws_names::Arn;

pub(crate) use configuration::{CHANGE_A_PROPERTY, told_failures};
pub use fix::Fix;

/// What a look at one condition showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum CheckResult {
    /// As it must be.
    Pass,
    /// Replication fails by it, or leaves objects out.
    Fail,
    /// It may stand in the way; a person must judge.
    Warn,
    /// It could not be looked at.
    Skipped,
}

/// One condition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Check {
    /// Name of the condition.
    pub check: &'static str,
    /// What was looked at.
    pub resource: String,
    /// What the look showed.
    pub result: CheckResult,
    /// The same in words, about the resource.
    pub finding: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What to write for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub write: Option<Fix>,
    /// Why it could not be looked at, where a read failed.
    #[serde(skip)]
    pub unread: Option<Box<AwsError>>,
    /// ARN of what the resource may not use.
    #[serde(skip)]
    on: Option<String>,
    /// The fault that a Create or Update would be refused for by the same thing.
    #[serde(skip)]
    tells: Option<(About, FaultKind)>,
}

impl Check {
    fn new(check: &'static str, resource: impl Into<String>, result: CheckResult) -> Self {
        debug_assert!(
            names::ALL.iter().any(|known| known.name == check),
            "{check}"
        );
        Self {
            check,
            resource: resource.into(),
            result,
            finding: String::new(),
            remedy: None,
            write: None,
            unread: None,
            on: None,
            tells: None,
        }
    }

    /// Whether it shows that replication does not work.
    #[must_use]
    pub fn fails(&self) -> bool {
        self.result == CheckResult::Fail
    }

    fn pass(check: &'static str, resource: impl Into<String>, finding: impl Into<String>) -> Self {
        Self::new(check, resource, CheckResult::Pass).found(finding)
    }

    fn fail(check: &'static str, resource: impl Into<String>, finding: impl Into<String>) -> Self {
        Self::new(check, resource, CheckResult::Fail).found(finding)
    }

    fn warn(check: &'static str, resource: impl Into<String>, finding: impl Into<String>) -> Self {
        Self::new(check, resource, CheckResult::Warn).found(finding)
    }

    fn skipped(
        check: &'static str,
        resource: impl Into<String>,
        finding: impl Into<String>,
    ) -> Self {
        Self::new(check, resource, CheckResult::Skipped).found(finding)
    }

    /// A fault in the properties, as the failed check that it is.
    pub(crate) fn of_fault(fault: &Fault) -> Self {
        Self::fail(
            names::PROPERTIES,
            "the properties",
            format!("have a fault: {fault}"),
        )
    }

    fn found(mut self, finding: impl Into<String>) -> Self {
        self.finding = finding.into();
        self
    }

    /// What it tells of is this fault too.
    fn tells(mut self, about: About, kind: FaultKind) -> Self {
        self.tells = Some((about, kind));
        self
    }

    /// What to write for the remedy.
    fn fix(mut self, fix: Fix) -> Self {
        self.write = Some(fix);
        self
    }

    /// It could not be looked at by this error.
    fn unread(mut self, error: &AwsError) -> Self {
        self.unread = Some(Box::new(error.clone()));
        self
    }

    /// What the resource may not use.
    fn on(mut self, arn: &str) -> Self {
        self.on = Some(arn.to_owned());
        self
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.resource, self.finding)?;
        if let Some(remedy) = &self.remedy {
            write!(f, ": {remedy}")?;
        }
        Ok(())
    }
}

impl<A: Aws> Case<'_, A> {
    /// Looks at everything that the replication needs. What cannot be looked at is a check of its own,
    /// never an error.
    pub async fn checks(&self) -> Vec<Check> {
        diagnose(self).await
    }
}

async fn diagnose<A: Aws>(case: &Case<'_, A>) -> Vec<Check> {
    let replication = &case.replication;
    let resource = format!("bucket `{}`", replication.spec.source_bucket);
    let observed = match Box::pin(case.observe()).await {
        Ok(observed) => observed,
        Err(error) => return Box::pin(in_part(case, resource, &error)).await,
    };
    let observed = &observed;
    let mut checks = configuration::buckets(replication, observed);
    checks.extend(configuration::keys(replication, observed));
    checks.extend(configuration::rules(replication, observed));
    // What cannot be resolved keeps nothing else from being looked at.
    let (desired, mut faults) = resolved(replication, observed);
    let (aws, spec) = (case.accounts.home(), &replication.spec);
    let known = match spec.role {
        None => role::Known::Ours(observed.role.clone()),
        Some(_) => role::Known::Nothing,
    };
    let questions = access::questions(replication, &desired);
    let (of_role, read) = join(
        role::look(aws, &desired.role_arn, known, questions),
        policies::read(case, &desired),
    )
    .await;
    let bounded = of_role.bounded();
    let role = Arn::parse(&desired.role_arn);
    let asking = role.as_ref().map(|role| Asking {
        role,
        bounded,
        wanted: Wanted::All,
    });
    let of_role = role::checks(replication, &desired.role_arn, of_role, |action, access| {
        asking.is_some_and(|asking| read.name_the_role(replication, asking, action, access))
    });
    match plan(replication, &desired, observed) {
        Ok(plan) if faults.is_empty() => {
            let mut of_role = of_role.iter();
            let trust_told = of_role
                .any(|one| one.check == names::ROLE_TRUST && one.result == CheckResult::Fail);
            checks.extend(configuration::difference(
                resource.clone(),
                &plan,
                trust_told,
            ));
        }
        Ok(_) => {}
        Err(more) => faults.extend(more),
    }
    let finding = "cannot be brought to what the properties say";
    checks.extend(untold(&checks, faults, &resource, finding));
    let (broken, warnings) = warnings(replication, &desired, observed);
    let rest = warnings.into_iter().filter(|one| !broken.contains(one));
    checks.extend(
        rest.map(|warning| Check::warn(names::WARNING, warning.about.to_string(), warning.words)),
    );
    // Rules that others outrank have a failed check of their own.
    let rest = broken
        .into_iter()
        .filter(|one| !matches!(one.about, About::Rule(_)));
    checks.extend(untold(&checks, rest, &resource, "does not work any more"));
    checks.extend(of_role);
    checks.extend(
        asking
            .map(|asking| read.checks(replication, &desired, asking))
            .into_iter()
            .flatten(),
    );
    checks
}

/// Where not everything can be read, nothing can be compared with the properties, and the rest is looked
/// at all the same.
async fn in_part<A: Aws>(case: &Case<'_, A>, resource: String, error: &AwsError) -> Vec<Check> {
    let replication = &case.replication;
    // The properties say where it is, and it is elsewhere.
    let misplaced = error.kind == ErrorKind::WrongRegion;
    let told = if misplaced {
        Check::fail
    } else {
        Check::skipped
    };
    let finding = format!("cannot be looked at: {error}");
    let mut checks = vec![told(names::CONFIGURATION, resource.clone(), finding).unread(error)];
    let found = case.accounts.home().replication(replication.source()).await;
    match &found {
        Ok(found) => {
            let observed = Observed {
                replication: found.clone(),
                ..Observed::default()
            };
            checks.extend(configuration::rules(replication, &observed));
        }
        Err(error) => {
            checks.push(Check::skipped(names::RULES, resource, error.to_string()).unread(error));
        }
    }
    checks.extend(standing::checks(case, None).await);
    checks
}

/// A failed check for each fault that none of `checks` tells.
fn untold(
    checks: &[Check],
    faults: impl IntoIterator<Item = Fault>,
    resource: &str,
    finding: &str,
) -> Vec<Check> {
    let told: BTreeSet<_> = checks
        .iter()
        .filter_map(|check| check.tells.clone())
        .collect();
    let untold = faults
        .into_iter()
        .filter(|fault| !told.contains(&(fault.about.clone(), fault.kind)));
    untold
        .map(|fault| {
            Check::fail(
                names::CONFIGURATION,
                resource,
                format!("{finding}: {fault}"),
            )
        })
        .collect()
}

/// Statements in policies of the role of ours that are nobody's of us, and deny what replication takes: by
/// policy, in words. No Update takes them away.
pub(crate) fn denying_policies(
    replication: &Replication,
    desired: &Desired,
    observed: &Observed,
) -> Vec<String> {
    let (None, Some(role)) = (&replication.spec.role, Arn::parse(&desired.role_arn)) else {
        return Vec::new();
    };
    let strangers = observed
        .role_policies
        .iter()
        .filter(|(name, _)| Owner::at_start_of(name).is_none());
    let told = strangers.flat_map(|(name, document)| {
        let denials = policies::denials_of(document, replication, desired, &role);
        denials.into_iter().map(move |(sid, what)| {
            format!(
                "policy `{name}` of role `{}`, which is none of ours, has a statement `{sid}` that denies what \
                 replication takes: {what}",
                replication.role_name()
            )
        })
    });
    told.collect()
}
