//! The same core as a command for people: it looks at replication that is there, whoever set it up, and
//! writes nothing.
//!
//! # How a command is added
//!
//! A command is a module with two things: `Arguments`, which derives [`clap::Args`], with the examples of
//! its help in `after_help`; and `run(&Arguments, &Context) -> Result<Outcome, Failure>`. Its line in
//! [`arguments::Command`] and its arm in `perform` put it before people, when it works and not before.
//!
//! `run` opens a [`session::Session`] (credentials, Region, whose account it is), reads by the ports of the
//! crates or by the session's own clients, tells how far it is by [`progress::Progress`], and puts what it
//! found into [`output::Output`], row by row, in whatever form was asked for. What it could not do is a
//! [`failure::Failure`]: [`session::Session::failed`] adds who called. Whether anything was found is its
//! [`Outcome`], which becomes the exit status.
//!
//! Every call to AWS that a command makes stands in [`calls::CALLS`], with the permission that it takes:
//! the words of a refusal and `docs/read-only-policy.json` come from there.

pub mod arguments;
pub mod audit;
pub mod bucket;
pub mod calls;
pub mod checks;
mod clock;
pub mod compare;
pub mod coverage;
pub mod diagnose;
#[cfg(test)]
mod documented;
pub mod drift;
pub mod explain;
pub mod failure;
pub mod generate;
pub mod listing;
pub mod looking;
pub mod output;
pub mod pace;
pub mod plan;
pub mod progress;
pub mod report;
pub mod scan;
pub mod session;
mod shell;
mod signals;
pub mod verify;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};

use crate::arguments::{Arguments, Command, Common};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;

/// What a command that could look found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing that needs doing: exit status 0.
    Nothing,
    /// Something: exit status 1.
    Something,
}

impl Outcome {
    /// Something, where `found`.
    #[must_use]
    pub const fn of(found: bool) -> Self {
        if found {
            Self::Something
        } else {
            Self::Nothing
        }
    }
}

/// The exit status of a command that could not look.
const COULD_NOT_LOOK: u8 = 2;

/// What every command is given.
#[derive(Debug)]
pub struct Context {
    /// The options that all commands have.
    pub common: Common,
    /// Where what is found goes, and in which form.
    pub output: Output,
}

impl Context {
    /// Opens the way to AWS.
    ///
    /// # Errors
    /// Where there are no credentials, no Region, or AWS does not take them.
    pub async fn session(&self) -> Result<Session, Failure> {
        Session::open(
            self.common.profile.as_deref(),
            self.common.region.as_deref(),
        )
        .await
    }
}

/// The whole command, from its arguments to its exit status.
pub async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let context = Context {
        output: Output::to_standard(arguments.common.output),
        common: arguments.common,
    };
    let outcome = tokio::select! {
        outcome = Box::pin(perform(&arguments.command, &context)) => outcome,
        status = signals::received() => return status,
    };
    match outcome {
        Ok(Outcome::Nothing) => ExitCode::SUCCESS,
        Ok(Outcome::Something) => ExitCode::FAILURE,
        // Whoever reads has seen enough, as `head` has.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(COULD_NOT_LOOK)
        }
    }
}

async fn perform(command: &Command, context: &Context) -> Result<Outcome, Failure> {
    match command {
        Command::Audit(arguments) => audit::run(arguments, context).await,
        Command::Compare(arguments) => compare::run(arguments, context).await,
        Command::Scan(arguments) => Box::pin(scan::run(arguments, context)).await,
        Command::Diagnose(arguments) => Box::pin(diagnose::run(arguments, context)).await,
        Command::Plan(arguments) => Box::pin(plan::run(arguments, context)).await,
        Command::Drift(arguments) => Box::pin(drift::run(arguments, context)).await,
        Command::Coverage(arguments) => Box::pin(coverage::run(arguments, context)).await,
        Command::Report(arguments) => Box::pin(report::run(arguments, context)).await,
        Command::Verify(arguments) => Box::pin(verify::run(arguments, context)).await,
        Command::Explain(arguments) => explain::run(arguments, context),
        Command::Completions(arguments) => generate::completions(arguments, Arguments::command()),
        Command::Man => generate::man(Arguments::command()),
    }
}
