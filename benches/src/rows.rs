//! The table's rows: what was measured, beside the peers, against the target.

use crate::prices;
use crate::results::{Peer, Results};

/// One figure.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) group: &'static str,
    pub(crate) figure: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: f64,
    /// The floor: a bare function or a bare HTTP client.
    pub(crate) bare: Option<f64>,
    pub(crate) twin: Option<f64>,
    pub(crate) target: Option<Target>,
}

/// What the figure is to be at most. All parts have to hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Target {
    pub(crate) at_most: Option<f64>,
    /// So many times the bare program's.
    pub(crate) times_bare: Option<f64>,
    /// One part in so many of the twin's.
    pub(crate) part_of_twin: Option<f64>,
}

impl Row {
    /// Whether the target is reached; nothing where there is none.
    pub(crate) fn reached(&self) -> Option<bool> {
        let target = self.target?;
        let within = |limit: Option<f64>| limit.is_none_or(|limit| self.ours <= limit);
        let times = |factor: Option<f64>, of: Option<f64>| Some(factor? * of?);
        Some(
            within(target.at_most)
                && within(times(target.times_bare, self.bare))
                && within(times(target.part_of_twin.map(f64::recip), self.twin)),
        )
    }

    /// The target in words.
    pub(crate) fn target_text(&self) -> String {
        let Some(target) = self.target else {
            return String::new();
        };
        let parts = [
            target.at_most.map(|most| format!("{most} {}", self.unit)),
            target.times_bare.map(|times| format!("{times} × bare")),
            target.part_of_twin.map(|part| format!("twin / {part}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("≤ {}", parts.join(", "))
    }
}

/// All rows, in the table's order.
pub(crate) fn rows(results: &Results) -> Vec<Row> {
    let mut rows = starts(results);
    rows.extend(batches(results));
    rows.extend(memory(results));
    rows.extend(steady(results));
    rows.extend(costs(results));
    rows
}

fn row(group: &'static str, figure: impl Into<String>, unit: &'static str, ours: f64) -> Row {
    Row {
        group,
        figure: figure.into(),
        unit,
        ours,
        bare: None,
        twin: None,
        target: None,
    }
}

fn starts(results: &Results) -> Vec<Row> {
    const GROUP: &str = "Cold start";
    let Results {
        ours,
        bare_function: bare,
        twin,
        ..
    } = results;
    let beside = |figure: &str, of: fn(&Peer) -> f64| Row {
        bare: Some(of(bare)),
        twin: Some(of(twin)),
        ..row(GROUP, figure, "ms", of(ours))
    };
    vec![
        Row {
            target: Some(Target {
                times_bare: Some(2.0),
                part_of_twin: Some(40.0),
                ..Target::default()
            }),
            ..beside("start to first poll", |peer| peer.poll_ms)
        },
        beside("CPU until then", |peer| peer.poll_cpu_ms),
        Row {
            bare: None,
            target: Some(Target {
                part_of_twin: Some(15.0),
                ..Target::default()
            }),
            ..beside("start to first verdict, over TLS", |peer| peer.verdict_ms)
        },
        Row {
            bare: None,
            ..beside("CPU until then", |peer| peer.verdict_cpu_ms)
        },
    ]
}

fn batches(results: &Results) -> Vec<Row> {
    let mut rows = Vec::new();
    for (delay, sizes) in &results.ours.batches {
        for (size, batch) in sizes {
            let peer = |peer: &Peer| peer.batches.get(delay)?.get(size).copied();
            let (bare, twin) = (peer(&results.bare_client), peer(&results.twin));
            let figure = format!("batch of {size}, server {delay} ms");
            let cpu_target = (*size == 1000).then_some(Target {
                at_most: Some(30.0),
                part_of_twin: Some(25.0),
                ..Target::default()
            });
            rows.push(Row {
                bare: bare.map(|batch| batch.cpu_us),
                twin: twin.map(|batch| batch.cpu_us),
                target: cpu_target,
                ..row("CPU per replica", figure.clone(), "µs", batch.cpu_us)
            });
            let wall_target = (*size == 1000 && *delay == 20).then_some(Target {
                at_most: Some(250.0),
                ..Target::default()
            });
            rows.push(Row {
                bare: bare.map(|batch| batch.wall_ms),
                twin: twin.map(|batch| batch.wall_ms),
                target: wall_target,
                ..row("Time per batch", figure, "ms", batch.wall_ms)
            });
        }
    }
    rows.sort_by_key(|row| row.group);
    rows
}

fn memory(results: &Results) -> [Row; 2] {
    const GROUP: &str = "Memory";
    let megabytes = |bytes: u64| integer(bytes) / 1_000_000.0;
    let target = Some(Target {
        at_most: Some(20.0),
        ..Target::default()
    });
    let figure = "peak, batch of 1000, server 20 ms";
    [
        Row {
            bare: Some(megabytes(results.bare_client.memory)),
            twin: Some(megabytes(results.twin.memory)),
            target,
            ..row(GROUP, figure, "MB", megabytes(results.ours.memory))
        },
        Row {
            target,
            ..row(
                GROUP,
                "peak, one event of 1000 records",
                "MB",
                megabytes(results.direct_memory),
            )
        },
    ]
}

fn steady(results: &Results) -> Vec<Row> {
    let steady = &results.steady;
    let mut rows = Vec::new();
    for (name, size) in &steady.zip {
        rows.push(Row {
            target: Some(Target {
                at_most: Some(3.5),
                ..Target::default()
            }),
            ..row(
                "Size",
                format!("{name}, zip"),
                "MB",
                integer(*size) / 1_000_000.0,
            )
        });
    }
    rows.push(row(
        "Calls",
        "HeadObject per replica",
        "calls",
        steady.heads_per_replica,
    ));
    rows.push(row(
        "Calls",
        "others, fresh process, one bucket and key",
        "calls",
        integer(steady.other_calls),
    ));
    if let Some(instructions) = steady.instructions_per_replica {
        let figure = "instructions per replica (callgrind)";
        rows.push(row(
            "CPU per replica",
            figure,
            "thousand",
            instructions / 1000.0,
        ));
    }
    for (name, request) in &steady.provisioner {
        let chain = integer(request.round_trips);
        let figure = |what: &str| format!("{name}: {what}");
        rows.push(row(
            "Provisioner",
            figure("calls"),
            "calls",
            integer(request.calls),
        ));
        rows.push(row("Provisioner", figure("longest chain"), "calls", chain));
        rows.push(Row {
            target: name.ends_with("buckets, Create").then_some(Target {
                at_most: Some(1.3 * chain * 50.0),
                ..Target::default()
            }),
            ..row(
                "Provisioner",
                figure("time at 50 ms a call"),
                "ms",
                integer(request.milliseconds),
            )
        });
    }
    rows
}

fn costs(results: &Results) -> Vec<Row> {
    [1, 10, 100]
        .into_iter()
        .filter_map(|size| {
            let compute = |peer: &Peer, memory| prices::compute_per_million(peer, size, memory);
            Some(Row {
                twin: compute(&results.twin, prices::TWIN_MEMORY_MB),
                ..row(
                    "Lambda per million replicas",
                    format!("batches of {size}"),
                    "USD",
                    compute(&results.ours, prices::MEMORY_MB)?,
                )
            })
        })
        .collect()
}

/// Figures here are far below the point where this rounds.
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes and counts far below 2^52, for display"
)]
fn integer(value: u64) -> f64 {
    value as f64
}
