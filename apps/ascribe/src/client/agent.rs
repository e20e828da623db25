//! `ascribe agent`: agent partners, and the devices that are given to them.

use super::output::{Column, Output};
use super::upload::{Import, import};
use super::{Api, list};
use crate::settings::Settings;
use std::process::ExitCode;

/// What `ascribe agent` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List agents, and how many devices each has
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Give devices to an agent: a file with a column iccid
    Give {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        file: Import,
    },
    /// Take devices back from an agent: a file with a column iccid
    TakeBack {
        #[command(flatten)]
        whose: Whose,
        /// Also those that the agent has assigned to customers of its own
        #[arg(long)]
        even_if_assigned: bool,
        #[command(flatten)]
        file: Import,
    },
}

/// Which devices, and which agent.
#[derive(Debug, clap::Args)]
pub(crate) struct Whose {
    /// The agent's id
    #[arg(long)]
    agent: String,
    /// Only SIMs of this service provider, by name or id
    #[arg(long)]
    service_provider: Option<String>,
}

const AGENTS: &[Column] = &[("Id", "/id"), ("Name", "/name"), ("Devices", "/devices"), ("Assigned", "/assigned")];

pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let api = Api::from_settings(settings)?;
    match command {
        Command::List { output } => list(&api, "/agents", &[], None, output, AGENTS).await,
        Command::Give { whose, file } => {
            let query: Vec<_> =
                whose.service_provider.iter().map(|named| ("service_provider", named.as_str())).collect();
            import(&api, &format!("/agents/{}/devices/give", whose.agent), &query, file).await
        }
        Command::TakeBack { whose, even_if_assigned, file } => {
            let mut query: Vec<_> =
                whose.service_provider.iter().map(|named| ("service_provider", named.as_str())).collect();
            query.extend(even_if_assigned.then_some(("even_if_assigned", "true")));
            import(&api, &format!("/agents/{}/devices/take-back", whose.agent), &query, file).await
        }
    }
}
