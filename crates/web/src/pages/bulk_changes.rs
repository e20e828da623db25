//! `/bulk-changes`: what was applied, newest first, and plans that wait.

use super::frame::Frame;
use super::page;
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, State as Shown, counted, elsewhere, grouped, moment, of_change};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, id_cursor};
use crate::problem::Problem;
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use database::bulk_change::{BulkChange, Stage};
use domain::rights::Act;
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    stage: String,
    cursor: String,
}

/// A change in one line.
pub(super) struct Line {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) customer: String,
    pub(super) provider: String,
    pub(super) state: Shown,
    pub(super) rows: String,
    pub(super) tally: Tally,
    pub(super) at: Moment,
}

/// Rows by how they stand; the parts add up to the whole.
pub(super) struct Tally {
    pub(super) planned: String,
    pub(super) done: String,
    pub(super) percent: i32,
    pub(super) parts: Vec<Part>,
    /// Everything in one sentence.
    pub(super) said: String,
}

pub(super) struct Part {
    pub(super) word: &'static str,
    pub(super) tone: &'static str,
    pub(super) rows: String,
    /// Where it begins in the bar, and how wide it is, of a thousand.
    pub(super) x: i64,
    pub(super) width: i64,
}

/// The tally of a change.
pub(super) fn tally(change: &BulkChange) -> Tally {
    let c = &change.counts;
    let all = [
        ("ok", "good", c.ok),
        ("failed", "bad", c.failed),
        ("skipped", "warn", c.skipped),
        ("cancelled", "calm", c.cancelled),
        ("need attention", "attention", c.needs_attention),
        ("to do", "todo", c.to_do),
    ];
    let planned = i64::from(c.planned.max(1));
    let mut end = 0_i64;
    let mut parts = Vec::new();
    for (word, tone, rows) in all {
        let x = end * 1000 / planned;
        end += i64::from(rows);
        parts.push(Part { word, tone, rows: grouped(rows.into()), x, width: end * 1000 / planned - x });
    }
    let told: Vec<String> = all
        .iter()
        .filter(|(.., rows)| *rows > 0)
        .map(|(word, _, rows)| format!("{} {word}", grouped((*rows).into())))
        .collect();
    let done = c.planned - c.to_do;
    Tally {
        planned: grouped(c.planned.into()),
        done: grouped(done.into()),
        percent: i32::try_from(i64::from(done) * 100 / planned).unwrap_or(0),
        said: format!(
            "{}: {}",
            counted(c.planned.into(), "row", "rows"),
            if told.is_empty() { "none".to_owned() } else { told.join(", ") }
        ),
        parts,
    }
}

/// A change in one line.
pub(super) fn line(change: &BulkChange, zone: &str) -> Line {
    let id = change.id;
    let place = if change.status.is_plan() { "plans" } else { "bulk-changes" };
    let asked = |field: &str| change.request[field].as_str().unwrap_or_default().to_owned();
    Line {
        path: format!("/{place}/{id}"),
        name: name(change),
        customer: asked("customer"),
        provider: change.service_provider.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
        state: of_change(change.status, change.counts.failed + change.counts.skipped, change.counts.needs_attention),
        rows: grouped(change.rows.into()),
        tally: tally(change),
        at: moment(change.applied_at.unwrap_or(change.created_at), zone),
    }
}

/// What a change is called: its ticket, its file, or what it does.
pub(super) fn name(change: &BulkChange) -> String {
    let what = match (change.retry_of, change.undo_of) {
        (Some(_), _) => "Retry",
        (_, Some(_)) => "Undo",
        _ => "Assign customer",
    };
    match change.reference.as_ref().or(change.input_name.as_ref()) {
        Some(text) => format!("{what}: {text}"),
        None => what.to_owned(),
    }
}

/// Who gets the devices, by name where the change was asked for by an id; empty: each row says.
pub(super) async fn customer_of(app: &App, member: &Member, change: &BulkChange) -> Result<String, Problem> {
    let asked = change.request["customer"].as_str().unwrap_or_default();
    let Ok(id) = uuid::Uuid::parse_str(asked) else { return Ok(asked.to_owned()) };
    let (tenant, sites) = (member.caller().0.tenant, member.allowed().sites());
    let found = database::customer::list(&app.ledger, tenant, Some(id), None, sites.as_deref(), None, 1).await?;
    Ok(found.into_iter().next().map_or_else(|| asked.to_owned(), |customer| customer.name))
}

#[derive(Template)]
#[template(path = "bulk_changes.html")]
struct Page {
    frame: Frame,
    plans: bool,
    may_plan: bool,
    lines: Vec<Line>,
    first: bool,
    next: Option<String>,
    elsewhere: Vec<Elsewhere>,
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    let (frame, zone) = Frame::of(&app, &member, "Bulk changes", "/bulk-changes").await?;
    let plans = asked.stage == "plans";
    let (stage, limit) = (if plans { Stage::Plan } else { Stage::Applied }, Limit::default());
    let after = id_cursor(Some(&asked.cursor))?;
    let found = database::bulk_change::list(&app.ledger, &member.caller().0, stage, after, limit.and_one()).await?;
    let cut = Cut::cut(found, limit, |change| change.id.to_string(), |change| line(&change, &zone));
    let kind = if plans { "plans" } else { "applied" };
    page(&Page {
        frame,
        plans,
        may_plan: member.signed_in.rights.may(Act::Plan),
        lines: cut.items,
        first: after.is_none(),
        next: cut.next_cursor.map(|cursor| format!("/bulk-changes?stage={kind}&cursor={cursor}")),
        elsewhere: vec![
            elsewhere("This list", "ascribe change list", "GET /api/v1/bulk-changes"),
            elsewhere(
                "Plan a change: nothing is sent by it",
                "ascribe plan assign --service-provider SP --customer C --devices sims.csv",
                "POST /api/v1/plans",
            ),
        ],
    })
}
