//! The soak's counts, as tables.

use std::collections::BTreeMap;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, Table};

use super::play::Outcome;

/// Of what is wrong, so much is printed.
pub(crate) const MOST_FAULTS: usize = 20;
const KINDS: [&str; 5] = ["throttle", "internal", "unavailable", "timeout", "cut"];

/// Everything that was counted.
pub(crate) fn render(outcome: &Outcome) -> String {
    format!(
        "{}\n{}\n{}",
        counts(outcome),
        verdicts(outcome),
        faults(outcome)
    )
}

fn counts(outcome: &Outcome) -> Table {
    let found = &outcome.found;
    let told = &outcome.told;
    let event = |name| count(&told.events, name);
    let invocation = |name| count(&told.invocations, name);
    let rows: [(&str, u64); 19] = [
        ("Uploads", number(outcome.uploads)),
        ("Events into queues", event("delivered")),
        ("  of them twice", event("twice")),
        ("  held back", event("late")),
        ("Invocations", invocation("invocations")),
        ("  killed", invocation("killed")),
        ("Messages given to them", invocation("messages")),
        ("  given again", invocation("redelivered")),
        (
            "  in a batch that was killed",
            invocation("messagesOfKilled"),
        ),
        ("Verdict lines", number(found.lines)),
        ("  again on the same version", number(found.again)),
        ("Messages that can never be judged", number(outcome.poison)),
        ("Dead letters", number(outcome.dead)),
        (
            "  that only bad luck brought there",
            number(outcome.unlucky),
        ),
        ("  after the redrive", number(outcome.still_dead)),
        ("Lost", number(found.lost.len())),
        ("Misjudged", number(found.misjudged.len())),
        ("With more than one id", number(found.divided.len())),
        ("Findings without event", number(found.untold.len())),
    ];
    let mut table = table(&["", "count"]);
    for (name, count) in rows {
        table.add_row([name, &count.to_string()]);
    }
    right(&mut table)
}

fn verdicts(outcome: &Outcome) -> Table {
    let mut table = table(&["Verdict", "right"]);
    for (verdict, count) in &outcome.found.right {
        table.add_row([*verdict, &count.to_string()]);
    }
    right(&mut table)
}

fn faults(outcome: &Outcome) -> Table {
    let mut header = vec!["Answers", "all"];
    header.extend(KINDS);
    let mut table = table(&header);
    for (operation, answers) in &outcome.told.answers {
        let mut row = vec![operation.clone(), answers.to_string()];
        let faults = outcome.told.faults.get(operation);
        row.extend(KINDS.map(|kind| {
            let found = faults.map_or(0, |faults| count(faults, kind));
            found.to_string()
        }));
        table.add_row(row);
    }
    right(&mut table)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(header);
    table
}

fn right(table: &mut Table) -> Table {
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.clone()
}

fn count(counts: &BTreeMap<String, u64>, name: &str) -> u64 {
    counts.get(name).copied().unwrap_or_default()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
