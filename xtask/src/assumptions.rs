//! `cargo xtask assumptions`: what is believed of AWS, tried. The experiments are data, in `assumptions/`;
//! `assumptions/run.py` does them by botocore, whose newest models have what the SDK for Rust lacks yet.

use std::os::unix::process::CommandExt;
use std::process::Command as StdCommand;

use anyhow::{Context, Result};
use sandbox::tools::workspace;
use sandbox::{Sandbox, Tools, guard};
use xtask::progress::step;

const RUN: &str = "assumptions/run.py";
/// Where `cargo xtask models` has the pinned botocore too.
const SITE: &str = "target/models/pinned";
const REGION: &str = "us-east-1";

/// Where they are tried, and what becomes of the results.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// At this address instead, as another stand-in for AWS has one
    #[arg(long, value_name = "URL", requires = "name")]
    endpoint: Option<String>,
    /// What stands at that address, as in assumptions/differences.yaml
    #[arg(long, requires = "endpoint")]
    name: Option<String>,
    /// On your own AWS account, in us-east-1 and us-west-2; asks before it makes anything
    #[arg(long, conflicts_with = "endpoint")]
    aws: bool,
    /// Do not ask
    #[arg(long, requires = "aws")]
    yes: bool,
    /// Keep what was seen, in assumptions/recorded
    #[arg(long)]
    record: bool,
    /// Only those that have this in their names
    #[arg(long, default_value = "", hide_default_value = true)]
    only: String,
}

/// Tries them; true where all hold that can be tried there.
///
/// # Errors
/// Where the tools cannot be had, or the sandbox does not start.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    let tools = step("Tools in target/venv", async |step| {
        Tools::install(step.lines()).await
    })
    .await?;
    step("AWS's models", async |step| {
        let mut install = tools.command("python");
        install.args(["models/check.py", "--install-only", "--site", SITE]);
        guard::run("cannot install AWS's models", install, step.lines()).await
    })
    .await?;
    if options.aws || options.endpoint.is_some() {
        return go_on(&tools, options);
    }
    let sandbox = step("Start the sandbox", async |_| {
        Sandbox::start(&tools, 0).await
    })
    .await?;
    let mut python = sandbox.command("python", REGION);
    python.args(arguments(options, "sandbox", Some(sandbox.endpoint())));
    let finished = step("Try what is believed", async |step| {
        guard::finish(python, step.lines()).await
    })
    .await?;
    print!("{}", finished.stdout);
    if !finished.status.success() {
        eprintln!("{}", finished.tail.join("\n"));
    }
    Ok(finished.status.success())
}

/// Becomes the program that tries them, which takes away what it made also when it is stopped; returns
/// only where that fails.
fn go_on(tools: &Tools, options: &Options) -> Result<bool> {
    let place = options.name.as_deref().unwrap_or("aws");
    let mut python = StdCommand::new(tools.program("python"));
    python
        .current_dir(workspace())
        .args(arguments(options, place, options.endpoint.as_deref()));
    if options.endpoint.is_some() {
        python
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
    }
    Err(python.exec()).with_context(|| format!("cannot start {RUN}"))
}

fn arguments(options: &Options, place: &str, endpoint: Option<&str>) -> Vec<String> {
    let mut arguments = vec![RUN, place, "--site", SITE];
    arguments.extend(endpoint.iter().flat_map(|url| ["--endpoint", *url]));
    arguments.extend(options.record.then_some("--record"));
    arguments.extend(options.yes.then_some("--yes"));
    if !options.only.is_empty() {
        arguments.extend(["--only", &options.only]);
    }
    arguments.into_iter().map(str::to_owned).collect()
}
