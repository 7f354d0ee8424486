//! Demo and soak. `cargo xtask` builds this and the functions, and goes on as it.

mod aws;
mod demo;
mod installed;
mod soak;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use sandbox::Tools;
use xtask::signals;

/// Use `cargo xtask demo` and `cargo xtask soak`, which build everything first.
#[derive(Parser)]
struct Arguments {
    /// The path of template.yaml as it was built
    #[arg(long)]
    template: String,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo {
        #[arg(long)]
        keep: bool,
        #[arg(long)]
        aws: bool,
        #[arg(long, requires = "aws")]
        yes: bool,
    },
    Soak {
        #[arg(long)]
        uploads: usize,
        #[arg(long)]
        seed: u64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    // On the heap, as it is large.
    signals::until_done(Box::pin(perform(Arguments::parse()))).await
}

async fn perform(arguments: Arguments) -> Result<bool> {
    let tools = Tools::install(|_| {}).await?;
    let template = arguments.template.as_str();
    match arguments.command {
        Command::Demo {
            keep,
            aws: true,
            yes,
        } => demo::run_on_aws(&tools, template, keep, yes).await,
        Command::Demo { keep, .. } => demo::run(&tools, template, keep).await,
        Command::Soak { uploads, seed } => soak::run(&tools, template, uploads, seed).await,
    }
}
