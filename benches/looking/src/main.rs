//! What comparing and auditing cost beside S3's own time: versions a second, CPU, memory.
//!
//! S3 is a port in memory that makes up its answers as it is asked, so that nothing of the figures is its
//! data. `cargo run --profile harness --package bench-looking -- --versions 10000000`.

mod made_up;
mod sides;

use std::fs;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use compliance::checker::Checker;
use compliance::report::{Stamp, line};
use compliance::verdict::{Kind, Verdict};
use encrypted_replication::audit::looking::{Audit, Report as AuditReport};
use encrypted_replication::compare::comparison::{Comparison, Report, Told};
use encrypted_replication::compare::state::State;
use encrypted_replication::listing::Prefixes;
use encrypted_replication::looking::Judging;
use expectation::Time;
use nix::time::{ClockId, clock_gettime};

use crate::made_up::{EVERY, MadeUp, NoLook, RIGHT, Words, home};

#[derive(Debug, Parser)]
struct Arguments {
    /// Versions at the source and, but for one in 100,000, at the destination
    #[arg(long, default_value_t = 10_000_000)]
    versions: u64,
    /// Replicas that are audited
    #[arg(long, default_value_t = 1_000_000)]
    replicas: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let before = peak_memory()?;
    for versions in [arguments.versions / 10, arguments.versions] {
        let measured = compare(versions).await?;
        measured.print("compare: versions a side", versions, before)?;
    }
    for replicas in [arguments.replicas / 10, arguments.replicas] {
        let measured = audit(replicas).await?;
        measured.print("audit: replicas", replicas, before)?;
    }
    Ok(())
}

/// What something took.
struct Measured {
    wall: Duration,
    cpu: Duration,
}

impl Measured {
    fn print(&self, what: &str, count: u64, before: u64) -> Result<()> {
        let many = f64::from(u32::try_from(count)?);
        println!(
            "{what}: {count}; {:.0} a second; CPU {:.2} µs each; peak memory so far {:.1} MB, {:.1} before",
            many / self.wall.as_secs_f64(),
            self.cpu.as_secs_f64() * 1e6 / many,
            megabytes(peak_memory()?),
            megabytes(before),
        );
        Ok(())
    }
}

fn megabytes(bytes: u64) -> f64 {
    u32::try_from(bytes / 1024).map_or(f64::MAX, |kilobytes| f64::from(kilobytes) / 1024.0)
}

fn cpu() -> Result<Duration> {
    Ok(Duration::from(clock_gettime(
        ClockId::CLOCK_PROCESS_CPUTIME_ID,
    )?))
}

/// The most memory that this process had in RAM, in bytes.
fn peak_memory() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no VmHWM")?.parse::<u64>()? * 1024)
}

/// Counts, and keeps nothing.
#[derive(Debug, Default)]
struct Counted {
    found: u64,
    replays: u64,
    bytes: u64,
    verdicts: u64,
}

impl Report for Counted {
    fn told(&mut self, told: Told<'_>) -> io::Result<()> {
        self.found += u64::from(told.judged.state == State::Failed);
        Ok(())
    }

    fn replay(&mut self, _: &str, _: &str) -> io::Result<()> {
        self.replays += 1;
        Ok(())
    }

    fn verdict(&mut self, _: &Verdict) -> io::Result<()> {
        Ok(())
    }
}

impl AuditReport for Counted {
    fn verdict(&mut self, verdict: &Verdict) -> io::Result<()> {
        self.verdicts += u64::from(verdict.judgement.kind == Kind::Compliant);
        let line = line(verdict, &Stamp::new(0, None))?;
        self.bytes += line.len() as u64;
        Ok(())
    }
}

async fn compare(versions: u64) -> Result<Measured> {
    let bucket = |has_gaps| MadeUp {
        versions,
        has_gaps,
        status: "FAILED",
    };
    let comparison: Comparison<MadeUp, NoLook> = Comparison {
        bucket: "source".to_owned(),
        rules: sides::rules(),
        source: Arc::new(bucket(false)),
        sides: vec![Some(Arc::new(bucket(true)))],
        scope: Prefixes::of([""]),
        after: None,
        since: None,
        began: Time::from_secs(made_up::BEGAN),
        most: 256,
        verdicts: None,
        replays_older: false,
    };
    let mut counted = Counted::default();
    let (wall, before) = (Instant::now(), cpu()?);
    let compared = comparison.run(&mut counted).await?;
    let measured = Measured {
        wall: wall.elapsed(),
        cpu: cpu()?.saturating_sub(before),
    };
    let missing = versions.div_ceil(EVERY);
    ensure!(
        compared.tally.listed == versions,
        "listed {}",
        compared.tally.listed
    );
    ensure!(
        counted.found == missing && counted.replays == missing,
        "found {}",
        counted.found
    );
    let arrived = compared.tally.of_state(State::Arrived);
    ensure!(arrived == versions - missing, "{arrived} arrived");
    Ok(measured)
}

async fn audit(replicas: u64) -> Result<Measured> {
    let port = Arc::new(MadeUp {
        versions: replicas,
        has_gaps: false,
        status: "REPLICA",
    });
    let scope = Prefixes::of([""]);
    let judging = Judging::new(Arc::clone(&port), &scope, 256, Words);
    let key = aws_names::KeyName::parse(RIGHT).ok().context("no key")?;
    let audit = Audit {
        bucket: "replicas".to_owned(),
        home: home(),
        port,
        checker: Checker::new(judging, vec![key], Duration::from_mins(5)),
        scope,
        after: None,
        sample: None,
    };
    let mut counted = Counted::default();
    let (wall, before) = (Instant::now(), cpu()?);
    let audited = audit.run(&mut counted).await?;
    let measured = Measured {
        wall: wall.elapsed(),
        cpu: cpu()?.saturating_sub(before),
    };
    ensure!(
        audited.judged() == replicas && counted.verdicts == replicas,
        "{audited:?}"
    );
    Ok(measured)
}
