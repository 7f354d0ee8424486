//! Lambda functions of the evidence: wires `evidence` to AWS. One program, with one of two tasks, each under a role of
//! its own: who signs asks nothing, and who asks signs nothing.
//!
//! | environment | task |
//! |---|---|
//! | `EVIDENCE_BUCKET`, `SIGNING_KEY_ARN` | seals each day; its schedule invokes it with any event |
//! | `ATHENA_WORK_GROUP`, `ATHENA_DATABASE`, `EVIDENCE_BUCKET` | answers AWS Config's rule with how each bucket stands; at any other event shows the checker what has no verdict |
//!
//! Each answers with what it did. What it could not do is an error, so that the alarm on the function's errors rings.

mod asking;
mod sealing;
mod variables;

use std::time::Duration;

use aws_names::Home;
use expectation::Time;
use lambda_runtime::{Context, Diagnostic, Error};

use self::variables::Variables;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing_subscriber::fmt()
        .json()
        .with_current_span(false)
        .with_ansi(false)
        .with_writer(std::io::stderr)
        .init();
    let variables = Variables::of_process();
    if variables.has(asking::ATHENA_WORK_GROUP) {
        Box::pin(asking::run(&variables)).await
    } else {
        Box::pin(sealing::run(&variables)).await
    }
}

/// The lake's bucket.
const EVIDENCE_BUCKET: &str = "EVIDENCE_BUCKET";
/// What is left of an invocation's time when nothing further is begun.
const SPARE: Duration = Duration::from_mins(1);

/// When no day and no look is begun any more.
fn deadline(context: &Context) -> Time {
    let deadline = Duration::from_millis(context.deadline).saturating_sub(SPARE);
    Time::from_secs(i64::try_from(deadline.as_secs()).unwrap_or(i64::MAX))
}

/// Whose function it is that was invoked, and where.
fn home(context: &Context) -> Result<Home, Diagnostic> {
    Home::of_function(&context.invoked_function_arn).ok_or_else(|| {
        failed(
            "NoFunctionArn",
            "Lambda did not say which function was invoked".to_owned(),
        )
    })
}

fn failed(kind: &str, words: String) -> Diagnostic {
    Diagnostic {
        error_type: kind.to_owned(),
        error_message: words,
    }
}
