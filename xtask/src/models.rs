//! `cargo xtask models`: AWS's newest API models beside what the code declares as handled.

use anyhow::Result;
use sandbox::{Tools, guard};

use xtask::progress::step;

/// Compares, and prints what is new or gone; true where nothing is. See `models/check.py`.
///
/// # Errors
/// Where the tools or the models cannot be installed.
pub(crate) async fn run(botocore: Option<&str>, accept: bool) -> Result<bool> {
    let tools = step("Tools in target/venv", async |step| {
        Tools::install(step.lines()).await
    })
    .await?;
    let mut command = tools.command("python");
    command.args(["models/check.py", "--site"]);
    command.arg(format!("target/models/{}", botocore.unwrap_or("pinned")));
    if let Some(version) = botocore {
        command.args(["--botocore", version]);
    }
    if accept {
        command.arg("--accept");
    }
    let finished = step("AWS's models", async |step| {
        guard::finish(command, step.lines()).await
    })
    .await?;
    print!("{}", finished.stdout);
    if !finished.status.success() && finished.stdout.is_empty() {
        anyhow::bail!("{}", finished.tail.join("\n"));
    }
    Ok(finished.status.success())
}
