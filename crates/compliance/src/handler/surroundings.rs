//! Where lines go, and what time it is.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where lines go, and what time it is.
pub trait Surroundings: Send + Sync {
    /// Writes whole lines, each with its line feed, all of them before it returns.
    ///
    /// # Errors
    /// Where they cannot be written: the verdicts are then not told, and the batch is tried again.
    fn write_lines(&self, lines: &str) -> io::Result<()>;

    /// Milliseconds since 1970.
    fn now_ms(&self) -> i64;
}

/// Standard output, which Lambda sends to the function's log group, and the machine's clock.
#[derive(Clone, Copy, Debug)]
pub struct StandardOutput;

impl Surroundings for StandardOutput {
    fn write_lines(&self, lines: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(lines.as_bytes())?;
        stdout.flush()
    }

    fn now_ms(&self) -> i64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
    }
}
