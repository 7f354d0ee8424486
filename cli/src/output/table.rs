//! A table that fits its window.

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Color, ContentArrangement, Table};

use super::Row;

/// How a cell is to look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// A person must judge.
    Doubtful,
    /// Something does not work.
    Bad,
    /// Beside the point.
    Faint,
}

impl Tone {
    const fn colour(self) -> Option<Color> {
        match self {
            Self::Plain => None,
            Self::Good => Some(Color::Green),
            Self::Doubtful => Some(Color::Yellow),
            Self::Bad => Some(Color::Red),
            Self::Faint => Some(Color::DarkGrey),
        }
    }
}

/// The columns of the window that standard output is.
pub(super) fn width_of_window() -> Option<u16> {
    Table::new().width()
}

/// The rows below their columns' names.
pub(super) fn of<R: Row>(rows: &[R], width: Option<u16>, colour: bool) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING);
    match width {
        Some(width) => {
            table.set_content_arrangement(ContentArrangement::Dynamic);
            table.set_width(width);
        }
        None => {
            table.set_content_arrangement(ContentArrangement::Disabled);
        }
    }
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let names = R::COLUMNS.iter();
    table.set_header(names.map(|name| Cell::new(name.to_uppercase())));
    for row in rows {
        let cells = row.cells().into_iter().zip(R::COLUMNS);
        table.add_row(cells.map(|(text, column)| {
            let cell = Cell::new(text);
            match row.tone(column).colour() {
                Some(of_tone) if colour => cell.fg(of_tone),
                _ => cell,
            }
        }));
    }
    let lines = table.to_string();
    let lines: Vec<_> = lines.lines().map(str::trim_end).collect();
    lines.join("\n")
}
