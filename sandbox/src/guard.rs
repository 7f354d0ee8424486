//! Child processes that end when this process ends, however that happens.
//!
//! A process killed with SIGKILL cannot tidy up, and its children live on. So each child runs under
//! a small watcher that holds the reading end of a pipe and kills the child's process group once
//! the writing end, which only this process has, is closed.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::mpsc;

const WATCHER: &str = include_str!("guard.py");
/// The variable that names the file in which the watcher notes the processor time.
pub(crate) const TIME_FILE: &str = "GUARD_TIME_FILE";
/// The variable that says by how much the child yields to others.
pub(crate) const NICENESS: &str = "GUARD_NICENESS";
const LINES_KEPT: usize = 60;
const LONGEST_GOODBYE: Duration = Duration::from_secs(10);

/// What a finished command wrote, both streams in the order of arrival.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// Everything it wrote on standard output.
    pub stdout: String,
    /// The last lines of both streams.
    pub tail: Vec<String>,
}

/// A command line that will run under the watcher.
///
/// `python` is any Python 3.10 or later; the watcher needs nothing but its standard library.
#[must_use]
pub fn command(python: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(python);
    command.args(["-I", "-S", "-c", WATCHER]).arg(program);
    command
}

/// A running child with the pipe that keeps it alive. Dropping it ends the child and waits for that.
#[derive(Debug)]
pub struct Guarded {
    /// The child, or the watcher above it.
    pub(crate) child: Child,
    pipe: Option<ChildStdin>,
}

impl Guarded {
    /// Starts `command`, which must end when its standard input does.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(command: &mut Command) -> Result<Self> {
        // A group of its own: Ctrl-C in the terminal reaches only this process, which then decides.
        command.stdin(Stdio::piped()).process_group(0);
        let mut child = command.spawn().with_context(|| {
            format!(
                "cannot start `{}`",
                command.as_std().get_program().to_string_lossy()
            )
        })?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }

    /// Waits for the end of the child.
    ///
    /// # Errors
    /// When the operating system refuses to say.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }

    /// Gives the pipe away: from now on whoever holds it keeps the child alive.
    pub(crate) fn release(&mut self) -> Option<ChildStdin> {
        self.pipe.take()
    }
}

impl Drop for Guarded {
    fn drop(&mut self) {
        let Some(pipe) = self.pipe.take() else { return };
        drop(pipe);
        let began = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if began.elapsed() > LONGEST_GOODBYE {
                // The best that is left; the watcher of the sandbox ends what remains.
                let _ = self.child.start_kill();
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// Runs a command built by [`command`] to its end, and hands each line to `on_line` as it comes.
///
/// # Errors
/// When it cannot be started. A command that ran and failed is not an error here: see [`run`].
pub async fn finish(mut command: Command, mut on_line: impl FnMut(&str)) -> Result<Finished> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut guarded = Guarded::spawn(&mut command)?;
    let (sender, mut lines) = mpsc::unbounded_channel();
    if let Some(stream) = guarded.child.stdout.take() {
        forward(stream, true, sender.clone());
    }
    if let Some(stream) = guarded.child.stderr.take() {
        forward(stream, false, sender);
    }
    let mut stdout = String::new();
    let mut tail = VecDeque::new();
    while let Some((is_stdout, line)) = lines.recv().await {
        on_line(&line);
        if is_stdout {
            stdout.push_str(&line);
            stdout.push('\n');
        }
        if tail.len() == LINES_KEPT {
            tail.pop_front();
        }
        tail.push_back(line);
    }
    let status = guarded.wait().await?;
    Ok(Finished {
        status,
        stdout,
        tail: tail.into(),
    })
}

/// Runs a command built by [`command`] and returns its standard output.
///
/// # Errors
/// When it cannot be started or fails; the message ends with the last lines it wrote.
pub async fn run(what: &str, command: Command, on_line: impl FnMut(&str)) -> Result<String> {
    let finished = finish(command, on_line)
        .await
        .with_context(|| what.to_owned())?;
    if !finished.status.success() {
        bail!("{what}: {}\n{}", finished.status, finished.tail.join("\n"));
    }
    Ok(finished.stdout)
}

fn forward(
    stream: impl AsyncRead + Unpin + Send + 'static,
    is_stdout: bool,
    sender: mpsc::UnboundedSender<(bool, String)>,
) {
    tokio::spawn(async move {
        let mut reader = BufReader::new(stream);
        let mut bytes = Vec::new();
        while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(read) if read > 0) {
            let line = String::from_utf8_lossy(&bytes);
            // Of a line that a progress bar has written again and again, the last state.
            let line = line
                .trim_end()
                .rsplit('\r')
                .next()
                .unwrap_or_default()
                .to_owned();
            bytes.clear();
            if sender.send((is_stdout, line)).is_err() {
                break;
            }
        }
    });
}
