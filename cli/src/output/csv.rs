//! Comma-separated values.

use std::io::{self, Write};

/// One line, see <https://www.rfc-editor.org/rfc/rfc4180>.
pub(super) fn write(to: &mut impl Write, cells: &[impl AsRef<str>]) -> io::Result<()> {
    for (number, cell) in cells.iter().enumerate() {
        if number > 0 {
            to.write_all(b",")?;
        }
        let cell = cell.as_ref();
        if cell.contains([',', '"', '\r', '\n']) {
            write!(to, "\"{}\"", cell.replace('"', "\"\""))?;
        } else {
            to.write_all(cell.as_bytes())?;
        }
    }
    to.write_all(b"\r\n")
}
