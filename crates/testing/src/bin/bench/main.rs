//! `make bench`: what Ascribe costs against hand-written SQL and job queues that write the same rows, against COPY, at size, and at
//! a provider's gate.
//!
//! Quote the ratios and the counters: the rates are one machine's on one day.

mod assignment;
mod carrier_gate;
mod gate;
mod handwritten;
mod intake;
mod lists;
mod peers;
mod postgres_cost;
mod prepared;
mod product;
mod relay;
mod report;
mod scale;
mod service;

use anyhow::{Context as _, Result, bail, ensure};
use peers::Peers;
use prepared::Fleet;
use report::Report;
use sqlx::Connection as _;
use std::path::Path;
use std::time::{Duration, Instant};
use testing::TestCluster;

const USAGE: &str = "\
usage: bench [ROUNDS [SIZE …]] [--devices N,…] [--only PART,…] [--publish]
  ROUNDS     of assignment and intake; 5
  SIZE       rows of the changes that go through the program as it is shipped, ascending; 10000 100000 1000000
  --devices  of the assignments that are compared; 10000,100000 (the last one is intake's, too)
  --only     assignment, intake, scale, gate, carrier
  --publish  write docs/performance.json, .svg and the tables in .md; only after all parts";

const PARTS: [&str; 5] = ["assignment", "intake", "scale", "gate", "carrier"];

/// What was asked for.
struct Wanted {
    rounds: usize,
    sizes: Vec<u32>,
    devices: Vec<u32>,
    parts: Vec<String>,
    publish: bool,
}

impl Wanted {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        let (mut numbers, mut wanted) = (Vec::new(), Self::default());
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--publish" => wanted.publish = true,
                "--devices" => {
                    let listed = arguments.next().context(USAGE)?;
                    wanted.devices = listed.split(',').map(str::parse).collect::<Result<_, _>>().context(USAGE)?;
                }
                "--only" => {
                    wanted.parts = arguments.next().context(USAGE)?.split(',').map(str::to_owned).collect();
                    ensure!(wanted.parts.iter().all(|part| PARTS.contains(&part.as_str())), USAGE);
                }
                _ => numbers.push(argument.parse::<u32>().context(USAGE)?),
            }
        }
        if let Some((rounds, sizes)) = numbers.split_first() {
            wanted.rounds = usize::try_from(*rounds)?;
            if !sizes.is_empty() {
                wanted.sizes = sizes.to_vec();
            }
        }
        // The same numbers everywhere, or the targets cannot be looked up.
        if wanted.publish
            && (wanted.parts.len(), &wanted.sizes, &wanted.devices)
                != (PARTS.len(), &Self::default().sizes, &Self::default().devices)
        {
            bail!("what is published is a whole run: all parts, devices and sizes");
        }
        Ok(wanted)
    }

    fn has(&self, part: &str) -> bool {
        self.parts.iter().any(|wanted| wanted == part)
    }
}

impl Default for Wanted {
    fn default() -> Self {
        Self {
            rounds: 5,
            sizes: vec![10_000, 100_000, 1_000_000],
            devices: vec![10_000, 100_000],
            parts: PARTS.map(str::to_owned).to_vec(),
            publish: false,
        }
    }
}

fn main() -> Result<()> {
    let wanted = Wanted::read(std::env::args().skip(1))?;
    drop(rustls::crypto::ring::default_provider().install_default());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut report = Report::default();
    if wanted.has("assignment") || wanted.has("intake") {
        let peers = Peers::install(Path::new("target/bench/peers"))?;
        let cluster = TestCluster::start_with(true)?;
        runtime.block_on(compare(&cluster, &peers, &wanted, &mut report))?;
    }
    if wanted.has("scale") {
        runtime.block_on(scale::measure(&wanted.sizes, &mut report))?;
    }
    if wanted.has("gate") {
        let cluster = TestCluster::start_with(true)?;
        runtime.block_on(gate::measure(&cluster, &mut report))?;
    }
    if wanted.has("carrier") {
        let cluster = TestCluster::start_with(true)?;
        runtime.block_on(carrier_gate::measure(&cluster, &mut report))?;
    }
    let run = report.finish();
    print!("\n{}", testing::performance::tables(&run));
    report::write(&run, Path::new("target/bench/latest.json"))?;
    if wanted.publish {
        report::publish(&run, &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs"))?;
    }
    Ok(())
}

async fn compare(cluster: &TestCluster, peers: &Peers, wanted: &Wanted, report: &mut Report) -> Result<()> {
    let mut admin = cluster.admin().connect().await?;
    report.set_postgresql(sqlx::query_scalar("show server_version").fetch_one(&mut admin).await?);
    admin.close().await?;
    for (index, devices) in wanted.devices.iter().enumerate() {
        let fleet = Fleet::make(cluster, *devices).await?;
        let prepared = fleet.plan().await?;
        if wanted.has("assignment") {
            assignment::measure(&prepared, peers, wanted.rounds, report).await?;
        }
        if wanted.has("intake") && index + 1 == wanted.devices.len() {
            intake::measure(&fleet, &prepared, wanted.rounds, report).await?;
        }
    }
    Ok(())
}

/// Measures the machine's time.
#[expect(clippy::disallowed_methods, reason = "a bench measures the machine's time")]
fn stopwatch() -> impl Fn() -> Duration {
    let began = Instant::now();
    move || began.elapsed()
}
