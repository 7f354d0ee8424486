//! `cargo xtask strangers`: the crate `custom-resource` as somebody has it who has nothing else of this workspace.
//!
//! Packed as for a registry, and used outside the workspace by the program and the settings that its README prints,
//! with the newest of what it depends on.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sandbox::tools::target_directory;
use sandbox::{Sandbox, Tools, greeting, guard};

use xtask::progress::step;

/// The name of the program.
const PROGRAM: &str = "stranger";
/// What the README cannot print: a package's name, and that the crate is not from a registry.
const PACKAGE: &str = r#"[package]
name = "stranger"
version = "0.1.0"
edition = "2024"

[workspace]

[patch.crates-io]
custom-resource = { path = "../crate" }

"#;
const UNPACK: &str = "import sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    archive.extractall(sys.argv[2], filter='data')";

/// Packs the crate, compiles the README's program with it and runs that in the local cloud; true if it greets.
pub(crate) async fn run() -> Result<bool> {
    let tools = step("Tools in target/venv", async |step| {
        Tools::install(step.lines()).await
    })
    .await?;
    let outside = Outside::new()?;
    step("Pack custom-resource", async |_| {
        let packed = pack(&tools).await?;
        unpack(&tools, &packed, &outside.0).await
    })
    .await?;
    write_project(&outside.0)?;
    step(
        "Compile the README's program outside the workspace (minutes)",
        async |step| compile(&tools, &outside.0, step.lines()).await,
    )
    .await?;
    step("Run it in the local cloud", async |_| {
        let sandbox = Sandbox::start(&tools, 0).await?;
        greeting::greets(&sandbox, &built().join("debug").join(PROGRAM)).await
    })
    .await?;
    println!(
        "what the README of custom-resource prints compiles from the packed crate, and greets"
    );
    Ok(true)
}

/// A directory that no file of this workspace has any say in.
struct Outside(PathBuf);

impl Outside {
    fn new() -> Result<Self> {
        let directory = env::temp_dir().join(format!("stranger-{}", std::process::id()));
        fs::create_dir(&directory)
            .with_context(|| format!("cannot make `{}`", directory.display()))?;
        Ok(Self(directory))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        // What cannot be removed is the temporary directory's business.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Where it is compiled, so that a second run takes seconds.
fn built() -> PathBuf {
    target_directory().join("strangers")
}

/// Cargo's own package, of which it finds nothing to warn.
async fn pack(tools: &Tools) -> Result<PathBuf> {
    let mut pack = tools.command("cargo");
    pack.args(["package", "--package", "custom-resource", "--locked"])
        // The stranger's program compiles it.
        .args(["--no-verify", "--allow-dirty", "--target-dir"])
        .arg(built())
        .env("CARGO_TERM_COLOR", "never");
    let mut warnings = Vec::new();
    guard::run("cannot pack custom-resource", pack, |line| {
        if line.starts_with("warning") {
            warnings.push(line.to_owned());
        }
    })
    .await?;
    ensure!(warnings.is_empty(), "{}", warnings.join("\n"));
    let version = env!("CARGO_PKG_VERSION");
    Ok(built().join(format!("package/custom-resource-{version}.crate")))
}

async fn unpack(tools: &Tools, packed: &Path, outside: &Path) -> Result<()> {
    let mut unpack = tools.command("python");
    unpack.args(["-c", UNPACK]).arg(packed).arg(outside);
    guard::run("cannot unpack the crate", unpack, |_| {}).await?;
    let name = packed.file_stem().context("a crate without a name")?;
    fs::rename(outside.join(name), outside.join("crate"))?;
    Ok(())
}

/// The project of somebody who copies what the packed README prints.
fn write_project(outside: &Path) -> Result<()> {
    let readme = fs::read_to_string(outside.join("crate/README.md"))?;
    let program = block(&readme, "rust,no_run").context("the README prints no program")?;
    let settings = block(&readme, "toml").context("the README prints no settings")?;
    let project = outside.join("project");
    fs::create_dir_all(project.join("src"))?;
    fs::write(project.join("src/main.rs"), program)?;
    fs::write(project.join("Cargo.toml"), format!("{PACKAGE}{settings}"))?;
    Ok(())
}

/// The first block of code that is marked so.
fn block<'a>(page: &'a str, language: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("```{language}\n"))?;
    rest.split_once("```").map(|(block, _)| block)
}

async fn compile(tools: &Tools, outside: &Path, on_line: impl FnMut(&str)) -> Result<()> {
    let mut build = tools.command("cargo");
    build
        .args(["build", "--target-dir"])
        .arg(built())
        .current_dir(outside.join("project"))
        .env("CARGO_TERM_COLOR", "never");
    guard::run("the README's program does not compile", build, on_line).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_what_stands_between_its_fences() {
        let page = "text\n```toml\na = 1\n```\n```rust,no_run\nfn main() {}\n```\n";
        assert_eq!(block(page, "toml"), Some("a = 1\n"));
        assert_eq!(block(page, "rust,no_run"), Some("fn main() {}\n"));
        assert_eq!(block(page, "rust"), None);
    }
}
