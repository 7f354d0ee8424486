//! `cargo xtask mutants`: small mistakes put into what decides, and whether a test notices.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use sandbox::tools::{target_directory, workspace};
use serde_json::Value;
use tokio::process::Command;

/// The version whose names of mutants `survivors.json` has.
const VERSION: &str = "27.1.0";
/// What is known to be noticed by no test, and why.
const RECORDED: &str = "xtask/survivors.json";
/// The least share of mistakes that must be noticed, in percent.
const LEAST: f64 = 95.0;
/// Lives that a mistake is given which its crate's own tests did not notice.
const LIVES: &str = "40";

/// What is changed.
#[derive(Args)]
pub(crate) struct Options {
    /// Only in this crate; without it, in all that decide
    #[arg(long = "crate", value_enum, value_name = "CRATE")]
    of: Option<Crate>,
    /// Only in files that this glob matches
    #[arg(long, value_name = "GLOB")]
    file: Option<String>,
    /// Only every Nth, beginning with the Kth, from 0
    #[arg(long, value_name = "K/N")]
    shard: Option<String>,
}

/// A crate with parts that decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Crate {
    Compliance,
    Expectation,
    Replication,
}

impl Crate {
    const fn name(self) -> &'static str {
        match self {
            Self::Compliance => "compliance",
            Self::Expectation => "expectation",
            Self::Replication => "replication",
        }
    }

    /// What decides in it. They stand here and not in `.cargo/mutants.toml`, whose globs `--file` can only add to.
    const fn parts(self) -> &'static [&'static str] {
        match self {
            Self::Compliance => &[
                "crates/compliance/src/repair.rs",
                "crates/compliance/src/verdict/**",
            ],
            Self::Expectation => &["crates/expectation/src/**"],
            Self::Replication => &[
                "crates/replication/src/diagnosis/**",
                "crates/replication/src/merge/**",
                "crates/replication/src/plan/**",
                "crates/replication/src/policy.rs",
                "crates/replication/src/probe/**",
            ],
        }
    }
}

/// Who is asked whether they notice a mistake, the cheapest first: each trip makes those alone that none before it
/// noticed, and compiles only what it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trip {
    /// The unit tests of the mistake's own crate.
    Units,
    /// All tests of its crate, but for the properties of `replication`, which take minutes.
    Scenarios,
    /// All tests of both halves, and lives in the simulated world.
    All,
}

impl Trip {
    const EACH: [Self; 3] = [Self::Units, Self::Scenarios, Self::All];

    /// Below `target/mutants`.
    const fn directory(self) -> &'static str {
        match self {
            Self::Units => "units",
            Self::Scenarios => "scenarios",
            Self::All => "all",
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Units => &["--cargo-arg=--lib"],
            Self::Scenarios => &["--cargo-arg=--tests", "--", "--", "--skip", "properties::"],
            Self::All => &["--test-package=compliance,expectation,replication,simulation"],
        }
    }
}

/// Makes each mistake, and asks on one [`Trip`] after another until it is noticed. True if as many are noticed as
/// must be, and each other one is recorded.
///
/// # Errors
/// Where cargo-mutants cannot be installed or started, or the tests fail without a mistake.
pub(crate) async fn run(options: &Options) -> Result<bool> {
    let program = install().await?;
    let crates = options.of.map_or_else(
        || Crate::value_variants().to_vec(),
        |only| Vec::from([only]),
    );
    let mut which = Vec::new();
    for of in &crates {
        which.extend(["--package", of.name()].map(str::to_owned));
    }
    let parts = crates.iter().flat_map(|of| of.parts());
    let files: Vec<&str> = match &options.file {
        Some(file) => Vec::from([file.as_str()]),
        None => parts.copied().collect(),
    };
    which.extend(files.iter().map(|file| format!("--file={file}")));
    if let Some(shard) = &options.shard {
        which.extend(["--shard", shard, "--sharding", "round-robin"].map(str::to_owned));
    }
    let mut tried: Vec<Mutant> = Vec::new();
    for trip in Trip::EACH {
        let made = mutate(&program, trip, &which).await?;
        learn(&mut tried, made);
        let survivors: Vec<&Mutant> = tried.iter().filter(|mutant| mutant.survived()).collect();
        if survivors.is_empty() {
            break;
        }
        which = again(&survivors);
    }
    let recorded = recorded(&workspace().join(RECORDED))?;
    println!("\n{}", table(&tried));
    Ok(judged(&tried, &recorded))
}

/// What became of a mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It does not compile.
    Unviable,
    /// On this trip a test failed, or did not end.
    Noticed(Trip),
    Survived,
}

/// Takes what a trip found of what survived until then, and on the first trip all.
fn learn(tried: &mut Vec<Mutant>, found: Vec<Mutant>) {
    if tried.is_empty() {
        *tried = found;
        return;
    }
    for mutant in found {
        let known = tried.iter_mut().find(|other| other.name == mutant.name);
        if let Some(known) = known.filter(|known| known.survived()) {
            known.fate = mutant.fate;
        }
    }
}

/// The arguments that choose these mistakes.
fn again(mutants: &[&Mutant]) -> Vec<String> {
    // Members that are left out are tried whatever `--re` says: in these files only.
    let files = mutants
        .iter()
        .filter_map(|mutant| mutant.name.split(':').next());
    let files: BTreeSet<&str> = files.collect();
    let files = files.into_iter().map(|file| format!("--file={file}"));
    let names = mutants
        .iter()
        .map(|mutant| format!("--re=^{}$", escaped(&mutant.name)));
    ["--workspace".to_owned()]
        .into_iter()
        .chain(files)
        .chain(names)
        .collect()
}

#[derive(Clone, Debug)]
struct Mutant {
    package: String,
    /// `crates/…/file.rs:91:9: replace … with …`
    name: String,
    fate: Fate,
}

impl Mutant {
    fn survived(&self) -> bool {
        self.fate == Fate::Survived
    }

    /// The name without line and column, which every change above it moves.
    fn lasting_name(&self) -> String {
        lasting(&self.name)
    }
}

fn lasting(name: &str) -> String {
    let Some((place, what)) = name.split_once(": ") else {
        return name.to_owned();
    };
    let file = place.split(':').next().unwrap_or(place);
    format!("{file}: {what}")
}

/// The program, installed below `target/` the first time.
async fn install() -> Result<PathBuf> {
    let root = target_directory().join("mutants");
    let program = root.join("bin/cargo-mutants");
    let mut ask = Command::new(&program);
    ask.args(["mutants", "--version"]).stdin(Stdio::null());
    if let Ok(told) = ask.output().await
        && String::from_utf8_lossy(&told.stdout).contains(VERSION)
    {
        return Ok(program);
    }
    let mut install = cargo();
    install
        .args(["install", "--locked", "--debug", "cargo-mutants"])
        .args(["--version", VERSION, "--root"])
        .arg(&root);
    if !install
        .status()
        .await
        .context("cannot start cargo")?
        .success()
    {
        bail!("cannot install cargo-mutants {VERSION}: see above");
    }
    Ok(program)
}

fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(workspace()).stdin(Stdio::null());
    command
}

/// One trip of cargo-mutants, and what became of each mistake.
async fn mutate(program: &Path, trip: Trip, which: &[String]) -> Result<Vec<Mutant>> {
    let below = target_directory().join("mutants");
    let output = below.join(trip.directory());
    fs::create_dir_all(&output).with_context(|| format!("cannot create `{}`", output.display()))?;
    let mut command = Command::new(program);
    command
        .arg("mutants")
        .current_dir(workspace())
        .arg("--output")
        .arg(&output)
        .args(which)
        .args(trip.arguments())
        .env("SIMULATE_LIVES", LIVES)
        // Each trip has a copy of the sources of its own; what others wrote need be compiled once.
        .env("CARGO_TARGET_DIR", below.join("build"))
        .stdin(Stdio::null());
    let status = command
        .status()
        .await
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    // <https://mutants.rs/exit-codes.html>: 2, some were missed; 3, some did not end.
    if !matches!(status.code(), Some(0 | 2 | 3)) {
        bail!("cargo-mutants could not try the mistakes: it ended with {status}, see above");
    }
    let file = output.join("mutants.out/outcomes.json");
    let text =
        fs::read_to_string(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
    outcomes(trip, &serde_json::from_str(&text)?)
}

/// Reads <https://mutants.rs/mutants-out.html>.
fn outcomes(trip: Trip, told: &Value) -> Result<Vec<Mutant>> {
    let outcomes = told.get("outcomes").and_then(Value::as_array);
    let mut mutants = Vec::new();
    for outcome in outcomes.context("cargo-mutants wrote no outcomes")? {
        let Some(mutant) = outcome.pointer("/scenario/Mutant") else {
            continue;
        };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let summary = text(outcome.get("summary")).unwrap_or_default();
        mutants.push(Mutant {
            package: text(mutant.get("package")).context("a mutant without a package")?,
            name: text(mutant.get("name")).context("a mutant without a name")?,
            fate: match summary.as_str() {
                "CaughtMutant" | "Timeout" => Fate::Noticed(trip),
                "MissedMutant" => Fate::Survived,
                "Unviable" => Fate::Unviable,
                other => bail!("cargo-mutants calls an outcome `{other}`"),
            },
        });
    }
    Ok(mutants)
}

/// For `--re`.
fn escaped(name: &str) -> String {
    let mut escaped = String::new();
    for c in name.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// The survivors that were looked at, each with the reason why no test can or need notice it.
fn recorded(file: &Path) -> Result<BTreeMap<String, String>> {
    let text =
        fs::read_to_string(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("`{}` is unlike itself", file.display()))
}

/// How many in a hundred viable mistakes were noticed.
fn share(mutants: &[&Mutant]) -> Option<f64> {
    let viable = mutants
        .iter()
        .filter(|mutant| mutant.fate != Fate::Unviable)
        .count();
    let survived = mutants.iter().filter(|mutant| mutant.survived()).count();
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    (viable > 0).then(|| 100.0 * (viable - survived) as f64 / viable as f64)
}

fn table(tried: &[Mutant]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header([
        "Crate",
        "Mistakes",
        "Do not compile",
        "Noticed by unit tests",
        "By scenarios",
        "By properties and lives",
        "Survived",
        "Noticed, %",
    ]);
    let packages: BTreeSet<&str> = tried.iter().map(|mutant| mutant.package.as_str()).collect();
    let mut row = |name: &str, of: &[&Mutant]| {
        let count = |fate| of.iter().filter(|mutant| mutant.fate == fate).count();
        table.add_row([
            name.to_owned(),
            of.len().to_string(),
            count(Fate::Unviable).to_string(),
            count(Fate::Noticed(Trip::Units)).to_string(),
            count(Fate::Noticed(Trip::Scenarios)).to_string(),
            count(Fate::Noticed(Trip::All)).to_string(),
            count(Fate::Survived).to_string(),
            share(of).map_or_else(String::new, |share| format!("{share:.1}")),
        ]);
    };
    for package in packages {
        let of: Vec<&Mutant> = tried.iter().filter(|m| m.package == package).collect();
        row(package, &of);
    }
    row("all", &tried.iter().collect::<Vec<_>>());
    table
}

/// Tells the survivors, and whether it is good enough.
fn judged(tried: &[Mutant], recorded: &BTreeMap<String, String>) -> bool {
    let mut good = true;
    for mutant in tried.iter().filter(|mutant| mutant.survived()) {
        if let Some(why) = recorded.get(&mutant.lasting_name()) {
            println!("survived, as recorded: {}\n    {why}", mutant.name);
        } else {
            good = false;
            println!("survived: {}", mutant.name);
        }
    }
    if !good {
        println!(
            "\nNo test notices these mistakes. Write one that does; where none can, since both ways are right, \
             say why in {RECORDED}."
        );
    }
    let all: Vec<&Mutant> = tried.iter().collect();
    if let Some(share) = share(&all)
        && share < LEAST
    {
        println!("Only {share:.1} % are noticed; {LEAST} % must be.");
        good = false;
    }
    good
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mutant(name: &str, fate: Fate) -> Mutant {
        Mutant {
            package: "expectation".to_owned(),
            name: name.to_owned(),
            fate,
        }
    }

    #[test]
    fn what_became_of_each_is_read() -> Result<()> {
        let told = json!({"outcomes": [
            {"scenario": "Baseline", "summary": "Success"},
            {"scenario": {"Mutant": {"package": "p", "name": "f.rs:1:2: replace a with b"}}, "summary": "MissedMutant"},
            {"scenario": {"Mutant": {"package": "p", "name": "f.rs:2:2: replace c with d"}}, "summary": "Timeout"},
            {"scenario": {"Mutant": {"package": "p", "name": "f.rs:3:2: replace e with f"}}, "summary": "Unviable"},
        ]});
        let fates: Vec<Fate> = outcomes(Trip::All, &told)?.iter().map(|m| m.fate).collect();
        assert_eq!(
            fates,
            [Fate::Survived, Fate::Noticed(Trip::All), Fate::Unviable]
        );
        assert!(outcomes(Trip::All, &json!({})).is_err());
        Ok(())
    }

    #[test]
    fn a_name_lasts_when_lines_move() {
        assert_eq!(
            lasting("crates/a/src/b.rs:91:9: replace A::b -> bool with true"),
            "crates/a/src/b.rs: replace A::b -> bool with true"
        );
    }

    #[test]
    fn only_survivors_that_nobody_thought_about_are_held_against_it() {
        let mut tried: Vec<Mutant> = (0..30)
            .map(|line| {
                mutant(
                    &format!("f.rs:{line}:1: replace x with y"),
                    Fate::Noticed(Trip::Units),
                )
            })
            .collect();
        tried.push(mutant("f.rs:7:1: replace || with &&", Fate::Survived));
        assert!(!judged(&tried, &BTreeMap::new()));
        let why = "both are right".to_owned();
        let recorded = BTreeMap::from([("f.rs: replace || with &&".to_owned(), why)]);
        assert!(judged(&tried, &recorded));
        tried.truncate(5);
        tried.push(mutant("f.rs:7:1: replace || with &&", Fate::Survived));
        assert!(!judged(&tried, &recorded), "a sixth is too many");
    }

    #[test]
    fn each_trip_makes_what_none_before_it_noticed() {
        let (early, late) = ("a.rs:1:1: replace b with c", "a.rs:2:2: replace + with -");
        let mut tried = Vec::new();
        let on_first = [
            mutant(early, Fate::Noticed(Trip::Units)),
            mutant(late, Fate::Survived),
        ];
        learn(&mut tried, on_first.to_vec());
        let survivors: Vec<&Mutant> = tried.iter().filter(|mutant| mutant.survived()).collect();
        assert_eq!(
            again(&survivors),
            [
                "--workspace",
                "--file=a.rs",
                r"--re=^a\.rs:2:2: replace \+ with -$"
            ]
        );
        // A member that is left out is tried again, and one of another shard.
        let on_second = [
            mutant(early, Fate::Noticed(Trip::All)),
            mutant(late, Fate::Noticed(Trip::All)),
            mutant("a.rs:3:3: delete field", Fate::Survived),
        ];
        learn(&mut tried, on_second.to_vec());
        let fates: Vec<Fate> = tried.iter().map(|mutant| mutant.fate).collect();
        assert_eq!(
            fates,
            [Fate::Noticed(Trip::Units), Fate::Noticed(Trip::All)]
        );
    }

    #[test]
    fn every_part_is_there() {
        for part in Crate::value_variants().iter().flat_map(|of| of.parts()) {
            let path = workspace().join(part.trim_end_matches("/**"));
            assert!(path.exists(), "{part}");
        }
    }

    #[test]
    fn a_name_is_no_pattern() {
        assert_eq!(
            escaped("a.rs:1: with Ok(vec![])"),
            r"a\.rs:1: with Ok\(vec!\[\]\)"
        );
    }

    #[test]
    fn what_is_recorded_says_why() -> Result<()> {
        for (name, why) in recorded(&workspace().join(RECORDED))? {
            assert_eq!(lasting(&name), name);
            assert!(why.len() > 20, "{name}: {why}");
        }
        Ok(())
    }
}
