//! The dashboard as an SVG that follows the reader's light or dark setting.

use super::dashboard::{Content, Widget};
use super::sample::{self, Curve, POINTS};

/// Pixels of a column and of a row of the grid.
const COLUMN: f64 = 40.0;
const ROW: f64 = 38.0;
const HEAD: f64 = 34.0;
const GAP: f64 = 5.0;
/// About the width of a letter of the small text.
const LETTER: f64 = 6.1;
const COLOURS: u32 = 6;

const STYLE: &str = r#"  <style>
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .small { font-size: 10.5px; fill: #59636e; }
    .head { font-weight: 600; }
    .tile { fill: #ffffff; stroke: #d1d9e0; }
    .grid { stroke: #d1d9e0; }
    .line { fill: none; stroke-width: 1.5; }
    .area { fill-opacity: .35; stroke-width: 1; }
    .c0 { fill: #0969da; stroke: #0969da; } .c1 { fill: #bf8700; stroke: #bf8700; } .c2 { fill: #cf222e; stroke: #cf222e; }
    .c3 { fill: #1a7f37; stroke: #1a7f37; } .c4 { fill: #8250df; stroke: #8250df; } .c5 { fill: #59636e; stroke: #59636e; }
    .line.c0, .line.c1, .line.c2, .line.c3, .line.c4, .line.c5 { fill: none; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; } .small { fill: #9198a1; }
      .tile { fill: #151b23; stroke: #3d444d; } .grid { stroke: #3d444d; }
      .c0 { fill: #4493f8; stroke: #4493f8; } .c1 { fill: #d29922; stroke: #d29922; } .c2 { fill: #f85149; stroke: #f85149; }
      .c3 { fill: #3fb950; stroke: #3fb950; } .c4 { fill: #ab7df8; stroke: #ab7df8; } .c5 { fill: #9198a1; stroke: #9198a1; }
    }
  </style>
"#;

/// The whole picture.
pub(super) fn svg(widgets: &[Widget]) -> String {
    let columns = widgets.iter().map(|w| w.x + w.width).max().unwrap_or(0);
    let rows = widgets.iter().map(|w| w.y + w.height).max().unwrap_or(0);
    let (width, height) = (f64::from(columns) * COLUMN, f64::from(rows) * ROW + HEAD);
    let mut lines = vec![
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="t d">"#
        ),
        r#"  <title id="t">The dashboard, with invented figures</title>"#.to_owned(),
        format!(r#"  <desc id="d">{}</desc>"#, escape(&titles(widgets))),
        STYLE.trim_end().to_owned(),
        label(GAP, 21.0, "head", "encrypted-replication-us-west-2"),
        right(
            width - GAP,
            21.0,
            "small",
            "drawn from template.yaml, with invented figures",
        ),
    ];
    for widget in widgets {
        let frame = Frame {
            x: f64::from(widget.x) * COLUMN + GAP,
            y: f64::from(widget.y) * ROW + HEAD + GAP,
            width: f64::from(widget.width) * COLUMN - 2.0 * GAP,
            height: f64::from(widget.height) * ROW - 2.0 * GAP,
        };
        lines.push(frame.tile(&widget.title));
        match &widget.content {
            Content::Metrics {
                is_stacked,
                metrics,
            } => lines.extend(frame.curves(&sample::curves(metrics), *is_stacked)),
            Content::Table { columns } => lines.extend(frame.table(columns)),
        }
    }
    lines.push("</svg>\n".to_owned());
    lines.join("\n")
}

fn titles(widgets: &[Widget]) -> String {
    let titles: Vec<&str> = widgets.iter().map(|w| w.title.as_str()).collect();
    format!("Widgets: {}.", titles.join("; "))
}

/// The place of one widget.
struct Frame {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Frame {
    fn tile(&self, title: &str) -> String {
        let Self {
            x,
            y,
            width,
            height,
        } = self;
        let frame = format!(
            r#"  <rect class="tile" x="{x}" y="{y}" width="{width}" height="{height}" rx="4"/>"#
        );
        frame + "\n" + &label(x + 12.0, y + 22.0, "head", title)
    }

    fn curves(&self, curves: &[Curve], is_stacked: bool) -> Vec<String> {
        let plot = Self {
            x: self.x + 44.0,
            y: self.y + 38.0,
            width: self.width - 88.0,
            height: self.height - 112.0,
        };
        let [left, right_axis] = [false, true].map(|is_right| top(curves, is_right, is_stacked));
        let mut lines = plot.axes(left, right_axis);
        let mut below = vec![0; POINTS as usize];
        for (curve, colour) in curves.iter().zip((0..COLOURS).cycle()) {
            let most = if curve.is_right { right_axis } else { left };
            let Some(most) = most else { continue };
            let over: Vec<u32> = if is_stacked {
                below
                    .iter()
                    .zip(&curve.values)
                    .map(|(a, b)| a + b)
                    .collect()
            } else {
                curve.values.clone()
            };
            let line = plot.points(&over, most);
            lines.push(if is_stacked {
                let mut floor = plot.points(&below, most);
                floor.reverse();
                let outline = [line, floor].concat().join(" ");
                format!(r#"  <polygon class="area c{colour}" points="{outline}"/>"#)
            } else {
                let line = line.join(" ");
                format!(r#"  <polyline class="line c{colour}" points="{line}"/>"#)
            });
            if is_stacked {
                below = over;
            }
        }
        lines.extend(self.legend(curves));
        lines
    }

    fn points(&self, values: &[u32], most: u32) -> Vec<String> {
        let step = self.width / f64::from(POINTS - 1);
        let points = values.iter().zip(0_u32..).map(|(value, at)| {
            let x = self.x + f64::from(at) * step;
            let y = self.y + self.height * (1.0 - f64::from(*value) / f64::from(most));
            format!("{x:.1},{y:.1}")
        });
        points.collect()
    }

    fn axes(&self, left: Option<u32>, right_axis: Option<u32>) -> Vec<String> {
        let end = self.x + self.width;
        let mut lines = Vec::new();
        for step in 0..=2_u32 {
            let y = self.y + self.height * (1.0 - f64::from(step) / 2.0);
            lines.push(format!(
                r#"  <path class="grid" d="M{:.1} {y:.1}H{end:.1}"/>"#,
                self.x
            ));
            let at = |most: u32| (f64::from(most * step) / 2.0).to_string();
            if let Some(most) = left {
                lines.push(right(self.x - 6.0, y + 4.0, "small", &at(most)));
            }
            if let Some(most) = right_axis {
                lines.push(label(end + 6.0, y + 4.0, "small", &at(most)));
            }
        }
        for (hour, at) in ["12:00", "13:00", "14:00", "15:00"].iter().zip(0_u32..) {
            let x = self.x + self.width * f64::from(at) / 3.0;
            let y = self.y + self.height + 15.0;
            lines.push(anchored(x, y, "small", hour, "middle"));
        }
        lines
    }

    /// In rows below the plot, as many as it takes.
    fn legend(&self, curves: &[Curve]) -> Vec<String> {
        let (mut x, mut y) = (self.x + 14.0, self.y + self.height - 42.0);
        let mut lines = Vec::new();
        for (curve, colour) in curves.iter().zip((0..COLOURS).cycle()) {
            let width = 24.0 + LETTER * letters(&curve.label);
            if x + width > self.x + self.width && x > self.x + 14.0 {
                (x, y) = (self.x + 14.0, y + 16.0);
            }
            lines.push(format!(
                r#"  <rect class="c{colour}" x="{x:.1}" y="{:.1}" width="8" height="8"/>"#,
                y - 8.0
            ));
            lines.push(label(x + 12.0, y, "small", &curve.label));
            x += width;
        }
        lines
    }

    /// Columns as wide as their widest cell, cut where the tile ends.
    fn table(&self, columns: &[String]) -> Vec<String> {
        const ROWS: usize = 3;
        let mut lines = Vec::new();
        let mut x = self.x + 12.0;
        for column in columns {
            let mut cells = vec![column.as_str()];
            cells.extend((0..ROWS).map(|row| sample::cell(column, row)));
            let widest = cells.iter().map(|cell| letters(cell)).fold(0.0, f64::max);
            let room = (self.x + self.width - x - 8.0) / LETTER;
            if room < 4.0 {
                break;
            }
            for (cell, row) in cells.iter().zip(0_u32..) {
                let y = self.y + 50.0 + f64::from(row) * 24.0;
                lines.push(label(x, y, "small", &cut(cell, room)));
            }
            x += (widest + 2.0) * LETTER;
        }
        let (start, end) = (self.x + 12.0, self.x + self.width - 12.0);
        let y = self.y + 58.0;
        lines.push(format!(r#"  <path class="grid" d="M{start} {y}H{end}"/>"#));
        lines
    }
}

/// The highest value of an axis: 1, 2 or 5 times a power of ten above every curve; none without any.
fn top(curves: &[Curve], is_right: bool, is_stacked: bool) -> Option<u32> {
    let mine: Vec<&Curve> = curves.iter().filter(|c| c.is_right == is_right).collect();
    if mine.is_empty() {
        return None;
    }
    let at = |point: usize| {
        let values = mine.iter().filter_map(move |curve| curve.values.get(point));
        if is_stacked {
            values.sum()
        } else {
            values.copied().max().unwrap_or(0)
        }
    };
    let highest = (0..POINTS as usize).map(at).max().unwrap_or(0);
    let powers = (0..7).map(|power| 10_u32.pow(power));
    let mut tops = powers.flat_map(|ten| [ten, 2 * ten, 5 * ten]);
    tops.find(|top| *top >= highest && *top > 1)
        .or(Some(highest))
}

fn label(x: f64, y: f64, class: &str, text: &str) -> String {
    anchored(x, y, class, text, "start")
}

fn right(x: f64, y: f64, class: &str, text: &str) -> String {
    anchored(x, y, class, text, "end")
}

fn anchored(x: f64, y: f64, class: &str, text: &str, anchor: &str) -> String {
    let text = escape(text);
    format!(r#"  <text class="{class}" x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{text}</text>"#)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn letters(text: &str) -> f64 {
    text.chars().map(|_| 1.0).sum()
}

fn cut(text: &str, room: f64) -> String {
    if letters(text) <= room {
        return text.to_owned();
    }
    let mut kept = 1.0;
    let start = text.chars().take_while(|_| {
        kept += 1.0;
        kept <= room
    });
    start.collect::<String>() + "…"
}
