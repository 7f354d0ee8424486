//! One function as a process, on a processor of its own where there are two.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use bytes::Bytes;
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::sys::signal::{Signal, kill};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

use crate::runtime_api::RuntimeApi;

/// A program that is a Lambda function.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// What the table calls it.
    pub(crate) name: &'static str,
    /// The command line.
    pub(crate) command: Vec<PathBuf>,
    /// Where it is deployed: `LAMBDA_TASK_ROOT`.
    pub(crate) directory: PathBuf,
}

/// What the function reaches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'a> {
    /// `AWS_ENDPOINT_URL`.
    pub(crate) endpoint: &'a str,
    /// The certificate authorities it trusts, where the endpoint is HTTPS.
    pub(crate) authorities: Option<&'a Path>,
    /// Where its standard output goes.
    pub(crate) output: &'a Path,
}

/// A running function. Dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Function {
    child: Child,
    api: RuntimeApi,
    started: Instant,
}

/// One invocation, measured.
#[derive(Clone, Debug)]
pub(crate) struct Invoked {
    /// From the event handed over to the answer received.
    pub(crate) wall: Duration,
    /// CPU time of the process until it asked for the next event.
    pub(crate) cpu: Duration,
    /// From the start of the process to the answer.
    pub(crate) since_start: Duration,
    /// The answer.
    pub(crate) answer: Bytes,
}

impl Function {
    /// Starts the process and waits for its first poll; also how long that took.
    pub(crate) async fn start(
        program: &Program,
        surroundings: Surroundings<'_>,
    ) -> Result<(Self, Duration)> {
        let api = RuntimeApi::start().await?;
        let mut command = command(program, surroundings, &api)?;
        // A child inherits the processor of the thread that starts it.
        let spawned = std::thread::spawn(move || {
            pin(Role::Function);
            let started = Instant::now();
            command.spawn().map(|child| (child, started))
        });
        let (child, started) = spawned
            .join()
            .map_err(|_| anyhow::anyhow!("the starting thread panicked"))?
            .with_context(|| format!("cannot start {}", program.name))?;
        let mut function = Self {
            child,
            api,
            started,
        };
        let polled = function.api.polled().await?;
        Ok((function, polled.duration_since(started)))
    }

    /// One event, and the function's answer.
    pub(crate) async fn invoke(&mut self, event: Bytes) -> Result<Invoked> {
        let before = self.cpu()?;
        let (wall, at, answer) = self.api.invoke(event).await?;
        self.api.polled().await?;
        Ok(Invoked {
            wall,
            cpu: self.cpu()?.saturating_sub(before),
            since_start: at.duration_since(self.started),
            answer,
        })
    }

    /// CPU time of all of the process's threads until now.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        Ok(Duration::from(clock_getcpuclockid(self.pid()?)?.now()?))
    }

    /// Asks the process to end, and waits until it has.
    pub(crate) fn terminate(&mut self) -> Result<()> {
        kill(self.pid()?, Signal::SIGTERM)?;
        self.child.wait()?;
        Ok(())
    }

    fn pid(&self) -> Result<Pid> {
        Ok(Pid::from_raw(i32::try_from(self.child.id())?))
    }

    /// The most memory that the process had in RAM, in bytes.
    pub(crate) fn peak_memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let kilobytes = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|line| line.split_whitespace().next())
            .context("the process has no VmHWM")?;
        Ok(kilobytes.parse::<u64>()? * 1024)
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The environment that Lambda gives, and nothing else.
fn command(program: &Program, surroundings: Surroundings<'_>, api: &RuntimeApi) -> Result<Command> {
    let (path, arguments) = program
        .command
        .split_first()
        .context("a program without a path")?;
    let mut command = Command::new(path);
    command
        .args(arguments)
        .current_dir(&program.directory)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("LAMBDA_TASK_ROOT", &program.directory)
        .env("AWS_LAMBDA_RUNTIME_API", api.address().to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "check-replica")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/check-replica")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "2026/11/26/[$LATEST]0")
        .env("AWS_REGION", "us-west-2")
        .env("AWS_DEFAULT_REGION", "us-west-2")
        .env("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")
        .env(
            "AWS_SECRET_ACCESS_KEY",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        )
        .env("AWS_SESSION_TOKEN", "FwoGZXIvYXdzEXAMPLE".repeat(40))
        .env("AWS_ENDPOINT_URL", surroundings.endpoint)
        .stdin(Stdio::null())
        .stdout(File::create(surroundings.output)?)
        .stderr(Stdio::inherit());
    if let Some(authorities) = surroundings.authorities {
        // The first is what rustls's native certificates read, the second is botocore's.
        command
            .env("SSL_CERT_FILE", authorities)
            .env("AWS_CA_BUNDLE", authorities);
    }
    Ok(command)
}

/// Who runs on a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The function alone, on the first processor.
    Function,
    /// The bench and its servers, on the second.
    Bench,
}

/// Keeps the calling thread, and what it starts, on one processor. Where there is only one, or
/// the system refuses, all share what there is.
pub(crate) fn pin(role: Role) {
    let this = Pid::from_raw(0);
    let Ok(allowed) = sched_getaffinity(this) else {
        return;
    };
    let mut processors =
        (0..CpuSet::count()).filter(|number| matches!(allowed.is_set(*number), Ok(true)));
    // The bench's own threads are already narrowed to theirs, so the function's is asked for anew.
    let chosen = match role {
        Role::Function => Some(0),
        Role::Bench => processors.nth(1),
    };
    let mut set = CpuSet::new();
    if let Some(number) = chosen
        && set.set(number).is_ok()
    {
        let _ = sched_setaffinity(this, &set);
    }
}
