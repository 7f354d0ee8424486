//! Direct invocations: questions that a person or a pipeline asks by `aws lambda invoke`. They are
//! answered from reads alone; nothing is changed. What changed behind the stacks' backs is looked for
//! in [`crate::drift`]. [`crate::proving`] writes its probes, and takes them away again;
//! [`crate::replay`] starts jobs.
//!
//! ```json
//! {"Action": "Plan", "ResourceProperties": {"SourceBucket": "…", "Rules": […]}}
//! ```

mod answer;
mod question;
mod subject;
mod table;

use std::time::Duration;

use custom_resource::Deadline;
use serde_json::Value;

use crate::drift::Detection;
use crate::ports::Aws;
use crate::proving::Proving;
use crate::replay::{Follow, replay};
use crate::replication::Installation;
use crate::teller::Teller;
use crate::watched::Survey;

pub(crate) use answer::answer;
pub(crate) use question::{Asked, Question, asked};
pub(crate) use subject::{recorded, whose};
pub(crate) use table::formatted;

/// Answers a question of somebody who is no function: nothing is told to anybody else, so that a look for
/// drift must say `"Report": false`.
///
/// # Errors
/// What is wrong with the question, or why AWS could not be read.
pub async fn ask<A: Aws>(
    aws: &A,
    installation: &Installation,
    payload: Value,
    within: Duration,
) -> Result<Value, String> {
    let teller = Teller {
        aws,
        installation,
        bus: None,
        function_arn: "",
        deadline: Deadline::after(within),
    };
    Box::pin(respond(teller, payload)).await
}

/// Answers a direct invocation.
pub(crate) async fn respond<A: Aws>(
    teller: Teller<'_, A>,
    payload: Value,
) -> Result<Value, String> {
    let Teller {
        aws,
        installation,
        deadline,
        ..
    } = teller;
    match asked(payload)? {
        Asked::Question(question) => answer(aws, installation, question).await,
        Asked::Whose(asked) => {
            let found = whose(aws, &installation.home.region, &asked).await?;
            Ok(formatted(found, asked.format))
        }
        Asked::Everywhere(asked) => {
            let seen = Box::pin(Survey { teller }.run(&asked)).await?;
            Ok(formatted(seen, asked.format))
        }
        Asked::Look(look) => {
            let seen = Box::pin(Detection { teller }.run(&look)).await?;
            Ok(formatted(seen, look.format))
        }
        Asked::Proof(wanted) => {
            let seen = Box::pin(Proving { teller }.run(&wanted)).await?;
            Ok(formatted(seen, wanted.format))
        }
        Asked::Replay(_) if teller.is_no_function() => {
            Err("only the provisioner's function replays: invoke it".to_owned())
        }
        Asked::Replay(asked) => {
            let begun = Box::pin(replay(aws, installation, &asked, deadline)).await?;
            Ok(formatted(begun, asked.format))
        }
        Asked::Job(mut asked) => {
            asked.report &= !teller.is_no_function();
            let seen = Box::pin(Follow { teller }.run(&asked)).await?;
            Ok(formatted(seen, asked.format))
        }
    }
}
