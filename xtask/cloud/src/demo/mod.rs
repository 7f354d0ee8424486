//! `cargo xtask demo`: the AWS walkthrough, end to end, in the local cloud or in the caller's account.

mod account;
mod case;
mod cloud;
mod judge;
mod scenario;
mod setting;
mod steps;
mod table;

use std::time::Instant;

use anyhow::Result;
use sandbox::{Sandbox, Tools, Weather};
use xtask::progress::step;
use xtask::serve;

pub(crate) use account::run as run_on_aws;
use cloud::Cloud;
use setting::Setting;
use steps::{conclude, delete_stacks, deploy, opened, played, what_next};

/// Runs the demo with `template.yaml` as it was built; true if every object got the verdict it should.
pub(crate) async fn run(tools: &Tools, template: &str, keep: bool) -> Result<bool> {
    let began = Instant::now();
    let sandbox = step("Start the sandbox", async |_| {
        Sandbox::start(tools, 0).await
    })
    .await?;
    let setting = Setting::sandbox(template, Weather::of_environment());
    deploy(&sandbox, &setting).await?;
    let cloud = opened(&sandbox, &setting).await?;
    let passed = played(&cloud).await?;
    if keep {
        let log_group = cloud.log_group().await?;
        leave_running(sandbox, &setting, &log_group, passed)?;
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

fn leave_running(sandbox: Sandbox, setting: &Setting, log_group: &str, passed: bool) -> Result<()> {
    println!("{}", serve::how_to_use(&sandbox));
    println!("{}", what_next(setting, log_group));
    if !passed {
        println!("Not every object got the verdict it should: see above.\n");
    }
    let holder = sandbox.detach()?;
    println!("Stop it, with everything in it: kill {}", holder.process);
    Ok(())
}
