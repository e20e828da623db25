//! `ascribe simulate`: the outside systems over HTTP, with state and faults, for trying out, training and tests.

use crate::roles::until_told_to_stop;
use crate::settings;
use anyhow::Context as _;
use simulators::{Fleet, Running, World};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// What `ascribe simulate` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where it listens
    #[arg(long, default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// The same seed gives the same world and the same faults
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What there is at the beginning, as JSON; without it an example of 50 customers with 20 lines each, and 3,000 devices
    #[arg(long)]
    fleet: Option<PathBuf>,
}

/// `ascribe simulate`
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let stop = until_told_to_stop()?;
    let fleet = match &arguments.fleet {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
            serde_json::from_str(&text).with_context(|| format!("{} is not a fleet", path.display()))?
        }
        None => Fleet::example(arguments.seed, 50, 20).with_thingspace(arguments.seed, 3_000),
    };
    let running = start(arguments.seed, fleet, arguments.listen).await?;
    println!("{}/about says how to sign in; /faults what goes wrong, /ledger what happened", running.url());
    stop.cancelled().await;
    running.stop().await;
    Ok(())
}

/// A world that is served.
pub(crate) async fn start(seed: u64, fleet: Fleet, listen: SocketAddr) -> anyhow::Result<Running> {
    let clock = settings::clock();
    let world = World::new(seed, Arc::new(move || clock.now()));
    world.load(fleet)?;
    Running::start(world, listen).await.with_context(|| format!("cannot listen on {listen}"))
}
