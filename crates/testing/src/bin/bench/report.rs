//! The table that is printed, and `target/bench/latest.json`.

use crate::scale::Scale;
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// The runs of one style.
pub(crate) struct Measured {
    name: &'static str,
    devices: u32,
    rates: Vec<f64>,
    wal: Vec<f64>,
}

impl Measured {
    pub(crate) const fn new(name: &'static str, devices: u32) -> Self {
        Self { name, devices, rates: Vec::new(), wal: Vec::new() }
    }

    pub(crate) fn add(&mut self, seconds: f64, wal_bytes_per_device: f64) {
        self.rates.push(f64::from(self.devices) / seconds);
        self.wal.push(wal_bytes_per_device);
    }
}

/// Everything that was measured.
pub(crate) struct Report {
    measured: Vec<Measured>,
    scales: Vec<Scale>,
}

/// The figures of a size: name, unit, value.
fn figures(scale: &Scale) -> [(&'static str, &'static str, f64); 7] {
    let rows = f64::from(scale.rows);
    [
        ("plan", "us/row", scale.plan_seconds * 1e6 / rows),
        ("settle", "us/device", scale.settle_seconds * 1e6 / rows),
        ("plan, WAL", "B/row", scale.plan_wal),
        ("settle, WAL", "B/device", scale.settle_wal),
        ("plan, peak memory of the service", "MiB", scale.plan_peak_mib),
        ("settle, peak memory of the service", "MiB", scale.settle_peak_mib),
        ("ten devices applied in the middle are done after", "s", scale.few_wait_seconds),
    ]
}

fn median(values: &[f64]) -> f64 {
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

impl Report {
    pub(crate) const fn new(measured: Vec<Measured>) -> Self {
        Self { measured, scales: Vec::new() }
    }

    /// The same with what the sizes took.
    pub(crate) fn with(self, scales: Vec<Scale>) -> Self {
        Self { scales, ..self }
    }

    /// The median over the rounds of one style's rate over another's, round by round.
    fn ratio(a: &Measured, b: &Measured) -> f64 {
        median(&a.rates.iter().zip(&b.rates).map(|(a, b)| a / b).collect::<Vec<_>>())
    }

    pub(crate) fn print(&self) {
        println!(
            "{:<50} {:>8} {:>24} {:>12}  ratio to the others, in order",
            "style", "devices", "devices/s [min..max]", "WAL B/device"
        );
        for a in &self.measured {
            let ratios: Vec<String> = self.measured.iter().map(|b| format!("{:.2}", Self::ratio(a, b))).collect();
            println!(
                "{:<50} {:>8} {:>9.0} [{:>5.0}..{:>5.0}] {:>12.0}  {}",
                a.name,
                a.devices,
                median(&a.rates),
                least(&a.rates),
                most(&a.rates),
                median(&a.wal),
                ratios.join("  ")
            );
        }
    }

    /// Each figure of each size, and the last size's over the first's.
    pub(crate) fn print_scales(&self) {
        let (Some(first), Some(last)) = (self.scales.first(), self.scales.last()) else { return };
        print!("\n{:<52} {:>10}", "through the program as it is shipped", "unit");
        self.scales.iter().for_each(|scale| print!(" {:>12}", scale.rows));
        println!(" {:>8}", "ratio");
        for (index, (name, unit, least)) in figures(first).into_iter().enumerate() {
            print!("{name:<52} {unit:>10}");
            self.scales.iter().for_each(|scale| print!(" {:>12.2}", figures(scale)[index].2));
            println!(" {:>8.2}", figures(last)[index].2 / least.max(1e-9));
        }
    }

    fn scale_rows(&self) -> Vec<Value> {
        let Some(first) = self.scales.first() else { return Vec::new() };
        let of_first = figures(first);
        let row = |scale: &Scale| {
            let rows = scale.rows;
            let one = |(index, (name, unit, value)): (usize, (&str, &str, f64))| {
                let ratio = value / of_first[index].2.max(1e-9);
                json!({"name": name, "n": rows, "value": value, "unit": unit, "min": value, "max": value, "runs": 1,
                    "ratio_to": { format!("{name} at {}", first.rows): ratio }})
            };
            figures(scale).into_iter().enumerate().map(one).collect::<Vec<Value>>()
        };
        self.scales.iter().flat_map(row).collect()
    }

    pub(crate) fn write(&self, path: &Path) -> Result<()> {
        let rows: Vec<Value> = self.measured.iter().flat_map(|a| {
            let others: serde_json::Map<String, Value> =
                self.measured.iter().filter(|b| b.name != a.name).map(|b| (b.name.to_owned(), json!(Self::ratio(a, b)))).collect();
            [
                json!({"name": a.name, "n": a.devices, "value": median(&a.rates), "unit": "devices/s", "min": least(&a.rates), "max": most(&a.rates),
                    "runs": a.rates.len(), "ratio_to": others}),
                json!({"name": format!("{}, WAL", a.name), "n": a.devices, "value": median(&a.wal), "unit": "B/device", "min": least(&a.wal),
                    "max": most(&a.wal), "runs": a.wal.len(), "ratio_to": {}}),
            ]
        }).collect();
        let rows: Vec<Value> = rows.into_iter().chain(self.scale_rows()).collect();
        let commit = Command::new("git")
            .args(["rev-parse", "HEAD"])
            .output()
            .map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned())
            .unwrap_or_default();
        let processor = std::fs::read_to_string("/proc/cpuinfo")
            .unwrap_or_default()
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map(|text| text.trim_start_matches(['\t', ':', ' ']).to_owned());
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let document = json!({"machine": {"processor": processor, "cores": cores}, "commit": commit, "rows": rows});
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, format!("{document:#}\n"))?;
        println!("\nwritten to {}", path.display());
        Ok(())
    }
}
