//! Where stacks are deployed: the sandbox, or the caller's own AWS account.

use tokio::process::Command;

/// Where stacks are deployed.
pub trait Place {
    /// A command line for one of the tools that works there, and ends with this process.
    fn command(&self, program: &str, region: &str) -> Command;

    /// The environment of `samconfig.toml` that goes for it.
    fn sam_environment(&self) -> &'static str;
}
