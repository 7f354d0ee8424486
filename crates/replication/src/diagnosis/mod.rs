//! Why replication does not work, or would not: every condition that it needs, looked at one by one.
//!
//! The list follows
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/replication-troubleshoot.html>. Nothing is
//! changed.

mod access;
mod configuration;
mod policies;
mod role;
mod statements;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use crate::accounts::Accounts;
use crate::arn::Home;
use crate::observe::observe;
use crate::owner::Owner;
use crate::plan::{desired, plan};
use crate::ports::Aws;
use crate::spec::Spec;

pub(crate) use configuration::CHANGE_A_PROPERTY;

/// What a look at one condition showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Result {
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
    pub result: Result,
    /// The same in words, about the resource.
    pub finding: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    fn new(check: &'static str, resource: impl Into<String>, result: Result) -> Self {
        Self {
            check,
            resource: resource.into(),
            result,
            finding: String::new(),
            remedy: None,
        }
    }

    fn pass(check: &'static str, resource: impl Into<String>, finding: impl Into<String>) -> Self {
        Self::new(check, resource, Result::Pass).found(finding)
    }

    fn fail(check: &'static str, resource: impl Into<String>, finding: impl Into<String>) -> Self {
        Self::new(check, resource, Result::Fail).found(finding)
    }

    fn warn(check: &'static str, resource: impl Into<String>, finding: impl Into<String>) -> Self {
        Self::new(check, resource, Result::Warn).found(finding)
    }

    fn skipped(
        check: &'static str,
        resource: impl Into<String>,
        finding: impl Into<String>,
    ) -> Self {
        Self::new(check, resource, Result::Skipped).found(finding)
    }

    /// A fault in the properties, as the failed check that it is.
    pub(crate) fn of_fault(fault: &str) -> Self {
        Self::fail(
            "Properties",
            "the properties",
            format!("have a fault: {fault}"),
        )
    }

    fn found(mut self, finding: impl Into<String>) -> Self {
        self.finding = finding.into();
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

/// Looks at everything that the replication of `spec` needs. What cannot be looked at is a check of
/// its own, never an error.
pub async fn diagnose<A: Aws>(
    accounts: &Accounts<'_, A>,
    spec: &Spec,
    home: &Home,
    owner: &Owner,
    queue_arn: Option<&str>,
) -> Vec<Check> {
    let observed = match observe(accounts, spec, home, owner).await {
        Ok(observed) => observed,
        Err(error) => {
            let resource = format!("bucket `{}`", spec.source_bucket);
            let finding = format!("cannot be looked at: {error}");
            return vec![Check::fail("Configuration", resource, finding)];
        }
    };
    let mut checks = configuration::buckets(spec, &observed, home, owner);
    checks.extend(configuration::keys(&observed));
    checks.extend(configuration::rules(spec, &observed, owner));
    let planned = desired(spec, &observed, home, owner).and_then(|desired| {
        plan(spec, &desired, &observed, home, owner, queue_arn).map(|plan| (desired, plan))
    });
    let resource = format!("bucket `{}`", spec.source_bucket);
    match planned {
        Ok((desired, plan)) => {
            checks.push(configuration::difference(resource, &plan));
            checks
                .extend(role::role(accounts.home(), spec, &observed, &desired, home, owner).await);
            checks.extend(policies::policies(accounts, spec, &desired, home).await);
        }
        // A key or bucket that keeps the plan from being made has its own failed check already.
        Err(faults) => {
            let failed = checks.iter().filter(|check| check.result == Result::Fail);
            let known: Vec<_> = failed
                .filter_map(|check| check.resource.split('`').nth(1))
                .map(|name| format!("`{name}`"))
                .collect();
            let faults: BTreeSet<_> = faults
                .into_iter()
                .filter(|fault| !known.iter().any(|name| fault.contains(name)))
                .collect();
            checks.extend(faults.into_iter().map(|fault| {
                let finding = format!("cannot be brought to what the properties say: {fault}");
                Check::fail("Configuration", resource.clone(), finding)
            }));
        }
    }
    checks
}
