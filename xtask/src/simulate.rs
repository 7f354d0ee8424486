//! `cargo xtask simulate`: lives in the simulated world, compiled for speed and without the AWS SDK.

use std::process::Stdio;

use anyhow::{Context, Result};
use sandbox::tools::workspace;
use tokio::process::Command;

/// Lives so many lives from a seed on; true if no promise was broken. `new` more begin at a seed that the
/// time gives.
///
/// # Errors
/// Where Cargo cannot be started.
pub(crate) async fn run(seeds: u64, seed: u64, new: u64, all: bool) -> Result<bool> {
    let mut kept = lives(seeds, seed, all).await?;
    if new > 0 {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
        // Told with what it finds, so that it can be lived again.
        let seed = now.as_secs() * 1_000;
        kept &= lives(new, seed, all).await?;
    }
    Ok(kept)
}

async fn lives(seeds: u64, seed: u64, all: bool) -> Result<bool> {
    let mut command = Command::new(env!("CARGO"));
    command
        .current_dir(workspace())
        // By its package, which is why no SDK is compiled, and in the profile that optimizes quickly.
        .args([
            "run",
            "--locked",
            "--quiet",
            "--profile",
            "harness",
            "--package",
            "simulation",
            "--",
        ])
        .args(["--seeds", &seeds.to_string(), "--seed", &seed.to_string()])
        .stdin(Stdio::null());
    if all {
        command.arg("--all");
    }
    let status = command.status().await.context("cannot start cargo")?;
    Ok(status.success())
}
