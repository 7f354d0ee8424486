//! `cargo xtask package`: what a release consists of, in `target/package`.
//!
//! The same commit gives the same bytes, with the toolchain of `rust-toolchain.toml`: no file bears a
//! time, an owner or an order that depends on the machine. A panic's message names its source file
//! below Cargo's home directory, so that directory has to be the same one too.

pub(crate) mod archive;
mod sbom;
pub(crate) mod template;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use sandbox::tools::{target_directory, workspace};
use sandbox::{Tools, guard, sam};
use sha2::{Digest, Sha256};

use xtask::progress::{Step, step};

/// What the template's metadata for the Serverless Application Repository names, beside it.
const BESIDE: [&str; 2] = ["LICENSE-APACHE", "README.md"];
const CHECKSUMS: &str = "SHA256SUMS";

/// A processor of Lambda's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Architecture {
    /// Graviton
    Arm64,
    /// Intel and AMD
    X86_64,
}

impl Architecture {
    const ALL: [Self; 2] = [Self::Arm64, Self::X86_64];
    /// That of this machine.
    pub(crate) const OWN: Self = if cfg!(target_arch = "aarch64") {
        Self::Arm64
    } else {
        Self::X86_64
    };

    /// In Lambda's words.
    fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// The option of `cargo lambda build`.
    fn option(self) -> &'static str {
        match self {
            Self::Arm64 => "--arm64",
            Self::X86_64 => "--x86-64",
        }
    }

    /// In Rust's words.
    fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }

    /// The name of a function's zip.
    pub(crate) fn archive(self, function: &str) -> String {
        format!("{function}-{}.zip", self.name())
    }

    /// The name of a packaged template.
    fn template(self, which: &str) -> String {
        format!("{which}-{}.yaml", self.name())
    }

    /// The name of the template without macros, for stack sets.
    fn stack_sets(self) -> String {
        format!("stack-sets-{}.json", self.name())
    }

    /// Whether the target's standard library is installed.
    fn is_installed(self) -> Result<bool> {
        let asked = std::process::Command::new("rustc")
            .args(["--print", "target-libdir", "--target", self.target()])
            .current_dir(workspace())
            .output()
            .context("cannot ask rustc for its targets")?;
        let directory = String::from_utf8_lossy(&asked.stdout);
        Ok(asked.status.success() && Path::new(directory.trim()).is_dir())
    }
}

/// Builds and packs for these architectures; for all whose target is installed, where none is named.
pub(crate) async fn run(named: &[Architecture]) -> Result<()> {
    let mut architectures = Vec::new();
    for architecture in Architecture::ALL {
        if named.contains(&architecture) || (named.is_empty() && architecture.is_installed()?) {
            architectures.push(architecture);
        } else if named.is_empty() {
            eprintln!(
                "not for {}: `rustup target add {}` makes it possible",
                architecture.name(),
                architecture.target()
            );
        }
    }
    let tools = step("Tools in target/venv", async |step| {
        Tools::install(step.lines()).await
    })
    .await?;
    let directory = target_directory().join("package");
    if directory.exists() {
        fs::remove_dir_all(&directory).context("cannot remove the last package")?;
    }
    fs::create_dir_all(&directory).context("cannot create the package's directory")?;
    for architecture in architectures {
        let name = format!("Build and pack for {}", architecture.name());
        step(&name, async |step| {
            pack(&tools, architecture, &directory, step).await
        })
        .await?;
    }
    copy_beside(&directory)?;
    let sums = checksums(&directory)?;
    fs::write(directory.join(CHECKSUMS), &sums).context("cannot write the checksums")?;
    println!("{sums}\nin {}", directory.display());
    Ok(())
}

/// Copies what the template names beside itself into its directory.
pub(crate) fn copy_beside(directory: &Path) -> Result<()> {
    for name in BESIDE {
        fs::copy(workspace().join(name), directory.join(name))
            .with_context(|| format!("cannot copy {name}"))?;
    }
    Ok(())
}

async fn pack(
    tools: &Tools,
    architecture: Architecture,
    directory: &Path,
    step: Step,
) -> Result<()> {
    let built = target_directory().join("lambda").join(architecture.name());
    // The evidence's after the checker, of whose compiled SDK it is.
    let functions = sam::FUNCTIONS.into_iter().chain([template::EVIDENCE]);
    for function in functions.clone() {
        let mut compile = sam::compiler(tools, function);
        compile
            .arg(architecture.option())
            .arg("--lambda-dir")
            .arg(&built);
        let what = format!("cannot compile {function}");
        guard::run(&what, compile, step.lines()).await?;
    }

    let lock = read(&workspace().join("Cargo.lock"))?;
    for function in functions {
        let bootstrap = built.join(function).join("bootstrap");
        let bootstrap = fs::read(&bootstrap)
            .with_context(|| format!("cannot read `{}`", bootstrap.display()))?;
        let zip = archive::of(&bootstrap)?;
        let name = architecture.archive(function);
        fs::write(directory.join(&name), &zip).with_context(|| format!("cannot write {name}"))?;

        let tree = tree(tools, function, architecture).await?;
        let bill = sbom::of(&tree, &lock, &name, &sha256(&zip))?;
        let name = format!("{function}-{}.cdx.json", architecture.name());
        fs::write(directory.join(&name), bill).with_context(|| format!("cannot write {name}"))?;
    }
    let source = |name: &str| read(&workspace().join(name).with_extension("yaml"));
    let packaged = template::packaged(&source("template")?, architecture)?;
    let evidence = template::packaged_evidence(&source("evidence")?, architecture)?;
    for (which, text) in [("template", packaged), ("evidence", evidence)] {
        let name = architecture.template(which);
        fs::write(directory.join(&name), text).with_context(|| format!("cannot write {name}"))?;
    }
    // Nothing is built of it, and it is the same for each architecture.
    let region = "evidence-region.yaml";
    fs::copy(workspace().join(region), directory.join(region))
        .with_context(|| format!("cannot copy {region}"))?;
    let name = architecture.stack_sets();
    let mut expand = tools.command("python");
    expand.args([
        "sandbox/expand.py",
        "template.yaml",
        "--stack-sets",
        architecture.name(),
    ]);
    let expanded = guard::run("cannot make the template for stack sets", expand, |_| {}).await?;
    fs::write(directory.join(&name), expanded).with_context(|| format!("cannot write {name}"))?;
    Ok(())
}

/// What is compiled into a function, as Cargo says.
async fn tree(tools: &Tools, function: &str, architecture: Architecture) -> Result<String> {
    let mut command = tools.command("cargo");
    command
        .args(["tree", "--locked", "--package", function])
        .args(["--edges", "normal,no-proc-macro", "--prefix", "depth"])
        .args(["--target", architecture.target()])
        .args(["--format", sbom::FORMAT])
        .env("CARGO_TERM_COLOR", "never");
    guard::run("cannot list what is in a function", command, |_| {}).await
}

/// As `sha256sum` prints them, and `sha256sum --check` reads them.
fn checksums(directory: &Path) -> Result<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).context("cannot list the package")? {
        let name = entry.context("cannot list the package")?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    ensure!(!names.is_empty(), "nothing was packed");
    let mut lines = Vec::new();
    for name in names {
        let content = fs::read(directory.join(&name)).with_context(|| name.clone())?;
        lines.push(format!("{}  {name}\n", sha256(&content)));
    }
    Ok(lines.concat())
}

fn sha256(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let digits: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = include_str!("../../../template.yaml");

    #[test]
    fn the_metadata_for_the_application_repository_has_this_version_and_files_that_are_packed() {
        let version = format!("SemanticVersion: {}\n", env!("CARGO_PKG_VERSION"));
        assert!(TEMPLATE.contains(&version), "no `{}`", version.trim());
        for (field, file) in ["LicenseUrl", "ReadmeUrl"].iter().zip(BESIDE) {
            let line = format!("{field}: {file}\n");
            assert!(TEMPLATE.contains(&line), "no `{}`", line.trim());
        }
    }

    #[test]
    fn a_checksum_is_written_in_hexadecimal() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
    }
}
