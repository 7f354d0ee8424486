//! `template.yaml` installed in two Regions, as demo and soak both need it.

use anyhow::Result;
use sandbox::Place;
use sandbox::sam::{self, Stack};
use xtask::progress::step;

pub(crate) const SOURCE_REGION: &str = "us-east-1";
pub(crate) const REPLICA_REGION: &str = "us-west-2";

/// The stacks of `template.yaml`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Installation<'a> {
    /// The name of both.
    pub(crate) name: &'a str,
    /// The path of the template as it was built.
    pub(crate) template: &'a str,
    /// Parameters of both.
    pub(crate) parameters: &'a [(&'a str, &'a str)],
}

/// Installs what was built.
pub(crate) async fn install(place: &impl Place, installation: &Installation<'_>) -> Result<()> {
    step(
        "Deploy template.yaml to us-east-1 and us-west-2",
        async |step| {
            let [here, there] = [SOURCE_REGION, REPLICA_REGION].map(|region| Stack {
                name: installation.name,
                region,
                template: Some(installation.template),
                account: None,
                parameters: installation.parameters,
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
