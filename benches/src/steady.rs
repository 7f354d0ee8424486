//! What does not depend on the clock: sizes, calls and, where there is valgrind, instructions.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::cloud::Cloud;
use crate::function::Program;
use crate::measure::{Given, large};
use crate::provisioner;
use crate::results::Steady;

/// The zip as SAM CLI makes it: Python's, with its usual level.
const ZIP: &str = "import io, sys, zipfile
data = io.BytesIO()
with zipfile.ZipFile(data, 'w', zipfile.ZIP_DEFLATED) as archive:
    archive.write(sys.argv[1], 'bootstrap')
print(len(data.getvalue()))";

/// Measures it all, but for the instructions.
pub(crate) async fn measure(
    python: &Path,
    workspace: &Path,
    functions: &[Program],
    directory: &Path,
) -> Result<Steady> {
    let mut steady = Steady {
        provisioner: provisioner::measure(workspace)?,
        ..Steady::default()
    };
    for function in functions {
        let size = zip_size(python, function)?;
        steady.zip.insert(function.name.to_owned(), size);
    }
    if let Some(checker) = functions.iter().find(|one| one.name == "check-replica") {
        let cloud = Cloud::start(None).await?;
        let output = directory.join("calls.log");
        let large = large(checker, &cloud, &output, (Given::Messages, 1000), true).await?;
        steady.heads_per_replica = f64::from(u32::try_from(large.heads)?) / 1000.0;
        steady.other_calls = large.others;
    }
    Ok(steady)
}

fn zip_size(python: &Path, function: &Program) -> Result<u64> {
    let bootstrap = function
        .command
        .first()
        .context("a program without a path")?;
    let output = Command::new(python)
        .args(["-I", "-c", ZIP])
        .arg(bootstrap)
        .output()
        .context("cannot run python")?;
    ensure!(
        output.status.success(),
        "cannot zip {}: {}",
        function.name,
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse()?)
}
