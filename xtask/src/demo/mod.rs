//! `cargo xtask demo`: the AWS walkthrough, end to end, in the local cloud.

mod cloud;
mod judge;
mod scenario;
mod table;

use std::time::Instant;

use anyhow::Result;
use sandbox::sam::{self, Stack};
use sandbox::{Sandbox, Tools};

use crate::progress::{seconds, step};
use crate::serve;

use cloud::Cloud;

const SOURCE_REGION: &str = "us-east-1";
const REPLICA_REGION: &str = "us-west-2";
const SOURCE_BUCKET: &str = "source";
const DESTINATION_BUCKET: &str = "destination";
const STACK: &str = "encrypted-replication";
const WALKTHROUGH: &str = "walkthrough";

/// Runs the demo; true if every object got the verdict it should.
pub(crate) async fn run(keep: bool) -> Result<bool> {
    let began = Instant::now();
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
    let sandbox = step("Start the sandbox", async |_| {
        Sandbox::start(&tools, 0).await
    })
    .await?;
    deploy(&sandbox).await?;

    let cloud = step("Look up what the stack made", async |_| {
        Cloud::open(&sandbox).await
    })
    .await?;
    let rows = scenario::play(&cloud).await?;
    let passed = rows.iter().all(|row| row.fault.is_none());
    println!("\n{}", table::render(&rows));
    for row in &rows {
        if let Some(fault) = &row.fault {
            println!("✗ {}: {fault}", row.object);
        }
    }
    if keep {
        leave_running(sandbox, passed)?;
        return Ok(passed);
    }
    tear_down(&sandbox, &cloud).await?;
    step("Stop the sandbox", async |_| {
        drop(sandbox);
        Ok(())
    })
    .await?;
    let result = if passed {
        "Every object got the verdict it should"
    } else {
        "Some did not"
    };
    println!("{result}. {} in all.", seconds(began.elapsed()));
    Ok(passed)
}

async fn deploy(sandbox: &Sandbox) -> Result<()> {
    step(
        "Deploy template.yaml to us-east-1 and us-west-2",
        async |step| {
            let [here, there] = [SOURCE_REGION, REPLICA_REGION].map(checker_stack);
            tokio::try_join!(
                sam::deploy(sandbox, &here, step.lines()),
                sam::deploy(sandbox, &there, step.lines()),
            )?;
            Ok(())
        },
    )
    .await?;
    step(
        "Deploy examples/walkthrough.yaml to us-east-1",
        async |step| {
            let stack = Stack {
                name: WALKTHROUGH,
                region: SOURCE_REGION,
                template: Some("examples/walkthrough.yaml"),
                account: None,
                parameters: &[
                    ("SourceBucket", SOURCE_BUCKET),
                    ("DestinationBucket", DESTINATION_BUCKET),
                    ("DestinationRegion", REPLICA_REGION),
                ],
            };
            sam::deploy(sandbox, &stack, step.lines()).await
        },
    )
    .await
}

fn checker_stack(region: &'static str) -> Stack<'static> {
    Stack {
        name: STACK,
        region,
        template: None,
        account: None,
        parameters: sam::SANDBOX_PARAMETERS,
    }
}

async fn tear_down(sandbox: &Sandbox, cloud: &Cloud) -> Result<()> {
    let before = cloud.counts().await?;
    step("Delete the walkthrough's stack", async |step| {
        sam::delete(sandbox, WALKTHROUGH, SOURCE_REGION, step.lines()).await
    })
    .await?;
    step("Delete the stacks of template.yaml", async |step| {
        tokio::try_join!(
            sam::delete(sandbox, STACK, SOURCE_REGION, step.lines()),
            sam::delete(sandbox, STACK, REPLICA_REGION, step.lines()),
        )?;
        Ok(())
    })
    .await?;
    let after = cloud.counts().await?;
    println!(
        "\nThe stacks are deleted, the data is still there: {} object versions in `{SOURCE_BUCKET}`, \
         {} in `{DESTINATION_BUCKET}`.",
        after.source, after.destination
    );
    anyhow::ensure!(
        before == after,
        "deleting the stacks changed the data: {before:?} object versions before, {after:?} after"
    );
    cloud.check_nothing_left().await
}

fn leave_running(sandbox: Sandbox, passed: bool) -> Result<()> {
    println!("{}", serve::how_to_use(&sandbox));
    println!(
        "For instance, upload an object, see it replicated, and read its verdict:

  aws s3 cp README.md s3://{SOURCE_BUCKET}/Tax/README.md
  aws s3api head-object --bucket {DESTINATION_BUCKET} --key Tax/README.md --region {REPLICA_REGION}
  aws logs tail /aws/lambda/{STACK}-check-replica --region {REPLICA_REGION} --format short
  sam list stack-outputs --stack-name {STACK}
"
    );
    if !passed {
        println!("Not every object got the verdict it should: see above.\n");
    }
    let holder = sandbox.detach()?;
    println!("Stop it, with everything in it: kill {}", holder.process);
    Ok(())
}
