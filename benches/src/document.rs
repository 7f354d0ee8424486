//! docs/BENCH.md: the table between two marks is the bench's, the words around it are ours.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::chart;
use crate::results::Results;
use crate::rows::Row;
use crate::table;

const FROM: &str = "<!-- table: written by `cargo xtask bench --record` -->\n";
const TO: &str = "<!-- end of table -->\n";

/// Puts the table into docs/BENCH.md and draws docs/bench.svg anew.
pub(crate) fn write(workspace: &Path, results: &Results, rows: &[Row]) -> Result<()> {
    let path = workspace.join("docs/BENCH.md");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let (before, rest) = text.split_once(FROM).context("BENCH.md has no table")?;
    let (_, after) = rest.split_once(TO).context("BENCH.md's table has no end")?;
    let table = table::markdown(rows);
    fs::write(&path, format!("{before}{FROM}\n{table}\n{TO}{after}"))?;
    fs::write(workspace.join("docs/bench.svg"), chart::svg(results))?;
    Ok(())
}
