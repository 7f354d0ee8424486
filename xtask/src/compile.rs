//! Programs of the workspace, compiled for this machine.

use std::path::PathBuf;

use anyhow::Result;
use sandbox::tools::target_directory;
use sandbox::{Tools, guard};
use xtask::progress::step;

/// Compiles programs, as a step of its own.
pub(crate) async fn compiled(tools: &Tools, programs: &[&str]) -> Result<()> {
    let name = format!("Compile {} (minutes the first time)", programs.join(", "));
    step(&name, async |step| {
        compile(tools, programs, step.lines()).await
    })
    .await
}

/// Compiles programs; [`program`] is where they are then.
pub(crate) async fn compile(
    tools: &Tools,
    programs: &[&str],
    on_line: impl FnMut(&str),
) -> Result<()> {
    let mut build = tools.command("cargo");
    // By the workspace and not by their packages, which have other features alone: so functions, demo and
    // tests share one compiled SDK.
    build.args(["build", "--workspace", "--locked"]);
    for program in programs {
        build.args(["--bin", program]);
    }
    build.env("CARGO_TERM_COLOR", "never");
    guard::run("cannot compile", build, on_line).await?;
    Ok(())
}

/// The path of a compiled program.
pub(crate) fn program(name: &str) -> PathBuf {
    target_directory().join("debug").join(name)
}
