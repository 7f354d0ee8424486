//! `cargo xtask demo --aws`: the same scenario in the caller's own account, which it leaves as it was.

use std::io::{BufRead, IsTerminal, Write as _};
use std::time::Instant;

use anyhow::{Result, ensure};
use sandbox::{Account, Tools};
use xtask::progress::step;

use super::cloud::Cloud;
use super::setting::Setting;
use super::steps::{conclude, delete_stacks, deploy, opened, played, what_next};
use crate::installed::{REPLICA_REGION, SOURCE_REGION};

/// Runs the demo on AWS, after asking; true if every object got the verdict it should.
pub(crate) async fn run(tools: &Tools, template: &str, keep: bool, agreed: bool) -> Result<bool> {
    let began = Instant::now();
    let account = step("Ask AWS whose account this is", async |_| {
        Account::of_caller(tools).await
    })
    .await?;
    let setting = Setting::account(account.number(), template);
    println!("{}", what_it_takes(&account, &setting, keep));
    if !agreed {
        ensure!(
            std::io::stdin().is_terminal(),
            "nobody is there to ask; `--yes` goes on without asking"
        );
        if !agrees(&mut std::io::stdin().lock())? {
            println!("Nothing was made.");
            return Ok(false);
        }
    }
    let mut cloud = None;
    let played = async {
        deploy(&account, &setting).await?;
        let cloud = cloud.insert(opened(&account, &setting).await?);
        played(cloud).await
    };
    let passed = played.await;
    if keep {
        if let Some(cloud) = &cloud {
            let log_group = cloud.log_group().await?;
            println!("{}", what_next(&setting, &log_group));
        }
        println!(
            "Everything stays, and costs: `cargo xtask demo --aws` plays again, and then removes it."
        );
        return passed;
    }
    let removed = tear_down(&account, &setting, cloud.as_ref()).await;
    // Why it did not work is worth more than why something of it stayed.
    let passed = passed?;
    removed?;
    conclude(passed, began);
    Ok(passed)
}

/// What is about to be made, for the one who pays for it.
fn what_it_takes(account: &Account, setting: &Setting, keep: bool) -> String {
    let Setting {
        stack,
        walkthrough,
        source_bucket,
        destination_bucket,
        ..
    } = setting;
    let after = if keep {
        "All of it stays, and costs about 20 USD a month (keys, alarms, dashboards, metrics), until it is removed."
    } else {
        "Afterwards the objects, buckets and stacks are removed, and the deletion of the four keys is scheduled. \
         It costs well below 1 USD. SAM CLI's own bucket for uploads (stack aws-sam-cli-managed-default) stays."
    };
    format!(
        "
This makes, in account {number} as {caller}:

  {SOURCE_REGION}, {REPLICA_REGION}   stack {stack}: two functions, queues, alarms, a dashboard
  {SOURCE_REGION}              stack {walkthrough}, bucket {source_bucket}, two KMS keys
  {REPLICA_REGION}              bucket {destination_bucket}, two KMS keys
  IAM                    roles of the stacks, and the one that S3 assumes

and takes 15 to 60 minutes, as S3 replicates when it likes. {after}
",
        number = account.number(),
        caller = account.caller(),
    )
}

fn agrees(answer: &mut impl BufRead) -> Result<bool> {
    print!("Go on? [y/N] ");
    std::io::stdout().flush()?;
    let mut line = String::new();
    answer.read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

async fn tear_down(account: &Account, setting: &Setting, cloud: Option<&Cloud>) -> Result<()> {
    // Where the walkthrough's stack failed, it has taken back what it made.
    if let Some(cloud) = cloud {
        step("Remove the objects", async |_| cloud.empty().await).await?;
        step("Schedule the deletion of the demo's own keys", async |_| {
            cloud.schedule_deletion_of_own_keys().await
        })
        .await?;
    }
    delete_stacks(account, setting).await?;
    if let Some(cloud) = cloud {
        step("Delete the logs", async |_| cloud.delete_logs().await).await?;
        cloud.check_no_bucket_left().await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::agrees;

    #[test]
    fn only_a_plain_yes_goes_on() {
        for (answer, goes_on) in [
            ("y\n", true),
            ("yes\n", true),
            ("\n", false),
            ("", false),
            ("n\n", false),
            ("you\n", false),
        ] {
            assert_eq!(
                agrees(&mut answer.as_bytes()).unwrap(),
                goes_on,
                "{answer:?}"
            );
        }
    }
}
