//! `cargo xtask demo`: the AWS walkthrough, end to end, in the local cloud or in the caller's account.

mod account;
mod cloud;
mod judge;
mod scenario;
mod setting;
mod table;

use std::time::Instant;

use anyhow::Result;
use sandbox::sam::{self, Stack};
use sandbox::{Place, Sandbox};

use crate::installed::{REPLICA_REGION, SOURCE_REGION, built, install};
use crate::progress::{seconds, step};
use crate::serve;

pub(crate) use account::run as run_on_aws;
use cloud::Cloud;
use setting::Setting;

/// Runs the demo; true if every object got the verdict it should.
pub(crate) async fn run(keep: bool) -> Result<bool> {
    let began = Instant::now();
    let tools = built().await?;
    let sandbox = step("Start the sandbox", async |_| {
        Sandbox::start(&tools, 0).await
    })
    .await?;
    let setting = Setting::sandbox();
    deploy(&sandbox, &setting).await?;
    let cloud = opened(&sandbox, &setting).await?;
    let passed = played(&cloud).await?;
    if keep {
        leave_running(sandbox, &setting, passed)?;
        return Ok(passed);
    }
    tear_down(&sandbox, &cloud).await?;
    step("Stop the sandbox", async |_| {
        drop(sandbox);
        Ok(())
    })
    .await?;
    conclude(passed, began);
    Ok(passed)
}

async fn opened(place: &impl Place, setting: &Setting) -> Result<Cloud> {
    step("Look up what the stack made", async |_| {
        Cloud::open(place, setting).await
    })
    .await
}

/// Plays the scenario and prints what came of it; true if all is as it should be.
async fn played(cloud: &Cloud) -> Result<bool> {
    let rows = scenario::play(cloud).await?;
    println!("\n{}", table::render(&rows));
    for row in &rows {
        if let Some(fault) = &row.fault {
            println!("✗ {}: {fault}", row.object);
        }
    }
    Ok(rows.iter().all(|row| row.fault.is_none()))
}

fn conclude(passed: bool, began: Instant) {
    let result = if passed {
        "Every object got the verdict it should"
    } else {
        "Some did not"
    };
    println!("{result}. {} in all.", seconds(began.elapsed()));
}

async fn deploy(place: &impl Place, setting: &Setting) -> Result<()> {
    install(place, setting.stack, setting.parameters).await?;
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

async fn delete_stacks(place: &impl Place, setting: &Setting) -> Result<()> {
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

async fn tear_down(sandbox: &Sandbox, cloud: &Cloud) -> Result<()> {
    let setting = &cloud.setting;
    let before = cloud.counts().await?;
    delete_stacks(sandbox, setting).await?;
    let after = cloud.counts().await?;
    println!(
        "\nThe stacks are deleted, the data is still there: {} object versions in `{}`, {} in `{}`.",
        after.source, setting.source_bucket, after.destination, setting.destination_bucket,
    );
    anyhow::ensure!(
        before == after,
        "deleting the stacks changed the data: {before:?} object versions before, {after:?} after"
    );
    cloud.check_nothing_left().await
}

fn leave_running(sandbox: Sandbox, setting: &Setting, passed: bool) -> Result<()> {
    println!("{}", serve::how_to_use(&sandbox));
    println!("{}", what_next(setting));
    if !passed {
        println!("Not every object got the verdict it should: see above.\n");
    }
    let holder = sandbox.detach()?;
    println!("Stop it, with everything in it: kill {}", holder.process);
    Ok(())
}

/// Commands to go on with.
fn what_next(setting: &Setting) -> String {
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
  sam list stack-outputs --stack-name {stack}
",
        log_group = setting.log_group()
    )
}
