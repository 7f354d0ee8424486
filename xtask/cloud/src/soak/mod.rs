//! `cargo xtask soak`: many uploads through replication, queue and checker while AWS fails, events
//! come twice or late, and the function is killed. See `docs/SOAK.md`.

mod cloud;
mod draw;
mod judge;
mod names;
mod play;
mod queues;
mod table;

use std::time::Instant;

use anyhow::Result;
use sandbox::cloudformation;
use sandbox::sam::{SANDBOX_PARAMETERS, Stack};
use sandbox::{Sandbox, Tools};
use xtask::progress::{seconds, step};

use self::cloud::{Cloud, Keys};
use self::names::{DESTINATION_BUCKET, FINDINGS, LATE_BUCKET, SOURCE_BUCKET, STACK};
use self::play::{Soak, now};
use self::queues::Queues;
use crate::installed::{Installation, REPLICA_REGION, SOURCE_REGION, install};

/// Runs the soak with `template.yaml` as it was built; true if nothing was lost or misjudged.
pub(crate) async fn run(tools: &Tools, template: &str, uploads: usize, seed: u64) -> Result<bool> {
    let began = Instant::now();
    let sandbox = step("Start the sandbox", async |_| {
        Sandbox::start(tools, 0).await
    })
    .await?;
    let keys = deploy(&sandbox, template).await?;
    let soak = step("Look up what the stacks made", async |_| {
        let (cloud, here, there) = tokio::try_join!(
            Cloud::open(&sandbox, keys),
            Queues::open(&sandbox, SOURCE_REGION, STACK, FINDINGS),
            Queues::open(&sandbox, REPLICA_REGION, STACK, FINDINGS),
        )?;
        Ok(Soak {
            sandbox: &sandbox,
            cloud,
            queues: [here, there],
            uploads: draw::draw(seed, uploads),
            seed,
            began: now(),
        })
    })
    .await?;
    let result = soak.play().await?;
    println!("\n{}", table::render(&result));
    let wrong = result.wrong();
    for fault in wrong.iter().take(table::MOST_FAULTS) {
        println!("✗ {fault}");
    }
    let verdict = match wrong.len() {
        0 => "Nothing was lost or misjudged".to_owned(),
        count => format!("{count} things are wrong"),
    };
    println!(
        "{verdict}: {uploads} uploads, seed {seed}, {} of load, {} in all.",
        seconds(result.load),
        seconds(began.elapsed())
    );
    Ok(wrong.is_empty())
}

async fn deploy(sandbox: &Sandbox, template: &str) -> Result<Keys> {
    let stacks = Installation {
        name: STACK,
        template,
        parameters: SANDBOX_PARAMETERS,
    };
    install(sandbox, &stacks).await?;
    step(
        "Deploy the soak's rules, and queues for findings",
        async |_| {
            let keys = Keys::create(sandbox).await?;
            let rules = [
                ("SourceBucket", SOURCE_BUCKET),
                ("DestinationBucket", DESTINATION_BUCKET),
                ("LateBucket", LATE_BUCKET),
                ("TaxKey", keys.tax.as_str()),
                ("PayrollKey", keys.payroll.as_str()),
                ("FrozenKey", keys.frozen.as_str()),
            ];
            let rules = stack(
                "soak",
                SOURCE_REGION,
                Some("tests/stacks/soak.yaml"),
                &rules,
            );
            let [here, there] = [SOURCE_REGION, REPLICA_REGION].map(|region| {
                let template = Some("tests/stacks/soak-findings.yaml");
                stack(FINDINGS, region, template, &[("QueueName", FINDINGS)])
            });
            tokio::try_join!(
                cloudformation::deploy(sandbox, &rules),
                cloudformation::deploy(sandbox, &here),
                cloudformation::deploy(sandbox, &there),
            )?;
            Ok(keys)
        },
    )
    .await
}

fn stack<'a>(
    name: &'a str,
    region: &'a str,
    template: Option<&'a str>,
    parameters: &'a [(&'a str, &'a str)],
) -> Stack<'a> {
    Stack {
        name,
        region,
        template,
        account: None,
        parameters,
    }
}
