//! `/plans/{id}`: what a change would do, counted, and applying it. The button carries the number.

use super::bulk_change::acts::{made, once};
use super::bulk_changes::name;
use super::frame::Frame;
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, State as Shown, counted, elsewhere, grouped, moment_of, of_change, of_row};
use super::{page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, path_id};
use crate::plans::carrier::in_words;
use crate::plans::outside;
use crate::plans::rows::{explain, of as rows_of};
use crate::problem::Problem;
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use database::rows::{Filter, Image};
use domain::reason::Reason;
use domain::rights::Act;
use domain::states::{BulkChangeStatus, DeviceChangeStatus};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// Above so many rows the number is typed by hand.
const TYPED_ABOVE: i32 = 1_000;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    cursor: String,
}

struct Why {
    reason: String,
    sentence: String,
    fix: String,
    rows: String,
}

struct Row {
    number: i32,
    input: String,
    state: Shown,
    said: String,
    before: String,
    after: String,
}

#[derive(Template)]
#[template(path = "plan.html")]
struct Page {
    frame: Frame,
    id: Uuid,
    name: String,
    customer: String,
    provider: String,
    state: Shown,
    details: String,
    planning: bool,
    expired: bool,
    expires: Option<Moment>,
    change: i32,
    change_shown: String,
    button: String,
    no_change: String,
    refused: String,
    effects: Vec<String>,
    takes: Vec<String>,
    warnings: Vec<String>,
    why: Vec<Why>,
    rows: Vec<Row>,
    first: bool,
    next: Option<String>,
    may_apply: bool,
    typed: bool,
    refused_apply: Option<String>,
    once: String,
    elsewhere: Vec<Elsewhere>,
}

fn image(image: &Option<Image>) -> String {
    let Some(image) = image else { return String::new() };
    let mut text = image.customer.as_ref().map_or("nobody's", |(_, name)| name.as_str()).to_owned();
    // A customer that exists only here is its own seat.
    if text != image.site.1 {
        text = format!("{text}, at {}", image.site.1);
    }
    for more in [&image.customer_rate_plan, &image.customer_rate_pool].into_iter().flatten() {
        text.push_str(", ");
        text.push_str(more);
    }
    text
}

async fn written(
    app: &App,
    member: &Member,
    id: &str,
    cursor: &str,
    refused_apply: Option<String>,
) -> Result<Result<Page, Response>, Problem> {
    let caller = member.caller().0;
    let plan = database::bulk_change::get(&app.ledger, &caller, path_id(id)?).await?.ok_or_else(Problem::not_found)?;
    let id = plan.id.0;
    if !plan.status.is_plan() {
        return Ok(Err(see_other(&format!("/bulk-changes/{id}"))));
    }
    let (frame, zone) = Frame::of(app, member, &name(&plan), "/bulk-changes").await?;
    let limit = Limit::default();
    let after = Some(cursor).filter(|cursor| !cursor.is_empty());
    let found = rows_of(app, &caller, &id.to_string(), &Filter::default(), after, limit).await?;
    let cut = Cut::cut(
        found,
        limit,
        |row| row.row_number.to_string(),
        |row| {
            let state = match row.status {
                DeviceChangeStatus::Refused | DeviceChangeStatus::NoChange => of_row(row.status),
                _ => Shown { word: "Will be changed", tone: "good" },
            };
            Row {
                number: row.row_number,
                state,
                said: row.reason.map(|reason| explain(reason, row.detail.as_deref())).unwrap_or_default(),
                before: image(&row.before),
                after: [Some(image(&row.after)), in_words(&row)].into_iter().flatten().collect::<Vec<_>>().join("; "),
                input: row.iccid.unwrap_or(row.input),
            }
        },
    );
    let planned = plan.status == BulkChangeStatus::Planned;
    let gates = outside::budgets(app, &caller, std::slice::from_ref(&plan)).await?;
    let effects = outside::side_effects(&plan).into_iter().flat_map(|effect| effect.says);
    let suspended = outside::at_carrier(&plan).map(|at| at.suspended).filter(|suspended| *suspended > 0);
    let suspended =
        suspended.map(|n| format!("The carrier has suspended {}.", counted(n, "of these SIMs", "of these SIMs")));
    let change = if planned { plan.counts.planned } else { 0 };
    let rights = &member.signed_in.rights;
    let at_carrier = plan.integration.as_deref().is_none_or(|integration| rights.may_assign_at(integration));
    Ok(Ok(Page {
        frame,
        id,
        name: name(&plan),
        customer: plan.request["customer"].as_str().unwrap_or_default().to_owned(),
        provider: plan.service_provider.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
        state: of_change(plan.status, 0, 0),
        details: plan.status_details.clone().unwrap_or_default(),
        planning: plan.status == BulkChangeStatus::Planning,
        expired: plan.expired,
        expires: moment_of(plan.expires_at, &zone),
        change,
        change_shown: grouped(change.into()),
        button: format!("Apply {}", counted(change.into(), "change", "changes")),
        no_change: grouped(plan.no_change.into()),
        refused: grouped(plan.refused.into()),
        effects: effects.collect(),
        takes: outside::eta(&plan, &gates).iter().map(taking).collect(),
        warnings: outside::warnings(&plan, &gates).into_iter().chain(suspended).collect(),
        why: why(&plan.by_reason),
        rows: cut.items,
        first: after.is_none(),
        next: cut.next_cursor.map(|cursor| format!("/plans/{id}?cursor={cursor}#rows")),
        may_apply: planned && !plan.expired && change > 0 && at_carrier && rights.may(Act::Apply),
        typed: change > TYPED_ABOVE,
        refused_apply,
        once: app.ids.next().to_string(),
        elsewhere: vec![
            elsewhere(
                "Apply it",
                format!("ascribe apply {id} --wait"),
                format!("POST /api/v1/bulk-changes {{\"plan_id\": \"{id}\"}}"),
            ),
            elsewhere("Its rows", format!("ascribe plan rows {id}"), format!("GET /api/v1/plans/{id}/rows")),
        ],
    }))
}

/// How long an account is sent to, and how long its answer may take.
fn taking(eta: &outside::Eta) -> String {
    let later = match eta.answers_within_seconds {
        None => String::new(),
        Some(seconds) => format!(
            "; the carrier answers later, usually within minutes, at most after {}",
            lasting(i32::try_from(seconds).map_or(f64::MAX, f64::from))
        ),
    };
    format!("{}: {}, {}{later}", eta.account.name, counted(eta.calls, "call", "calls"), lasting(eta.seconds))
}

fn lasting(seconds: f64) -> String {
    match seconds {
        s if s < 60.0 => "less than a minute".to_owned(),
        s if s < 7_200.0 => format!("about {:.0} minutes", (s / 60.0).max(2.0)),
        s => format!("about {:.0} hours", s / 3_600.0),
    }
}

fn why(by_reason: &serde_json::Value) -> Vec<Why> {
    let mut found: Vec<(Reason, i64)> = by_reason
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(word, rows)| Some((Reason::from_word(word)?, rows.as_i64()?)))
        .collect();
    found.sort_by_key(|(reason, rows)| (-rows, reason.word()));
    let one = |(reason, rows): (Reason, i64)| Why {
        reason: reason.word().to_owned(),
        sentence: reason.sentence().to_owned(),
        fix: reason.fix().to_owned(),
        rows: grouped(rows),
    };
    found.into_iter().map(one).collect()
}

pub(super) async fn show(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    match written(&app, &member, &id, &asked.cursor, None).await? {
        Ok(written) => page(&written),
        Err(elsewhere) => Ok(elsewhere),
    }
}

/// Applies it: the number, where it is large, has to be the plan's.
pub(super) async fn apply(State(app): State<App>, member: Member, Path(id): Path<String>) -> Result<Response, Problem> {
    let page = match written(&app, &member, &id, "", None).await? {
        Ok(page) => page,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let typed: String = member.fields().text("count").chars().filter(char::is_ascii_digit).collect();
    if page.typed && typed != page.change.to_string() {
        let refused_apply = Some(format!("Type {} to say that you have seen how many rows it is.", page.change_shown));
        return with_status(StatusCode::UNPROCESSABLE_ENTITY, &Page { refused_apply, ..page });
    }
    let body = Ok(Bytes::from(json!({ "plan_id": id }).to_string()));
    let (caller, allowed, key) = (member.caller(), member.allowed(), once(&member));
    let answer = crate::bulk_changes::create::handle(caller, allowed, State(app), key, body).await?;
    Ok(see_other(&format!("{}?done=applied", made(&answer)?)))
}
