//! What depends on the clock, measured on all four programs in one run.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use tokio_rustls::TlsAcceptor;

use crate::cloud::Cloud;
use crate::function::{Function, Program, Surroundings};
use crate::measure::{self, Given, SIZES, median};
use crate::results::{Batch, Peer};

/// Delays of the server.
pub(crate) const DELAYS_MS: [u64; 2] = [0, 20];

/// How often each thing is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// Processes started, of each program.
    pub(crate) starts: usize,
    /// Replicas judged for each size of batch, at most; a batch is done three times at least.
    pub(crate) replicas: usize,
}

impl Effort {
    fn repeats(self, size: usize) -> usize {
        (self.replicas / size).clamp(3, 200)
    }
}

/// Where the run keeps its files.
#[derive(Clone)]
pub(crate) struct Places {
    /// For the programs' output.
    pub(crate) directory: PathBuf,
    /// The server's certificate, and the authorities that know it.
    pub(crate) tls: (TlsAcceptor, PathBuf),
}

impl Places {
    fn output(&self, program: &Program) -> PathBuf {
        self.directory.join(format!("{}.log", program.name))
    }
}

/// Cold starts of all `programs`, in turn, over TLS: into `peers`, one for each.
pub(crate) async fn cold(
    programs: &[Program],
    places: &Places,
    effort: Effort,
    peers: &mut [Peer],
) -> Result<()> {
    let cloud = Cloud::start(Some(places.tls.0.clone())).await?;
    let output = places.directory.join("cold.log");
    let surroundings = Surroundings {
        endpoint: cloud.endpoint(),
        authorities: Some(&places.tls.1),
        output: &output,
    };
    let all = measure::cold(programs, surroundings, effort.starts).await?;
    for (starts, peer) in all.iter().zip(peers) {
        peer.poll_ms = milliseconds(median(starts, |start| start.poll));
        peer.poll_cpu_ms = milliseconds(median(starts, |start| start.poll_cpu));
        peer.verdict_ms = milliseconds(median(starts, |start| start.verdict));
        peer.verdict_cpu_ms = milliseconds(median(starts, |start| start.verdict_cpu));
    }
    Ok(())
}

/// Batches of every size with every delay, all `programs` in turn.
pub(crate) async fn warm(
    programs: &[Program],
    places: &Places,
    effort: Effort,
    peers: &mut [Peer],
) -> Result<()> {
    let cloud = Cloud::start(None).await?;
    let mut functions = Vec::new();
    for program in programs {
        let output = places.output(program);
        functions.push(start(program, &cloud, &output).await?);
    }
    for delay in DELAYS_MS {
        cloud.delay(Duration::from_millis(delay));
        for size in SIZES {
            let all = measure::warm(&mut functions, size, effort.repeats(size)).await?;
            for (batches, peer) in all.iter().zip(peers.iter_mut()) {
                let batch = Batch {
                    wall_ms: milliseconds(median(batches, |batch| batch.wall)),
                    cpu_us: milliseconds(median(batches, |batch| batch.cpu)) * 1000.0
                        / f64::from(u32::try_from(size)?),
                };
                peer.batches.entry(delay).or_default().insert(size, batch);
            }
        }
    }
    Ok(())
}

/// Memory and log volume of fresh processes with one batch of 1,000.
pub(crate) async fn large(
    programs: &[Program],
    places: &Places,
    peers: &mut [Peer],
    judges: impl Fn(&Program) -> bool,
) -> Result<()> {
    let cloud = Cloud::start(None).await?;
    cloud.delay(Duration::from_millis(20));
    for (program, peer) in programs.iter().zip(peers) {
        let output = places.output(program);
        let large = measure::large(
            program,
            &cloud,
            &output,
            (Given::Messages, 1000),
            judges(program),
        )
        .await?;
        peer.memory = large.memory;
        peer.logged_per_replica = f64::from(u32::try_from(large.logged)?) / 1000.0;
    }
    Ok(())
}

/// The most memory of a fresh checker with one event of 1,000 records, in bytes.
pub(crate) async fn direct(checker: &Program, places: &Places) -> Result<u64> {
    let cloud = Cloud::start(None).await?;
    cloud.delay(Duration::from_millis(20));
    let output = places.output(checker);
    let large = measure::large(checker, &cloud, &output, (Given::Records, 1000), true);
    Ok(large.await?.memory)
}

async fn start(program: &Program, cloud: &Cloud, output: &Path) -> Result<Function> {
    let surroundings = Surroundings {
        endpoint: cloud.endpoint(),
        authorities: None,
        output,
    };
    Ok(Function::start(program, surroundings).await?.0)
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
