//! The tables of `docs/performance.md`.

use super::number::{figure, grouped};
use super::{
    ASCRIBE, BEST_BY_HAND, BEST_CALLS, BEST_OF_CHUNK_JOBS, BEST_OF_DEVICE_JOBS, CARRIER_GATE, CARRIER_GATE_SHARE,
    GATE_SHARE, GATE_THROTTLED, INTAKE, LastRun, Row, targets,
};
use std::fmt::Write as _;

/// What is between the markers of the document. (Writing to a String cannot fail.)
#[must_use]
pub fn tables(run: &LastRun) -> String {
    let mut out = String::new();
    let (machine, load) = (&run.machine, run.load_average);
    let _ = writeln!(
        out,
        "Measured {} at commit {}, on {} cores of {}, PostgreSQL {}. Load average before the runs: {:.1} [{:.1}..{:.1}], \
         most of it the bench's own.",
        run.when,
        run.commit.get(..12).unwrap_or("unknown"),
        machine.cores,
        machine.processor.as_deref().unwrap_or("an unknown processor"),
        run.postgresql,
        load.median,
        load.min,
        load.max,
    );
    if run.is_noisy() {
        out.push_str(
            "\n**Noisy:** (a) moved by more than half between rounds. Trust WAL, growth and CPU, not the rates.\n",
        );
    }
    for skipped in &run.skipped {
        let _ = writeln!(out, "\nNot measured: {} ({}).", skipped.name, skipped.why);
    }
    of_targets(&mut out, run);
    for n in run.sizes(|row| row.name.starts_with("assignment, ")) {
        of_assignment(&mut out, run, n);
    }
    for n in run.sizes(|row| row.name.starts_with("intake, ")) {
        of_intake(&mut out, run, n);
    }
    of_scale(&mut out, run);
    of_gate(&mut out, run);
    of_carrier_gate(&mut out, run);
    for n in run.sizes(|row| row.name.starts_with("list, ")) {
        of_lists(&mut out, run, n, "list, ", "Pages of `GET /devices?limit=100`");
    }
    for n in run.sizes(|row| row.name.starts_with("portal, ")) {
        of_lists(&mut out, run, n, "portal, ", "Pages of the portal, as somebody who is signed in,");
    }
    out
}

fn of_targets(out: &mut String, run: &LastRun) {
    out.push_str("\n### Targets\n\n| Target | Wanted | Found | Reached |\n|---|---|---|---|\n");
    for target in targets(run) {
        let sign = if target.at_most { "at most" } else { "at least" };
        let unit = if target.unit == "x" { "x".to_owned() } else { format!(" {}", target.unit) };
        let found = target.found.map_or_else(|| "not measured".to_owned(), |found| format!("{found:.2}{unit}"));
        let reached = match target.is_reached() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let _ = writeln!(out, "| {} | {sign} {}{unit} | {found} | {reached} |", target.what, target.bound);
    }
}

/// "median [least..most]", or the one value there is.
fn spread(row: &Row, divisor: f64) -> String {
    let [value, min, max] = [row.value, row.min, row.max].map(|value| figure(value / divisor));
    if row.runs > 1 { format!("{value} [{min}..{max}]") } else { value }
}

fn cell(row: Option<&Row>, divisor: f64) -> String {
    row.map_or_else(String::new, |row| figure(row.value / divisor))
}

/// The name without what all names of a table begin with, and how much faster Ascribe is.
fn name_and_ratio(run: &LastRun, row: &Row, ascribe: &str) -> (String, String) {
    let name = row.name.split_once(", ").map_or(row.name.as_str(), |(_, name)| name);
    let name = if row.name == ascribe { format!("**{name}**") } else { name.to_owned() };
    let ratio = run.ratio(ascribe, &row.name, row.n).map_or_else(String::new, |ratio| format!("{ratio:.2}x"));
    (name, ratio)
}

fn of_assignment(out: &mut String, run: &LastRun, n: u32) {
    let _ = write!(
        out,
        "\n### Assignment of {} devices\n\n| Style | devices/s | Ascribe's rate is | PostgreSQL's CPU, µs/device | WAL, kB/device \
         | growth, kB/device | HOT, `m2m_device` / `device_tenant` / `m2m_device_change` | runs |\n|---|---|---|---|---|---|---|---|\n",
        grouped(f64::from(n), 0)
    );
    for row in run.styles(n) {
        let (name, ratio) = name_and_ratio(run, row, ASCRIBE);
        let of = |what: &str| run.row(&format!("{}, {what}", row.name), n);
        let hot = ["m2m_device", "device_tenant", "m2m_device_change"].map(|table| {
            of(&format!("HOT share of {table}")).map_or_else(String::new, |row| format!("{:.0} %", row.value))
        });
        let (cpu, wal, growth) =
            (cell(of("PostgreSQL CPU"), 1.0), cell(of("WAL"), 1_000.0), cell(of("growth"), 1_000.0));
        let _ = writeln!(
            out,
            "| {name} | {} | {ratio} | {cpu} | {wal} | {growth} | {} | {} |",
            spread(row, 1.0),
            hot.join(" / "),
            row.runs
        );
    }
    let bests: Vec<String> = [BEST_BY_HAND, BEST_CALLS, BEST_OF_CHUNK_JOBS, BEST_OF_DEVICE_JOBS]
        .iter()
        .filter_map(|best| {
            let ratio = run.ratio(ASCRIBE, best, n)?;
            Some(format!("{} {ratio:.2}x", best.trim_start_matches("assignment, ")))
        })
        .collect();
    if !bests.is_empty() {
        let _ = writeln!(out, "\nAscribe's rate over that of the best of each round: {}.", bests.join("; "));
    }
}

fn of_intake(out: &mut String, run: &LastRun, n: u32) {
    let _ = write!(
        out,
        "\n### Intake of {} rows\n\n| Way | rows/s | Ascribe's rate is | PostgreSQL's CPU, µs/row | WAL, kB/row | runs |\n|---|---|---|---|---|---|\n",
        grouped(f64::from(n), 0)
    );
    for row in run.rows.iter().filter(|row| row.n == n && row.unit == "rows/s") {
        let (name, ratio) = name_and_ratio(run, row, INTAKE);
        let of = |what: &str| run.row(&format!("{}, {what}", row.name), n);
        let (cpu, wal) = (cell(of("PostgreSQL CPU"), 1.0), cell(of("WAL"), 1_000.0));
        let _ = writeln!(out, "| {name} | {} | {ratio} | {cpu} | {wal} | {} |", spread(row, 1.0), row.runs);
    }
}

fn of_scale(out: &mut String, run: &LastRun) {
    let is_step =
        |row: &Row| row.name.starts_with("plan") || row.name.starts_with("settle") || row.name.starts_with("ten ");
    let sizes = run.sizes(is_step);
    let mut names: Vec<(&str, &str)> = Vec::new();
    for row in run.rows.iter().filter(|row| is_step(row)) {
        if !names.contains(&(&row.name, &row.unit)) {
            names.push((&row.name, &row.unit));
        }
    }
    if names.is_empty() {
        return;
    }
    let heads: String = sizes.iter().map(|n| format!(" {} |", grouped(f64::from(*n), 0))).collect();
    let _ = write!(
        out,
        "\n### Through the program as it is shipped\n\n| Figure | unit |{heads}\n|---|---|{}\n",
        "---|".repeat(sizes.len())
    );
    for (name, unit) in names {
        let cells: String = sizes.iter().map(|n| format!(" {} |", cell(run.row(name, *n), 1.0))).collect();
        let _ = writeln!(out, "| {name} | {} |{cells}", unit.replace("us/", "µs/"));
    }
}

fn of_carrier_gate(out: &mut String, run: &LastRun) {
    let rates = run.sizes(|row| row.name == CARRIER_GATE_SHARE);
    if rates.is_empty() {
        return;
    }
    out.push_str(
        "\n### At a carrier's gate, SIMs read one by one\n\n\
         | Configured, calls a minute | arrived, calls/s | of the configured rate, % |\n|---|---|---|\n",
    );
    for rate in rates {
        let of = |name: &str| cell(run.row(name, rate), 1.0);
        let (arrived, share) = (of(CARRIER_GATE), of(CARRIER_GATE_SHARE));
        let _ = writeln!(out, "| {} | {arrived} | {share} |", grouped(f64::from(rate), 0));
    }
}

fn of_gate(out: &mut String, run: &LastRun) {
    let rates = run.sizes(|row| row.name == GATE_SHARE);
    if rates.is_empty() {
        return;
    }
    out.push_str(
        "\n### At a provider's gate, calls of 50 to 300 ms\n\n\
         | Configured, calls a minute | arrived, calls/s | of the configured rate, % | throttled, % |\n|---|---|---|---|\n",
    );
    for rate in rates {
        let of = |name: &str| cell(run.row(name, rate), 1.0);
        let (arrived, share, throttled) = (of("gate, calls that arrived"), of(GATE_SHARE), of(GATE_THROTTLED));
        let _ = writeln!(out, "| {} | {arrived} | {share} | {throttled} |", grouped(f64::from(rate), 0));
    }
}

fn of_lists(out: &mut String, run: &LastRun, n: u32, kind: &str, title: &str) {
    let _ = write!(
        out,
        "\n### {title} at {} devices, ms\n\n\
         | Page | idle: p50 | p95 | p99 | beside a change: p50 | p95 | p99 |\n|---|---|---|---|---|---|---|\n",
        grouped(f64::from(n), 0)
    );
    let first = ", idle, p50";
    let of_kind = run.rows.iter().filter(|row| row.n == n && row.name.starts_with(kind));
    for page in of_kind.filter_map(|row| row.name.strip_suffix(first)) {
        let mut cells = String::new();
        for state in ["idle", "beside a change"] {
            for part in ["p50", "p95", "p99"] {
                let _ = write!(cells, " {} |", cell(run.row(&format!("{page}, {state}, {part}"), n), 1.0));
            }
        }
        let _ = writeln!(out, "| {} |{cells}", page.trim_start_matches(kind));
    }
}
