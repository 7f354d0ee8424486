//! What waits for the end of a comparison: a little in memory, the rest in a file that nobody else sees.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many stay in memory.
const IN_MEMORY: usize = 10_000;

/// Values that are taken again in the order in which they came.
#[derive(Debug)]
pub struct Spool<T> {
    first: Vec<T>,
    rest: Option<BufWriter<File>>,
    most: usize,
}

impl<T: Serialize + DeserializeOwned> Spool<T> {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::keeping(IN_MEMORY)
    }

    fn keeping(most: usize) -> Self {
        Self {
            first: Vec::new(),
            rest: None,
            most,
        }
    }

    /// Adds a value.
    ///
    /// # Errors
    /// Where the file cannot be made or written.
    pub fn push(&mut self, value: T) -> io::Result<()> {
        if self.first.len() < self.most {
            self.first.push(value);
            return Ok(());
        }
        let rest = match &mut self.rest {
            Some(rest) => rest,
            none => none.insert(BufWriter::new(nameless()?)),
        };
        serde_json::to_writer(&mut *rest, &value)?;
        rest.write_all(b"\n")
    }

    /// Gives all values to `take`.
    ///
    /// # Errors
    /// Where the file cannot be read, or what `take` answers.
    pub fn drain(self, mut take: impl FnMut(T) -> io::Result<()>) -> io::Result<()> {
        for value in self.first {
            take(value)?;
        }
        if let Some(rest) = self.rest {
            let mut file = rest.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.rewind()?;
            for line in BufReader::new(file).lines() {
                take(serde_json::from_str(&line?)?)?;
            }
        }
        Ok(())
    }
}

impl<T: Serialize + DeserializeOwned> Default for Spool<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A file that loses its name at once where the system allows that: it ends with its last reader.
fn nameless() -> io::Result<File> {
    let name = format!(
        "encrypted-replication-{}-{:016x}",
        std::process::id(),
        fastrand::u64(..)
    );
    let path: PathBuf = std::env::temp_dir().join(name);
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    // Whatever has that name already is left alone.
    OpenOptions::create_new(&mut options, true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    // Elsewhere a file that is open keeps its name.
    let _ = std::fs::remove_file(&path);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_come_back_in_their_order_from_memory_and_file() {
        for (most, count) in [(3, 0), (3, 3), (3, 10), (0, 2)] {
            let mut spool = Spool::keeping(most);
            for number in 0..count {
                spool.push((number, "a\n\"b\"".to_owned())).unwrap();
            }
            let mut came = Vec::new();
            let took = spool.drain(|(number, text)| {
                assert_eq!(text, "a\n\"b\"");
                came.push(number);
                Ok(())
            });
            took.unwrap();
            assert_eq!(came, (0..count).collect::<Vec<_>>());
        }
    }
}
