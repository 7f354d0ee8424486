//! checkov on the templates, as a user's pipeline runs it. Exceptions stand in the templates, each with
//! its reason.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use sandbox::Tools;
use sandbox::tools::{REQUIRE_HASHES, workspace};
use tokio::process::Command;

/// Pinned with hashes, apart from the other tools: checkov wants other versions of what they need.
const REQUIREMENTS: &str = "sandbox/checkov.txt";
const TEMPLATES: [&str; 3] = ["template.yaml", "evidence.yaml", "evidence-region.yaml"];
const EXAMPLES: [&str; 3] = ["examples", "examples/organisation", "examples/two-accounts"];

/// The command that checks; installs checkov in `target/checkov` first, where it is missing.
///
/// # Errors
/// When a package cannot be had or has another hash.
pub(crate) async fn check(tools: &Tools, on_line: impl FnMut(&str)) -> Result<Command> {
    let options = &[REQUIRE_HASHES];
    let programs = tools
        .environment("checkov", REQUIREMENTS, options, on_line)
        .await?;
    let mut check = tools.command(&programs.join("checkov").to_string_lossy());
    check
        .args(["--framework", "cloudformation"])
        // Without the last, it asks its maker's server for guidelines.
        .args(["--quiet", "--compact", "--skip-download"])
        .arg("--file")
        .args(TEMPLATES)
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
