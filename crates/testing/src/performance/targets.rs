//! What was set out to be reached, and whether it was.

use super::{
    ASCRIBE, BEST_BY_HAND, BEST_OF_CHUNK_JOBS, GATE_SHARE, GATE_THROTTLED, INTAKE, INTAKE_COPY, LastRun, ONE_CALL,
};

/// Ten thousand, a hundred thousand and a million devices.
const SMALL: u32 = 10_000;
const LARGE: u32 = 100_000;
const HUGE: u32 = 1_000_000;

/// Calls a minute: Rev.io's own, 50 and 200 a second.
const RATES: [u32; 3] = [500, 3_000, 12_000];

/// One of the targets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Of what.
    pub what: &'static str,
    /// Is less better?
    pub at_most: bool,
    /// The bound.
    pub bound: f64,
    /// Of the bound and of what was found.
    pub unit: &'static str,
    /// None: it was not measured.
    pub found: Option<f64>,
}

impl Target {
    /// Was it reached? None: nobody knows.
    #[must_use]
    pub fn is_reached(&self) -> Option<bool> {
        self.found.map(|found| if self.at_most { found <= self.bound } else { found >= self.bound })
    }
}

/// All of them, with what this run found.
#[must_use]
pub fn targets(run: &LastRun) -> Vec<Target> {
    let at_least = |what, bound, found| Target { what, at_most: false, bound, unit: "x", found };
    let at_most = |what, bound, unit, found| Target { what, at_most: true, bound, unit, found };
    let ratio = |to, n| run.ratio(ASCRIBE, to, n);
    let kilobytes = |what: &str| run.row(&format!("{ASCRIBE}, {what}"), LARGE).map(|row| row.value / 1_000.0);
    let memory = |name: &str| {
        let of = |n| run.row(name, n).map(|row| row.value);
        Some((of(HUGE)?, of(HUGE)? / of(SMALL)?))
    };
    // The worst of the rates; none if one of them was not measured.
    let gate = |name: &str, worse: fn(f64, f64) -> f64| {
        let each: Option<Vec<f64>> = RATES.iter().map(|rate| Some(run.row(name, *rate)?.value)).collect();
        each.and_then(|each| each.into_iter().reduce(worse))
    };
    let memories = ["plan, peak memory of the service", "settle, peak memory of the service"].map(memory);
    vec![
        at_least(
            "Assignment of 100,000 against the best of (c), (c) on two connections and (d)",
            0.85,
            ratio(BEST_BY_HAND, LARGE),
        ),
        at_least("Assignment of 10,000 against (a), one call per device", 4.0, ratio(ONE_CALL, SMALL)),
        at_least("Assignment of 10,000 against the best peer with chunk jobs", 1.3, ratio(BEST_OF_CHUNK_JOBS, SMALL)),
        at_least("Assignment of 100,000 against the best peer with chunk jobs", 1.3, ratio(BEST_OF_CHUNK_JOBS, LARGE)),
        at_least(
            "Intake of 100,000 rows against COPY of the finished rows",
            0.8,
            run.ratio(INTAKE, INTAKE_COPY, LARGE),
        ),
        at_most("WAL per device, assignment of 100,000", 4.2, "kB", kilobytes("WAL")),
        at_most("Growth per device, assignment of 100,000", 1.5, "kB", kilobytes("growth")),
        at_most("PostgreSQL's CPU for 1,000,000 over that for 100,000", 10.5, "x", cost(run, "PostgreSQL CPU")),
        at_most("WAL for 1,000,000 over that for 100,000", 10.5, "x", cost(run, "WAL")),
        at_most(
            "Memory of the service at 1,000,000 over that at 10,000",
            1.25,
            "x",
            most(memories.map(|m| m.map(|m| m.1))),
        ),
        at_most("Memory of the service at 1,000,000", 128.0, "MiB", most(memories.map(|m| m.map(|m| m.0)))),
        Target {
            what: "Calls at a provider's gate, of the configured rate: 500 a minute, 50 and 200 a second",
            at_most: false,
            bound: 95.0,
            unit: "%",
            found: gate(GATE_SHARE, f64::min),
        },
        at_most("Throttled answers at these rates", 1.0, "%", gate(GATE_THROTTLED, f64::max)),
        at_most("Lists of 1,000,000 devices, p95, also beside changes", 300.0, "ms", slowest(run, "list, ")),
        at_most(
            "Pages of the portal at 1,000,000 devices, p95, also beside changes",
            300.0,
            "ms",
            slowest(run, "portal, "),
        ),
    ]
}

/// The slowest of this kind of page, at the 95th percentile (reference: product 4.7).
fn slowest(run: &LastRun, kind: &str) -> Option<f64> {
    let of_kind =
        run.rows.iter().filter(|row| row.n == HUGE && row.name.starts_with(kind) && row.name.ends_with(", p95"));
    of_kind.map(|row| row.value).reduce(f64::max)
}

/// Planning and settling together, at a million over at a hundred thousand.
fn cost(run: &LastRun, what: &str) -> Option<f64> {
    let at = |n| {
        let step = |step: &str| run.row(&format!("{step}, {what}"), n).map(|row| row.value * f64::from(n));
        Some(step("plan")? + step("settle")?)
    };
    Some(at(HUGE)? / at(LARGE)?)
}

/// The worse of planning and settling.
fn most(of: [Option<f64>; 2]) -> Option<f64> {
    Some(of[0]?.max(of[1]?))
}
