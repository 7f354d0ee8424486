//! The demo's result as a table.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::judge::Row;

const HEADER: [&str; 7] = [
    "",
    "Object",
    "Source status",
    "Replica key",
    "Expected",
    "Verdict",
    "Upload to verdict",
];
const TIME_COLUMN: usize = 6;

/// One line for each object.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(HEADER);
    for row in rows {
        let time = row
            .milliseconds
            .map_or_else(String::new, |time| format!("{time} ms"));
        table.add_row([
            if row.fault.is_none() { "✓" } else { "✗" },
            row.object.as_str(),
            row.source_status.as_str(),
            row.replica_key.as_str(),
            row.expected,
            row.verdict.as_str(),
            time.as_str(),
        ]);
    }
    if let Some(column) = table.column_mut(TIME_COLUMN) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
