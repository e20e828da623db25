//! `ascribe person`: who signs in, and with which role.

use super::answer;
use super::output::{Column, Output, one};
use super::reference::{At, ById, Search};
use crate::settings::Settings;
use reqwest::Method;
use serde_json::json;
use std::process::ExitCode;

/// What `ascribe person` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List people, also those who were deactivated
    List(Search),
    /// Show somebody
    Get(ById),
    /// Add somebody; the link that sets their password is shown this once
    Add {
        /// What they will sign in with
        #[arg(long)]
        email: String,
        /// What they are called
        #[arg(long)]
        name: String,
        /// partner_admin, agent_partner_admin, agent, user or notification_only
        #[arg(long)]
        role: String,
        /// Confine them to this site, by id; several times for several
        #[arg(long = "site")]
        sites: Vec<String>,
        /// Confine them to the sites of this group, by id, whatever they become; several times for several
        #[arg(long = "site-group")]
        site_groups: Vec<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Change what somebody may do; at once
    Edit {
        #[command(flatten)]
        of: ById,
        /// What they are called
        #[arg(long)]
        name: Option<String>,
        /// Another role
        #[arg(long)]
        role: Option<String>,
        /// Confine them to this site, by id; several times for several
        #[arg(long = "site")]
        sites: Vec<String>,
        /// Confine them to the sites of this group, by id; several times for several
        #[arg(long = "site-group")]
        site_groups: Vec<String>,
        /// Let them have the whole tenant
        #[arg(long, conflicts_with_all = ["sites", "site_groups"])]
        everywhere: bool,
        /// false: they cannot act any more, and their sessions end
        #[arg(long)]
        active: Option<bool>,
        /// Also revoke, for good, the API keys that they made here
        #[arg(long)]
        revoke_keys: bool,
    },
    /// Make a link that sets somebody's password; it is shown this once
    Invite(ById),
    /// List where somebody is signed in
    Sessions(ById),
    /// Sign somebody out everywhere
    SignOut(ById),
}

const PEOPLE: &[Column] = &[
    ("Id", "/id"),
    ("Name", "/name"),
    ("E-mail address", "/email"),
    ("Role", "/role"),
    ("Sites", "/sites"),
    ("Groups of sites", "/site_groups"),
    ("Active", "/active"),
    ("Last signed in", "/signed_in_at"),
];
const ADDED: &[Column] = &[("Id", "/id"), ("Name", "/name"), ("Role", "/role"), ("Link", "/invitation")];
const LINK: &[Column] = &[("Link", "/invitation")];
const SESSIONS: &[Column] = &[
    ("Id", "/id"),
    ("Began", "/created_at"),
    ("Last seen", "/last_seen_at"),
    ("From", "/address"),
    ("Browser", "/user_agent"),
];
const ENDED: &[Column] = &[("Sessions ended", "/ended")];

pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/people", PEOPLE)?;
    match command {
        Command::List(search) => at.search(search).await,
        Command::Get(of) => at.get(of).await,
        Command::Add { email, name, role, sites, site_groups, output } => {
            let mut body = json!({ "email": email, "name": name, "role": role });
            confine(&mut body, &sites, &site_groups);
            At { columns: ADDED, ..at }.create(output, body).await
        }
        Command::Edit { of, name, role, sites, site_groups, everywhere, active, revoke_keys } => {
            let mut body = json!({});
            for (field, value) in [
                ("name", name.map(|n| json!(n))),
                ("role", role.map(|r| json!(r))),
                ("active", active.map(|a| json!(a))),
            ] {
                if let Some(value) = value {
                    body[field] = value;
                }
            }
            if revoke_keys {
                body["revoke_keys"] = json!(true);
            }
            confine(&mut body, &sites, &site_groups);
            if everywhere {
                // Null is said here: no site confines them any more.
                body["sites"] = json!(null);
            }
            one(of.output, PEOPLE, &at.api.edit(&format!("{}/{}", at.path, of.id), &body).await?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Invite(of) => send(&at, of, "invitation", LINK).await,
        Command::Sessions(of) => {
            let path = format!("{}/{}/sessions", at.path, of.id);
            super::list(&at.api, &path, &[], None, of.output, SESSIONS).await
        }
        Command::SignOut(of) => send(&at, of, "sessions/end", ENDED).await,
    }
}

fn confine(body: &mut serde_json::Value, sites: &[String], site_groups: &[String]) {
    if !sites.is_empty() {
        body["sites"] = json!(sites);
    }
    if !site_groups.is_empty() {
        body["site_groups"] = json!(site_groups);
    }
}

async fn send(at: &At, of: ById, what: &str, columns: &'static [Column]) -> anyhow::Result<ExitCode> {
    let sent = at.api.request(Method::POST, &format!("{}/{}/{what}", at.path, of.id)).send().await;
    one(of.output, columns, &answer(sent).await?)?;
    Ok(ExitCode::SUCCESS)
}
