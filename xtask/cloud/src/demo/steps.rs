//! The steps of the demo that are the same wherever it plays.

use std::time::Instant;

use anyhow::Result;
use sandbox::sam::{self, Stack};
use sandbox::{Clients, Place};
use xtask::progress::{seconds, step};

use super::cloud::Cloud;
use super::setting::Setting;
use super::{scenario, table};
use crate::installed::{REPLICA_REGION, SOURCE_REGION, install};

pub(super) async fn opened(place: &impl Clients, setting: &Setting) -> Result<Cloud> {
    step("Look up what the stack made", async |_| {
        Cloud::open(place, setting).await
    })
    .await
}

/// Plays the scenario and prints what came of it; true if all is as it should be.
pub(super) async fn played(cloud: &Cloud) -> Result<bool> {
    let rows = scenario::play(cloud).await?;
    println!("\n{}", table::render(&rows));
    for row in &rows {
        if let Some(fault) = &row.fault {
            println!("✗ {}: {fault}", row.object);
        }
    }
    Ok(rows.iter().all(|row| row.fault.is_none()))
}

pub(super) fn conclude(passed: bool, began: Instant) {
    let result = if passed {
        "Every object got the verdict it should"
    } else {
        "Some did not"
    };
    println!("{result}. It took {}.", seconds(began.elapsed()));
}

pub(super) async fn deploy(place: &impl Place, setting: &Setting) -> Result<()> {
    install(place, &setting.stacks()).await?;
    step(
        "Deploy examples/walkthrough.yaml to us-east-1",
        async |step| {
            let stack = Stack {
                name: setting.walkthrough,
                region: SOURCE_REGION,
                template: Some("examples/walkthrough.yaml"),
                account: None,
                parameters: &setting.walkthrough_parameters(),
            };
            sam::deploy(place, &stack, step.lines()).await
        },
    )
    .await
}

pub(super) async fn delete_stacks(place: &impl Place, setting: &Setting) -> Result<()> {
    step("Delete the walkthrough's stack", async |step| {
        sam::delete(place, setting.walkthrough, SOURCE_REGION, step.lines()).await
    })
    .await?;
    step("Delete the stacks of template.yaml", async |step| {
        tokio::try_join!(
            sam::delete(place, setting.stack, SOURCE_REGION, step.lines()),
            sam::delete(place, setting.stack, REPLICA_REGION, step.lines()),
        )?;
        Ok(())
    })
    .await
}

/// Commands to go on with; the verdicts are in that log group.
pub(super) fn what_next(setting: &Setting, log_group: &str) -> String {
    let Setting {
        stack,
        source_bucket,
        destination_bucket,
        ..
    } = setting;
    format!(
        "For instance, upload an object, see it replicated, and read its verdict:

  aws s3 cp README.md s3://{source_bucket}/Tax/README.md
  aws s3api head-object --bucket {destination_bucket} --key Tax/README.md --region {REPLICA_REGION}
  aws logs tail {log_group} --region {REPLICA_REGION} --format short
  sam list stack-outputs --stack-name {stack} --region {SOURCE_REGION}
"
    )
}
