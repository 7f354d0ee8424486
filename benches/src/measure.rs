//! The measurements: cold start, batches, memory.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::cloud::Cloud;
use crate::events;
use crate::function::{Function, Program, Surroundings};

/// The sizes of the batches.
pub(crate) const SIZES: [usize; 4] = [1, 10, 100, 1000];

/// One process's first steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cold {
    /// From the start of the process to its first poll.
    pub(crate) poll: Duration,
    /// CPU time until then.
    pub(crate) poll_cpu: Duration,
    /// From the start of the process to the first answer.
    pub(crate) verdict: Duration,
    /// CPU time until then.
    pub(crate) verdict_cpu: Duration,
}

/// One invocation of a warm process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Warm {
    /// From event to answer.
    pub(crate) wall: Duration,
    /// CPU time of the process.
    pub(crate) cpu: Duration,
}

/// The middle value; half of all are smaller.
pub(crate) fn median<T>(all: &[T], of: impl Fn(&T) -> Duration) -> Duration {
    let mut values: Vec<Duration> = all.iter().map(of).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Starts each program, has it judge one replica and ends it; all programs in turn, `rounds` times,
/// so that what else the machine does falls on all of them.
pub(crate) async fn cold(
    programs: &[Program],
    surroundings: Surroundings<'_>,
    rounds: usize,
) -> Result<Vec<Vec<Cold>>> {
    let mut all = vec![Vec::new(); programs.len()];
    // The first round, which reads the programs from the disk, does not count.
    for round in 0..=rounds {
        for (program, results) in programs.iter().zip(&mut all) {
            let (mut function, poll) = Function::start(program, surroundings).await?;
            let poll_cpu = function.cpu()?;
            let invoked = function.invoke(events::batch(1, round)?).await?;
            complete(&invoked.answer)?;
            if round > 0 {
                results.push(Cold {
                    poll,
                    poll_cpu,
                    verdict: invoked.since_start,
                    verdict_cpu: poll_cpu + invoked.cpu,
                });
            }
        }
    }
    Ok(all)
}

/// Has warm processes judge `repeats` batches of `size` replicas, all programs in turn.
pub(crate) async fn warm(
    functions: &mut [Function],
    size: usize,
    repeats: usize,
) -> Result<Vec<Vec<Warm>>> {
    let mut all = vec![Vec::new(); functions.len()];
    for round in 0..=repeats {
        for (function, results) in functions.iter_mut().zip(&mut all) {
            let invoked = function.invoke(events::batch(size, round)?).await?;
            complete(&invoked.answer)?;
            if round > 0 {
                results.push(Warm {
                    wall: invoked.wall,
                    cpu: invoked.cpu,
                });
            }
        }
    }
    Ok(all)
}

/// How replicas come to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// Each in a message of a queue.
    Messages,
    /// As records of one event of S3's.
    Records,
}

/// What one process does with one large batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Large {
    /// The most memory that it took.
    pub(crate) memory: u64,
    /// HEADs that it made.
    pub(crate) heads: u64,
    /// Other calls that it made.
    pub(crate) others: u64,
    /// Bytes that it logged.
    pub(crate) logged: u64,
}

/// Has a fresh process judge one batch of `size` replicas, and looks at what it wrote: as many
/// verdicts, each of them `Compliant`, where `judges` says that it gives any.
pub(crate) async fn large(
    program: &Program,
    cloud: &Cloud,
    output: &Path,
    (given, size): (Given, usize),
    judges: bool,
) -> Result<Large> {
    let surroundings = Surroundings {
        endpoint: cloud.endpoint(),
        authorities: None,
        output,
    };
    let (mut function, _) = Function::start(program, surroundings).await?;
    cloud.take_counts();
    let payload = match given {
        Given::Messages => events::batch(size, 0)?,
        Given::Records => events::direct(size)?,
    };
    let invoked = function.invoke(payload).await?;
    if given == Given::Messages {
        complete(&invoked.answer)?;
    }
    let (heads, others) = cloud.take_counts();
    let memory = function.peak_memory()?;
    let written = fs::read_to_string(output)?;
    let verdicts = written
        .lines()
        .filter(|line| line.contains("encrypted-replication/verdict/1"))
        .filter(|line| line.contains("\"Compliant\""));
    let verdicts = verdicts.count();
    ensure!(
        verdicts == if judges { size } else { 0 },
        "{} gave {verdicts} verdicts for {size} replicas",
        program.name
    );
    Ok(Large {
        memory,
        heads,
        others,
        logged: u64::try_from(written.len())?,
    })
}

/// A message that came back would make every other figure wrong.
fn complete(answer: &[u8]) -> Result<()> {
    let answer: serde_json::Value = serde_json::from_slice(answer)?;
    let failures = answer
        .pointer("/batchItemFailures")
        .and_then(serde_json::Value::as_array);
    ensure!(
        failures.is_some_and(Vec::is_empty),
        "messages came back: {answer}"
    );
    Ok(())
}
