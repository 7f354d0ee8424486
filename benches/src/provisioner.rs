//! What the provisioner's requests cost in calls: told by the tests of `replication`, which run the
//! walkthrough's case on the in-memory AWS, where a call takes 50 ms of a clock that does not wait.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

/// One request.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Request {
    pub(crate) calls: u64,
    pub(crate) writes: u64,
    pub(crate) round_trips: u64,
    pub(crate) milliseconds: u64,
}

/// The requests by their names, such as `existing buckets, Create`.
pub(crate) type Requests = BTreeMap<String, Request>;

/// Each line of the tests that starts so is a name and a [`Request`] in JSON.
const MARK: &str = "provisioner-cost ";

/// Runs the tests and reads what they print.
pub(crate) fn measure(workspace: &Path) -> Result<Requests> {
    // Selected as `cargo xtask test` selects its unit tests: with other features for the SDK's
    // clients, all of them would be compiled once more.
    let output = Command::new("cargo")
        .args(["test", "--quiet", "--locked", "--workspace"])
        .args(["--exclude", "end-to-end", "--test", "provisioning"])
        .args(["--", "costs", "--nocapture"])
        .current_dir(workspace)
        .output()
        .context("cannot run cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "the tests of costs failed:\n{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let mut requests = Requests::new();
    for line in text.lines() {
        let Some((_, cost)) = line.split_once(MARK) else {
            continue;
        };
        let (name, cost): (String, Request) = serde_json::from_str(cost)?;
        requests.insert(name, cost);
    }
    ensure!(!requests.is_empty(), "the tests of costs told none");
    Ok(requests)
}
