//! The server: `MiniStack` in a process of its own, with the functions that it starts.

use std::env;
use std::fs::{self, File};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

use crate::guard::Guarded;
use crate::place::Place;
use crate::tools::{Tools, target_directory, workspace};

/// The sandbox's only account.
pub const ACCOUNT: &str = "000000000000";
const START_LIMIT: Duration = Duration::from_mins(1);
/// Ends when the sandbox closes the reading end of the pipe, which poll reports as an error.
const HOLDER: &str = "import select; p = select.poll(); p.register(0, 0); p.poll()";

/// Whether what was just made or changed is known everywhere at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weather {
    /// It is.
    Calm,
    /// As late as on AWS, sixty times faster.
    Real,
}

impl Weather {
    /// That of the environment's `SANDBOX_WEATHER`, as the sandbox itself reads it.
    #[must_use]
    pub fn of_environment() -> Self {
        match env::var("SANDBOX_WEATHER").as_deref() {
            Ok("real") => Self::Real,
            _ => Self::Calm,
        }
    }

    /// How long a change of a bucket's rules takes until S3 goes by it, with some to spare.
    #[must_use]
    pub fn in_force_after(self) -> Duration {
        match self {
            Self::Calm => Duration::ZERO,
            Self::Real => Duration::from_secs(3),
        }
    }

    /// How long a bucket's EventBridge switch takes until it works, with some to spare.
    #[must_use]
    pub fn event_bridge_after(self) -> Duration {
        match self {
            Self::Calm => Duration::ZERO,
            Self::Real => Duration::from_secs(6),
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Calm => &["--weather", "calm"],
            Self::Real => &["--weather", "real"],
        }
    }
}

/// A running sandbox. Dropping it stops the server and every function it started.
#[derive(Debug)]
pub struct Sandbox {
    tools: Tools,
    server: Guarded,
    endpoint: String,
}

/// How to stop a sandbox that was left running.
#[derive(Debug)]
pub struct Detached {
    /// The process whose end is the end of the sandbox.
    pub process: u32,
}

impl Sandbox {
    /// Starts the server on `port` of the loopback interface; 0 takes a free one.
    ///
    /// # Errors
    /// When the port is taken, or the server is not ready within a minute. The message ends with
    /// what it wrote.
    pub async fn start(tools: &Tools, port: u16) -> Result<Self> {
        Self::start_in(tools, port, None).await
    }

    /// The same in a weather; without one, in that of the environment's `SANDBOX_WEATHER`, or calm.
    ///
    /// # Errors
    /// As `start`.
    pub async fn start_in(tools: &Tools, port: u16, weather: Option<Weather>) -> Result<Self> {
        let log_path = target_directory().join(format!("sandbox-{}.log", std::process::id()));
        let log = File::create(&log_path)
            .with_context(|| format!("cannot create `{}`", log_path.display()))?;
        let mut command = Command::new(tools.program("python"));
        command
            .arg(workspace().join("sandbox/launch.py"))
            .args(["--parent-pipe", "--port", &port.to_string()])
            .args(weather.map_or(&[][..], Weather::arguments))
            .current_dir(workspace());
        tools.prepare(&mut command);
        command.stdout(Stdio::piped()).stderr(Stdio::from(log));
        let mut server = Guarded::spawn(&mut command)?;
        let stdout = server
            .child
            .stdout
            .take()
            .context("the sandbox has no standard output")?;
        let mut line = String::new();
        let mut reader = BufReader::new(stdout);
        let read = timeout(START_LIMIT, reader.read_line(&mut line)).await;
        let Some(endpoint) = line.trim().strip_prefix("ready ").map(str::to_owned) else {
            let why = if read.is_err() {
                "is not ready after a minute"
            } else {
                "did not start"
            };
            drop(server);
            let log = fs::read_to_string(&log_path).unwrap_or_default();
            bail!("the sandbox {why}; it wrote:\n{log}");
        };
        Ok(Self {
            tools: tools.clone(),
            server,
            endpoint,
        })
    }

    /// The address of every service, `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The tools it was started with.
    #[must_use]
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// What a program needs in its environment to use the sandbox as the account's root user.
    #[must_use]
    pub fn environment(&self, region: &str) -> [(&'static str, String); 5] {
        [
            ("AWS_ENDPOINT_URL", self.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", region.to_owned()),
            ("AWS_DEFAULT_REGION", region.to_owned()),
        ]
    }

    /// A command line for one of the tools that works on the sandbox, and ends with this process.
    #[must_use]
    pub fn command(&self, program: &str, region: &str) -> Command {
        let mut command = self.tools.command(program);
        command.envs(self.environment(region));
        command
    }

    /// Waits until the server ends by itself.
    ///
    /// # Errors
    /// When it ends with a failure.
    pub async fn wait(&mut self) -> Result<()> {
        let status = self.server.wait().await?;
        if !status.success() {
            bail!("the sandbox ended: {status}");
        }
        Ok(())
    }

    /// Leaves the sandbox running when this process ends. The returned process keeps it alive:
    /// both end together.
    ///
    /// # Errors
    /// When that process cannot be started; the sandbox then stops.
    pub fn detach(mut self) -> Result<Detached> {
        let pipe = self.server.release().context("the sandbox has no pipe")?;
        let holder = Command::new(self.tools.python())
            .args(["-I", "-S", "-c", HOLDER])
            .stdin(Stdio::from(pipe.into_owned_fd()?))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start the process that keeps the sandbox running")?;
        Ok(Detached {
            process: holder.id().context("that process has ended")?,
        })
    }
}

impl Place for Sandbox {
    fn command(&self, program: &str, region: &str) -> Command {
        Self::command(self, program, region)
    }

    fn sam_environment(&self) -> &'static str {
        "sandbox"
    }
}
