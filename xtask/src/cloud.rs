//! `cargo xtask demo` and `cargo xtask soak`: builds the functions and the program that plays
//! (`xtask/cloud`), and goes on as that.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command as StdCommand;

use anyhow::{Context, Result};
use sandbox::tools::{target_directory, workspace};
use sandbox::{Tools, sam};
use xtask::progress::step;

use crate::compile::{compiled, program};
use crate::package::{Architecture, archive, copy_beside, template};

/// The program that plays.
const PROGRAM: &str = "xtask-cloud";

/// How the functions are compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Functions {
    /// For this machine, as the tests are: the sandbox runs them as processes.
    Local,
    /// As they are released.
    Lambda,
    /// Those of a template that somebody has made.
    Built(PathBuf),
}

/// Builds everything, and becomes the program that plays; returns only where that fails.
pub(crate) async fn go_on(functions: Functions, arguments: &[String]) -> Result<bool> {
    let tools = Tools::of_this_machine()?;
    let install = step(
        "Tools in target/venv: MiniStack, SAM CLI, cargo-lambda",
        async |step| Tools::install(step.lines()).await,
    );
    let template = match functions {
        Functions::Local => {
            let mut programs = sam::FUNCTIONS.to_vec();
            programs.push(PROGRAM);
            // Beside each other: the one waits for the network, the other compiles.
            let (_, ()) = tokio::try_join!(install, compiled(&tools, &programs))?;
            step("Pack both functions", async |_| packed()).await?
        }
        Functions::Lambda => {
            let tools = install.await?;
            step(
                "Build both functions for Lambda (minutes the first time)",
                async |step| sam::build(&tools, step.lines()).await,
            )
            .await?;
            compiled(&tools, &[PROGRAM]).await?;
            sam::built_template()
        }
        Functions::Built(template) => {
            install.await?;
            compiled(&tools, &[PROGRAM]).await?;
            template
        }
    };
    let error = StdCommand::new(program(PROGRAM))
        .current_dir(workspace())
        .arg("--template")
        .arg(template)
        .args(arguments)
        .exec();
    Err(error).with_context(|| format!("cannot start {PROGRAM}"))
}

/// `template.yaml` with the functions as they were compiled for this machine, in `target/local`;
/// returns its path.
fn packed() -> Result<PathBuf> {
    let directory = target_directory().join("local");
    fs::create_dir_all(&directory).context("cannot create target/local")?;
    for function in sam::FUNCTIONS {
        let path = program(function);
        let bootstrap =
            fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
        let zip = archive::stored(&bootstrap)?;
        write(&directory.join(Architecture::OWN.archive(function)), &zip)?;
    }
    copy_beside(&directory)?;
    let source = fs::read_to_string(workspace().join("template.yaml"));
    let source = source.context("cannot read template.yaml")?;
    let path = directory.join("template.yaml");
    let local = template::packaged(&source, Architecture::OWN)?;
    write(&path, local.as_bytes())?;
    Ok(path)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write `{}`", path.display()))
}
