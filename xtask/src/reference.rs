//! `cargo xtask reference`: the pages of `docs/` that the code makes, written anew by the tests that hold
//! them against it.

use anyhow::{Result, bail};
use sandbox::tools::workspace;
use sandbox::{Tools, guard};
use tokio::process::Command;
use xtask::progress::step;

/// What the tests look for: where it is set they write, where not they compare.
const UPDATE: &str = "UPDATE_REFERENCE";

/// The tests that make pages, and what they make.
const PAGES: [(&str, &[&str]); 6] = [
    (
        "docs/REFERENCE.md and the JSON Schema",
        &["--package", "replication", "--test", "reference"],
    ),
    (
        "docs/VERDICTS.md",
        &["--package", "compliance", "--test", "reference"],
    ),
    (
        "tables of docs/COMMAND.md and docs/COMPARE.md",
        &["--package", "encrypted-replication", "--lib", "document"],
    ),
    (
        "columns and queries of evidence.yaml",
        &["--package", "evidence", "--lib", "template"],
    ),
    (
        "docs/MESSAGES.md",
        &[
            "--package",
            "replication",
            "--test",
            "provisioning",
            "scenarios::messages",
        ],
    ),
    (
        "docs/FAULTS.md (a minute)",
        &[
            "--package",
            "replication",
            "--test",
            "provisioning",
            "properties::faults::the_page",
        ],
    ),
];

/// The page that is made of data and recordings, by itself.
const ASSUMPTIONS: &str = "docs/ASSUMPTIONS.md";

/// Writes every page.
///
/// # Errors
/// Where the tools cannot be had, or a test did not compile or fails by more than its page.
pub(crate) async fn run() -> Result<()> {
    step(ASSUMPTIONS, async |step| {
        let tools = Tools::install(step.lines()).await?;
        let mut write = tools.command("python");
        write.arg("assumptions/page.py");
        guard::run("cannot write the page", write, |_| {}).await
    })
    .await?;
    for (pages, arguments) in PAGES {
        step(pages, async |_| {
            let mut cargo = Command::new("cargo");
            let cargo = cargo.args(["test", "--quiet"]).args(arguments);
            let output = cargo
                .current_dir(workspace())
                .env(UPDATE, "1")
                .kill_on_drop(true)
                .output()
                .await?;
            if output.status.success() {
                return Ok(());
            }
            bail!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            )
        })
        .await?;
    }
    Ok(())
}
