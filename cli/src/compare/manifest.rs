//! The manifest: which versions to replicate again, as S3 Batch Operations takes it.
//!
//! Lines of bucket, key and version id without a heading; keys URL-encoded. See
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/batch-ops-create-job.html#specify-batchjob-manifest>.

use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A comma, a quote or a line's end in a key must not be one of the file.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/');

/// Writes a manifest. A version that is missing at several destinations is in it once.
#[derive(Debug)]
pub struct Manifest<W> {
    to: W,
    bucket: String,
    lines: u64,
}

impl<W: Write> Manifest<W> {
    /// Of versions in this bucket.
    pub fn new(to: W, bucket: impl Into<String>) -> Self {
        Self {
            to,
            bucket: bucket.into(),
            lines: 0,
        }
    }

    /// Adds a version.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn add(&mut self, key: &str, version_id: &str) -> io::Result<()> {
        self.lines += 1;
        let key = utf8_percent_encode(key, KEPT);
        writeln!(self.to, "{},{key},{version_id}", self.bucket)
    }

    /// How many versions it has.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Writes what is still to be written.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_key_is_one_field_of_one_line_and_comes_back(key in "\\PC{1,60}|[,\"\n\r +%/]{1,20}") {
            let mut out = Vec::new();
            let mut manifest = Manifest::new(&mut out, "b");
            manifest.add(&key, "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY").unwrap();
            let text = String::from_utf8(out).unwrap();
            let line = text.strip_suffix('\n').unwrap();
            prop_assert!(line.is_ascii() && !line.contains(['\n', '\r', '"', ' ']));
            let fields: Vec<_> = line.split(',').collect();
            prop_assert_eq!(fields.len(), 3);
            prop_assert_eq!((fields[0], fields[2]), ("b", "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"));
            let decoded = percent_encoding::percent_decode_str(fields[1]).decode_utf8().unwrap();
            prop_assert_eq!(decoded.as_ref(), key.as_str());
        }
    }
}
