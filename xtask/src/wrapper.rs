//! This program in the place of rustc for our own crates (`RUSTC_WORKSPACE_WRAPPER`): Cargo calls it by another name,
//! with rustc and its arguments.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};

use anyhow::{Context, Result};

/// A copy of this program in a directory, under this name.
///
/// # Errors
/// Where it cannot be written.
pub(crate) fn installed(directory: &Path, name: &str) -> Result<PathBuf> {
    let own = env::current_exe().context("cannot tell which program this is")?;
    let copy = directory.join(name);
    // One that a build is going on with is not written over.
    let new = directory.join(format!("{name}-{}", process::id()));
    fs::copy(own, &new)
        .and_then(|_| fs::rename(&new, &copy))
        .context("cannot copy this program")?;
    Ok(copy)
}

/// As what this program was called, rustc and its arguments; nothing where it was not called by that name.
pub(crate) fn called_as(name: &str) -> Option<(PathBuf, PathBuf, Vec<OsString>)> {
    let mut arguments = env::args_os();
    let called = PathBuf::from(arguments.next()?);
    if called.file_name()? != name {
        return None;
    }
    Some((
        called,
        PathBuf::from(arguments.next()?),
        arguments.collect(),
    ))
}

/// What comes of commands that run one after another, until one fails.
pub(crate) fn ended(commands: impl IntoIterator<Item = Command>) -> ExitCode {
    for mut command in commands {
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(_) => return ExitCode::FAILURE,
            Err(error) => {
                eprintln!("cannot start {command:?}: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
