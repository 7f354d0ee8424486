//! `cargo xtask fuzz`: libFuzzer on what reads bytes from outside, with the pinned toolchain.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::ValueEnum;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use sandbox::tools::{target_directory, workspace};
use sandbox::{Tools, guard};
use tokio::process::Command;

use crate::wrapper;
use xtask::progress::step;

/// The profile of the workspace's `Cargo.toml`, and its directory below the target's.
const PROFILE: &str = "fuzz";
/// What this program is called where Cargo calls it as the compiler of what is fuzzed.
const COMPILER: &str = "coverage-compiler";
/// Tells it what to add to the arguments of rustc, in words.
const FLAGS: &str = "COVERAGE_FLAGS";
/// What libFuzzer goes by: which edges were taken, what was compared with what, how deep the stack is.
/// <https://clang.llvm.org/docs/SanitizerCoverage.html>
const COVERAGE: [&str; 8] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
    // Branches that were folded into one look taken alike.
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "--cfg=fuzzing",
];
/// For our own crates in the profile of the tests: thousands of inputs a second instead of hundreds.
const OPTIMIZED: [&str; 2] = ["-Copt-level=1", "-Clto=off"];
/// What every run begins from; and a target's own in `fuzz/seeds`, where it reads no events.
const SEEDS: [&str; 2] = ["events", "events/hostile"];
/// Longer inputs than the largest seed only cost time.
const LONGEST_INPUT: usize = 16 * 1024;
/// An input that takes longer than this is a finding.
const LONGEST_TIME: Duration = Duration::from_secs(5);

/// A door that bytes from outside come in at: a program in `fuzz/fuzz_targets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// The checker's payloads and messages
    Event,
    /// Expectations in Parameter Store
    Expectation,
    /// Policies of buckets and keys that ours join
    Policy,
    /// The properties of the custom resource
    Properties,
    /// CloudFormation's requests
    Request,
}

impl Target {
    const fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Expectation => "expectation",
            Self::Policy => "policy",
            Self::Properties => "properties",
            Self::Request => "request",
        }
    }
}

/// Fuzzes each target for so many seconds, all of them where none is given; true if nothing was found. `quick` is
/// quick to build: our own crates alone are compiled for it.
pub(crate) async fn run(targets: &[Target], seconds: u32, quick: bool) -> Result<bool> {
    let tools = step("Tools in target/venv", async |step| {
        Tools::install(step.lines()).await
    })
    .await?;
    let name = "Build with coverage (minutes the first time)";
    let programs = step(name, async |step| build(&tools, quick, step.lines()).await).await?;
    let targets = if targets.is_empty() {
        Target::value_variants()
    } else {
        targets
    };
    let fuzzing = Fuzzing {
        tools,
        programs,
        seconds,
    };
    let mut runs = Vec::new();
    for target in targets {
        let name = format!("Fuzz {} for {seconds} s", target.name());
        let run = step(&name, async |step| fuzzing.run(*target, step.lines()).await).await?;
        if let Some(report) = &run.report {
            eprintln!("{report}\n");
        }
        runs.push(run);
    }
    println!("\n{}", table(&runs));
    Ok(runs.iter().all(|run| run.report.is_none()))
}

/// What came of compiling with coverage, where Cargo called this program for that.
pub(crate) fn instead() -> Option<ExitCode> {
    let (_, rustc, arguments) = wrapper::called_as(COMPILER)?;
    let mut compile = std::process::Command::new(rustc);
    compile.args(arguments);
    compile.args(env::var(FLAGS).ok()?.split(' '));
    Some(wrapper::ended([compile]))
}

/// Builds what is fuzzed, and returns where the targets are. Memory safety is the compiler's, as there is no unsafe
/// code: so it needs no sanitizer, which a nightly toolchain alone has.
///
/// With coverage is all that runs in the targets; where it is to be `quick`, our own crates alone, with what they use
/// as it is compiled for the tests.
async fn build(tools: &Tools, quick: bool, on_line: impl FnMut(&str)) -> Result<PathBuf> {
    let directory = target_directory().join("fuzz");
    fs::create_dir_all(&directory).context("cannot create target/fuzz")?;
    let mut build = tools.command("cargo");
    build
        .args(["build", "--locked"])
        .env("CARGO_TERM_COLOR", "never");
    let mut flags = COVERAGE.join(" ");
    if !has_compiler(tools).await {
        let compiler = workspace().join("fuzz/c++");
        flags = format!("{flags} -Clinker={}", compiler.display());
        build.env("CXX", compiler);
    }
    let programs = if quick {
        // The whole workspace's features, as the tests have them.
        build.args(["--workspace", "--features", "fuzz/libfuzzer"]);
        for target in Target::value_variants() {
            build.args(["--bin", target.name()]);
        }
        let compiler = wrapper::installed(&directory, COMPILER)?;
        build
            .env("RUSTC_WORKSPACE_WRAPPER", compiler)
            .env(FLAGS, format!("{flags} {}", OPTIMIZED.join(" ")));
        target_directory().join("debug")
    } else {
        let triple = host(tools).await?;
        build
            .args(["--package", "fuzz", "--bins", "--features", "libfuzzer"])
            // With a target, Cargo gives the flags to no build script.
            .args(["--profile", PROFILE, "--target", &triple, "--target-dir"])
            .arg(&directory)
            .env("RUSTFLAGS", flags);
        directory.join(triple).join(PROFILE)
    };
    guard::run("cannot build what is fuzzed", build, on_line).await?;
    Ok(programs)
}

/// This machine's target triple, which Cargo's settings and directories go by.
async fn host(tools: &Tools) -> Result<String> {
    let mut ask = tools.command("rustc");
    ask.args(["--print", "host-tuple"]);
    let told = guard::run("cannot ask rustc for this machine's target", ask, |_| {}).await?;
    Ok(told.trim().to_owned())
}

/// Whether there is a C++ compiler, which libFuzzer needs. Where there is none, the one that cargo-lambda
/// brings will do; only that first makes itself a standard library, for three minutes.
async fn has_compiler(tools: &Tools) -> bool {
    if env::var_os("CXX").is_some() {
        return true;
    }
    let mut compiler = tools.command("c++");
    compiler.arg("--version");
    let answer = guard::finish(compiler, |_| {}).await;
    answer.is_ok_and(|answer| answer.status.success())
}

/// What libFuzzer says at its end.
#[derive(Debug)]
struct Run {
    target: Target,
    inputs: Option<u64>,
    edges: Option<u64>,
    kept: Option<u64>,
    /// What it found, if it did.
    report: Option<String>,
}

/// How targets are fuzzed.
struct Fuzzing {
    tools: Tools,
    /// Where the targets are.
    programs: PathBuf,
    /// For how long each.
    seconds: u32,
}

impl Fuzzing {
    async fn run(&self, target: Target, mut on_line: impl FnMut(&str)) -> Result<Run> {
        let Self {
            tools,
            programs,
            seconds,
        } = self;
        let directory = target_directory().join("fuzz");
        // The first directory gets what leads to new places, for the next run to go on from.
        let corpus = directory.join("corpus").join(target.name());
        let findings = directory.join("findings").join(target.name());
        for directory in [&corpus, &findings] {
            fs::create_dir_all(directory)
                .with_context(|| format!("cannot create `{}`", directory.display()))?;
        }
        let own = workspace().join("fuzz/seeds").join(target.name());
        let built = programs.join(target.name());
        let mut fuzz: Command = tools.command(&built.to_string_lossy());
        fuzz.arg(format!("-max_total_time={seconds}"))
            .arg(format!("-max_len={LONGEST_INPUT}"))
            .arg(format!("-timeout={}", LONGEST_TIME.as_secs()))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .arg(&corpus)
            .args(SEEDS)
            .args(own.is_dir().then_some(&own))
            .env("RUST_BACKTRACE", "1");
        let mut last = String::new();
        let finished = guard::finish(fuzz, |line| {
            if is_progress(line) {
                line.clone_into(&mut last);
            }
            on_line(line);
        })
        .await?;
        let report = (!finished.status.success()).then(|| {
            let told: Vec<&str> = finished
                .tail
                .iter()
                .map(String::as_str)
                .filter(|line| !is_progress(line))
                .collect();
            format!(
                "{} found an input for which something does not hold:\n{}\nKeep it in events/hostile, \
                 under a name that says what it tries: the tests give every file there to every parser.",
                target.name(),
                told.join("\n"),
            )
        });
        Ok(Run {
            target,
            inputs: number_after(&last, "#"),
            edges: number_after(&last, " cov: "),
            kept: number_after(&last, " corp: "),
            report,
        })
    }
}

/// `#1051875  DONE   cov: 3275 ft: 10523 corp: 1326/1001Kb lim: 6912 exec/s: 25655 rss: 32Mb`
fn is_progress(line: &str) -> bool {
    line.starts_with('#') && line.contains(" cov: ")
}

/// The number that follows `word`.
fn number_after(line: &str, word: &str) -> Option<u64> {
    let (_, rest) = line.split_once(word)?;
    let end = rest.find(|c: char| !c.is_ascii_digit());
    rest.get(..end.unwrap_or(rest.len()))?.parse().ok()
}

fn table(runs: &[Run]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "",
        "Target",
        "Inputs tried",
        "Edges covered",
        "Inputs kept",
    ]);
    let shown = |number: Option<u64>| number.map_or("?".to_owned(), |number| number.to_string());
    for run in runs {
        let sign = if run.report.is_none() { "✓" } else { "✗" };
        table.add_row([
            sign,
            run.target.name(),
            &shown(run.inputs),
            &shown(run.edges),
            &shown(run.kept),
        ]);
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libfuzzers_last_line_is_read() {
        let line = "#1051875\tDONE   cov: 3275 ft: 10523 corp: 1326/1001Kb lim: 6912 exec/s: 25655";
        assert_eq!(number_after(line, "#"), Some(1_051_875));
        assert_eq!(number_after(line, " cov: "), Some(3_275));
        assert_eq!(number_after(line, " corp: "), Some(1_326));
        assert_eq!(number_after("", "#"), None);
    }
}
