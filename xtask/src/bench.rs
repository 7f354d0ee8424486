//! `cargo xtask bench`: builds what is measured, then has `benches/` measure it.

use anyhow::{Result, ensure};
use sandbox::tools::{target_directory, workspace};
use sandbox::{Tools, guard, sam};
use tokio::process::Command;

use crate::progress::step;

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
    let mut measure = command(&tools, &["--profile", "harness"]);
    measure.arg("--python").arg(twin.join("python"));
    if record {
        measure.arg("--record");
    }
    let status = guard::Guarded::spawn(&mut measure)?.wait().await?;
    ensure!(status.success(), "the bench failed: {status}");
    Ok(())
}

/// The command that compares what does not depend on the clock with benches/recorded.json.
pub(crate) fn check(tools: &Tools) -> Command {
    let mut check = command(tools, &[]);
    check
        .arg("--python")
        .arg(tools.program("python"))
        .arg("--check");
    check
}

fn command(tools: &Tools, profile: &[&str]) -> Command {
    let target = target_directory();
    let mut command = tools.command("cargo");
    command
        .args(["run", "--quiet", "--locked", "--package", "bench"])
        .args(profile)
        .arg("--")
        .arg("--workspace")
        .arg(workspace())
        .arg("--functions")
        .arg(target.join("lambda"))
        .arg("--scratch")
        .arg(target.join("bench"));
    command
}
