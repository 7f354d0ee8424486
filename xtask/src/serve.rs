//! `cargo xtask sandbox`: the local cloud alone, in the foreground.

use anyhow::Result;
use sandbox::{Sandbox, Tools};

use crate::progress::step;

/// How slow the local cloud is.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Weather {
    /// Everything is known everywhere at once
    Calm,
    /// As late as on AWS, sixty times faster
    Real,
}

impl From<Weather> for sandbox::Weather {
    fn from(weather: Weather) -> Self {
        match weather {
            Weather::Calm => Self::Calm,
            Weather::Real => Self::Real,
        }
    }
}

/// Serves until a signal comes.
///
/// # Errors
/// When a tool cannot be had, or the sandbox does not start or ends by itself.
pub async fn run(port: u16, weather: Option<Weather>) -> Result<()> {
    let tools = step("Tools", async |step| Tools::install(step.lines()).await).await?;
    let mut sandbox = step("Start the sandbox", async |_| {
        Sandbox::start_in(&tools, port, weather.map(Into::into)).await
    })
    .await?;
    println!("{}", how_to_use(&sandbox));
    println!("It runs until Ctrl-C.");
    sandbox.wait().await
}

/// The commands that work on a running sandbox, as one would type them.
pub fn how_to_use(sandbox: &Sandbox) -> String {
    let bin = sandbox.tools().program("sam");
    let bin = bin.parent().unwrap_or(&bin).display();
    format!(
        "The sandbox listens on {endpoint}. In a shell:

  export AWS_ENDPOINT_URL={endpoint}
  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test
  export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1
  export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null
  export PATH={bin}:$PATH

  sam build --config-env sandbox --parameter-overrides Architecture={architecture}
  sam deploy --config-env sandbox
  aws s3 ls
",
        endpoint = sandbox.endpoint(),
        architecture = sandbox::sam::ARCHITECTURE,
    )
}
