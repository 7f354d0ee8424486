//! `cargo xtask bench`: builds what is measured, then has `benches/` measure it.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use sandbox::tools::{target_directory, workspace};
use sandbox::{Tools, guard, sam};
use tokio::process::Command;

use xtask::progress::step;

use crate::compile::{compile, program};

/// The twin's packages.
const REQUIREMENTS: &str = "benches/twin/requirements.txt";

/// Measures everything and prints the table.
pub(crate) async fn run(record: bool) -> Result<()> {
    let tools = step("Tools in target/venv", async |step| {
        Tools::install(step.lines()).await
    })
    .await?;
    step("Functions", async |step| {
        sam::compile(&tools, step.lines()).await
    })
    .await?;
    step("Bare function and bare client", async |step| {
        // In the checker's directory, so that they are compiled as it is.
        let mut command = sam::compiler(&tools, "check-replica");
        command.args(["--package", "bench-peers"]);
        guard::run("cannot compile the peers", command, step.lines()).await
    })
    .await?;
    let twin = step("Twin in target/twin", async |step| {
        let lines = step.lines();
        tools.environment("twin", REQUIREMENTS, &[], lines).await
    })
    .await?;
    // To the terminal as it comes: it tells what it is at, and ends with the table.
    let mut measure = tools.command("cargo");
    measure
        .args(["run", "--quiet", "--locked", "--package", "bench"])
        .args(["--profile", "harness", "--"]);
    say_where(&mut measure, &target_directory().join("lambda"));
    measure.arg("--python").arg(twin.join("python"));
    if record {
        measure.arg("--record");
    }
    let status = guard::Guarded::spawn(&mut measure)?.wait().await?;
    ensure!(status.success(), "the bench failed: {status}");
    Ok(())
}

/// The command that compares what does not depend on the clock with benches/recorded.json; the bench is
/// compiled first.
pub(crate) async fn check(tools: &Tools, on_line: impl FnMut(&str)) -> Result<Command> {
    compile(tools, &["bench"], on_line).await?;
    // A copy, so that nobody has to replace a program that runs here.
    let functions = target_directory().join("bench/functions");
    for function in sam::FUNCTIONS {
        let directory = functions.join(function);
        fs::create_dir_all(&directory).context("cannot create target/bench")?;
        let built = target_directory().join("lambda").join(function);
        fs::copy(built.join("bootstrap"), directory.join("bootstrap"))
            .with_context(|| format!("{function} is not built for Lambda"))?;
    }
    let mut check = tools.command(&program("bench").to_string_lossy());
    say_where(&mut check, &functions);
    check
        .arg("--python")
        .arg(tools.program("python"))
        .arg("--check");
    Ok(check)
}

fn say_where(bench: &mut Command, functions: &Path) {
    bench
        .arg("--workspace")
        .arg(workspace())
        .arg("--functions")
        .arg(functions)
        .arg("--scratch")
        .arg(target_directory().join("bench"));
}
