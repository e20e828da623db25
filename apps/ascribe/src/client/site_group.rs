//! `ascribe site-group`: groups of sites, to confine API keys to.

use super::answer;
use super::output::{Column, Output, one};
use super::reference::{At, ById, Search};
use crate::settings::Settings;
use reqwest::Method;
use serde_json::json;
use std::process::ExitCode;

/// What `ascribe site-group` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List groups of sites
    List(Search),
    /// Show a group with its sites
    Get(ById),
    /// Make a group
    Create {
        /// Its name
        #[arg(long)]
        name: String,
        /// A site in it, by id; several times for several
        #[arg(long = "site")]
        sites: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Rename a group
    Edit {
        #[command(flatten)]
        of: ById,
        /// Its new name
        #[arg(long)]
        name: String,
    },
    /// Put sites into a group; its keys see them at once
    Add(Members),
    /// Take sites out of a group; its keys lose them at once
    Remove(Members),
}

/// Sites of a group.
#[derive(Debug, clap::Args)]
pub(crate) struct Members {
    #[command(flatten)]
    of: ById,
    /// A site, by id; several times for several
    #[arg(long = "site", required = true)]
    sites: Vec<String>,
}

const GROUPS: &[Column] = &[("Id", "/id"), ("Name", "/name"), ("Sites", "/site_count"), ("API keys", "/api_keys")];
const GROUP: &[Column] = &[("Id", "/id"), ("Name", "/name"), ("API keys", "/api_keys"), ("Sites", "/sites")];

pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/site-groups", GROUPS)?;
    match command {
        Command::List(search) => at.search(search).await,
        Command::Get(of) => At { columns: GROUP, ..at }.get(of).await,
        Command::Create { name, sites, output } => {
            At { columns: GROUP, ..at }.create(output, json!({ "name": name, "sites": sites })).await
        }
        Command::Edit { of, name } => At { columns: GROUP, ..at }.edit(of, json!({ "name": name })).await,
        Command::Add(members) => change(&at, members, "sites").await,
        Command::Remove(members) => change(&at, members, "sites/remove").await,
    }
}

async fn change(at: &At, members: Members, what: &str) -> anyhow::Result<ExitCode> {
    let path = format!("{}/{}/{what}", at.path, members.of.id);
    let sent = at.api.request(Method::POST, &path).json(&json!({ "sites": members.sites })).send().await;
    one(members.of.output, GROUP, &answer(sent).await?)?;
    Ok(ExitCode::SUCCESS)
}
