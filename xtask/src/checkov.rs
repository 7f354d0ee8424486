//! checkov on the templates, as a user's pipeline runs it. Exceptions stand in the templates, each with
//! its reason.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sandbox::tools::{target_directory, workspace};
use sandbox::{Tools, guard};
use tokio::process::Command;

/// Pinned with hashes, apart from the other tools: checkov wants other versions of what they need.
const REQUIREMENTS: &str = "sandbox/checkov.txt";
const EXAMPLES: [&str; 2] = ["examples", "examples/two-accounts"];

/// The command that checks; installs checkov in `target/checkov` first, where it is missing.
///
/// # Errors
/// When a package cannot be had or has another hash.
pub(crate) async fn check(tools: &Tools, mut on_line: impl FnMut(&str)) -> Result<Command> {
    let directory = target_directory().join("checkov");
    let bin = directory.join("bin");
    let requirements = fs::read_to_string(workspace().join(REQUIREMENTS))
        .with_context(|| format!("cannot read {REQUIREMENTS}"))?;
    let stamp = directory.join("installed.txt");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == requirements) {
        let mut create = tools.command("python");
        create.args(["-m", "venv", "--clear"]).arg(&directory);
        guard::run("cannot create checkov's environment", create, &mut on_line).await?;
        let mut install = tools.command(&bin.join("python").to_string_lossy());
        install
            .args(["-m", "pip", "install", "--disable-pip-version-check"])
            .args(["--no-input", "--require-hashes", "--progress-bar", "off"])
            .args(["-r", REQUIREMENTS]);
        guard::run("cannot install checkov with pip", install, &mut on_line).await?;
        fs::write(&stamp, requirements).context("cannot note what was installed")?;
    }
    let mut check = tools.command(&bin.join("checkov").to_string_lossy());
    check
        .args(["--framework", "cloudformation"])
        // Without the last, it asks its maker's server for guidelines.
        .args(["--quiet", "--compact", "--skip-download"])
        .args(["--file", "template.yaml"])
        .args(examples()?);
    Ok(check)
}

fn examples() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for directory in EXAMPLES {
        let entries = fs::read_dir(workspace().join(directory));
        for entry in entries.with_context(|| format!("cannot list {directory}"))? {
            let path = entry.with_context(|| directory.to_owned())?.path();
            if path.extension().is_some_and(|ending| ending == "yaml") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
