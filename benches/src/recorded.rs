//! The recorded figures: those that do not depend on the clock, in one file, changed on purpose.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::UTF8_FULL_CONDENSED;
use serde::{Deserialize, Serialize};

use crate::results::Steady;

/// A recorded figure. Less is better for all of them.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    value: f64,
    /// So much more than `value` still passes.
    margin_percent: f64,
}

type Figures = BTreeMap<String, Figure>;

/// The file, in the workspace.
pub(crate) fn path(workspace: &Path) -> PathBuf {
    workspace.join("benches/recorded.json")
}

/// Writes what was measured as what is recorded from now on.
pub(crate) fn write(path: &Path, steady: &Steady) -> Result<()> {
    let mut figures = measured(steady);
    // What this machine cannot measure stays as it was recorded.
    if let Ok(old) = read(path) {
        for (name, figure) in old {
            if is_optional(&name) {
                figures.entry(name).or_insert(figure);
            }
        }
    }
    let mut text = serde_json::to_string_pretty(&figures)?;
    text.push('\n');
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

/// Prints what was measured beside what is recorded; true where nothing got worse than its margin
/// allows, and no figure came or went.
pub(crate) fn check(path: &Path, steady: &Steady) -> Result<bool> {
    let recorded = read(path)?;
    let measured = measured(steady);
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_header(["", "Figure", "measured", "recorded", "margin"]);
    let mut good = true;
    for name in recorded
        .keys()
        .chain(measured.keys().filter(|name| !recorded.contains_key(*name)))
    {
        let (now, then) = (measured.get(name), recorded.get(name));
        let within = match (now, then) {
            (Some(now), Some(then)) => {
                Some(now.value <= then.value * (1.0 + then.margin_percent / 100.0))
            }
            (None, Some(_)) if is_optional(name) => None,
            _ => Some(false),
        };
        good &= within != Some(false);
        let sign = match within {
            Some(true) => "✓",
            Some(false) => "✗",
            None => "",
        };
        let text = |figure: Option<&Figure>, without: &str| {
            figure.map_or_else(|| without.to_owned(), |figure| format!("{}", figure.value))
        };
        table.add_row([
            sign.to_owned(),
            name.clone(),
            text(now, "not measured"),
            text(then, "not recorded"),
            then.map(|figure| format!("{} %", figure.margin_percent))
                .unwrap_or_default(),
        ]);
    }
    println!("{table}");
    if !good {
        println!(
            "a figure got worse, came or went; `cargo xtask bench --record` records the new ones"
        );
    }
    Ok(good)
}

/// Instructions are counted only where there is valgrind, so CI does without them.
fn is_optional(name: &str) -> bool {
    name.starts_with("instructions")
}

fn read(path: &Path) -> Result<Figures> {
    let text =
        fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("`{}`", path.display()))
}

/// The figures by name, with the margins that they are recorded with: none for counts; 2 % of size
/// for what linkers and libraries of another system add; 10 % of instructions because the answers'
/// arrival times decide how often the function looks for them.
fn measured(steady: &Steady) -> Figures {
    let mut figures = Figures::new();
    let mut add = |name: String, value: f64, margin_percent: f64| {
        figures.insert(
            name,
            Figure {
                value,
                margin_percent,
            },
        );
    };
    add(
        "calls: HeadObject per replica".to_owned(),
        steady.heads_per_replica,
        0.0,
    );
    add(
        "calls: others of a fresh checker, one bucket and key".to_owned(),
        count(steady.other_calls),
        0.0,
    );
    for (name, request) in &steady.provisioner {
        add(format!("calls: {name}"), count(request.calls), 0.0);
        add(
            format!("longest chain: {name}"),
            count(request.round_trips),
            0.0,
        );
    }
    for (name, size) in &steady.zip {
        add(format!("zip bytes: {name}"), count(*size), 2.0);
    }
    if let Some(instructions) = steady.instructions_per_replica {
        add(
            "instructions per replica".to_owned(),
            instructions.round(),
            10.0,
        );
    }
    figures
}

/// Figures here are far below the point where this rounds.
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and counts far below 2^52, for display"
)]
fn count(value: u64) -> f64 {
    value as f64
}
