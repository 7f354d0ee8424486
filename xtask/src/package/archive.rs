//! The zip of one function: the same bytes for the same bootstrap, whenever and wherever it is made.
//!
//! One entry needs three records, and a writer of our own no more: the fields are those of
//! <https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT>, 4.3.7, 4.3.12 and 4.3.16.

use std::io::Write;

use anyhow::{Context, Result};
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

/// The name that Lambda starts: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-provided.html>
const ENTRY: &[u8] = b"bootstrap";
/// A file that all may read and run: Lambda runs functions as another user than the files' owner.
const MODE: u32 = 0o100_755;
/// 1 January 1980, the earliest day that a zip can name, at midnight.
const DAY: u16 = 0x0021;
const MIDNIGHT: u16 = 0;
/// Version 2.0 of the format, which knows deflate; in the upper byte, written on Unix.
const VERSION: u16 = 20;
const UNIX: u16 = 3 << 8;
const DEFLATED: u16 = 8;

/// A zip with the bootstrap alone, without any time.
///
/// # Errors
/// When the bootstrap is larger than a zip without extensions holds, 4 GiB.
pub(crate) fn of(bootstrap: &[u8]) -> Result<Vec<u8>> {
    // Every function is loaded from its zip at a cold start; the time to compress it does not count.
    with(Compression::best(), bootstrap)
}

/// The same without compressing it, for a zip that stays on this machine.
///
/// # Errors
/// When the bootstrap is larger than a zip without extensions holds, 4 GiB.
pub(crate) fn stored(bootstrap: &[u8]) -> Result<Vec<u8>> {
    with(Compression::none(), bootstrap)
}

fn with(compression: Compression, bootstrap: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::new(), compression);
    encoder.write_all(bootstrap).context("cannot compress")?;
    let data = encoder.finish().context("cannot compress")?;

    let entry = entry(bootstrap, &data)?;
    let mut zip = Vec::new();
    put(&mut zip, &[0x0403_4b50]);
    zip.extend_from_slice(&entry);
    zip.extend_from_slice(ENTRY);
    zip.extend_from_slice(&data);

    let directory = number(zip.len())?;
    put(&mut zip, &[0x0201_4b50]);
    put_short(&mut zip, &[VERSION | UNIX]);
    zip.extend_from_slice(&entry);
    // No comment, the first disk, a binary file.
    put_short(&mut zip, &[0, 0, 0]);
    // The mode, and where the entry begins.
    put(&mut zip, &[MODE << 16, 0]);
    zip.extend_from_slice(ENTRY);

    let length = number(zip.len())? - directory;
    put(&mut zip, &[0x0605_4b50]);
    // This disk and the directory's; entries here and in all.
    put_short(&mut zip, &[0, 0, 1, 1]);
    put(&mut zip, &[length, directory]);
    put_short(&mut zip, &[0]);
    Ok(zip)
}

/// What the entry's own header and the central directory both say of it.
fn entry(content: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    let mut crc = Crc::new();
    crc.update(content);
    let mut fields = Vec::new();
    put_short(&mut fields, &[VERSION, 0, DEFLATED, MIDNIGHT, DAY]);
    put(
        &mut fields,
        &[crc.sum(), number(data.len())?, number(content.len())?],
    );
    let name = u16::try_from(ENTRY.len()).context("the entry's name is too long")?;
    put_short(&mut fields, &[name, 0]);
    Ok(fields)
}

fn put(zip: &mut Vec<u8>, numbers: &[u32]) {
    for number in numbers {
        zip.extend_from_slice(&number.to_le_bytes());
    }
}

fn put_short(zip: &mut Vec<u8>, numbers: &[u16]) {
    for number in numbers {
        zip.extend_from_slice(&number.to_le_bytes());
    }
}

fn number(length: usize) -> Result<u32> {
    u32::try_from(length).context("larger than a zip without extensions holds")
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    /// Reads a zip from its standard input, as other people's programs do.
    const READER: &str = "
import io, sys, zipfile
archive = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))
assert archive.testzip() is None
[entry] = archive.infolist()
print(entry.filename, oct(entry.external_attr >> 16), *entry.date_time, archive.read(entry))";

    /// On every machine, on every day: recorded on one, compared on all.
    #[test]
    fn the_bytes_are_those_that_were_recorded() {
        let lines: Vec<String> = (0..20_000)
            .map(|line| format!("{}\n", line * 7919))
            .collect();
        let made = of(lines.concat().as_bytes()).unwrap();
        let recorded = "cc591ee85652d06d913f47a003be070583303ac163d7d22482f603ccba294d95";
        assert_eq!(crate::package::sha256(&made), recorded);
    }

    #[test]
    fn others_read_one_executable_file_without_a_time() {
        for make in [of, stored] {
            let made = make(b"\x7fELF").unwrap();
            assert_eq!(read(&made), "bootstrap 0o100755 1980 1 1 0 0 0 b'\\x7fELF'");
        }
    }

    fn read(made: &[u8]) -> String {
        let mut reader = Command::new("python3")
            .args(["-I", "-c", READER])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        reader.stdin.take().unwrap().write_all(made).unwrap();
        let answer = reader.wait_with_output().unwrap();
        String::from_utf8(answer.stdout).unwrap().trim().to_owned()
    }
}
