//! The real SAM CLI: build, deploy and delete, as a user would.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Deserialize;
use tokio::process::Command;

use crate::guard;
use crate::place::Place;
use crate::tools::{Tools, target_directory, workspace};

/// One stack to deploy.
#[derive(Clone, Debug)]
pub struct Stack<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its Region.
    pub region: &'a str,
    /// Path of a template; without it, what `sam build` made of `template.yaml`.
    pub template: Option<&'a str>,
    /// In the sandbox, another account to deploy to than its first.
    pub account: Option<&'a str>,
    /// Template parameters.
    pub parameters: &'a [(&'a str, &'a str)],
}

/// Parameters of `template.yaml` that suit the sandbox: verdicts at once, nothing remembered.
pub const SANDBOX_PARAMETERS: &[(&str, &str)] = &[
    ("Architecture", ARCHITECTURE),
    ("BatchSize", "10"),
    ("BatchWindowSeconds", "0"),
    ("ExpectationTtlSeconds", "0"),
];
/// The architecture of this machine in Lambda's words. The sandbox runs the functions as processes.
pub const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") {
    "arm64"
} else {
    "x86_64"
};

/// The functions of `template.yaml`, in `functions/`.
pub const FUNCTIONS: [&str; 2] = ["provision-replication", "check-replica"];

/// `cargo lambda build` for one function. It runs in the function's directory, as SAM CLI has it, so
/// that Cargo goes by the settings there: `functions/check-replica/.cargo/config.toml`.
#[must_use]
pub fn compiler(tools: &Tools, function: &str) -> Command {
    let mut compile = tools.command("cargo");
    compile
        .args(["lambda", "build", "--release", "--locked"])
        .current_dir(workspace().join("functions").join(function))
        .env("CARGO_TARGET_DIR", target_directory())
        .env("CARGO_TERM_COLOR", "never");
    compile
}

/// Compiles both functions for Lambda and this machine's architecture.
///
/// # Errors
/// When the build fails; the message ends with the compiler's words.
pub async fn compile(tools: &Tools, mut on_line: impl FnMut(&str)) -> Result<()> {
    for function in FUNCTIONS {
        let what = format!("cannot compile {function}");
        guard::run(&what, compiler(tools, function), &mut on_line).await?;
    }
    Ok(())
}

/// Builds both functions for Lambda and this machine's architecture: `sam build`.
///
/// cargo-lambda goes first, and tells how far it is; SAM CLI, which does not, then finds everything
/// done.
///
/// # Errors
/// When the build fails; the message ends with the compiler's words.
pub async fn build(tools: &Tools, mut on_line: impl FnMut(&str)) -> Result<()> {
    compile(tools, &mut on_line).await?;
    let mut build = tools.command("sam");
    build
        .args(["build", "--config-env", "sandbox", "--beta-features"])
        .args([
            "--parameter-overrides",
            &format!("Architecture={ARCHITECTURE}"),
        ])
        .arg("--build-dir")
        .arg(target_directory().join("sam"))
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("CARGO_TERM_COLOR", "never");
    guard::run("cannot build the functions with SAM CLI", build, on_line).await?;
    Ok(())
}

/// The path of what [`build`] makes of `template.yaml`.
#[must_use]
pub fn built_template() -> PathBuf {
    target_directory().join("sam/template.yaml")
}

/// Creates or updates a stack and waits until it is done: `sam deploy`.
///
/// # Errors
/// When the stack does not come to be; the message ends with SAM's words, which hold the events.
pub async fn deploy(
    place: &impl Place,
    stack: &Stack<'_>,
    on_line: impl FnMut(&str),
) -> Result<()> {
    let mut command = place.command("sam", stack.region);
    if let Some(account) = stack.account {
        command.env("AWS_ACCESS_KEY_ID", account);
    }
    // SAM CLI looks for its settings beside the template, which may lie elsewhere.
    command
        .arg("deploy")
        .arg("--config-file")
        .arg(workspace().join("samconfig.toml"));
    command.args([
        "--config-env",
        place.sam_environment(),
        "--region",
        stack.region,
        "--no-progressbar",
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
    ]);
    command
        .args(["--stack-name", stack.name, "--resolve-s3"])
        .arg("--template-file");
    match stack.template {
        Some(path) => command.arg(path),
        None => command.arg(built_template()),
    };
    if !stack.parameters.is_empty() {
        command.arg("--parameter-overrides");
        for (name, value) in stack.parameters {
            // In quotation marks, as SAM CLI ends a value at its first space.
            command.arg(format!("ParameterKey={name},ParameterValue=\"{value}\""));
        }
    }
    let what = format!("cannot deploy stack `{}` to {}", stack.name, stack.region);
    guard::run(&what, command, on_line).await?;
    Ok(())
}

/// The outputs of a stack.
///
/// # Errors
/// When SAM CLI does not tell them.
pub async fn outputs(
    place: &impl Place,
    stack: &str,
    region: &str,
) -> Result<BTreeMap<String, String>> {
    let mut command = place.command("sam", region);
    command.args(["list", "stack-outputs", "--output", "json"]);
    command.args(["--stack-name", stack, "--region", region]);
    let what = format!("cannot list the outputs of stack `{stack}` in {region}");
    let printed = guard::run(&what, command, |_| {}).await?;
    let outputs: Vec<Output> = serde_json::from_str(&printed)
        .with_context(|| format!("SAM CLI printed no outputs: {printed}"))?;
    let pairs = outputs.into_iter();
    Ok(pairs
        .map(|output| (output.output_key, output.output_value))
        .collect())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Output {
    output_key: String,
    output_value: String,
}

/// Deletes a stack and waits until it is gone: `sam delete`.
///
/// # Errors
/// When the stack is still there; the message ends with SAM's words.
pub async fn delete(
    place: &impl Place,
    name: &str,
    region: &str,
    on_line: impl FnMut(&str),
) -> Result<()> {
    let mut command = place.command("sam", region);
    command
        .args(["delete", "--no-prompts", "--config-file"])
        .arg(workspace().join("samconfig.toml"))
        .args(["--config-env", place.sam_environment()]);
    command.args(["--region", region, "--stack-name", name]);
    guard::run(
        &format!("cannot delete stack `{name}` in {region}"),
        command,
        on_line,
    )
    .await?;
    Ok(())
}
