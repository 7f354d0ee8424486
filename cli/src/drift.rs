//! `drift`: what was changed behind the stacks' backs.

use std::time::Duration;

use replication::Installation;
use replication::direct;
use serde::Serialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::output::{Row, Tone};
use crate::progress::Progress;
use crate::{Context, Outcome};

/// A look at one resource is some twenty calls.
const PATIENCE: Duration = Duration::from_mins(15);

/// What `drift` takes.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Examples:
  encrypted-replication drift
  encrypted-replication drift --region us-east-1 --output json
  encrypted-replication drift encrypted-replication/tax-documents/er0123456789abcdef0123

Looks at the resources that stacks of this Region have provisioned. For replication that something else set up, see
`scan` and `diagnose`.

Exit status: 0 nothing has changed, 1 something has, 2 could not look.")]
pub struct Arguments {
    /// A resource's physical id (its `Ref`); all where it is left out
    pub physical_id: Option<String>,
    /// ARN of the checker's queue, as the provisioner was installed with
    #[arg(long, value_name = "ARN")]
    pub queue_arn: Option<String>,
}

/// One resource, or one thing of it that has changed.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
struct Seen(Value);

impl Seen {
    fn text(&self, name: &str) -> String {
        match self.0.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Array(items)) => {
                let items = items.iter().map(|item| {
                    item.as_str()
                        .map_or_else(|| item.to_string(), str::to_owned)
                });
                items.collect::<Vec<_>>().join("; ")
            }
            Some(Value::Null) | None => String::new(),
            Some(other) => other.to_string(),
        }
    }
}

impl Row for Seen {
    const COLUMNS: &'static [&'static str] = &["result", "stack", "resource", "bucket", "told"];

    fn cells(&self) -> Vec<String> {
        let told = ["Changes", "Reason", "Remedy"].map(|name| self.text(name));
        let told: Vec<_> = told.into_iter().filter(|text| !text.is_empty()).collect();
        let stack = self.text("StackId");
        // arn:PARTITION:cloudformation:REGION:ACCOUNT:stack/NAME/ID
        let stack = stack.split('/').nth(1).unwrap_or(&stack);
        vec![
            self.text("Result"),
            stack.to_owned(),
            self.text("LogicalResourceId"),
            self.text("SourceBucket"),
            told.join("; "),
        ]
    }

    fn tone(&self, column: &str) -> Tone {
        match (column, self.text("Result").as_str()) {
            ("result", "IN_SYNC") => Tone::Good,
            ("result", "DRIFTED") => Tone::Bad,
            ("result", _) => Tone::Doubtful,
            _ => Tone::Plain,
        }
    }
}

/// Compares each resource with what it was asked for.
///
/// # Errors
/// Where the records cannot be read.
pub async fn run(arguments: &Arguments, context: &Context) -> Result<Outcome, Failure> {
    let session = context.session().await?;
    let installation = Installation {
        home: session.home().clone(),
        queue_arn: arguments.queue_arn.clone(),
        required_boundary: None,
        allowed: replication::Allowed::default(),
    };
    let mut question = json!({"Action": "DetectDrift", "Report": false});
    if let (Some(id), Some(members)) = (&arguments.physical_id, question.as_object_mut()) {
        members.insert("PhysicalResourceId".to_owned(), id.clone().into());
    }
    let progress = Progress::new("resources", None);
    let aws = session.aws();
    let answer = Box::pin(direct::ask(&aws, &installation, question, PATIENCE)).await;
    drop(progress);
    let answer = answer.map_err(|why| session.failed_with(&why))?;
    let resources = answer
        .get("Resources")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let is =
        |found: &Value, status: &str| found.get("Result").and_then(Value::as_str) == Some(status);
    let drifted = resources
        .iter()
        .filter(|found| is(found, "DRIFTED"))
        .count();
    let unknown = resources
        .iter()
        .filter(|found| is(found, "UNKNOWN"))
        .count();
    let missed = answer
        .get("NotLookedAt")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    let unknown = unknown + missed;
    let all = resources.len() + missed;
    let mut rows = context.output.rows();
    for found in resources {
        rows.push(Seen(found))?;
    }
    rows.finish()?;
    context.output.remark(format_args!(
        "{all} resources in {}: {drifted} drifted, {unknown} undetermined.",
        session.home().region
    ))?;
    if drifted == 0 && unknown > 0 {
        return Err(Failure::NoWay(format!(
            "{unknown} of {all} resources could not be looked at"
        )));
    }
    Ok(Outcome::of(drifted > 0))
}
