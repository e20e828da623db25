//! `ascribe webhook`: addresses that are told what became of plans and changes.

use super::output::{Column, Output, one};
use super::reference::{At, ById, said};
use super::{answer, list};
use crate::settings::Settings;
use domain::webhook::EVENTS;
use reqwest::Method;
use serde_json::json;
use std::process::ExitCode;

/// What `ascribe webhook` can do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List webhooks that are not archived
    List {
        #[command(flatten)]
        output: Output,
    },
    /// Show a webhook
    Get(ById),
    /// Make a webhook; its signing secret is shown this once
    Create {
        /// https:// and a public name, or a host and port that the installation names
        #[arg(long)]
        url: String,
        /// What it is to be told of; several times for several; every event, if not said
        #[arg(long = "event")]
        events: Vec<String>,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        #[command(flatten)]
        output: Output,
    },
    /// Move a webhook, choose its events, pause it
    Edit {
        #[command(flatten)]
        of: ById,
        /// Where it is from now on
        #[arg(long)]
        url: Option<String>,
        /// What it is to be told of from now on; several times for several
        #[arg(long = "event")]
        events: Vec<String>,
        /// What it is for
        #[arg(long)]
        description: Option<String>,
        /// true: send nothing to it; false: go on
        #[arg(long)]
        paused: Option<bool>,
    },
    /// Archive a webhook: nothing more is sent to it
    Archive {
        /// Its id
        webhook: String,
    },
    /// Send a test event
    Test(ById),
    /// List what it was told, newest first
    Deliveries {
        /// Its id
        webhook: String,
        /// Only PENDING, DELIVERED, FAILED or CANCELLED
        #[arg(long)]
        status: Option<String>,
        /// At most this many
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        output: Output,
    },
}

const WEBHOOKS: &[Column] = &[
    ("Id", "/id"),
    ("Address", "/url"),
    ("Events", "/events"),
    ("Status", "/status"),
    ("Pending", "/pending"),
    ("Paused because", "/paused_because"),
    ("Description", "/description"),
];
const NEW_WEBHOOK: &[Column] = &[("Id", "/id"), ("Address", "/url"), ("Events", "/events"), ("Secret", "/secret")];
const TEST: &[Column] = &[("Delivery", "/id"), ("Event", "/event")];
const DELIVERIES: &[Column] = &[
    ("Id", "/id"),
    ("Event", "/event"),
    ("Change", "/bulk_change"),
    ("Seq", "/seq"),
    ("Status", "/status"),
    ("Answer", "/http_status"),
    ("Error", "/error"),
    ("Happened", "/created_at"),
    ("Next try", "/next_attempt_at"),
    ("Ended", "/ended_at"),
];

pub(crate) async fn run(settings: &Settings, command: Command) -> anyhow::Result<ExitCode> {
    let at = At::new(settings, "/webhooks", WEBHOOKS)?;
    let some = |events: Vec<String>| (!events.is_empty()).then_some(events);
    match command {
        Command::List { output } => list(&at.api, at.path, &[], None, output, at.columns).await,
        Command::Get(of) => at.get(of).await,
        Command::Create { url, events, description, output } => {
            let events = some(events).unwrap_or_else(|| EVENTS.map(str::to_owned).to_vec());
            let new = said(json!({ "url": url, "events": events, "description": description }));
            let made = answer(at.api.request(Method::POST, at.path).json(&new).send().await).await?;
            one(output, NEW_WEBHOOK, &made)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Edit { of, url, events, description, paused } => {
            let edit = json!({ "url": url, "events": some(events), "description": description, "paused": paused });
            at.edit(of, edit).await
        }
        Command::Archive { webhook } => {
            answer(at.api.request(Method::DELETE, &format!("{}/{webhook}", at.path)).send().await).await?;
            eprintln!("Archived.");
            Ok(ExitCode::SUCCESS)
        }
        Command::Test(of) => {
            let path = format!("{}/{}/test", at.path, of.id);
            one(of.output, TEST, &answer(at.api.request(Method::POST, &path).send().await).await?)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Deliveries { webhook, status, limit, output } => {
            let path = format!("{}/{webhook}/deliveries", at.path);
            list(&at.api, &path, &[("status", status)], Some(limit), output, DELIVERIES).await
        }
    }
}
