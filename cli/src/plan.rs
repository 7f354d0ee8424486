//! `plan`: what a stack would do, and the policies that it needs.

mod template;

use std::path::PathBuf;
use std::time::Duration;

use replication::Installation;
use replication::direct;
use serde_json::{Map, Value, json};

use self::template::Values;
use crate::failure::Failure;
use crate::session::Session;
use crate::{Context, Outcome};

/// A plan is some forty calls.
const PATIENCE: Duration = Duration::from_mins(5);

/// CloudFormation's own properties of a custom resource.
const OF_CLOUDFORMATION: [&str; 2] = ["ServiceToken", "ServiceTimeout"];

/// What `plan` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  encrypted-replication plan properties.yaml
  encrypted-replication plan --template stack.yaml --resource Replication --parameter SourceBucket=tax-documents
  encrypted-replication plan properties.json --output json

FILE holds the properties of Custom::EncryptedReplication, as YAML or JSON. In a template, !Ref, !Sub, !GetAtt and !Join
are resolved by the defaults of its parameters and by --parameter.

Exit status: 0 nothing would change, 1 something would or cannot be done, 2 could not look.")]
pub struct Arguments {
    /// A file with the resource's properties
    #[arg(required_unless_present = "template", conflicts_with = "template")]
    pub file: Option<PathBuf>,
    /// A CloudFormation template
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,
    /// The resource's name in the template, where it has several
    #[arg(long, value_name = "NAME", requires = "template")]
    pub resource: Option<String>,
    /// The value of a template's parameter, or of an attribute such as Key.Arn
    #[arg(long, value_name = "NAME=VALUE", value_parser = parameter)]
    pub parameter: Vec<(String, String)>,
    /// The resource's physical id (its `Ref`), where it is there already and others have rules on the bucket too
    #[arg(long, value_name = "ID")]
    pub physical_id: Option<String>,
    /// ARN of the checker's queue, as the provisioner was installed with
    #[arg(long, value_name = "ARN")]
    pub queue_arn: Option<String>,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Shows what a Create or Update with these properties would do.
///
/// # Errors
/// Where the file cannot be read, a value is missing in it, or AWS could not be read.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let document = read(arguments)?;
    let resource = arguments.resource.as_deref();
    let given = template::properties(&document, resource).map_err(Failure::Asked)?;
    let session = context.session().await?;
    let properties = resolved(&document, given, arguments, &session)?;
    let installation = Installation {
        home: session.home().clone(),
        queue_arn: arguments.queue_arn.clone(),
        required_boundary: None,
        allowed: replication::Allowed::default(),
    };
    let mut question = json!({"Action": "Plan", "ResourceProperties": properties});
    if let (Some(id), Some(members)) = (&arguments.physical_id, question.as_object_mut()) {
        members.insert("PhysicalResourceId".to_owned(), id.clone().into());
    }
    let aws = session.aws();
    let answer = Box::pin(direct::ask(&aws, &installation, question, PATIENCE)).await;
    let answer = answer.map_err(|why| session.failed_with(&why))?;
    context.output.document(&answer, &text(&answer))?;
    let is_empty = |name: &str| {
        answer
            .get(name)
            .and_then(Value::as_array)
            .is_none_or(Vec::is_empty)
    };
    Ok(Outcome::of(!is_empty("Faults") || !is_empty("Phases")))
}

fn read(arguments: &Arguments) -> Result<Value, Failure> {
    let path = arguments.template.as_ref().or(arguments.file.as_ref());
    let Some(path) = path else {
        return Err(Failure::Asked("give a FILE, or --template".to_owned()));
    };
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::Asked(format!("cannot read {name}: {error}")))?;
    template::parse(&text)
        .map_err(|why| Failure::Asked(format!("{name} is neither YAML nor JSON: {why}")))
}

fn resolved(
    document: &Value,
    mut given: Map<String, Value>,
    arguments: &Arguments,
    session: &Session,
) -> Result<Map<String, Value>, Failure> {
    for name in OF_CLOUDFORMATION {
        given.remove(name);
    }
    let home = session.home();
    let pseudo = [
        ("AWS::AccountId", home.account.as_str()),
        ("AWS::Partition", home.partition.as_str()),
        ("AWS::Region", home.region.as_str()),
    ];
    let values = Values::new(document, &pseudo, &arguments.parameter);
    values
        .resolve(given)
        .map_err(|missing| Failure::Asked(missing.join("\n")))
}

/// The plan as people read it: what keeps it from being done, the steps, the policies.
fn text(answer: &Value) -> String {
    let mut lines = Vec::new();
    let list = |name: &str| {
        answer
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
    };
    for (name, title) in [("Faults", "It cannot be done"), ("Warnings", "To know")] {
        for (number, fault) in list(name).filter_map(Value::as_str).enumerate() {
            if number == 0 {
                lines.push(format!("{title}:"));
            }
            lines.push(format!("  {}. {fault}", number + 1));
        }
    }
    let mut steps = 0;
    for (number, phase) in list("Phases").enumerate() {
        lines.push(format!("Phase {}:", number + 1));
        for step in phase.as_array().into_iter().flatten() {
            steps += 1;
            let summary = step
                .get("Summary")
                .and_then(Value::as_str)
                .unwrap_or_default();
            lines.push(format!("  {summary}"));
        }
    }
    if steps == 0 && list("Faults").next().is_none() {
        lines.push("Nothing would change.".to_owned());
    }
    if let Some(policies) = answer
        .get("Policies")
        .filter(|found| found.as_object().is_some_and(|all| !all.is_empty()))
    {
        lines.push("Policies:".to_owned());
        lines.push(format!("{policies:#}"));
    }
    lines.join("\n")
}
