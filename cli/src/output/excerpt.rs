//! The first rows for people, and all of them for programs.

use std::io::{self, Stdout};

use super::{Format, Output, Row, Rows};

/// More are for programs.
const MOST_FOR_PEOPLE: u64 = 200;

/// A list that may be longer than anybody reads.
#[derive(Debug)]
pub struct Excerpt<R> {
    output: Output,
    rows: Rows<R, Stdout>,
    left_out: u64,
}

impl<R: Row> Excerpt<R> {
    /// Begins it on standard output.
    #[must_use]
    pub fn new(output: Output) -> Self {
        Self {
            rows: output.rows(),
            output,
            left_out: 0,
        }
    }

    /// Whether there is room for one more. One for which there is none is counted.
    pub fn has_room(&mut self) -> bool {
        let has_room = !self.output.is_for_people() || self.rows.written() < MOST_FOR_PEOPLE;
        self.left_out += u64::from(!has_room);
        has_room
    }

    /// One more.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn push(&mut self, row: R) -> io::Result<()> {
        self.rows.push(row)
    }

    /// That was all, for a program: with a last row that sums it up. CSV has rows of one kind alone.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish_with(mut self, summary: R) -> io::Result<()> {
        if self.output.format() != Format::Csv {
            self.rows.push(summary)?;
        }
        self.rows.finish()
    }

    /// That was all, for people: with how many were left out, before what sums it up.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(self) -> io::Result<()> {
        let told = self.rows.written() > 0;
        self.rows.finish()?;
        if self.left_out > 0 {
            let left_out = self.left_out;
            self.output
                .remark(format!("… and {left_out} more, which --output jsonl has"))?;
        }
        if told {
            self.output.remark("")?;
        }
        Ok(())
    }
}
