//! `ascribe key` and `ascribe whoami`

use super::output::{Column, Output, one};
use super::{Api, answer, list};
use crate::settings::Settings;
use reqwest::Method;
use serde_json::json;
use std::process::ExitCode;

/// What `ascribe key` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List API keys, also those that were revoked
    List {
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        output: Output,
    },
    /// Make an API key; it is shown this once
    Create {
        /// What it is for
        #[arg(long)]
        name: String,
        /// partner_admin, agent_partner_admin, agent, user or notification_only
        #[arg(long)]
        role: String,
        /// Confine it to this site, by id; several times for several
        #[arg(long = "site")]
        sites: Vec<String>,
        /// Confine it to the sites of this group, by id, whatever they become; several times for several
        #[arg(long = "site-group")]
        site_groups: Vec<String>,
        /// For how many days it works
        #[arg(long, default_value_t = 365)]
        days: u32,
        #[command(flatten)]
        output: Output,
    },
    /// Revoke an API key; at once
    Revoke {
        /// Its id
        key: String,
    },
}

const KEYS: &[Column] = &[
    ("Id", "/id"),
    ("Name", "/name"),
    ("Begins with", "/shown"),
    ("Role", "/role"),
    ("Sites", "/sites"),
    ("Groups of sites", "/site_groups"),
    ("Made", "/created_at"),
    ("Works until", "/expires_at"),
    ("Revoked", "/revoked_at"),
    ("Made by", "/made_by/name"),
];
const NEW_KEY: &[Column] =
    &[("Id", "/id"), ("Name", "/name"), ("Role", "/role"), ("Works until", "/expires_at"), ("Key", "/key")];
const ME: &[Column] = &[
    ("Tenant", "/tenant_id"),
    ("Key", "/api_key_id"),
    ("Role", "/role"),
    ("Sites", "/sites"),
    ("Assigns at", "/assigns_at"),
];

pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let api = Api::from_settings(settings)?;
    match command {
        Command::List { limit, output } => list(&api, "/api-keys", &[], Some(limit), output, KEYS).await,
        Command::Create { name, role, sites, site_groups, days, output } => {
            let mut body = json!({ "name": name, "role": role, "expires_in_days": days });
            if !sites.is_empty() {
                body["sites"] = json!(sites);
            }
            if !site_groups.is_empty() {
                body["site_groups"] = json!(site_groups);
            }
            let made = answer(api.request(Method::POST, "/api-keys").json(&body).send().await).await?;
            one(output, NEW_KEY, &made)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Revoke { key } => {
            answer(api.request(Method::DELETE, &format!("/api-keys/{key}")).send().await).await?;
            eprintln!("Revoked.");
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// `ascribe whoami`
pub(crate) async fn whoami(settings: &Settings, output: Output) -> anyhow::Result<ExitCode> {
    one(output, ME, &Api::from_settings(settings)?.get("/me", &[]).await?)?;
    Ok(ExitCode::SUCCESS)
}
