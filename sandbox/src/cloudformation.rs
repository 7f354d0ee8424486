//! CloudFormation by its API: stacks of templates that need no SAM CLI, and what any stack has.
//!
//! SAM CLI, by which the functions are installed as users install them, takes some seconds of processor time for each
//! stack.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_calls::{Query, Service};
use aws_config::SdkConfig;
use roxmltree::{Document, Node};

use crate::sam::Stack;
use crate::server::Sandbox;
use crate::tools::workspace;
use crate::wait::until;

const CLOUDFORMATION: Service = Service {
    id: "CloudFormation",
    prefix: "cloudformation",
    target: "",
};
const VERSION: &str = "2010-05-15";
/// A custom resource has an hour; none of ours needs that here.
const LONGEST: Duration = Duration::from_mins(15);

/// What became of a stack.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its status, such as `UPDATE_ROLLBACK_COMPLETE`.
    pub status: String,
    /// What its resources failed with, the latest first.
    pub reasons: Vec<String>,
}

/// Creates or updates a stack and waits until it is done.
///
/// # Errors
/// When the stack does not come to be; the message has what its resources failed with.
pub async fn deploy(sandbox: &Sandbox, stack: &Stack<'_>) -> Result<()> {
    let made = made(sandbox, stack).await?;
    let comes_to_be = matches!(made.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE");
    ensure!(
        comes_to_be,
        "cannot deploy stack `{}` to {}: {}\n{}",
        stack.name,
        stack.region,
        made.status,
        made.reasons.join("\n")
    );
    Ok(())
}

/// Creates or updates a stack, waits until it is done and says what became of it. Its template is a file's path or, where
/// it is large, its address in S3.
///
/// # Errors
/// When CloudFormation does not begin with it, or does not end within a quarter of an hour.
pub async fn made(sandbox: &Sandbox, stack: &Stack<'_>) -> Result<Made> {
    let config = sandbox.config_of(stack.account.unwrap_or("test"), stack.region);
    let cloudformation = client(&config);
    let what = format!("cannot deploy stack `{}` to {}", stack.name, stack.region);
    let path = stack.template.context("a stack without a template")?;
    let template = if path.starts_with("https://") {
        ("TemplateURL", path.to_owned())
    } else {
        let body = fs::read_to_string(workspace().join(path));
        let body = body.with_context(|| format!("cannot read {path}"))?;
        ("TemplateBody", body)
    };
    let mut asked = vec![
        ("StackName".to_owned(), stack.name),
        (template.0.to_owned(), &template.1),
        ("Capabilities.member.1".to_owned(), "CAPABILITY_NAMED_IAM"),
    ];
    for (number, (name, value)) in (1..).zip(stack.parameters) {
        let member = |part| format!("Parameters.member.{number}.{part}");
        asked.push((member("ParameterKey"), name));
        asked.push((member("ParameterValue"), value));
    }
    let asked: Vec<_> = asked
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let begun = match cloudformation.call("CreateStack", &asked).await {
        Err(error) if says(&error, "AlreadyExistsException") => {
            cloudformation.call("UpdateStack", &asked).await
        }
        other => other,
    };
    match begun {
        Err(error) if says(&error, "No updates are to be performed") => {}
        other => drop(other.context(what)?),
    }
    let end = format!("the end of stack `{}` in {}", stack.name, stack.region);
    let ended = until(&end, LONGEST, async || {
        let named = [("StackName", stack.name)];
        let answer = cloudformation.call("DescribeStacks", &named).await?;
        let status = all(&answer, "StackStatus", |node| {
            node.text().map(str::to_owned)
        })?
        .pop();
        Ok(status.filter(|status| !status.ends_with("_IN_PROGRESS")))
    });
    Ok(Made {
        status: ended.await?,
        reasons: failures(&cloudformation, stack.name).await?,
    })
}

/// The outputs of a stack.
///
/// # Errors
/// When there is no such stack.
pub async fn outputs(config: &SdkConfig, stack: &str) -> Result<BTreeMap<String, String>> {
    let named = [("StackName", stack)];
    let answer = client(config).call("DescribeStacks", &named).await;
    let answer = answer.with_context(|| format!("cannot look at stack `{stack}`"))?;
    pairs(&answer, "OutputKey", "OutputValue")
}

/// The physical ids of a stack's resources, by their logical ones.
///
/// # Errors
/// When there is no such stack.
pub async fn resources(config: &SdkConfig, stack: &str) -> Result<BTreeMap<String, String>> {
    let named = [("StackName", stack)];
    let answer = client(config).call("DescribeStackResources", &named).await;
    let answer = answer.with_context(|| format!("cannot list what stack `{stack}` has"))?;
    pairs(&answer, "LogicalResourceId", "PhysicalResourceId")
}

/// What its resources failed with since the last time that anything was asked of the stack, the latest first.
async fn failures(cloudformation: &Query, stack: &str) -> Result<Vec<String>> {
    let named = [("StackName", stack)];
    let answer = cloudformation.call("DescribeStackEvents", &named).await?;
    let events = all(&answer, "ResourceStatus", |status| {
        let event = status.parent()?;
        let resource = member(event, "LogicalResourceId")?;
        let reason = member(event, "ResourceStatusReason").unwrap_or_default();
        let status = status.text()?;
        let is_begin =
            resource == stack && matches!(status, "CREATE_IN_PROGRESS" | "UPDATE_IN_PROGRESS");
        Some((
            is_begin,
            status.ends_with("_FAILED"),
            format!("{resource} {status}: {reason}"),
        ))
    })?;
    let last = events.into_iter().take_while(|(is_begin, ..)| !is_begin);
    let failed = last.filter(|(_, failed, _)| *failed);
    Ok(failed.map(|(.., told)| told).collect())
}

fn client(config: &SdkConfig) -> Query {
    Query::new(config, CLOUDFORMATION, VERSION)
}

/// Whether CloudFormation refused with these words.
fn says(error: &aws_calls::Error, words: &str) -> bool {
    let refused = error.as_service_error();
    refused.is_some_and(|refused| refused.to_string().contains(words))
}

/// What `read` makes of each element with this name.
fn all<T>(answer: &str, name: &str, read: impl Fn(Node<'_, '_>) -> Option<T>) -> Result<Vec<T>> {
    let document = Document::parse(answer).context("CloudFormation answered no XML")?;
    let found = document
        .descendants()
        .filter(|node| node.tag_name().name() == name);
    Ok(found.filter_map(read).collect())
}

/// The texts of two members, wherever an element has both.
fn pairs(answer: &str, key: &str, value: &str) -> Result<BTreeMap<String, String>> {
    let found = all(answer, key, |found| {
        let value = member(found.parent()?, value)?;
        Some((found.text()?.to_owned(), value))
    });
    Ok(found?.into_iter().collect())
}

/// The text of a member.
fn member(of: Node<'_, '_>, name: &str) -> Option<String> {
    let mut members = of.children();
    let found = members.find(|node| node.tag_name().name() == name)?;
    found.text().map(str::to_owned)
}
