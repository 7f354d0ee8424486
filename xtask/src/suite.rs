//! `cargo xtask test`: everything CI runs.

use std::time::{Duration, Instant};

use anyhow::Result;
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use sandbox::{Tools, guard, sam};
use tokio::process::Command;

use crate::bench;
use crate::checkov;
use crate::progress::{Step, seconds, step};

/// Of a step that failed, so many of its last lines are shown.
const LINES_SHOWN: usize = 60;

struct Check {
    name: &'static str,
    command: &'static [&'static str],
}

const fn check(name: &'static str, command: &'static [&'static str]) -> Check {
    Check { name, command }
}

/// Checks whose command lines are made elsewhere.
const BUILD: &str = "Build for Lambda";
const CHECKOV: &str = "Templates: checkov";
const RECORDED: &str = "Size, calls, instructions";
/// In a short form: the whole takes ten minutes.
const SOAK: &str = "Soak";
/// For a short time: an hour finds more.
const FUZZING: &str = "Fuzzing";

/// In the order of what they cost.
const CHECKS: [Check; 15] = [
    check("Format", &["cargo", "fmt", "--all", "--check"]),
    check(
        "Templates: cfn-lint",
        &[
            "cfn-lint",
            "template.yaml",
            "examples/*.yaml",
            "examples/two-accounts/*.yaml",
            "tests/stacks/*.yaml",
        ],
    ),
    check(
        "Templates: sam validate",
        &["sam", "validate", "--lint", "--region", "us-east-1"],
    ),
    check(CHECKOV, &[]),
    check(
        "Dependencies: cargo-deny",
        &[
            "cargo-deny",
            "--locked",
            "check",
            "licenses",
            "bans",
            "sources",
        ],
    ),
    check(
        "Sandbox's own tests",
        &["python", "-m", "pytest", "-q", "sandbox/tests"],
    ),
    check(
        "Clippy",
        &[
            "cargo",
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--",
            "-D",
            "warnings",
        ],
    ),
    check(
        "Unit tests",
        &[
            "cargo",
            "test",
            "--workspace",
            "--exclude",
            "end-to-end",
            "--locked",
        ],
    ),
    check(
        "Documentation",
        &["cargo", "doc", "--workspace", "--no-deps", "--locked"],
    ),
    check(FUZZING, &["cargo", "xtask", "fuzz", "--seconds", "15"]),
    check(BUILD, &[]),
    check(RECORDED, &[]),
    check(
        "Package",
        &[
            "cargo",
            "xtask",
            "package",
            "--architecture",
            sam::ARCHITECTURE,
        ],
    ),
    // By the workspace and not by their package: with its features alone, the SDK would be compiled
    // once more.
    check(
        "End-to-end tests",
        &[
            "cargo",
            "test",
            "--workspace",
            "--locked",
            "--test",
            "stack-*",
        ],
    ),
    check(SOAK, &["cargo", "xtask", "soak", "--uploads", "500"]),
];

struct Outcome {
    name: &'static str,
    passed: bool,
    took: Duration,
}

/// Runs every check whose name has `only` in it, also after one has failed; true if all passed.
pub(crate) async fn run(only: &str) -> Result<bool> {
    let mut chosen = CHECKS
        .iter()
        .filter(|check| check.name.contains(only))
        .peekable();
    if chosen.peek().is_none() {
        let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        anyhow::bail!(
            "no check is called `{only}`; there are: {}",
            names.join(", ")
        );
    }
    let tools = step("Tools in target/venv", async |step| {
        Tools::install(step.lines()).await
    })
    .await?;
    let mut outcomes = Vec::new();
    for check in chosen {
        let began = Instant::now();
        let result = step(check.name, async |step| perform(&tools, check, step).await).await;
        if let Err(error) = &result {
            eprintln!("{error:#}\n");
        }
        outcomes.push(Outcome {
            name: check.name,
            passed: result.is_ok(),
            took: began.elapsed(),
        });
    }
    println!("\n{}", table(&outcomes));
    let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
    let failed = outcomes.len() - passed;
    println!("{passed} passed, {failed} failed");
    Ok(failed == 0)
}

async fn perform(tools: &Tools, check: &Check, step: Step) -> Result<()> {
    let mut command: Command = match (check.name, check.command.split_first()) {
        (CHECKOV, _) => checkov::check(tools, step.lines()).await?,
        (RECORDED, _) => bench::check(tools),
        (_, None) => return sam::build(tools, step.lines()).await,
        (_, Some((program, arguments))) => {
            let mut command = tools.command(program);
            command.args(arguments);
            command
        }
    };
    command
        .env("CARGO_TERM_COLOR", "never")
        .env("RUSTDOCFLAGS", "-D warnings");
    let finished = guard::finish(command, step.lines()).await?;
    if finished.status.success() {
        if [FUZZING, RECORDED, SOAK].contains(&check.name) {
            // Figures are for reading also when they are good.
            println!("{}", finished.stdout);
        }
        return Ok(());
    }
    let first = finished.tail.len().saturating_sub(LINES_SHOWN);
    let lines = finished.tail.get(first..).unwrap_or_default().join("\n");
    let what = match check.command {
        [] => check.name.to_owned(),
        words => words.join(" "),
    };
    anyhow::bail!("`{what}`: {}\n{lines}", finished.status);
}

fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["", "Check", "Time"]);
    for outcome in outcomes {
        let sign = if outcome.passed { "✓" } else { "✗" };
        table.add_row([sign, outcome.name, &seconds(outcome.took)]);
    }
    table.to_string()
}
