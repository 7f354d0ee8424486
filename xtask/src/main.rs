//! The project's own commands: demo, test, sandbox, bench, soak, simulate, fuzz, mutants, package.

mod assumptions;
mod bench;
mod checkov;
mod cloud;
mod compile;
mod fuzz;
mod models;
mod mutants;
mod package;
mod reference;
mod simulate;
mod strangers;
mod suite;
mod wrapper;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::{serve, signals};

use cloud::Functions;

/// Everything this project does on your own machine. No AWS account, no container.
///
/// What is needed beyond Rust and Python 3.10 is installed below target/, the first time.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  cargo xtask demo              see replicas judged, in a local cloud, then tidy up
  cargo xtask demo --keep       the same, and go on from there with aws and sam
  cargo xtask demo --aws        the same on your own AWS account, after asking
  cargo xtask sandbox           an empty local cloud, until Ctrl-C
  cargo xtask test              everything CI runs
  cargo xtask bench             what the functions cost, beside a boto3 twin
  cargo xtask soak --uploads 500
                                a few minutes of load while everything around it fails
  cargo xtask simulate --seeds 5000
                                lives in a world in memory, and the shortest story that breaks it
  cargo xtask fuzz event --seconds 600
                                ten minutes of inputs that nobody sends
  cargo xtask mutants --crate expectation
                                whether the tests notice small mistakes
  cargo xtask assumptions --aws what is believed of AWS, tried on your own account
  cargo xtask package           zips, checksums and template of a release";

#[derive(Subcommand)]
enum Command {
    /// The whole job, end to end: build, deploy, replicate, judge
    ///
    /// Compiles both functions for this machine, starts the local cloud, deploys template.yaml with
    /// SAM CLI in two Regions, deploys examples/walkthrough.yaml, uploads objects, breaks the
    /// replication in three ways, and prints every object with its verdict. Exits with 0 only if
    /// every object got the verdict it should.
    Demo {
        /// Leave the local cloud running with everything in it, and print how to use it
        #[arg(long)]
        keep: bool,
        /// With the functions as they are released, built for Lambda by SAM CLI; takes minutes more
        #[arg(long)]
        release: bool,
        /// On your own AWS account instead, in us-east-1 and us-west-2; asks before it makes anything
        ///
        /// Uses the credentials that the AWS CLI would. They must be good for an hour.
        #[arg(long)]
        aws: bool,
        /// Do not ask
        #[arg(long, requires = "aws")]
        yes: bool,
    },
    /// Everything CI runs, the quick checks first
    ///
    /// Format, lints, templates, unit and documentation tests, the local cloud's own tests, the
    /// functions' build, and the end-to-end tests. All steps run even if one fails; exits with 0
    /// only if all passed.
    Test {
        /// Only the checks that have this in their names
        #[arg(
            long,
            default_value = "",
            hide_default_value = true,
            value_name = "NAME"
        )]
        only: String,
    },
    /// What the functions cost, measured in one run
    ///
    /// Cold start, CPU and time per replica, memory, size, calls and their price, beside a bare Rust
    /// function, a bare HTTP client and a boto3 twin. Takes some minutes, more the first time, and
    /// wants a machine that does nothing else.
    Bench {
        /// Record the figures: benches/recorded.json, docs/BENCH.md, docs/bench.svg
        #[arg(long)]
        record: bool,
    },
    /// Load and faults in the local cloud: whether a verdict is ever lost or wrong
    ///
    /// Uploads objects of all sizes, keys and kinds of encryption under rules that are right, wrong
    /// or broken, while every tenth answer of AWS to the checker is throttling, a 500, a 503, a
    /// timeout or a cut connection, events come twice or late, and the checker is killed in the
    /// middle of batches. Then mends what was broken, sends the dead letters back, compares every
    /// verdict with how its object was made, and prints the counts. 10,000 uploads take about
    /// ten minutes. Exits with 0 only if nothing was lost or misjudged.
    Soak {
        /// How many objects; at least 500, so that there is something of everything
        #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(500..=100_000))]
        uploads: u32,
        /// Draws uploads and faults: the same seed, the same draws
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// With the functions of this template, as `package` or `demo` made it; without it, they are
        /// built for Lambda first
        #[arg(long, value_name = "PATH")]
        template: Option<PathBuf>,
    },
    /// Lives in the simulated world: whether a promise is ever broken
    ///
    /// Each seed is one life: stacks on shared buckets, people and tools beside them, uploads without
    /// pause, both functions over an AWS in memory that fails and is late. Prints what happened and each
    /// broken promise with its seed and its shortest story. Exits with 0 only if none is broken.
    Simulate {
        /// How many lives
        #[arg(long, default_value_t = 1_000)]
        seeds: u64,
        /// The first one's seed; the next ones count on
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// So many more, from seeds that the time gives
        #[arg(long, default_value_t = 0)]
        new: u64,
        /// Go on after a broken promise, and tell each kind once
        #[arg(long)]
        all: bool,
    },
    /// Inputs that nobody sends: whether everything that reads from outside holds
    ///
    /// Builds what reads events, properties and requests with coverage, without the AWS SDK, and lets
    /// libFuzzer change the sample events for as long as it is told. What leads to new places is kept
    /// in target/fuzz/corpus for the next run, what breaks something in target/fuzz/findings. Exits
    /// with 0 only if nothing broke.
    Fuzz {
        /// Which; without it, all
        #[arg(value_enum)]
        target: Vec<fuzz::Target>,
        /// For how long, each
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
        seconds: u32,
        /// With the libraries as they are compiled for the tests, without coverage: built sooner, and slower
        #[arg(long)]
        quick: bool,
    },
    /// Small mistakes put into what decides, one by one: whether a test notices
    ///
    /// cargo-mutants on the parts that decide. What the unit tests of its crate do not notice, all its
    /// tests are asked, and then those of both halves and lives in the simulated world. Hours for all.
    /// Exits with 0 only if 95 % are noticed and every other one is recorded in xtask/survivors.json
    /// with its reason.
    Mutants(mutants::Options),
    /// What a release consists of, in target/package
    ///
    /// Two zips for each architecture, a template that deploys them without building anything, a
    /// CycloneDX bill of materials of each function, and SHA256SUMS. The same commit gives the same
    /// bytes.
    Package {
        /// Only for this one; without it, for each whose Rust target is installed
        #[arg(long, value_enum)]
        architecture: Vec<package::Architecture>,
    },
    /// AWS's API models beside what the code handles, in models/handled.txt
    ///
    /// Of every operation that the functions call: members, values, errors, and the actions of IAM.
    /// Exits with 0 only if nothing is new.
    Models {
        /// Compare with these models of botocore, or with the `newest`; without it, the pinned ones
        #[arg(long, value_name = "VERSION")]
        botocore: Option<String>,
        /// Write models/handled.txt anew, once what is new was thought about
        #[arg(long)]
        accept: bool,
    },
    /// What is believed of AWS, tried: in the local cloud, at another address, or on your own account
    ///
    /// Each belief of assumptions/ is an experiment. On AWS it costs well below 1 USD, takes up to an
    /// hour, and takes away what it made. Exits with 0 only if all hold that can be tried there.
    Assumptions(assumptions::Options),
    /// The pages of docs/ that the code makes, written anew
    ///
    /// REFERENCE.md with the JSON Schema, VERDICTS.md, MESSAGES.md, FAULTS.md and ASSUMPTIONS.md. The tests fail where one is stale.
    Reference,
    /// The crate custom-resource for somebody who has nothing else of this workspace
    ///
    /// Packs it as for a registry, compiles the program and the settings that its README prints outside the
    /// workspace, with the newest of what it depends on, and runs the function in the local cloud. Exits with 0
    /// only if it greets. Minutes of compiling the first time.
    Strangers,
    /// The local cloud alone, in the foreground, until Ctrl-C
    Sandbox {
        /// Port on 127.0.0.1; 0 takes a free one
        #[arg(long, default_value_t = 4566)]
        port: u16,
        /// real: what was just made is not known everywhere at once, as on AWS and sixty times faster
        #[arg(long, value_enum)]
        weather: Option<serve::Weather>,
    },
}

fn main() -> ExitCode {
    suite::compiler::instead()
        .or_else(fuzz::instead)
        .unwrap_or_else(command)
}

#[tokio::main]
async fn command() -> ExitCode {
    signals::until_done(perform(Arguments::parse().command)).await
}

async fn perform(command: Command) -> Result<bool> {
    match command {
        Command::Demo {
            keep,
            release,
            aws,
            yes,
        } => {
            let options = [("--keep", keep), ("--aws", aws), ("--yes", yes)];
            let given = options.iter().filter(|(_, given)| *given);
            let mut arguments = vec!["demo".to_owned()];
            arguments.extend(given.map(|(option, _)| (*option).to_owned()));
            let functions = if release || aws {
                Functions::Lambda
            } else {
                Functions::Local
            };
            cloud::go_on(functions, &arguments).await
        }
        Command::Test { only } => suite::run(&only).await,
        Command::Bench { record } => bench::run(record).await.map(|()| true),
        Command::Soak {
            uploads,
            seed,
            template,
        } => {
            let arguments = [
                "soak".to_owned(),
                format!("--uploads={uploads}"),
                format!("--seed={seed}"),
            ];
            let functions = template.map_or(Functions::Lambda, Functions::Built);
            cloud::go_on(functions, &arguments).await
        }
        Command::Simulate {
            seeds,
            seed,
            new,
            all,
        } => simulate::run(seeds, seed, new, all).await,
        Command::Fuzz {
            target,
            seconds,
            quick,
        } => fuzz::run(&target, seconds, quick).await,
        Command::Mutants(options) => mutants::run(&options).await,
        Command::Package { architecture } => package::run(&architecture).await.map(|()| true),
        Command::Models { botocore, accept } => models::run(botocore.as_deref(), accept).await,
        Command::Assumptions(options) => assumptions::run(&options).await,
        Command::Reference => reference::run().await.map(|()| true),
        Command::Strangers => strangers::run().await,
        Command::Sandbox { port, weather } => serve::run(port, weather).await.map(|()| true),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    const FOLDERS: [&str; 4] = ["..", "../docs", "../events", "../examples"];
    const COMMAND: &str = "cargo xtask ";

    /// What is printed as one of our commands, with the page it stands on.
    fn printed() -> Vec<(String, String)> {
        let mut found = Vec::new();
        for folder in FOLDERS {
            for entry in fs::read_dir(folder).unwrap() {
                let path: PathBuf = entry.unwrap().path();
                if path.extension().is_none_or(|kind| kind != "md") {
                    continue;
                }
                let text = fs::read_to_string(&path).unwrap();
                for rest in text.split(COMMAND).skip(1) {
                    let words = rest.split(['`', '\n', '#']).next().unwrap_or_default();
                    found.push((path.display().to_string(), words.trim().to_owned()));
                }
            }
        }
        found
    }

    #[test]
    fn every_command_of_ours_that_the_documents_print_is_taken() {
        let printed = printed();
        assert!(printed.len() > 20, "{printed:?}");
        for (page, command) in printed {
            let words = ["xtask"].into_iter().chain(command.split_whitespace());
            if let Err(error) = Arguments::try_parse_from(words) {
                panic!("{page}: `{COMMAND}{command}`: {error}");
            }
        }
    }
}
