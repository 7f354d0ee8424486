//! `cargo xtask test`: everything CI runs, some of it at the same time.

mod checks;
pub(crate) mod compiler;
mod programs;

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};
use sandbox::tools::target_directory;
use sandbox::{Tools, guard, sam};
use tokio::process::Command;
use tokio::task::{JoinSet, LocalSet};
use xtask::progress::{Step, print, seconds, show, step};

use self::checks::{CHECKS, Check, TOOLS, Work, next};
use crate::bench;
use crate::checkov;
use crate::wrapper;

/// One compiles, a second compiles or links on one processor, a third mostly waits.
const AT_ONCE: usize = 3;
/// Of a check that failed, so many of its last lines are shown.
const LINES_SHOWN: usize = 60;

struct Outcome {
    name: &'static str,
    passed: bool,
    took: Duration,
    processor: Duration,
}

impl Outcome {
    /// Of a check that could not begin.
    const fn of_none(name: &'static str) -> Self {
        Self {
            name,
            passed: false,
            took: Duration::ZERO,
            processor: Duration::ZERO,
        }
    }
}

/// What every check needs.
#[derive(Clone)]
struct Surroundings {
    tools: Tools,
    /// A copy of this program, which no build replaces while it runs.
    own: PathBuf,
    /// What compiles our own crates.
    compiler: PathBuf,
    /// For what it notes.
    directory: PathBuf,
    /// Where it is noted which programs the end-to-end tests are.
    end_to_end: PathBuf,
}

/// Runs every check whose name has `only` in it, also after one has failed; true if all passed.
pub(crate) async fn run(only: &str) -> Result<bool> {
    let began = Instant::now();
    let mut chosen: Vec<&'static Check> = CHECKS
        .iter()
        .filter(|check| check.name.contains(only))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = CHECKS.iter().map(|check| check.name).collect();
        anyhow::bail!(
            "no check is called `{only}`; there are: {}",
            names.join(", ")
        );
    }
    if !chosen.iter().any(|check| check.name == TOOLS)
        && chosen.iter().any(|check| check.needs_tools())
    {
        chosen.splice(0..0, CHECKS.iter().filter(|check| check.name == TOOLS));
    }
    let surroundings = prepared(Tools::of_this_machine()?)?;
    let outcomes = LocalSet::new().run_until(all(chosen, surroundings)).await;
    println!("\n{}", table(&outcomes));
    let passed = outcomes.iter().filter(|outcome| outcome.passed).count();
    let failed = outcomes.len() - passed;
    println!(
        "{passed} passed, {failed} failed, in {}",
        seconds(began.elapsed())
    );
    Ok(failed == 0)
}

fn prepared(tools: Tools) -> Result<Surroundings> {
    let directory = target_directory().join("suite");
    if directory.exists() {
        fs::remove_dir_all(&directory).context("cannot remove target/suite")?;
    }
    fs::create_dir_all(&directory).context("cannot create target/suite")?;
    Ok(Surroundings {
        tools,
        own: wrapper::installed(&directory, "xtask")?,
        compiler: wrapper::installed(&directory, compiler::NAME)?,
        end_to_end: directory.join("end-to-end.jsonl"),
        directory,
    })
}

/// The outcome of each, in the order of the list.
async fn all(chosen: Vec<&'static Check>, surroundings: Surroundings) -> Vec<Outcome> {
    let mut unfinished: Vec<&'static str> = chosen.iter().map(|check| check.name).collect();
    let order = unfinished.clone();
    let mut waiting = chosen;
    let mut running = JoinSet::new();
    let mut outcomes = Vec::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(place) = next(&waiting, &unfinished)
        {
            let check = waiting.remove(place);
            running.spawn_local(one(check, surroundings.clone()));
        }
        let Some(ended) = running.join_next().await else {
            break;
        };
        let outcome: Outcome = match ended {
            Ok(outcome) => outcome,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        };
        // What needs the tools does not begin without.
        if outcome.passed || outcome.name != TOOLS {
            unfinished.retain(|name| *name != outcome.name);
        }
        outcomes.push(outcome);
    }
    outcomes.extend(waiting.iter().map(|check| Outcome::of_none(check.name)));
    outcomes.sort_by_key(|outcome| order.iter().position(|name| *name == outcome.name));
    outcomes
}

async fn one(check: &'static Check, surroundings: Surroundings) -> Outcome {
    let began = Instant::now();
    let time_file = surroundings
        .directory
        .join(check.name.replace([' ', '/'], "-"));
    let mut tools = surroundings.tools.timed_in(time_file.clone());
    if !check.is_first {
        tools = tools.yielding();
    }
    if check.uses_compiled {
        tools = tools.compiling_with(surroundings.compiler.clone());
    }
    let result = step(check.name, async |step| {
        perform(&tools, &surroundings, check, step).await
    })
    .await;
    match &result {
        // In one piece, whatever else runs.
        Ok(told) if check.tells => print(told),
        Ok(_) => {}
        Err(error) => show(&format!("{error:#}\n")),
    }
    let noted = fs::read_to_string(&time_file).unwrap_or_default();
    let spent: f64 = noted
        .lines()
        .filter_map(|line| line.parse().ok())
        .fold(0.0, |sum: f64, one: f64| sum + one);
    Outcome {
        name: check.name,
        passed: result.is_ok(),
        took: began.elapsed(),
        processor: Duration::from_secs_f64(spent),
    }
}

/// Returns what it printed.
async fn perform(
    tools: &Tools,
    surroundings: &Surroundings,
    check: &Check,
    step: Step,
) -> Result<String> {
    let mut command: Command = match check.work {
        Work::Program(words) => command(tools, words)?,
        Work::Compiled(program, arguments) => {
            let program = target_directory().join("debug").join(program);
            let mut command = tools.command(&program.to_string_lossy());
            command.args(arguments);
            command
        }
        Work::Own(words) => {
            let mut command = tools.command(&surroundings.own.to_string_lossy());
            command.args(words);
            command
        }
        Work::Tools => {
            tools.set_up(step.lines()).await?;
            return Ok(String::new());
        }
        Work::Programs => return programs::first(tools, &surroundings.end_to_end, step).await,
        Work::Lints => return programs::compile(tools, &[&["test", "--no-run"]], step).await,
        Work::EndToEnd => {
            return programs::end_to_end(tools, &surroundings.end_to_end, step).await;
        }
        Work::Build => {
            sam::build(tools, step.lines()).await?;
            return Ok(String::new());
        }
        Work::Checkov => checkov::check(tools, step.lines()).await?,
        Work::Recorded => bench::check(tools, step.lines()).await?,
    };
    command.env("CARGO_TERM_COLOR", "never");
    let finished = guard::finish(command, step.lines()).await?;
    if finished.status.success() {
        return Ok(finished.stdout);
    }
    let first = finished.tail.len().saturating_sub(LINES_SHOWN);
    let lines = finished.tail.get(first..).unwrap_or_default().join("\n");
    let what = match check.work {
        Work::Program(words) => words.join(" "),
        Work::Compiled(program, arguments) => format!("{program} {}", arguments.join(" ")),
        Work::Own(words) => format!("cargo xtask {}", words.join(" ")),
        _ => check.name.to_owned(),
    };
    anyhow::bail!("`{what}`: {}\n{lines}", finished.status);
}

fn command(tools: &Tools, words: &[&str]) -> Result<Command> {
    let (program, arguments) = words.split_first().context("a check without a program")?;
    let mut command = tools.command(program);
    command.args(arguments);
    Ok(command)
}

fn table(outcomes: &[Outcome]) -> String {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["", "Check", "Time", "Processor time"]);
    for outcome in outcomes {
        let sign = if outcome.passed { "✓" } else { "✗" };
        let [took, processor] = [outcome.took, outcome.processor].map(seconds);
        table.add_row([sign, outcome.name, &took, &processor]);
    }
    for column in [2, 3] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
