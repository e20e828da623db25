//! What the runs gave, round by round; then `target/bench/latest.json`, and with `--publish` the document, its data and its plot.

use anyhow::{Context as _, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use testing::performance::{self, LastRun, Load, Machine, Row, Skipped};

/// The readings of one figure, one per round from the first round on.
struct Series {
    name: String,
    n: u32,
    unit: &'static str,
    values: Vec<f64>,
}

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Report {
    series: Vec<Series>,
    /// Name, n, and whose best of each round it is.
    bests: Vec<(&'static str, u32, Vec<String>)>,
    rows: Vec<Row>,
    skipped: Vec<Skipped>,
    loads: Vec<f64>,
    postgresql: String,
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

/// More digits than these are no knowledge, and would make every line of the published file differ.
fn rounded(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn ratio(a: &[f64], b: &[f64]) -> f64 {
    rounded(median(&a.iter().zip(b).map(|(a, b)| a / b).collect::<Vec<f64>>()))
}

impl Report {
    /// Keeps a place for a figure, in this order.
    pub(crate) fn expect(&mut self, name: &str, n: u32, unit: &'static str) {
        self.series.push(Series { name: name.to_owned(), n, unit, values: Vec::new() });
    }

    /// This one is among those whose best of each round is called so.
    pub(crate) fn compare(&mut self, best: &'static str, name: &str, n: u32) {
        match self.bests.iter_mut().find(|(known, at, _)| *known == best && *at == n) {
            Some((.., members)) => members.push(name.to_owned()),
            None => self.bests.push((best, n, vec![name.to_owned()])),
        }
    }

    /// One more round's reading.
    pub(crate) fn add(&mut self, name: &str, n: u32, unit: &'static str, value: f64) {
        match self.series.iter_mut().find(|series| series.name == name && series.n == n) {
            Some(series) => series.values.push(value),
            None => self.series.push(Series { name: name.to_owned(), n, unit, values: vec![value] }),
        }
    }

    /// A figure that was read once, or that was put together elsewhere.
    pub(crate) fn add_row(&mut self, name: &str, n: u32, unit: &str, value: f64, ratio_to: BTreeMap<String, f64>) {
        let (name, unit, value) = (name.to_owned(), unit.to_owned(), rounded(value));
        let ratio_to = ratio_to.into_iter().map(|(to, ratio)| (to, rounded(ratio))).collect();
        self.rows.push(Row { name, n, value, unit, min: value, max: value, runs: 1, ratio_to });
    }

    /// A part (a percentile) of readings that many.
    pub(crate) fn add_part(&mut self, name: &str, n: u32, unit: &str, value: f64, readings: usize) {
        self.add_row(name, n, unit, value, BTreeMap::new());
        if let Some(row) = self.rows.last_mut() {
            row.runs = readings;
        }
    }

    /// Something was not measured.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        eprintln!("not measured: {name} ({why})");
        self.skipped.push(Skipped { name: name.to_owned(), why: why.to_owned() });
    }

    pub(crate) fn set_postgresql(&mut self, version: String) {
        self.postgresql = version;
    }

    /// Reads the load average.
    pub(crate) fn note_load(&mut self) -> Result<()> {
        let text = std::fs::read_to_string("/proc/loadavg")?;
        self.loads.push(text.split(' ').next().context("/proc/loadavg is empty")?.parse()?);
        Ok(())
    }

    /// Ratios are of what is measured in every round and can be divided: rates with rates, CPU with CPU.
    fn ratios(&self, of: &Series) -> BTreeMap<String, f64> {
        let kind = |series: &Series| (series.unit, series.n, series.name.split(", ").next().map(str::to_owned));
        if !["devices/s", "rows/s", "us/device", "us/row"].contains(&of.unit) {
            return BTreeMap::new();
        }
        let others = self.series.iter().filter(|other| kind(other) == kind(of) && other.name != of.name);
        let mut ratios: BTreeMap<String, f64> = others
            .filter(|other| !other.values.is_empty())
            .map(|other| (other.name.clone(), ratio(&of.values, &other.values)))
            .collect();
        for (name, n, members) in &self.bests {
            if of.unit == "devices/s" && of.n == *n && !members.contains(&of.name) {
                ratios.insert((*name).to_owned(), ratio(&of.values, &self.best_of_rounds(*n, members)));
            }
        }
        ratios
    }

    fn best_of_rounds(&self, n: u32, members: &[String]) -> Vec<f64> {
        let members: Vec<&Series> = self.series.iter().filter(|s| s.n == n && members.contains(&s.name)).collect();
        let rounds = members.iter().map(|series| series.values.len()).max().unwrap_or(0);
        (0..rounds)
            .map(|round| most(&members.iter().filter_map(|s| s.values.get(round).copied()).collect::<Vec<f64>>()))
            .collect()
    }

    /// All of it, in the shape of the file.
    pub(crate) fn finish(self) -> LastRun {
        let measured = self.series.iter().filter(|series| !series.values.is_empty()).map(|series| Row {
            name: series.name.clone(),
            n: series.n,
            value: rounded(median(&series.values)),
            unit: series.unit.to_owned(),
            min: rounded(least(&series.values)),
            max: rounded(most(&series.values)),
            runs: series.values.len(),
            ratio_to: self.ratios(series),
        });
        let rows: Vec<Row> = measured.chain(self.rows.iter().cloned()).collect();
        let commit = Command::new("git").args(["rev-parse", "HEAD"]).output();
        let commit = commit.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned()).unwrap_or_default();
        let processor = std::fs::read_to_string("/proc/cpuinfo")
            .unwrap_or_default()
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map(|text| text.trim_start_matches(['\t', ':', ' ']).to_owned());
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let loads = if self.loads.is_empty() { vec![0.0] } else { self.loads };
        #[expect(clippy::disallowed_methods, reason = "when the machine measured this")]
        let now = jiff::Timestamp::now();
        LastRun {
            when: now.strftime("%Y-%m-%d %H:%M UTC").to_string(),
            commit,
            postgresql: self.postgresql,
            machine: Machine { processor, cores },
            load_average: Load { min: least(&loads), median: rounded(median(&loads)), max: most(&loads) },
            skipped: self.skipped,
            rows,
        }
    }
}

/// The last run's file, where nothing is committed from.
pub(crate) fn write(run: &LastRun, path: &Path) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, run.write()?)?;
    println!("\nwritten to {}", path.display());
    Ok(())
}

/// The document's data, its plot, and the tables between its markers.
pub(crate) fn publish(run: &LastRun, docs: &Path) -> Result<()> {
    let path = docs.join("performance.md");
    let text = performance::in_document(&std::fs::read_to_string(&path)?, run)?;
    std::fs::write(docs.join("performance.json"), run.write()?)?;
    std::fs::write(docs.join("performance.svg"), performance::plot(run))?;
    std::fs::write(&path, text)?;
    println!("published in {}", docs.display());
    Ok(())
}
