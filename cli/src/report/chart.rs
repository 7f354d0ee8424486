//! Charts as SVG in the page: they need nothing from elsewhere, and print.

use std::fmt::Write as _;

use super::html::text;

const WIDTH: u32 = 640;
const LABEL: u32 = 180;
const ROW: u32 = 26;

/// A bar: its label, how long, and whether it is good, bad, or neither.
pub(super) type Bar<'a> = (&'a str, u64, Option<bool>);

/// Horizontal bars, the longest as wide as there is room. Each bears its number: none is read off a length.
pub(super) fn bars(title: &str, bars: &[Bar<'_>]) -> String {
    let most = bars
        .iter()
        .map(|(_, count, _)| *count)
        .max()
        .unwrap_or(0)
        .max(1);
    let room = u128::from(WIDTH - LABEL - 100);
    let height = ROW * u32::try_from(bars.len()).unwrap_or(0) + 4;
    let title = text(title);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {WIDTH} {height}\"><title>{title}</title>\n"
    );
    for (row, (label, count, good)) in (0_u32..).zip(bars) {
        let top = row * ROW + 4;
        let base = top + 15;
        let length = (u128::from(*count) * room / u128::from(most)).max(u128::from(*count > 0));
        let class = match good {
            Some(true) => "good",
            Some(false) => "bad",
            None => "plain",
        };
        let label = text(label);
        let after = u128::from(LABEL) + length + 6;
        let _ = writeln!(
            svg,
            "<text x=\"0\" y=\"{base}\">{label}</text><rect class=\"{class}\" x=\"{LABEL}\" y=\"{top}\" \
             width=\"{length}\" height=\"20\"/><text x=\"{after}\" y=\"{base}\">{count}</text>"
        );
    }
    svg + "</svg>"
}
