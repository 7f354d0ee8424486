//! What the functions cost, measured in one run: `cargo xtask bench` builds what this needs and
//! starts it.
//!
//! The programs run as plain processes against Lambda's Runtime API and AWS's services on the
//! loopback address, on a processor of their own; the servers and the clock are in this process, on
//! another. All programs take turns, so that what else the machine does falls on all of them alike.

mod chart;
mod clocked;
mod cloud;
mod connection;
mod document;
mod events;
mod function;
mod instructions;
mod measure;
mod prices;
mod provisioner;
mod recorded;
mod results;
mod rows;
mod runtime_api;
mod steady;
mod table;
mod tls;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use clap::Parser;

use crate::clocked::{Effort, Places};
use crate::function::{Program, Role};
use crate::results::{Peer, Results};

/// Measures what the functions cost. Use `cargo xtask bench`, which builds everything first.
#[derive(Debug, Parser)]
struct Arguments {
    /// The workspace
    #[arg(long)]
    workspace: PathBuf,
    /// What cargo-lambda has built
    #[arg(long)]
    functions: PathBuf,
    /// A Python interpreter; the twin's packages are needed unless `--check` is given
    #[arg(long)]
    python: PathBuf,
    /// For files of the run
    #[arg(long)]
    scratch: PathBuf,
    /// Processes started, of each program
    #[arg(long, default_value_t = 30)]
    starts: usize,
    /// Replicas judged for each size of batch, at least three batches
    #[arg(long, default_value_t = 5000)]
    replicas: usize,
    /// Write the figures to benches/recorded.json, docs/BENCH.md and docs/bench.svg
    #[arg(long)]
    record: bool,
    /// Measure only what depends on the clock: for trying a change out
    #[arg(long, conflicts_with_all = ["record", "check"])]
    clock_only: bool,
    /// Measure only what does not depend on the clock, and compare it with benches/recorded.json
    #[arg(long, conflicts_with = "record")]
    check: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = if arguments.check {
        check(&arguments).await
    } else {
        measure(&arguments).await.map(|()| true)
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

impl Arguments {
    /// A function as cargo-lambda has built it.
    fn rust(&self, name: &'static str) -> Program {
        let directory = self.functions.join(name);
        Program {
            name,
            command: vec![directory.join("bootstrap")],
            directory,
        }
    }

    /// The twin, under AWS's own runtime client.
    fn twin(&self) -> Program {
        let module = ["-m", "awslambdaric", "handler.handler"].map(PathBuf::from);
        Program {
            name: "twin",
            command: [self.python.clone()].into_iter().chain(module).collect(),
            directory: self.workspace.join("benches/twin"),
        }
    }

    async fn steady(&self) -> Result<results::Steady> {
        let functions = [
            self.rust("check-replica"),
            self.rust("provision-replication"),
        ];
        let mut steady =
            steady::measure(&self.python, &self.workspace, &functions, &self.scratch).await?;
        let [checker, _] = &functions;
        steady.instructions_per_replica = instructions::per_replica(checker, &self.scratch).await?;
        Ok(steady)
    }
}

async fn check(arguments: &Arguments) -> Result<bool> {
    fs::create_dir_all(&arguments.scratch)?;
    let steady = arguments.steady().await?;
    recorded::check(&recorded::path(&arguments.workspace), &steady)
}

async fn measure(arguments: &Arguments) -> Result<()> {
    fs::create_dir_all(&arguments.scratch)?;
    // Before anything is pinned: it compiles the tests.
    let steady = if arguments.clock_only {
        results::Steady::default()
    } else {
        arguments.steady().await?
    };
    function::pin(Role::Bench);
    let mut results = clocked(arguments).await?;
    results.steady = steady;
    fs::write(
        arguments.scratch.join("results.json"),
        serde_json::to_string_pretty(&results)?,
    )?;
    let rows = rows::rows(&results);
    println!("{}", table::terminal(&rows));
    if arguments.record {
        recorded::write(&recorded::path(&arguments.workspace), &results.steady)?;
        document::write(&arguments.workspace, &results, &rows)?;
    }
    Ok(())
}

/// Cold starts, large batches, warm batches.
async fn clocked(arguments: &Arguments) -> Result<Results> {
    let effort = Effort {
        starts: arguments.starts,
        replicas: arguments.replicas,
    };
    let places = Places {
        directory: arguments.scratch.clone(),
        tls: tls::acceptor(&public_authorities(&arguments.python)?, &arguments.scratch)?,
    };
    let checker = arguments.rust("check-replica");
    let (function, client) = (
        arguments.rust("bare-function"),
        arguments.rust("bare-client"),
    );
    let twin = arguments.twin();

    eprintln!("cold starts");
    let mut peers = [const { Peer::new() }; 3];
    let programs = [checker.clone(), function, twin.clone()];
    clocked::cold(&programs, &places, effort, &mut peers).await?;
    let [ours, bare_function, twin_so_far] = peers;

    let mut peers = [ours, Peer::new(), twin_so_far];
    eprintln!("memory");
    let direct_memory = clocked::direct(&checker, &places).await?;
    let programs = [checker, client, twin];
    let judges = |program: &Program| program.name != "bare-client";
    clocked::large(&programs, &places, &mut peers, judges).await?;
    eprintln!("batches");
    clocked::warm(&programs, &places, effort, &mut peers).await?;
    let [ours, bare_client, twin] = peers;
    Ok(Results {
        ours,
        bare_function,
        bare_client,
        twin,
        direct_memory,
        ..Results::default()
    })
}

/// The authorities that botocore brings: about as many as Amazon Linux has.
fn public_authorities(python: &Path) -> Result<PathBuf> {
    let output = Command::new(python)
        .args(["-c", "import botocore; print(botocore.__file__)"])
        .output()
        .context("cannot run python")?;
    let module = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(module.with_file_name("cacert.pem"))
}
