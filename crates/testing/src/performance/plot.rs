//! The plot: one bar per style of assignment, at each number of devices.

use super::number::{figure, grouped};
use super::{ASCRIBE, LastRun, Row};
use std::fmt::Write as _;

const WIDTH: f64 = 860.0;
/// Where the bars begin; names are left of it.
const LEFT: f64 = 300.0;
/// How long the longest bar is; its label is right of it.
const LONGEST: f64 = 390.0;
const STEP: f64 = 26.0;
const BAR: f64 = 16.0;

/// Colours for a light and a dark page; the bar that is ours differs in lightness, too, for who sees no colours.
const STYLE: &str = "\
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .size { font-weight: 600; font-size: 15px; }
    .small { font-size: 11px; fill: #59636e; }
    .other { fill: #9aa4af; }
    .ours { fill: #0b5cad; }
    .name-ours { font-weight: 600; }
    .range { stroke: #1f2328; stroke-width: 1.5; }
    .axis { stroke: #9aa4af; stroke-width: 1; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .small { fill: #9198a1; }
      .other { fill: #59636e; }
      .ours { fill: #6cb6ff; }
      .range { stroke: #e6edf3; }
      .axis { stroke: #59636e; }
    }";

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn short(row: &Row) -> String {
    escaped(row.name.trim_start_matches("assignment, "))
}

/// Devices per second of each style: the median as a bar, the least and the most as a line. (Writing to a String cannot fail.)
#[must_use]
pub fn plot(run: &LastRun) -> String {
    let sizes = run.sizes(|row| row.name.starts_with("assignment, "));
    let (mut body, mut said, mut y) = (String::new(), Vec::new(), 34.0);
    for n in sizes {
        let mut rows: Vec<&Row> = run.styles(n).collect();
        rows.sort_by(|a, b| b.value.total_cmp(&a.value));
        let scale = LONGEST / rows.iter().map(|row| row.max).fold(1.0, f64::max);
        let size = grouped(f64::from(n), 0);
        let _ = writeln!(body, "  <text class=\"size\" x=\"12\" y=\"{y:.0}\">{size} devices</text>");
        y += 12.0;
        let _ = writeln!(
            body,
            "  <line class=\"axis\" x1=\"{LEFT:.0}\" y1=\"{y:.0}\" x2=\"{LEFT:.0}\" y2=\"{:.0}\"/>",
            STEP.mul_add(f64::from(u32::try_from(rows.len()).unwrap_or(0)), y)
        );
        for row in rows {
            bar(&mut body, run, row, y, scale);
            said.push(format!("{} of {size}: {} devices/s", short(row), figure(row.value)));
            y += STEP;
        }
        y += 38.0;
    }
    let height = y;
    let _ = writeln!(
        body,
        "  <text class=\"small\" x=\"12\" y=\"{:.0}\">Bars: median of the rounds. Lines: least to most. Behind each rate: Ascribe's over it, \
         median of the ratios of the rounds.</text>",
        height - 14.0
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" role=\"img\" aria-labelledby=\"title desc\">\n  \
         <title id=\"title\">Devices assigned per second, Ascribe and others</title>\n  <desc id=\"desc\">{}.</desc>\n  \
         <style>\n{STYLE}\n  </style>\n{body}</svg>\n",
        said.join("; ")
    )
}

fn bar(body: &mut String, run: &LastRun, row: &Row, y: f64, scale: f64) {
    let ours = row.name.starts_with("assignment, ascribe");
    let (kind, name) = if ours { ("ours", " class=\"name-ours\"") } else { ("other", "") };
    let (top, middle) = (y + (STEP - BAR) / 2.0, y + STEP / 2.0);
    let _ = writeln!(
        body,
        "  <text{name} x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
        LEFT - 8.0,
        middle + 4.5,
        short(row)
    );
    let _ = writeln!(
        body,
        "  <rect class=\"{kind}\" x=\"{LEFT:.0}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{BAR:.0}\" rx=\"2\"/>",
        (row.value * scale).max(1.0)
    );
    if row.runs > 1 {
        let (from, to) = (row.min.mul_add(scale, LEFT), row.max.mul_add(scale, LEFT));
        let _ = writeln!(
            body,
            "  <line class=\"range\" x1=\"{from:.1}\" y1=\"{middle:.1}\" x2=\"{to:.1}\" y2=\"{middle:.1}\"/>"
        );
    }
    let ratio = run.ratio(ASCRIBE, &row.name, row.n).map_or_else(String::new, |ratio| format!(" ({ratio:.2}x)"));
    let _ = writeln!(
        body,
        "  <text x=\"{:.1}\" y=\"{:.1}\">{}/s{ratio}</text>",
        row.value.max(row.max).mul_add(scale, LEFT + 8.0),
        middle + 4.5,
        figure(row.value)
    );
}
