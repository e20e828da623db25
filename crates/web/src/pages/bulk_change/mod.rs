//! `/bulk-changes/{id}`: how far it is, why rows were not done, and each row with its log. What is shown live is the same page
//! again, of which the script takes the part that changed.

pub(super) mod acts;
mod lanes;

use self::lanes::{Lane, lanes};
use super::bulk_changes::{Tally, customer_of, name, tally};
use super::frame::Frame;
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, State as Shown, elsewhere, grouped, moment, moment_of, of_change, of_row};
use super::{encoded, page};
use crate::App;
use crate::bulk_changes::Shown as Change;
use crate::paging::{Filters, Limit, Page as Cut, path_id};
use crate::plans::rows::{explain, of as rows_of};
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use database::overview::ranked;
use database::rows::{DeviceChange, Filter};
use domain::reason::Reason;
use domain::rights::Act;
use domain::states::DeviceChangeStatus;
use serde::Deserialize;
use uuid::Uuid;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    status: String,
    reason: String,
    cursor: String,
    done: String,
}

/// Why rows were not done.
struct Why {
    state: Shown,
    reason: String,
    sentence: String,
    fix: String,
    rows: String,
    path: String,
}

/// A row of the ledger.
pub(super) struct Row {
    number: i32,
    path: String,
    input: String,
    iccid: String,
    state: Shown,
    reason: String,
    said: String,
    fix: String,
    attempts: i16,
    at: Option<Moment>,
    needs_attention: bool,
}

/// A status that rows may be narrowed to.
struct Choice {
    code: &'static str,
    name: &'static str,
    chosen: bool,
}

/// What may be done with it now, by its state and by who looks.
struct May {
    pause: bool,
    resume: bool,
    cancel: bool,
    retry: bool,
    undo: bool,
    resolve: bool,
}

#[derive(Template)]
#[template(path = "bulk_change.html")]
struct Page {
    frame: Frame,
    id: Uuid,
    name: String,
    customer: String,
    provider: String,
    state: Shown,
    details: String,
    tally: Tally,
    refused: String,
    no_change: String,
    finished: bool,
    applied: Option<Moment>,
    started: Option<Moment>,
    ended: Option<Moment>,
    start_at: Option<Moment>,
    retry_of: Option<Uuid>,
    undo_of: Option<Uuid>,
    may: May,
    once: String,
    lanes: Vec<Lane>,
    why: Vec<Why>,
    statuses: Vec<Choice>,
    reason: String,
    rows: Vec<Row>,
    first: bool,
    next: Option<String>,
    here: String,
    results: String,
    results_query: String,
    told: Option<&'static str>,
    elsewhere: Vec<Elsewhere>,
}

/// A row as the page shows it.
pub(super) fn show_row(id: Uuid, row: DeviceChange, zone: &str) -> Row {
    Row {
        number: row.row_number,
        path: format!("/bulk-changes/{id}/rows/{}", row.row_number),
        input: row.input,
        iccid: row.iccid.unwrap_or_default(),
        state: of_row(row.status),
        said: row.reason.map(|reason| explain(reason, row.detail.as_deref())).or(row.detail).unwrap_or_default(),
        reason: row.reason.map(|reason| reason.word().to_owned()).unwrap_or_default(),
        fix: row.reason.map(|reason| reason.fix().to_owned()).unwrap_or_default(),
        attempts: row.attempts,
        at: moment_of(row.processed_date, zone),
        needs_attention: row.status == DeviceChangeStatus::NeedsAttention,
    }
}

/// The statuses a row of a change may have, to choose from.
fn statuses(chosen: Option<DeviceChangeStatus>) -> Vec<Choice> {
    let one = |status: &DeviceChangeStatus| Choice {
        code: status.word(),
        name: of_row(*status).word,
        chosen: chosen == Some(*status),
    };
    DeviceChangeStatus::ALL.iter().map(one).collect()
}

/// The rows' filter as it was asked for: what is no status or reason is refused, not ignored.
fn filter(asked: &Asked) -> Result<(Filter, Option<DeviceChangeStatus>), Problem> {
    let unknown = || Problem::bad_request("QUERY_INVALID", "There is no such status or reason.");
    let status = match asked.status.as_str() {
        "" => None,
        word => Some(DeviceChangeStatus::from_word(word).ok_or_else(unknown)?),
    };
    let reason = match asked.reason.as_str() {
        "" => None,
        word => Some(Reason::from_word(word).ok_or_else(unknown)?),
    };
    Ok((Filter { statuses: status.map(|status| vec![status.word()]), reason }, status))
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    let caller = member.caller().0;
    let change = database::bulk_change::get(&app.ledger, &caller, path_id(&id)?).await?;
    let change = change.ok_or_else(Problem::not_found)?;
    let id = change.id.0;
    if change.status.is_plan() {
        return Ok(super::see_other(&format!("/plans/{id}")));
    }
    let told: Change = crate::bulk_changes::show_whole(&app, &caller, &change).await?;
    let (frame, zone) = Frame::of(&app, &member, &name(&change), "/bulk-changes").await?;
    let (filter, status) = filter(&asked)?;
    let limit = Limit::default();
    let cursor = Some(asked.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let found = rows_of(&app, &caller, &id.to_string(), &filter, cursor, limit).await?;
    let cut = Cut::cut(found, limit, |row| row.row_number.to_string(), |row| show_row(id, row, &zone));
    let query = format!("status={}&reason={}", encoded(&asked.status), encoded(&asked.reason));
    page(&Page {
        why: why(&app, &member, &change).await?,
        name: name(&change),
        lanes: lanes(&app, &member, &change).await?,
        customer: customer_of(&app, &member, &change).await?,
        provider: change.service_provider.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
        state: of_change(change.status, change.counts.failed + change.counts.skipped, change.counts.needs_attention),
        details: change.status_details.clone().unwrap_or_default(),
        tally: tally(&change),
        refused: grouped(change.refused.into()),
        no_change: grouped(change.no_change.into()),
        finished: change.status.is_finished(),
        applied: moment_of(change.applied_at, &zone),
        started: moment_of(change.started_at, &zone),
        ended: moment_of(change.processed_date, &zone),
        start_at: moment_of(change.start_at, &zone),
        retry_of: change.retry_of.map(|id| id.0),
        undo_of: change.undo_of.map(|id| id.0),
        may: may(&member, &told, change.integration.as_deref()),
        once: app.ids.next().to_string(),
        statuses: statuses(status),
        rows: cut.items,
        first: cursor.is_none(),
        next: cut.next_cursor.map(|cursor| format!("/bulk-changes/{id}?{query}&cursor={cursor}#rows")),
        here: format!("/bulk-changes/{id}?{query}&cursor={}", encoded(&asked.cursor)),
        results: format!("/api/v1/bulk-changes/{id}/results"),
        results_query: results_query(&asked),
        told: done(&asked.done),
        elsewhere: acts::elsewhere_of(id),
        reason: asked.reason,
        id,
        frame,
    })
}

fn done(word: &str) -> Option<&'static str> {
    match word {
        "applied" => Some("Applied. It runs without you: this page may be closed."),
        "pause" => Some("Paused. What was under way is finished first."),
        "resume" => Some("It goes on."),
        "cancel" => Some("What had not begun is cancelled; what is done stays done."),
        "resolve" => Some("Decided. The rows say what became of it."),
        _ => None,
    }
}

/// What the result file is narrowed by: the same rows as are shown.
fn results_query(asked: &Asked) -> String {
    let pairs =
        [("status", &asked.status), ("reason", &asked.reason)].into_iter().filter(|(_, value)| !value.is_empty());
    let query: Vec<String> = pairs.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) }
}

fn may(member: &Member, change: &Change, integration: Option<&str>) -> May {
    let rights = &member.signed_in.rights;
    let control = integration.is_none_or(|integration| rights.may_control_at(integration));
    let can = &change.can;
    May {
        pause: can.pause && control && rights.may(Act::Control),
        resume: can.resume && control && rights.may(Act::Control),
        cancel: can.cancel && control && rights.may(Act::Control),
        retry: can.retry && rights.may(Act::Plan),
        undo: can.undo && rights.may(Act::Plan),
        resolve: can.resolve && control && rights.may(Act::Resolve),
    }
}

/// A change of more rows than this has its reasons ranked, and its lanes counted, when it is over: until then it is looked at every
/// second.
const RANKED_WHILE_RUNNING: i32 = 20_000;

async fn why(app: &App, member: &Member, change: &database::bulk_change::BulkChange) -> Result<Vec<Why>, Problem> {
    let (id, counts) = (change.id.0, &change.counts);
    let one = |status: DeviceChangeStatus, reason: Option<Reason>, rows: i64| {
        let code = reason.map(Reason::word).unwrap_or_default();
        Why {
            state: of_row(status),
            reason: code.to_owned(),
            sentence: reason.map_or("The rows say why.", Reason::sentence).to_owned(),
            fix: reason.map(Reason::fix).unwrap_or_default().to_owned(),
            rows: grouped(rows),
            path: format!("/bulk-changes/{id}?status={}&reason={code}#rows", status.word()),
        }
    };
    let mut all: Vec<(i64, Why)> = Vec::new();
    // What the plan refused was counted then.
    for (word, rows) in change.by_reason.as_object().into_iter().flatten() {
        let (Some(reason), Some(rows)) = (Reason::from_word(word), rows.as_i64()) else { continue };
        let status = match reason {
            Reason::AlreadyAssignedSame => DeviceChangeStatus::NoChange,
            _ => DeviceChangeStatus::Refused,
        };
        all.push((rows, one(status, Some(reason), rows)));
    }
    let not_done = [
        (DeviceChangeStatus::Failed, counts.failed),
        (DeviceChangeStatus::Skipped, counts.skipped),
        (DeviceChangeStatus::NeedsAttention, counts.needs_attention),
    ];
    if change.status.is_finished() || counts.planned <= RANKED_WHILE_RUNNING {
        if not_done.iter().any(|(_, rows)| *rows > 0) {
            for found in ranked(&app.ledger, member.caller().0.tenant, id).await? {
                all.push((found.rows, one(found.status, found.reason, found.rows)));
            }
        }
    } else {
        let unranked = not_done.into_iter().filter(|(_, rows)| *rows > 0);
        all.extend(unranked.map(|(status, rows)| (rows.into(), one(status, None, rows.into()))));
    }
    all.sort_by_key(|(rows, _)| -rows);
    Ok(all.into_iter().map(|(_, why)| why).collect())
}

/// One attempt at one step.
struct Entry {
    at: Moment,
    attempt: i16,
    step: String,
    status: String,
    error: String,
    request: String,
    response: String,
}

#[derive(Template)]
#[template(path = "row.html")]
struct RowPage {
    frame: Frame,
    id: Uuid,
    name: String,
    row: Row,
    entries: Vec<Entry>,
    may_resolve: bool,
    elsewhere: Vec<Elsewhere>,
}

/// One row, with everything that was tried for it.
pub(super) async fn row(
    State(app): State<App>,
    member: Member,
    Path((id, number)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let caller = member.caller().0;
    let number = number.parse::<i32>().ok().filter(|number| *number > 0).ok_or_else(Problem::not_found)?;
    let change = database::bulk_change::get(&app.ledger, &caller, path_id(&id)?).await?;
    let change = change.ok_or_else(Problem::not_found)?;
    let id = change.id.0;
    let found = database::rows::list(&app.ledger, caller.tenant, id, &Filter::default(), number - 1, 1).await?;
    let found = found.into_iter().find(|row| row.row_number == number).ok_or_else(Problem::not_found)?;
    let log = database::rows::log(&app.ledger, caller.tenant, id, number).await?.ok_or_else(Problem::not_found)?;
    let (frame, zone) = Frame::of(&app, &member, &format!("Row {number}"), "/bulk-changes").await?;
    let rights = &member.signed_in.rights;
    let row = show_row(id, found, &zone);
    let control = change.integration.as_deref().is_none_or(|integration| rights.may_control_at(integration));
    page(&RowPage {
        frame,
        id,
        name: name(&change),
        may_resolve: row.needs_attention && control && rights.may(Act::Resolve),
        row,
        entries: log
            .into_iter()
            .map(|entry| Entry {
                at: moment(entry.at, &zone),
                attempt: entry.attempt,
                step: entry.step,
                status: entry.status,
                error: entry.error.unwrap_or_default(),
                request: entry.request.unwrap_or_default(),
                response: entry.response.unwrap_or_default(),
            })
            .collect(),
        elsewhere: vec![
            elsewhere(
                "This log",
                format!("ascribe change log {id} {number}"),
                format!("GET /api/v1/bulk-changes/{id}/rows/{number}/log"),
            ),
            elsewhere(
                "Decide",
                format!("ascribe change resolve {id} --row {number} --outcome look_again --reason \"why\""),
                format!(
                    "POST /api/v1/bulk-changes/{id}/resolve {{\"rows\": [{number}], \"outcome\": \"look_again\", \"reason\": \"why\"}}"
                ),
            ),
        ],
    })
}
