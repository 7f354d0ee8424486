//! Evidence in a directory, as `aws s3 sync s3://BUCKET DIRECTORY` leaves it: nothing but files is needed.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use evidence::{DIGESTS, Day, Found, Hasher, Object, VERDICTS};

use super::walk::Evidence;
use crate::failure::Failure;

/// A directory.
#[derive(Debug)]
pub(super) struct Directory {
    root: PathBuf,
    /// The keys that digests list. A file has no version id: one of these is no other object.
    known: Mutex<HashSet<String>>,
}

impl Directory {
    pub(super) fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            known: Mutex::default(),
        }
    }

    /// The files below a prefix, by their keys.
    fn below(&self, prefix: &str) -> io::Result<Vec<(String, PathBuf)>> {
        let mut found = Vec::new();
        let mut left = vec![self.root.join(prefix)];
        while let Some(folder) = left.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            for entry in entries {
                let path = entry?.path();
                if path.is_dir() {
                    left.push(path);
                } else if let Ok(key) = path.strip_prefix(&self.root) {
                    let parts = key
                        .components()
                        .map(|part| part.as_os_str().to_string_lossy());
                    found.push((parts.collect::<Vec<_>>().join("/"), path));
                }
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn failed(&self, error: &io::Error) -> Failure {
        Failure::Asked(format!("cannot read {}: {error}", self.root.display()))
    }

    fn hash(&self, object: &Object) -> io::Result<Found> {
        let mut file = File::open(self.root.join(&object.key))?;
        let (mut hasher, mut piece) = (Hasher::default(), vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut piece)?;
            if read == 0 {
                break;
            }
            hasher.update(piece.get(..read).unwrap_or_default());
        }
        Ok(Found::Bytes {
            size: hasher.size(),
            sha256: hasher.finish(),
        })
    }
}

/// The day that a file is of, as S3 dates it where it was copied with its time.
fn written(path: &Path) -> io::Result<Day> {
    let time = fs::metadata(path)?.modified()?;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Day::of(i64::try_from(since.as_secs()).unwrap_or(i64::MAX)))
}

impl Evidence for Directory {
    async fn digests(&self) -> Result<Vec<String>, Failure> {
        let found = self.below(DIGESTS).map_err(|error| self.failed(&error))?;
        Ok(found.into_iter().map(|(key, _)| key).collect())
    }

    async fn file(&self, key: &str) -> Result<Option<Vec<u8>>, Failure> {
        match fs::read(self.root.join(key)) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(&error)),
        }
    }

    async fn look(&self, object: &Object) -> Found {
        if let Ok(mut known) = self.known.lock() {
            known.insert(object.key.clone());
        }
        match self.hash(object) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => Found::Nothing,
            Err(error) => Found::Unknown(error.to_string()),
        }
    }

    async fn listed(&self, take: &mut dyn FnMut(&str, &str, Day)) -> Result<(), Failure> {
        let found = self.below(VERDICTS).map_err(|error| self.failed(&error))?;
        for (key, path) in found {
            let known = self.known.lock().is_ok_and(|known| known.contains(&key));
            if !known {
                let day = written(&path).map_err(|error| self.failed(&error))?;
                take(&key, "unknown", day);
            }
        }
        Ok(())
    }
}
