//! Compiling all of ours for this machine, with lints; and the end-to-end tests as they were compiled.
//!
//! These tests mostly wait, and what else is tested mostly computes. So they are compiled first, and run while
//! Cargo, which lets only one build go on in a directory, compiles the rest: without Cargo, each in its package's
//! directory as Cargo would.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use sandbox::{Tools, guard};
use serde::Deserialize;
use tokio::task::JoinSet;
use xtask::progress::Step;

use super::{LINES_SHOWN, compiler};

/// What Cargo calls the end-to-end tests.
const END_TO_END: &str = "stack-*";
/// Tells which programs were made on standard output, and what was warned of on the other.
const MESSAGES: &str = "--message-format=json-render-diagnostics";

/// So many of them run at a time, each with a local cloud of its own.
const AT_ONCE: usize = 2;

/// A line of Cargo's about what it made. See
/// <https://doc.rust-lang.org/cargo/reference/external-tools.html#artifact-messages>.
#[derive(Deserialize)]
struct Message {
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
    #[serde(default)]
    profile: Profile,
}

#[derive(Default, Deserialize)]
struct Profile {
    test: bool,
}

/// A program of tests.
#[derive(Debug, PartialEq, Eq)]
struct TestProgram {
    path: PathBuf,
    /// Where Cargo would run it.
    directory: PathBuf,
}

/// Compiles by each of these arguments of Cargo's, and fails where anybody warned of anything. What is warned of
/// is compiled all the same, so that the tests run.
pub(super) async fn compile(tools: &Tools, builds: &[&[&str]], step: Step) -> Result<String> {
    let mut show = step.lines();
    let mut told: Vec<String> = Vec::new();
    let mut compiled = true;
    for arguments in builds {
        let mut compile = tools.command("cargo");
        compile
            .args(*arguments)
            .args(["--workspace", "--locked"])
            .env("CARGO_TERM_COLOR", "never");
        let finished = guard::finish(compile, |line| {
            show(line);
            if !line.trim_start().starts_with("Compiling ") {
                told.push(line.to_owned());
            }
        })
        .await?;
        compiled &= finished.status.success();
    }
    let warned = told.iter().any(|line| compiler::sums_up_warnings(line));
    if compiled && !warned {
        return Ok(String::new());
    }
    told.truncate(LINES_SHOWN);
    bail!("warnings or errors, which begin with:\n{}", told.join("\n"));
}

/// Compiles the programs and the end-to-end tests, and notes in `note` which these are.
pub(super) async fn first(tools: &Tools, note: &Path, step: Step) -> Result<String> {
    let tests = ["test", "--no-run", "--test", END_TO_END];
    let programs = ["build", "--bins", "--examples"];
    let told = compile(tools, &[&tests, &programs], step).await;
    let messages = end_to_end_programs(tools, |_| {}).await?;
    fs::write(note, messages).context("cannot note which end-to-end tests there are")?;
    told
}

/// What Cargo says of the end-to-end tests, which are compiled where they are not.
async fn end_to_end_programs(tools: &Tools, mut show: impl FnMut(&str)) -> Result<String> {
    let mut compile = tools.command("cargo");
    compile
        .args(["test", "--workspace", "--locked", "--no-run", MESSAGES])
        .args(["--test", END_TO_END])
        .env("CARGO_TERM_COLOR", "never");
    let finished = guard::finish(compile, |line| {
        if !line.starts_with('{') {
            show(line);
        }
    })
    .await?;
    ensure!(
        finished.status.success(),
        "the end-to-end tests do not compile:\n{}",
        finished.tail.join("\n")
    );
    Ok(finished.stdout)
}

/// Runs the end-to-end tests, those that `note` names, all of them also after one has failed.
pub(super) async fn end_to_end(tools: &Tools, note: &Path, step: Step) -> Result<String> {
    let messages = match fs::read_to_string(note) {
        Ok(messages) => messages,
        // Chosen alone.
        Err(_) => end_to_end_programs(tools, step.lines()).await?,
    };
    let mut waiting = test_programs(&messages)?.into_iter();
    let mut running = JoinSet::new();
    let mut failed = Vec::new();
    loop {
        while running.len() < AT_ONCE
            && let Some(program) = waiting.next()
        {
            running.spawn_local(run(tools.clone(), program, step.clone()));
        }
        let Some(ended) = running.join_next().await else {
            break;
        };
        if let Err(error) = ended.context("a test's program was not waited for")? {
            failed.push(format!("{error:#}"));
        }
    }
    ensure!(failed.is_empty(), "{}", failed.join("\n"));
    Ok(String::new())
}

async fn run(tools: Tools, program: TestProgram, step: Step) -> Result<()> {
    let mut run = tools.command(&program.path.to_string_lossy());
    run.current_dir(&program.directory)
        .env("CARGO_MANIFEST_DIR", &program.directory)
        .env("CARGO_TERM_COLOR", "never");
    let finished = guard::finish(run, step.lines()).await?;
    if finished.status.success() {
        return Ok(());
    }
    let first = finished.tail.len().saturating_sub(LINES_SHOWN);
    let lines = finished.tail.get(first..).unwrap_or_default().join("\n");
    bail!("`{}`: {}\n{lines}", program.path.display(), finished.status);
}

fn test_programs(messages: &str) -> Result<Vec<TestProgram>> {
    let mut programs = Vec::new();
    for line in messages.lines() {
        let message: Message =
            serde_json::from_str(line).with_context(|| format!("Cargo says `{line}`"))?;
        let (Some(path), Some(manifest)) = (message.executable, message.manifest_path) else {
            continue;
        };
        if message.profile.test
            && let Some(directory) = manifest.parent()
        {
            let directory = directory.to_owned();
            programs.push(TestProgram { path, directory });
        }
    }
    ensure!(!programs.is_empty(), "there are no tests `{END_TO_END}`");
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_of_tests_are_told_from_what_else_was_made() {
        let messages = r#"{"reason":"compiler-artifact","manifest_path":"/w/cli/Cargo.toml","profile":{"opt_level":"0","test":false},"executable":"/w/target/debug/encrypted-replication"}
{"reason":"compiler-artifact","manifest_path":"/w/tests/Cargo.toml","profile":{"opt_level":"0","test":true},"executable":"/w/target/debug/deps/stack_harm-1"}
{"reason":"build-script-executed","package_id":"x","linked_libs":[]}
{"reason":"build-finished","success":true}"#;
        assert_eq!(
            test_programs(messages).unwrap(),
            [TestProgram {
                path: "/w/target/debug/deps/stack_harm-1".into(),
                directory: "/w/tests".into()
            }]
        );
        assert!(test_programs(r#"{"reason":"build-finished","success":true}"#).is_err());
    }
}
