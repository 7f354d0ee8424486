//! What was found, in the form that was asked for: for people as a table that fits their window, for
//! programs as JSON or CSV.
//!
//! `json` is one document, `jsonl` one document a line, which is written as soon as it is known; `csv` is
//! as in <https://www.rfc-editor.org/rfc/rfc4180>.

mod csv;
mod excerpt;
mod table;

use std::fmt;
use std::io::{self, IsTerminal as _, Write};

use clap::ValueEnum;
use serde::Serialize;

pub use self::excerpt::Excerpt;
pub use self::table::Tone;

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// One JSON document a line, as soon as it is known
    Jsonl,
    /// Comma-separated values, with a header
    Csv,
}

/// A kind of finding: one line of a table or of CSV, one document of JSON.
pub trait Row: Serialize {
    /// The names of its columns.
    const COLUMNS: &'static [&'static str];

    /// Its cells, one for each column.
    fn cells(&self) -> Vec<String>;

    /// How a cell is to look where colour is wanted.
    fn tone(&self, _column: &str) -> Tone {
        Tone::Plain
    }
}

/// Where what is found goes, and how.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    format: Format,
    /// Columns of the window; `None` where it is none.
    width: Option<u16>,
    colour: bool,
}

impl Output {
    /// To standard output. See <https://no-color.org>.
    #[must_use]
    pub fn to_standard(format: Format) -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_terminal = io::stdout().is_terminal();
        let is_dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
        Self {
            format,
            width: is_terminal.then(table::width_of_window).flatten(),
            colour: is_terminal && !set("NO_COLOR") && !is_dumb,
        }
    }

    /// For tests: to a window of this width, without colour.
    #[must_use]
    pub const fn plain(format: Format, width: Option<u16>) -> Self {
        Self {
            format,
            width,
            colour: false,
        }
    }

    /// The form.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// Whether it is for people.
    #[must_use]
    pub const fn is_for_people(&self) -> bool {
        matches!(self.format, Format::Table)
    }

    /// Begins a list of rows on standard output.
    #[must_use]
    pub fn rows<R: Row>(&self) -> Rows<R, io::Stdout> {
        self.rows_into(io::stdout())
    }

    /// The same to anywhere.
    pub fn rows_into<R: Row, W: Write>(&self, to: W) -> Rows<R, W> {
        Rows {
            output: *self,
            to,
            table: Vec::new(),
            written: 0,
        }
    }

    /// One document: for people as they read it, for programs as JSON, also where CSV was asked for, as it
    /// has no rows.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn document(&self, document: &impl Serialize, text: &impl fmt::Display) -> io::Result<()> {
        let mut to = io::stdout().lock();
        match self.format {
            Format::Table => writeln!(to, "{text}"),
            Format::Json => {
                serde_json::to_writer_pretty(&mut to, document)?;
                writeln!(to)
            }
            Format::Jsonl | Format::Csv => {
                serde_json::to_writer(&mut to, document)?;
                writeln!(to)
            }
        }
    }

    /// A line for people, beside what was found; nothing where a program reads.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn remark(&self, text: impl fmt::Display) -> io::Result<()> {
        if self.is_for_people() {
            writeln!(io::stdout(), "{text}")?;
        }
        Ok(())
    }
}

/// A list of rows on its way out. A table is written when it ends, as its columns go by all rows; anything
/// else at once, in memory that does not grow.
#[derive(Debug)]
pub struct Rows<R, W> {
    output: Output,
    to: W,
    table: Vec<R>,
    written: u64,
}

impl<R: Row, W: Write> Rows<R, W> {
    /// One more.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn push(&mut self, row: R) -> io::Result<()> {
        let first = self.written == 0;
        self.written += 1;
        match self.output.format {
            Format::Table => self.table.push(row),
            Format::Json => {
                self.to.write_all(if first { b"[\n" } else { b",\n" })?;
                serde_json::to_writer(&mut self.to, &row)?;
            }
            Format::Jsonl => {
                serde_json::to_writer(&mut self.to, &row)?;
                self.to.write_all(b"\n")?;
            }
            Format::Csv => {
                if first {
                    csv::write(&mut self.to, R::COLUMNS)?;
                }
                csv::write(&mut self.to, &row.cells())?;
            }
        }
        Ok(())
    }

    /// How many there were.
    #[must_use]
    pub const fn written(&self) -> u64 {
        self.written
    }

    /// That was all.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        match self.output.format {
            Format::Table if self.table.is_empty() => {}
            Format::Table => {
                let Output { width, colour, .. } = self.output;
                writeln!(self.to, "{}", table::of(&self.table, width, colour))?;
            }
            Format::Json if self.written == 0 => self.to.write_all(b"[]\n")?,
            Format::Json => self.to.write_all(b"\n]\n")?,
            Format::Csv if self.written == 0 => csv::write(&mut self.to, R::COLUMNS)?,
            Format::Csv | Format::Jsonl => {}
        }
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize)]
    struct Found {
        bucket: &'static str,
        why: &'static str,
    }

    impl Row for Found {
        const COLUMNS: &'static [&'static str] = &["bucket", "why"];

        fn cells(&self) -> Vec<String> {
            vec![self.bucket.into(), self.why.into()]
        }
    }

    fn written(format: Format, width: Option<u16>, rows: Vec<Found>) -> String {
        let mut to = Vec::new();
        let mut list = Output::plain(format, width).rows_into(&mut to);
        for row in rows {
            list.push(row).unwrap();
        }
        list.finish().unwrap();
        String::from_utf8(to).unwrap()
    }

    fn two() -> Vec<Found> {
        let (first, second) = (
            "no, it \"works\"",
            "the role may not use the key of the destination",
        );
        vec![
            Found {
                bucket: "tax",
                why: first,
            },
            Found {
                bucket: "ledger",
                why: second,
            },
        ]
    }

    #[test]
    fn csv_quotes_what_has_commas_and_quotes() {
        assert_eq!(
            written(Format::Csv, None, two()),
            "bucket,why\r\ntax,\"no, it \"\"works\"\"\"\r\nledger,the role may not use the key of the destination\r\n"
        );
    }

    #[test]
    fn json_is_one_document_and_jsonl_one_a_line() {
        let json: serde_json::Value =
            serde_json::from_str(&written(Format::Json, None, two())).unwrap();
        assert_eq!(json[0]["why"], "no, it \"works\"");
        assert_eq!(json[1]["bucket"], "ledger");
        let lines = written(Format::Jsonl, None, two());
        let lines: Vec<serde_json::Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!((lines.len(), &lines[1]), (2, &json[1]));
    }

    #[test]
    fn nothing_is_still_a_document_and_a_header() {
        assert_eq!(written(Format::Json, None, vec![]), "[]\n");
        assert_eq!(written(Format::Csv, None, vec![]), "bucket,why\r\n");
        assert_eq!(written(Format::Jsonl, None, vec![]), "");
        assert_eq!(written(Format::Table, None, vec![]), "");
    }

    #[test]
    fn a_table_fits_its_window_and_loses_nothing() {
        let wide = written(Format::Table, None, two());
        assert!(
            wide.contains("the role may not use the key of the destination"),
            "{wide}"
        );
        let narrow = written(Format::Table, Some(32), two());
        assert!(
            narrow.lines().all(|line| line.chars().count() <= 32),
            "{narrow}"
        );
        let words: Vec<_> = narrow.split_whitespace().collect();
        for word in "the role may not use the key of the destination".split(' ') {
            assert!(words.contains(&word), "{narrow}");
        }
    }
}
