//! The chart: ours, bare Rust and the twin, a panel for each figure. Text and lines take their
//! colour from the reader's light or dark mode.

use std::fmt::Write as _;

use crate::results::{Peer, Results};

const WIDTH: f64 = 760.0;
const LABEL: f64 = 150.0;
const BAR: f64 = 20.0;
const GAP: f64 = 6.0;
const LONGEST: f64 = 500.0;

const STYLE: &str = "\
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600 }
  .ours { fill: #0969da } .bare { fill: #8c959f } .twin { fill: #bf8700 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .ours { fill: #58a6ff } .bare { fill: #6e7681 } .twin { fill: #d29922 }
  }
";

struct Panel {
    title: &'static str,
    unit: &'static str,
    bars: Vec<(&'static str, &'static str, f64)>,
}

/// The SVG document.
pub(crate) fn svg(results: &Results) -> String {
    let mut body = String::new();
    let mut y = 24.0;
    for panel in panels(results) {
        y = draw(&panel, y, &mut body);
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y}\" width=\"{WIDTH}\" \
         height=\"{y}\" role=\"img\">\n<title>check-replica beside bare Rust and a boto3 twin</title>\n\
         <style>\n{STYLE}</style>\n{body}</svg>\n"
    )
}

fn panels(results: &Results) -> Vec<Panel> {
    let Results {
        ours,
        bare_function,
        bare_client,
        twin,
        ..
    } = results;
    let cpu = |peer: &Peer| {
        let batch = peer.batches.get(&20).and_then(|sizes| sizes.get(&1000));
        batch.map(|batch| batch.cpu_us).unwrap_or_default()
    };
    let wall = |peer: &Peer| {
        let batch = peer.batches.get(&20).and_then(|sizes| sizes.get(&1000));
        batch.map(|batch| batch.wall_ms).unwrap_or_default()
    };
    let memory =
        |peer: &Peer| f64::from(u32::try_from(peer.memory / 1000).unwrap_or(u32::MAX)) / 1000.0;
    let panel = |title, unit, of: &dyn Fn(&Peer) -> f64, bare: Option<(&'static str, &Peer)>| {
        let mut bars = vec![("check-replica", "ours", of(ours))];
        bars.extend(bare.map(|(name, peer)| (name, "bare", of(peer))));
        bars.push(("boto3 twin", "twin", of(twin)));
        Panel { title, unit, bars }
    };
    let function = Some(("bare function", bare_function));
    let client = Some(("bare HTTP client", bare_client));
    vec![
        panel(
            "Process start to first poll",
            "ms",
            &|peer| peer.poll_ms,
            function,
        ),
        panel(
            "Process start to first verdict, over TLS",
            "ms",
            &|peer| peer.verdict_ms,
            None,
        ),
        panel(
            "CPU time per replica, batch of 1,000, server answers in 20 ms",
            "µs",
            &cpu,
            client,
        ),
        panel(
            "Time for a batch of 1,000, server answers in 20 ms",
            "ms",
            &wall,
            client,
        ),
        panel("Peak memory for that batch", "MB", &memory, client),
    ]
}

/// Draws a panel from `y` on, and says where the next one starts.
fn draw(panel: &Panel, mut y: f64, body: &mut String) -> f64 {
    let longest = panel
        .bars
        .iter()
        .map(|(_, _, value)| *value)
        .fold(0.0, f64::max);
    // Writing to a string cannot fail.
    let _ = writeln!(
        body,
        "<text class=\"title\" x=\"0\" y=\"{y}\">{}</text>",
        panel.title
    );
    y += 10.0;
    for (name, class, value) in &panel.bars {
        let length = (value / longest.max(f64::MIN_POSITIVE) * LONGEST).max(1.0);
        let text = y + BAR * 0.7;
        let _ = writeln!(
            body,
            "<text x=\"0\" y=\"{text:.0}\">{name}</text>\
             <rect class=\"{class}\" x=\"{LABEL}\" y=\"{y:.0}\" width=\"{length:.1}\" height=\"{BAR}\" rx=\"3\"/>\
             <text x=\"{:.1}\" y=\"{text:.0}\">{} {}</text>",
            LABEL + length + 8.0,
            crate::table::number(*value),
            panel.unit,
        );
        y += BAR + GAP;
    }
    y + 24.0
}
