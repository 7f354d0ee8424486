//! The one table, for the terminal and for docs/BENCH.md.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use crate::rows::Row;

const HEADER: [&str; 7] = [
    "Figure",
    "",
    "ours",
    "bare Rust",
    "boto3 twin",
    "twin / ours",
    "target",
];

/// For the terminal.
pub(crate) fn terminal(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(HEADER);
    for row in rows {
        table.add_row(cells(row));
    }
    for column in 2..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// For a document.
pub(crate) fn markdown(rows: &[Row]) -> String {
    let mut text = format!(
        "| {} |\n|---|---|--:|--:|--:|--:|---|\n",
        HEADER.join(" | ")
    );
    for row in rows {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} |", cells(row).join(" | "));
    }
    text
}

fn cells(row: &Row) -> [String; 7] {
    let ratio = row
        .twin
        .filter(|_| row.ours > 0.0)
        .map(|twin| twin / row.ours);
    let target = match row.reached() {
        Some(true) => format!("✓ {}", row.target_text()),
        Some(false) => format!("✗ {}", row.target_text()),
        None => String::new(),
    };
    [
        row.group.to_owned(),
        row.figure.clone(),
        format!("{} {}", number(row.ours), row.unit),
        row.bare.map(number).unwrap_or_default(),
        row.twin.map(number).unwrap_or_default(),
        ratio.map(number).unwrap_or_default(),
        target,
    ]
}

/// Three digits that matter; more would be noise.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || value >= 99.95 || (value.fract() == 0.0 && value >= 1.0) {
        format!("{value:.0}")
    } else if value >= 9.995 {
        format!("{value:.1}")
    } else if value >= 0.995 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}
