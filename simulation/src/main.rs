//! Lives by their seeds: `cargo xtask simulate`.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use simulation::author;
use simulation::life::live;
use simulation::oracle::Counts;
use simulation::shrink::shortest;

/// Lives in the simulated world, each from a seed, and which promise was broken in them.
#[derive(Parser)]
struct Arguments {
    /// How many lives
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first one's seed; the next ones count on
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Go on after a broken promise, and tell each once
    #[arg(long)]
    all: bool,
    /// Do not look for the shortest story
    #[arg(long)]
    brief: bool,
}

fn main() -> ExitCode {
    let Arguments {
        seeds,
        seed,
        all,
        brief,
    } = Arguments::parse();
    let began = Instant::now();
    let mut counts = Counts::default();
    let mut seen: Vec<&str> = Vec::new();
    // What a life panics about is told with its story.
    std::panic::set_hook(Box::new(|_| {}));
    for (lives, seed) in (seed..seed.saturating_add(seeds)).enumerate() {
        let story = author::story(seed);
        let lived = live(&story);
        for (what, count) in lived.counts.0 {
            *counts.0.entry(what).or_default() += count;
        }
        let Some(first) = lived.broken.first().cloned() else {
            continue;
        };
        if seen.contains(&first.promise) {
            continue;
        }
        seen.push(first.promise);
        println!(
            "seed {seed} breaks `{}` in life {} ({:.1} s): {}",
            first.promise,
            lives + 1,
            began.elapsed().as_secs_f64(),
            first.seen
        );
        if brief {
            if !all {
                break;
            }
            continue;
        }
        let (short, lived) = shortest(&story, first.promise);
        println!("its shortest story:\n{short}");
        for broken in lived.broken.iter().take(3) {
            println!(
                "  {:>5} s: `{}` is broken: {}",
                broken.at, broken.promise, broken.seen
            );
        }
        if !all {
            break;
        }
    }
    let told: Vec<String> = counts
        .0
        .iter()
        .map(|(what, count)| format!("{count} {what}"))
        .collect();
    println!(
        "{:.1} s; {}",
        began.elapsed().as_secs_f64(),
        told.join(", ")
    );
    if seen.is_empty() {
        println!("no promise was broken in {seeds} lives, from seed {seed}");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
