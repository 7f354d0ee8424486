//! The soak itself: break, upload, wait until nothing moves, mend, redrive, judge.

use std::collections::HashSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Result, ensure};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use sandbox::Sandbox;
use sandbox::faults::Told;
use sandbox::verdicts::{self, Verdict};
use sandbox::wait::{InVain, until};
use xtask::progress::{Step, step};

use super::cloud::Cloud;
use super::draw::Upload;
use super::judge::{self, Found, Wanted};
use super::names::{FUNCTION, STACK};
use super::queues::{POISON, Queues};
use crate::installed::{REPLICA_REGION, SOURCE_REGION};

/// What the checker asks for every batch, or every finding.
const DISTURBED: [&str; 4] = [
    "events:PutEvents",
    "kms:DescribeKey",
    "s3:HeadObject",
    "ssm:GetParametersByPath",
];
const AT_ONCE: usize = 12;
/// The template's 360 seconds would make each try of a message wait as long. A batch that takes
/// longer than this is given to a second invocation while the first still works, which is one more
/// way for a message to come twice.
const COMES_BACK_AFTER: u64 = 15;
/// Without faults a try takes no time.
const COMES_BACK_SOON: u64 = 2;
/// So often in a row the queues must be empty: an event may be on its way to them.
const LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
const LOAD_LIMIT: Duration = Duration::from_mins(20);
const REDRIVE_LIMIT: Duration = Duration::from_mins(5);
/// Verdicts whose lines are still on their way to the log.
const LINES_LIMIT: Duration = Duration::from_secs(30);

/// Everything that the soak works with.
pub(crate) struct Soak<'a> {
    /// Where it plays.
    pub(crate) sandbox: &'a Sandbox,
    /// What was made there.
    pub(crate) cloud: Cloud,
    /// Of the source's Region and of the replicas'.
    pub(crate) queues: [Queues; 2],
    /// What is uploaded.
    pub(crate) uploads: Vec<Upload>,
    /// By which the faults are drawn.
    pub(crate) seed: u64,
    /// When it began, in milliseconds since 1970.
    pub(crate) began: i64,
}

/// What came of it.
pub(crate) struct Outcome {
    /// The verdicts, compared.
    pub(crate) found: Found,
    /// What the sandbox did to the function.
    pub(crate) told: Told,
    /// Uploads.
    pub(crate) uploads: usize,
    /// Messages that can never be judged.
    pub(crate) poison: usize,
    /// Dead letters before the redrive, and those that should not be among them.
    pub(crate) dead: usize,
    /// Dead letters that could have been judged though nothing was broken for good.
    pub(crate) unlucky: usize,
    /// Dead letters after the redrive.
    pub(crate) still_dead: usize,
    /// What is wrong with these.
    pub(crate) not_cleared: Vec<String>,
    /// From the first upload to the last verdict before the redrive.
    pub(crate) load: Duration,
}

impl Outcome {
    /// Everything that is wrong, a sentence each.
    pub(crate) fn wrong(&self) -> Vec<String> {
        let found = self.found.faults().chain(&self.not_cleared).cloned();
        found.chain(undisturbed(&self.told)).collect()
    }
}

impl Soak<'_> {
    /// Plays it.
    pub(crate) async fn play(&self) -> Result<Outcome> {
        let mut poison = 0;
        for queue in &self.queues {
            queue.come_back_after(COMES_BACK_AFTER).await?;
            poison += queue.poison().await?;
        }
        self.cloud.break_expectation().await?;
        self.sandbox.begin_faults(self.seed, FUNCTION).await?;
        let load = Instant::now();
        let (first, others): (Vec<&Upload>, Vec<&Upload>) = self
            .uploads
            .iter()
            .partition(|upload| upload.place.comes_first());
        let mut wanted = step("Upload what is to be gone or unreadable", async |step| {
            self.upload_first(&first, &step).await
        })
        .await?;
        wanted.extend(
            step("Upload the rest, while everything fails", async |step| {
                self.upload(&others, &step).await
            })
            .await?,
        );
        let (now, later): (Vec<_>, Vec<_>) = wanted
            .iter()
            .cloned()
            .partition(|(upload, _)| !upload.waits());
        let now: Vec<Wanted> = now.into_iter().map(|(_, wanted)| wanted).collect();
        step("Wait until the queues are empty", async |step| {
            self.wait(LOAD_LIMIT, &step).await?;
            self.lines(&now).await
        })
        .await?;
        let load = load.elapsed();
        let told = self.sandbox.end_faults().await?;

        let dead = step("Mend, and send the dead letters back", async |step| {
            self.cloud.mend_expectation().await?;
            let mut dead = Vec::new();
            for queue in &self.queues {
                queue.come_back_after(COMES_BACK_SOON).await?;
                dead.extend(queue.redrive().await?);
            }
            self.wait(REDRIVE_LIMIT, &step).await?;
            Ok(dead)
        })
        .await?;
        step("Compare every verdict", async |_| {
            let all: Vec<Wanted> = wanted.iter().map(|(_, wanted)| wanted.clone()).collect();
            let lines = self.lines(&all).await?;
            let mut events = HashSet::new();
            let mut still_dead = Vec::new();
            for queue in &self.queues {
                events.extend(queue.findings().await?);
                still_dead.extend(queue.dead_letters().await?);
            }
            let waiting: Vec<Wanted> = later.into_iter().map(|(_, wanted)| wanted).collect();
            Ok(Outcome {
                found: judge::judge(&all, &lines, &events),
                told,
                uploads: self.uploads.len(),
                poison,
                unlucky: unlucky(&dead, &waiting),
                dead: dead.len(),
                still_dead: still_dead.len(),
                not_cleared: not_cleared(&still_dead, poison),
                load,
            })
        })
        .await
    }

    /// Uploads what must have its fate before it is looked at: new messages wait for so long.
    async fn upload_first(
        &self,
        uploads: &[&Upload],
        step: &Step,
    ) -> Result<Vec<(Upload, Wanted)>> {
        let [_, arrivals] = &self.queues;
        let limit = 20 + u64::try_from(uploads.len())? / 10;
        arrivals.delay(limit).await?;
        let began = Instant::now();
        let wanted = self.upload(uploads, step).await?;
        stream::iter(&wanted)
            .map(|(upload, wanted)| self.cloud.settle(upload, &wanted.version.2))
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        self.cloud.freeze().await?;
        ensure!(
            began.elapsed() < Duration::from_secs(limit),
            "this machine is too slow: after {limit} seconds the checker may have looked already"
        );
        arrivals.delay(0).await?;
        Ok(wanted)
    }

    async fn upload(&self, uploads: &[&Upload], step: &Step) -> Result<Vec<(Upload, Wanted)>> {
        let mut done = 0;
        let mut wanted = Vec::with_capacity(uploads.len());
        let mut versions = std::pin::pin!(
            stream::iter(uploads)
                .map(async |upload| anyhow::Ok((*upload, self.cloud.upload(upload).await?)))
                .buffer_unordered(AT_ONCE)
        );
        while let Some((upload, version)) = versions.try_next().await? {
            done += 1;
            step.show(&format!("{done} of {}", uploads.len()));
            let one = self.cloud.wanted(upload, &version);
            wanted.extend(one.map(|one| (upload.clone(), one)));
        }
        Ok(wanted)
    }

    /// Waits until nothing is in the queues.
    async fn wait(&self, limit: Duration, step: &Step) -> Result<()> {
        let deadline = Instant::now() + limit;
        let mut empty = 0;
        while empty < LOOKS {
            let [here, there] = &self.queues;
            let (here, there) = tokio::try_join!(here.waiting(), there.waiting())?;
            step.show(&format!("{here} and {there} messages"));
            empty = if here + there == 0 { empty + 1 } else { 0 };
            ensure!(
                Instant::now() < deadline,
                "after {} s there are still {here} and {there} messages in the queues",
                limit.as_secs()
            );
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        Ok(())
    }

    /// All verdict lines, once there is one for each of the wanted; or those that there are.
    async fn lines(&self, wanted: &[Wanted]) -> Result<Vec<Verdict>> {
        let all = until("the last verdicts", LINES_LIMIT, async || {
            let lines = self.read().await?;
            Ok((judge::missing(wanted, &lines) == 0).then_some(lines))
        })
        .await;
        match all {
            Err(error) if error.downcast_ref::<InVain>().is_some() => self.read().await,
            other => other,
        }
    }

    async fn read(&self) -> Result<Vec<Verdict>> {
        // The sandbox may keep an invocation's last lines back until the next one.
        self.sandbox.faults().await?;
        let to = now() + 1;
        let mut lines = Vec::new();
        for region in [SOURCE_REGION, REPLICA_REGION] {
            let config = self.sandbox.config(region);
            let group = verdicts::log_group(&config, STACK).await?;
            lines.extend(verdicts::between(&config, &group, self.began, to).await?);
        }
        Ok(lines)
    }
}

/// What should have gone wrong and did not: a soak in fair weather shows nothing.
fn undisturbed(told: &Told) -> Vec<String> {
    let mut missing = Vec::new();
    for operation in DISTURBED {
        let answers = told.answers.get(operation).copied().unwrap_or_default();
        let faults = told.faults.get(operation);
        let faults: u64 = faults.map_or(0, |kinds| kinds.values().sum());
        if answers < 10 || faults < answers / 10 {
            missing.push(format!(
                "of {answers} answers to {operation} only {faults} failed, not every tenth"
            ));
        }
    }
    for (counts, name) in [
        (&told.events, "twice"),
        (&told.events, "late"),
        (&told.invocations, "killed"),
        (&told.invocations, "redelivered"),
    ] {
        if counts.get(name).is_none_or(|&count| count == 0) {
            missing.push(format!("nothing was {name}"));
        }
    }
    missing
}

/// Dead letters that are neither poison nor about what nobody could judge.
fn unlucky(dead: &[String], waiting: &[Wanted]) -> usize {
    let versions: HashSet<&str> = waiting.iter().map(|one| one.version.2.as_str()).collect();
    let is_expected = |body: &String| {
        POISON.contains(&body.as_str()) || versions.iter().any(|version| body.contains(version))
    };
    dead.iter().filter(|body| !is_expected(body)).count()
}

/// What is wrong with the dead letters that are left: they must be the poison, all of it.
fn not_cleared(dead: &[String], poison: usize) -> Vec<String> {
    let (poisonous, others): (Vec<_>, Vec<_>) = dead
        .iter()
        .partition(|body| POISON.contains(&body.as_str()));
    let mut wrong: Vec<String> = others
        .into_iter()
        .map(|body| format!("still dead after the redrive: {body}"))
        .collect();
    if poisonous.len() != poison {
        wrong.push(format!(
            "{} of {poison} messages that can never be judged are in the dead-letter queues",
            poisonous.len()
        ));
    }
    wrong
}

pub(super) fn now() -> i64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(faults: u64, killed: u64) -> Told {
        let mut told = Told::default();
        for operation in DISTURBED {
            told.answers.insert(operation.to_owned(), 25);
            let kinds = [("cut".to_owned(), faults)].into();
            told.faults.insert(operation.to_owned(), kinds);
        }
        told.events = [("twice".to_owned(), 1), ("late".to_owned(), 1)].into();
        told.invocations = [("killed".to_owned(), killed), ("redelivered".to_owned(), 1)].into();
        told
    }

    #[test]
    fn fair_weather_is_found() {
        assert!(undisturbed(&told(2, 1)).is_empty());
        assert_eq!(undisturbed(&told(1, 1)).len(), DISTURBED.len());
        assert_eq!(undisturbed(&told(2, 0)), ["nothing was killed"]);
        assert_eq!(undisturbed(&Told::default()).len(), DISTURBED.len() + 4);
    }

    #[test]
    fn only_poison_may_be_dead_in_the_end_and_all_of_it() {
        let poison: Vec<String> = POISON.map(str::to_owned).into();
        assert!(not_cleared(&poison, POISON.len()).is_empty());
        assert_eq!(not_cleared(&poison[1..], POISON.len()).len(), 1);
        let mut more = poison;
        more.push(r#"{"detail":{}}"#.to_owned());
        assert_eq!(
            not_cleared(&more, POISON.len()),
            [r#"still dead after the redrive: {"detail":{}}"#]
        );
    }

    #[test]
    fn dead_letters_are_expected_of_poison_and_of_what_waits() {
        let waiting = Wanted {
            version: ("b".to_owned(), "k".to_owned(), "v-1".to_owned()),
            verdict: "Compliant",
            kms_key: None,
        };
        let dead = [
            POISON[0],
            r#"{"version-id":"v-1"}"#,
            r#"{"version-id":"v-2"}"#,
        ];
        let dead = dead.map(str::to_owned);
        assert_eq!(unlucky(&dead, &[waiting]), 1);
    }
}
