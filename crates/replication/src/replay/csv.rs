//! Rows of a CSV file, as it comes in: never more than one row is kept.
//!
//! See <https://www.rfc-editor.org/rfc/rfc4180>.

/// A row longer than this is none of a report's: a key has at most 1,024 bytes, a reason a few hundred.
const LONGEST_ROW: usize = 64 * 1024;

/// What was read of the row that is coming in.
#[derive(Debug, Default)]
pub(super) struct Rows {
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    length: usize,
    quoting: Quoting,
    /// Bytes read.
    at: u64,
    /// Bytes up to the end of the last whole row.
    whole: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Quoting {
    #[default]
    Outside,
    Inside,
    /// After a quotation mark inside: the end, or half of a doubled one.
    Maybe,
}

impl Rows {
    /// Goes on with the byte `at`, where a row begins.
    pub(super) fn from(at: u64) -> Self {
        Self {
            at,
            whole: at,
            ..Self::default()
        }
    }

    /// Where the next row begins.
    pub(super) const fn whole(&self) -> u64 {
        self.whole
    }

    /// Where the bytes go on.
    pub(super) const fn at(&self) -> u64 {
        self.at
    }

    /// Takes the next bytes in, and gives each row that ends in them.
    ///
    /// # Errors
    /// Where it is no report.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        mut row: impl FnMut(&[String]),
    ) -> Result<(), String> {
        for &byte in bytes {
            self.at += 1;
            self.length += 1;
            if self.length > LONGEST_ROW {
                return Err(format!("a row of it is longer than {LONGEST_ROW} bytes"));
            }
            match (self.quoting, byte) {
                (Quoting::Outside, b'"') if self.field.is_empty() => self.quoting = Quoting::Inside,
                (Quoting::Inside, b'"') => self.quoting = Quoting::Maybe,
                (Quoting::Maybe, b'"') => {
                    self.quoting = Quoting::Inside;
                    self.field.push(b'"');
                }
                (Quoting::Inside, other) => self.field.push(other),
                (_, b',') => self.end_field(),
                // Of a line's end; inside quotation marks it would be the field's.
                (Quoting::Maybe, b'\r') => {}
                (quoting, b'\n') => {
                    if quoting == Quoting::Outside && self.field.last() == Some(&b'\r') {
                        self.field.pop();
                    }
                    self.end_row(&mut row);
                }
                (_, other) => self.field.push(other),
            }
        }
        Ok(())
    }

    /// The file ends, maybe without the end of its last line.
    pub(super) fn end(&mut self, mut row: impl FnMut(&[String])) {
        if self.length > 0 {
            self.end_row(&mut row);
        }
    }

    fn end_field(&mut self) {
        self.quoting = Quoting::Outside;
        self.fields.push(std::mem::take(&mut self.field));
    }

    fn end_row(&mut self, row: &mut impl FnMut(&[String])) {
        self.end_field();
        let fields = std::mem::take(&mut self.fields).into_iter();
        let fields: Vec<_> = fields
            .map(|field| String::from_utf8_lossy(&field).into_owned())
            .collect();
        self.length = 0;
        self.whole = self.at;
        // An empty line is no row.
        if fields.iter().any(|field| !field.is_empty()) {
            row(&fields);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(text: &str, chunk: usize) -> Vec<Vec<String>> {
        let mut found = Vec::new();
        let mut rows = Rows::default();
        for bytes in text.as_bytes().chunks(chunk) {
            rows.take(bytes, |row| found.push(row.to_vec())).unwrap();
        }
        rows.end(|row| found.push(row.to_vec()));
        assert_eq!(rows.whole(), text.len() as u64);
        found
    }

    #[test]
    fn rows_are_read_as_they_are_written() {
        for (text, expected) in [
            ("", vec![]),
            ("a,b\nc,\n", vec![vec!["a", "b"], vec!["c", ""]]),
            ("a,b\r\n\r\nc", vec![vec!["a", "b"], vec!["c"]]),
            ("\"a\"\"b\",\"c,\nd\",e", vec![vec!["a\"b", "c,\nd", "e"]]),
            ("a\"b,c", vec![vec!["a\"b", "c"]]),
            ("\"a\r\",\"b\r\"\r\n", vec![vec!["a\r", "b\r"]]),
        ] {
            for chunk in [1, 2, 100] {
                assert_eq!(rows(text, chunk), expected, "{text:?} {chunk}");
            }
        }
    }

    #[test]
    fn what_is_no_report_is_not_kept_for_ever() {
        let mut rows = Rows::default();
        let endless = vec![b'a'; LONGEST_ROW + 1];
        let refused = rows.take(&endless, |_| panic!("no row")).unwrap_err();
        assert!(refused.contains("longer"), "{refused}");
    }

    proptest! {
        #[test]
        fn any_row_comes_back_in_any_pieces(
            written in prop::collection::vec(prop::collection::vec("[a\",\n\r é]{0,6}", 1..4), 0..6),
            chunk in 1_usize..9,
        ) {
            let quoted = |field: &String| format!("\"{}\"", field.replace('"', "\"\""));
            let line = |row: &Vec<String>| row.iter().map(quoted).collect::<Vec<_>>().join(",");
            let text: String = written.iter().map(|row| line(row) + "\n").collect();
            let filled = written.into_iter().filter(|row| row.iter().any(|field| !field.is_empty()));
            prop_assert_eq!(rows(&text, chunk), filled.collect::<Vec<_>>());
        }
    }
}
