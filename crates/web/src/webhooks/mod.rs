//! `/webhooks`: addresses that are told of events. Their secrets are told once, when they are made.

pub(crate) mod archive;
pub(crate) mod create;
pub(crate) mod deliveries;
pub(crate) mod edit;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod test;

use crate::App;
use crate::problem::Problem;
use database::webhook::Webhook;
use domain::webhook::EVENTS;
use domain::webhook_address::admitted;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;
use utoipa::ToSchema;
use uuid::Uuid;

/// An address that is told of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct Shown {
    id: Uuid,
    url: String,
    #[schema(required)]
    description: Option<String>,
    /// What it is told of.
    events: Vec<String>,
    /// `ACTIVE`, `PAUSED` or `ARCHIVED`.
    status: String,
    /// Why nothing is sent to it now; null: it is told.
    #[schema(required)]
    paused_because: Option<String>,
    created_at: Timestamp,
    /// Deliveries that are neither delivered nor given up.
    pending: i64,
}

pub(crate) fn show(webhook: Webhook) -> Shown {
    Shown {
        id: webhook.id.0,
        url: webhook.url,
        description: webhook.description,
        events: webhook.events,
        status: webhook.status,
        paused_because: webhook.paused_because,
        created_at: webhook.created_at,
        pending: webhook.pending,
    }
}

/// An address that is taken.
pub(crate) fn address(app: &App, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    admitted(text, &app.webhook_hosts)
        .map_err(|why| Problem::field("url", "FIELD_INVALID", format!("The address {why}.")))?;
    Ok(text.to_owned())
}

/// Events that are known, each once.
pub(crate) fn events(asked: Vec<String>) -> Result<Vec<String>, Problem> {
    let asked: BTreeSet<String> = asked.into_iter().collect();
    if asked.is_empty() || !asked.iter().all(|event| EVENTS.contains(&event.as_str())) {
        let detail = format!("A webhook is told of one or more of {}.", EVENTS.join(", "));
        return Err(Problem::field("events", "FIELD_INVALID", detail));
    }
    Ok(asked.into_iter().collect())
}
