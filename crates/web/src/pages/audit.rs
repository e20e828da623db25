//! `/audit`: who did what, newest first, with filters in the URL; and whether the trail is whole.

use super::frame::Frame;
use super::refused::{Refused, on_the_page};
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, counted, elsewhere, grouped, moment};
use super::{encoded, page, with_status};
use crate::App;
use crate::audit::list::{after, cursor_of};
use crate::paging::{Filters, Limit, Page as Cut};
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::audit::{AuditEntry, Filter, Head, names, verify};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use serde::Deserialize;
use std::collections::HashMap;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    actor: String,
    action: String,
    bulk_change: String,
    since: String,
    until: String,
    cursor: String,
}

struct Row {
    at: Moment,
    actor: String,
    /// What the actor is called, if the tenant knows.
    name: Option<String>,
    /// The same list, of this actor alone.
    of_actor: String,
    action: String,
    of_action: String,
    bulk_change: Option<Uuid>,
    chunk_number: Option<i32>,
    detail: String,
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    asked: Asked,
    zone: String,
    rows: Vec<Row>,
    filtered: bool,
    first: bool,
    next: Option<String>,
    refused: Option<Refused>,
    elsewhere: Vec<Elsewhere>,
}

/// A filter as it was sent: nothing, or text that can be compared.
fn plain(text: &str) -> Result<Option<String>, Problem> {
    let text = text.trim();
    if text.len() > 256 || text.chars().any(char::is_control) {
        return Err(Problem::bad_request("QUERY_INVALID", "A filter is too long or holds control characters."));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// A moment as somebody types it: with an offset, or by the tenant's clock, or a day, which begins at its midnight.
fn moment_at(field: &str, text: &str, zone: &str) -> Result<Option<Timestamp>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Some(at));
    }
    let invalid = || {
        let said =
            "This is no moment. Write it as 2027-01-31, as 2027-01-31T22:00 by the tenant's clock, or with an offset.";
        Problem::field(field, "FIELD_INVALID", said)
    };
    let local: DateTime = DateTime::strptime("%Y-%m-%dT%H:%M:%S", text)
        .or_else(|_| DateTime::strptime("%Y-%m-%dT%H:%M", text))
        .or_else(|_| Date::strptime("%Y-%m-%d", text).map(|date| date.to_datetime(Time::midnight())))
        .map_err(|_| invalid())?;
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    // Where the clocks change, the earlier of two is no worse than the later: it is a filter.
    local.to_zoned(zone).map(|zoned| Some(zoned.timestamp())).map_err(|_| invalid())
}

fn filter(asked: &Asked, zone: &str) -> Result<Filter, Problem> {
    let bulk_change = match plain(&asked.bulk_change)? {
        None => None,
        Some(text) => Some(Uuid::parse_str(&text).map_err(|_| {
            Problem::field(
                "bulk_change",
                "FIELD_INVALID",
                "This is no id of a plan or a bulk change. Its page has it in its address.",
            )
        })?),
    };
    Ok(Filter {
        bulk_change,
        action: plain(&asked.action)?,
        actor: plain(&asked.actor)?,
        since: moment_at("since", &asked.since, zone)?,
        until: moment_at("until", &asked.until, zone)?,
    })
}

fn query(asked: &Asked) -> String {
    let said = [
        ("actor", &asked.actor),
        ("action", &asked.action),
        ("bulk_change", &asked.bulk_change),
        ("since", &asked.since),
        ("until", &asked.until),
    ];
    let said = said.into_iter().filter(|(_, text)| !text.trim().is_empty());
    said.map(|(name, text)| format!("{name}={}", encoded(text.trim()))).collect::<Vec<_>>().join("&")
}

fn row(entry: AuditEntry, names: &HashMap<String, String>, zone: &str) -> Row {
    Row {
        at: moment(entry.at, zone),
        name: names.get(&entry.actor).cloned(),
        of_actor: format!("/audit?actor={}", encoded(&entry.actor)),
        of_action: format!("/audit?action={}", encoded(&entry.action)),
        actor: entry.actor,
        action: entry.action,
        bulk_change: entry.bulk_change,
        chunk_number: entry.chunk_number,
        detail: if entry.detail.is_null() { String::new() } else { entry.detail.to_string() },
    }
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    let (frame, zone) = Frame::of(&app, &member, "Audit trail", "/audit").await?;
    let (tenant, limit, after) = (member.caller().0.tenant, Limit::default(), after(Some(&asked.cursor))?);
    let first = after.is_none();
    let (refused, found) = match filter(&asked, &zone) {
        Ok(filter) => (None, database::audit::list(&app.ledger, tenant, &filter, after, limit.and_one()).await?),
        Err(problem) => (Some(on_the_page(problem)?), Vec::new()),
    };
    let actors: Vec<&str> = found.iter().map(|entry| entry.actor.as_str()).collect();
    let names = names(&app.ledger, tenant, &actors).await?;
    let cut = Cut::cut(found, limit, cursor_of, |entry| row(entry, &names, &zone));
    let query = query(&asked);
    let written = Page {
        frame,
        rows: cut.items,
        filtered: !query.is_empty(),
        first,
        next: cut.next_cursor.map(|cursor| format!("/audit?{query}&cursor={cursor}")),
        zone,
        asked,
        elsewhere: vec![
            elsewhere("This list", "ascribe audit list --limit 50", "GET /api/v1/audit"),
            elsewhere(
                "Only what was applied",
                "ascribe audit list --action plan_applied",
                "GET /api/v1/audit?action=plan_applied",
            ),
            elsewhere("Is the trail whole?", "ascribe audit verify", "GET /api/v1/audit/verify"),
        ],
        refused,
    };
    match written.refused.as_ref().map(|refused| refused.status) {
        Some(status) => with_status(status, &written),
        None => page(&written),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Known {
    seal_number: String,
    digest: String,
}

#[derive(Template)]
#[template(path = "audit_verified.html")]
struct Verified {
    frame: Frame,
    whole: bool,
    broken: Vec<String>,
    said: String,
    head: Option<Head>,
    known: Known,
    refused: Option<Refused>,
    elsewhere: Vec<Elsewhere>,
}

/// The head that somebody kept elsewhere: its number and digest, or neither.
fn head(known: &Known) -> Result<Option<Head>, Problem> {
    let (number, digest) = (plain(&known.seal_number)?, plain(&known.digest)?);
    match (number, digest) {
        (None, None) => Ok(None),
        (Some(number), Some(digest)) => {
            let invalid = || Problem::field("seal_number", "FIELD_INVALID", "The number of a seal is a number.");
            Ok(Some(Head { seal_number: number.parse().map_err(|_| invalid())?, digest }))
        }
        _ => Err(Problem::bad_request("QUERY_INVALID", "A seal is its number and its digest: write both, or neither.")),
    }
}

/// Computes the trail's digests again, from the entries as they are.
pub(super) async fn verified(
    State(app): State<App>,
    member: Member,
    Filters(known): Filters<Known>,
) -> Result<Response, Problem> {
    let (frame, _) = Frame::of(&app, &member, "Is the trail whole?", "/audit").await?;
    let (refused, seal) = match head(&known) {
        Ok(seal) => (None, seal),
        Err(problem) => (Some(on_the_page(problem)?), None),
    };
    let found = verify(&app.ledger, member.caller().0.tenant, seal.as_ref()).await?;
    let status = refused.as_ref().map(|refused| refused.status);
    let written = Verified {
        frame,
        whole: found.broken.is_empty(),
        said: format!(
            "{} under {} were looked at; {} not sealed yet, which happens within a minute or two.",
            counted(found.entries, "entry", "entries"),
            counted(found.seals, "seal", "seals"),
            match found.unsealed {
                1 => "1 is".to_owned(),
                unsealed => format!("{} are", grouped(unsealed)),
            }
        ),
        broken: found.broken,
        head: found.head,
        known,
        refused,
        elsewhere: vec![elsewhere("The same", "ascribe audit verify", "GET /api/v1/audit/verify")],
    };
    match status {
        Some(status) => with_status(status, &written),
        None => page(&written),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_by_the_tenants_clock_unless_it_says_its_offset() {
        let at = |text: &str| moment_at("since", text, "America/New_York").unwrap().unwrap().to_string();
        assert_eq!(at("2027-01-31"), "2027-01-31T05:00:00Z");
        assert_eq!(at(" 2027-01-31T22:00 "), "2027-02-01T03:00:00Z");
        assert_eq!(at("2027-01-31T22:00:00Z"), "2027-01-31T22:00:00Z");
        assert!(moment_at("since", "", "UTC").unwrap().is_none());
        assert!(moment_at("since", "yesterday", "UTC").is_err());
    }

    #[test]
    fn filters_stay_in_the_url() {
        let asked = Asked { actor: "person:1 2".into(), until: "2027-01-31".into(), ..Asked::default() };
        assert_eq!(query(&asked), "actor=person%3A1+2&until=2027-01-31");
    }
}
