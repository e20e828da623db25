//! `/devices/{id}`: what a SIM is, here and at its carrier and in billing, and everything that happened to it.

use super::frame::Frame;
use super::page;
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, elsewhere, moment};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, cursor};
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use database::device::{Device, Happened, What, timeline};
use domain::allocation::DataAllocation;
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    cursor: String,
}

/// One thing that happened.
struct Entry {
    at: Moment,
    said: String,
    /// The row of the change that did it.
    path: Option<String>,
}

#[derive(Template)]
#[template(path = "device.html")]
struct Page {
    frame: Frame,
    /// In groups of four, as it is read out.
    spoken: String,
    device: Device,
    allocation: Option<f64>,
    entries: Vec<Entry>,
    first: bool,
    next: Option<String>,
    elsewhere: Vec<Elsewhere>,
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    let (caller, allowed) = (member.caller().0, member.allowed());
    let device = crate::devices::get::one(&app, &caller, &allowed, &id).await?;
    let (frame, zone) = Frame::of(&app, &member, &format!("SIM {}", device.iccid), "/devices").await?;
    let after = after(&asked.cursor)?;
    let first = after.is_none();
    let (sites, limit) = (allowed.sites(), Limit::default());
    let found = timeline(&app.ledger, caller.tenant, device.id.0, sites.as_deref(), after, limit.and_one()).await?;
    let cut = Cut::cut(found, limit, |row| format!("{} {}", row.at, row.key), |row| entry(row, &zone));
    let id = device.id;
    page(&Page {
        frame,
        spoken: super::devices::spoken(&device.iccid),
        allocation: device.allocation.map(DataAllocation::megabytes),
        entries: cut.items,
        first,
        next: cut.next_cursor.map(|cursor| format!("/devices/{id}?cursor={cursor}#timeline")),
        elsewhere: vec![
            elsewhere("This SIM", format!("ascribe device get {}", device.iccid), format!("GET /api/v1/devices/{id}")),
            elsewhere(
                "What happened to it",
                format!("ascribe device timeline {}", device.iccid),
                format!("GET /api/v1/devices/{id}/timeline"),
            ),
        ],
        device,
    })
}

fn after(text: &str) -> Result<Option<(Timestamp, String)>, Problem> {
    let Some(text) = cursor(Some(text))? else { return Ok(None) };
    let (at, key) = text.split_once(' ').unwrap_or((&text, ""));
    let at = at.parse().map_err(|_| Problem::bad_request("CURSOR_INVALID", "This cursor is another list's."))?;
    Ok(Some((at, key.to_owned())))
}

fn entry(happened: Happened, zone: &str) -> Entry {
    let (said, path) = match happened.what {
        What::Assigned {
            bulk_change,
            row,
            by_schedule,
            customer,
            site,
            customer_rate_plan,
            customer_rate_pool,
            ..
        } => {
            let to = customer.map_or_else(|| "nobody".to_owned(), |(_, name)| name);
            let mut said = format!("Assigned to {to}");
            if to != site.1 {
                said = format!("{said}, at {}", site.1);
            }
            for (what, value) in [("rate plan", customer_rate_plan), ("pool", customer_rate_pool)] {
                if let Some(value) = value {
                    said = format!("{said}, {what} {value}");
                }
            }
            if by_schedule {
                said.push_str(", on its date");
            }
            (said, Some(format!("/bulk-changes/{bulk_change}/rows/{row}")))
        }
        What::Status { before: Some(before), after } => (format!("The carrier says {after}; before, {before}"), None),
        What::Status { before: None, after } => (format!("The carrier says {after}"), None),
    };
    Entry { at: moment(happened.at, zone), said, path }
}
