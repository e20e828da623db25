//! The last published run of `make bench` (`docs/performance.json`), and the tables and the plot that are made of it.
//!
//! The bench writes them and a test makes them again, both with what is here: nothing in the document is typed by hand.

mod number;
mod plot;
mod tables;
mod targets;

pub use plot::plot;
pub use tables::tables;
pub use targets::{Target, targets};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The product, as it is shipped.
pub const ASCRIBE: &str = "assignment, ascribe, 2 lanes";
/// The noise canary, too: it waits for the disk once per device, so it moves first when something disturbs.
pub const ONE_CALL: &str = "assignment, (a) one call per device, 1 client";
/// In each round the fastest of the set-based ways to write the same rows by hand.
pub const BEST_BY_HAND: &str = "assignment, best of (c), (c) on 2 connections and (d)";
/// In each round the faster of one call per device on several clients.
pub const BEST_CALLS: &str = "assignment, best of (b)";
/// In each round the fastest of the peers whose jobs have 1,000 devices.
pub const BEST_OF_CHUNK_JOBS: &str = "assignment, best peer, 1,000 devices a job";
/// In each round the fastest of the peers whose jobs have one device.
pub const BEST_OF_DEVICE_JOBS: &str = "assignment, best peer, one device a job";
/// A CSV file sent to the service, until its plan is there.
pub const INTAKE: &str = "intake, ascribe, CSV to PLANNED";
/// The finished rows, copied into the table without looking at anything.
pub const INTAKE_COPY: &str = "intake, COPY of the finished rows";

/// Calls that arrived at a provider, of the configured rate.
pub const GATE_SHARE: &str = "gate, share of the configured rate";
/// Of those, the ones that it was too busy for.
pub const GATE_THROTTLED: &str = "gate, throttled answers";

/// The same of single reads at a carrier.
pub const CARRIER_GATE_SHARE: &str = "carrier's gate, share of the configured rate";
/// How many of them arrived.
pub const CARRIER_GATE: &str = "carrier's gate, calls that arrived";

const BEGIN: &str = "<!-- measured -->";
const END: &str = "<!-- /measured -->";

/// One figure: the median of its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// At how many devices or rows.
    pub n: u32,
    /// The median.
    pub value: f64,
    /// Of the value.
    pub unit: String,
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    /// How often it was measured.
    pub runs: usize,
    /// This one's value over another's: the median of the ratios of the rounds, not the ratio of the medians.
    pub ratio_to: BTreeMap<String, f64>,
}

/// Where it was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// As the system names it.
    pub processor: Option<String>,
    /// How many the process may use.
    pub cores: usize,
}

/// The one-minute load average before each timed run. The bench itself is most of it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The least.
    pub min: f64,
    /// The median.
    pub median: f64,
    /// The most.
    pub max: f64,
}

/// What was not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// What.
    pub name: String,
    /// What stood in the way.
    pub why: String,
}

/// All that one run of the bench measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it ended, UTC.
    pub when: String,
    /// The commit of the tree it was built from.
    pub commit: String,
    /// The server's version.
    pub postgresql: String,
    /// Where it ran.
    pub machine: Machine,
    /// What else was going on.
    pub load_average: Load,
    /// What it could not measure.
    pub skipped: Vec<Skipped>,
    /// What it measured.
    pub rows: Vec<Row>,
}

impl LastRun {
    /// Reads the file of a run.
    ///
    /// # Errors
    /// It is not one.
    pub fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("this is not the file of a run of the bench")
    }

    /// The text of its file. Figures have at most five decimals: more is noise, and does not always read back the same.
    ///
    /// # Errors
    /// A figure is not a number.
    pub fn write(&self) -> Result<String> {
        let mut rounded = self.clone();
        for row in &mut rounded.rows {
            let figures = [&mut row.value, &mut row.min, &mut row.max].into_iter().chain(row.ratio_to.values_mut());
            figures.for_each(|figure| *figure = (*figure * 1e5).round() / 1e5);
        }
        Ok(serde_json::to_string_pretty(&rounded)? + "\n")
    }

    /// The figure of this name at this number.
    #[must_use]
    pub fn row(&self, name: &str, n: u32) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name && row.n == n)
    }

    /// One figure over another, if both were measured together.
    #[must_use]
    pub fn ratio(&self, name: &str, to: &str, n: u32) -> Option<f64> {
        self.row(name, n)?.ratio_to.get(to).copied()
    }

    /// Did the noise canary move by more than half? Then the wall ratios are not to be trusted, and those of CPU are.
    #[must_use]
    pub fn is_noisy(&self) -> bool {
        self.rows.iter().any(|row| row.name == ONE_CALL && row.max > 1.5 * row.min)
    }

    /// The numbers at which rows of this kind were measured, ascending.
    fn sizes(&self, is_meant: impl Fn(&Row) -> bool) -> Vec<u32> {
        let mut sizes: Vec<u32> = self.rows.iter().filter(|row| is_meant(row)).map(|row| row.n).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// The styles of assignment at this number, in the order they were measured in.
    fn styles(&self, n: u32) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |row| row.n == n && row.unit == "devices/s" && row.name.starts_with("assignment, "))
    }
}

/// The document with this run's tables between its markers.
///
/// # Errors
/// It has no markers.
pub fn in_document(document: &str, run: &LastRun) -> Result<String> {
    let (head, rest) = document.split_once(BEGIN).with_context(|| format!("no {BEGIN} in the document"))?;
    let (_, tail) = rest.split_once(END).with_context(|| format!("no {END} in the document"))?;
    Ok(format!("{head}{BEGIN}\n{}{END}{tail}", tables(run)))
}
