//! `template.yaml` built and installed in two Regions, as demo and soak both need it.

use anyhow::Result;
use sandbox::sam::{self, Stack};
use sandbox::{Place, Tools};

use crate::progress::step;

pub(crate) const SOURCE_REGION: &str = "us-east-1";
pub(crate) const REPLICA_REGION: &str = "us-west-2";

/// The tools, with both functions built by them.
pub(crate) async fn built() -> Result<Tools> {
    let tools = step(
        "Tools in target/venv: MiniStack, SAM CLI, cargo-lambda",
        async |step| Tools::install(step.lines()).await,
    )
    .await?;
    step(
        "Build both functions for Lambda (minutes the first time)",
        async |step| sam::build(&tools, step.lines()).await,
    )
    .await?;
    Ok(tools)
}

/// Installs what was built as the stacks called `name`.
pub(crate) async fn install(
    place: &impl Place,
    name: &str,
    parameters: &[(&str, &str)],
) -> Result<()> {
    step(
        "Deploy template.yaml to us-east-1 and us-west-2",
        async |step| {
            let [here, there] = [SOURCE_REGION, REPLICA_REGION].map(|region| Stack {
                name,
                region,
                template: None,
                account: None,
                parameters,
            });
            tokio::try_join!(
                sam::deploy(place, &here, step.lines()),
                sam::deploy(place, &there, step.lines()),
            )?;
            Ok(())
        },
    )
    .await
}
