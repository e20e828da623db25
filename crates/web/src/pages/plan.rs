//! `/plans/{id}`: what a change would do, counted, and applying it. The button carries the number.

use super::bulk_change::acts::{made, once};
use super::bulk_changes::{customer_of, name};
use super::frame::Frame;
use super::visitor::Member;
use super::wording::{
    Elsewhere, Moment, State as Shown, counted, duration, elsewhere, field_name, grouped, moment_of, of_change, of_row,
    step_name,
};
use super::{encoded, page, see_other, with_status};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, path_id};
use crate::plans::carrier::in_words;
use crate::plans::rows::{explain, of as rows_of};
use crate::plans::{columns, outside};
use crate::problem::Problem;
use askama::Template;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use database::bulk_change::BulkChange;
use database::rows::{Filter, Image};
use domain::input_field::InputField;
use domain::reason::Reason;
use domain::rights::Act;
use domain::states::{BulkChangeStatus, DeviceChangeStatus};
use domain::steps::Step;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// Above so many rows the number is typed by hand.
const TYPED_ABOVE: i32 = 1_000;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    verdict: String,
    reason: String,
    cursor: String,
}

struct Why {
    path: String,
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

/// What is done, and for how many rows.
struct Effect {
    name: &'static str,
    rows: String,
    outside: bool,
    /// What that means, in words.
    says: Vec<String>,
}

/// How long an account is sent to.
struct Pace {
    account: String,
    calls: String,
    per_minute: String,
    left_today: String,
    lasts: String,
    /// The carrier does later what it accepts: after so long at the latest.
    later: Option<String>,
}

/// A verdict that rows may be narrowed to.
struct Choice {
    code: &'static str,
    name: &'static str,
    chosen: bool,
}

/// A plan of the same input, at another carrier account.
struct Linked {
    path: String,
    name: String,
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
    read: String,
    judged: String,
    starts: Option<Moment>,
    sentence: String,
    effects: Vec<Effect>,
    paces: Vec<Pace>,
    warnings: Vec<String>,
    linked: Vec<Linked>,
    columns: Vec<(String, &'static str)>,
    why: Vec<Why>,
    verdicts: Vec<Choice>,
    reason: String,
    narrowed: bool,
    here: String,
    results: String,
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
    asked: &Asked,
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
    let after = Some(asked.cursor.as_str()).filter(|cursor| !cursor.is_empty());
    let (filter, verdict) = filter(asked)?;
    let found = rows_of(app, &caller, &id.to_string(), &filter, after, limit).await?;
    let budgets = outside::budgets(app, &caller, std::slice::from_ref(&plan)).await?;
    let query = format!("verdict={}&reason={}", encoded(&asked.verdict), encoded(&asked.reason));
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
    let suspended = outside::at_carrier(&plan).map(|at| at.suspended).filter(|suspended| *suspended > 0);
    let suspended =
        suspended.map(|n| format!("The carrier has suspended {}.", counted(n, "of these SIMs", "of these SIMs")));
    let change = if planned { plan.counts.planned } else { 0 };
    let customer = customer_of(app, member, &plan).await?;
    let starts = moment_of(plan.start_at, &zone);
    let linked = crate::plans::linked(app, &caller, &plan).await?;
    let linked = linked.into_iter().map(|other| Linked {
        path: format!("/plans/{}", other.id),
        name: other.service_provider.map_or_else(|| "Another plan".to_owned(), |provider| provider.name),
    });
    let rights = &member.signed_in.rights;
    let at_carrier = plan.integration.as_deref().is_none_or(|integration| rights.may_assign_at(integration));
    Ok(Ok(Page {
        frame,
        id,
        name: name(&plan),
        sentence: sentence(&plan, &customer, &zone),
        customer,
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
        read: grouped(plan.progress.0.into()),
        judged: grouped(plan.progress.1.into()),
        starts,
        effects: outside::side_effects(&plan).into_iter().filter_map(effect).collect(),
        paces: outside::eta(&plan, &budgets).into_iter().map(pace).collect(),
        warnings: outside::warnings(&plan, &budgets).into_iter().chain(suspended).collect(),
        linked: linked.collect(),
        columns: columns(&plan.input_columns)
            .into_iter()
            .map(|column| (column.column, taken_for(column.field.as_deref())))
            .collect(),
        why: why(id, &plan.by_reason),
        verdicts: VERDICTS.iter().map(|(code, name)| Choice { code, name, chosen: verdict == Some(*code) }).collect(),
        reason: asked.reason.clone(),
        narrowed: query != "verdict=&reason=",
        here: format!("/plans/{id}?{query}&cursor={}", encoded(&asked.cursor)),
        results: format!("/api/v1/plans/{id}/results"),
        rows: cut.items,
        first: after.is_none(),
        next: cut.next_cursor.map(|cursor| format!("/plans/{id}?{query}&cursor={cursor}#rows")),
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

/// The verdicts, by the API's words.
const VERDICTS: [(&str, &str); 3] =
    [("CHANGE", "Will be changed"), ("NO_CHANGE", "Already so"), ("REFUSED", "Refused")];

/// The rows' filter as it was asked for: what is no verdict or reason is refused, not ignored.
fn filter(asked: &Asked) -> Result<(Filter, Option<&'static str>), Problem> {
    let unknown = || Problem::bad_request("QUERY_INVALID", "There is no such verdict or reason.");
    let verdict = match asked.verdict.as_str() {
        "" => None,
        word => Some(VERDICTS.iter().find(|(code, _)| *code == word).ok_or_else(unknown)?.0),
    };
    let reason = match asked.reason.trim() {
        "" => None,
        word => Some(Reason::from_word(word).ok_or_else(unknown)?),
    };
    Ok((Filter { statuses: verdict.map(statuses_of), reason }, verdict))
}

/// The statuses of rows with this verdict: all that are not one of the other two.
fn statuses_of(verdict: &str) -> Vec<&'static str> {
    let left_alone = [DeviceChangeStatus::NoChange, DeviceChangeStatus::Refused];
    let all = DeviceChangeStatus::ALL.iter().copied();
    all.filter(|status| match verdict {
        "NO_CHANGE" => *status == DeviceChangeStatus::NoChange,
        "REFUSED" => *status == DeviceChangeStatus::Refused,
        _ => !left_alone.contains(status),
    })
    .map(DeviceChangeStatus::word)
    .collect()
}

/// What applying it does, in a sentence.
fn sentence(plan: &BulkChange, customer: &str, zone: &str) -> String {
    let devices = counted(plan.counts.planned.into(), "device", "devices");
    let what = match (plan.undo_of, customer) {
        (Some(_), _) => format!("Take back what was done to {devices}"),
        (None, "") => format!("Assign {devices}, each to its row's customer"),
        (None, customer) => format!("Assign {devices} to {customer}"),
    };
    let date = plan.request["effective_date"].as_str().map(|date| format!(", plan and pool from {date}"));
    let start = moment_of(plan.start_at, zone).map(|at| format!(", not before {}", at.shown));
    let left = format!(" {} refused rows will not be touched.", grouped(plan.refused.into()));
    format!("{what}{}{}.{left}", date.unwrap_or_default(), start.unwrap_or_default())
}

fn effect(effect: outside::SideEffect) -> Option<Effect> {
    let step = Step::from_word(&effect.step)?;
    Some(Effect {
        name: step_name(step),
        rows: grouped(effect.rows.into()),
        outside: effect.outside,
        says: effect.says,
    })
}

fn pace(eta: outside::Eta) -> Pace {
    Pace {
        account: eta.account.name,
        calls: grouped(eta.calls),
        per_minute: grouped(eta.calls_per_minute),
        left_today: grouped(eta.calls_left_today),
        lasts: duration(eta.seconds),
        later: eta.answers_within_seconds.and_then(|seconds| i32::try_from(seconds).ok()).map(|s| duration(s.into())),
    }
}

fn taken_for(field: Option<&str>) -> &'static str {
    field.and_then(InputField::from_word).map_or("Nothing, kept as it is", field_name)
}

fn why(id: Uuid, by_reason: &serde_json::Value) -> Vec<Why> {
    let mut found: Vec<(Reason, i64)> = by_reason
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(word, rows)| Some((Reason::from_word(word)?, rows.as_i64()?)))
        .collect();
    found.sort_by_key(|(reason, rows)| (-rows, reason.word()));
    let one = |(reason, rows): (Reason, i64)| Why {
        path: format!("/plans/{id}?reason={}#rows", reason.word()),
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
    match written(&app, &member, &id, &asked, None).await? {
        Ok(written) => page(&written),
        Err(elsewhere) => Ok(elsewhere),
    }
}

/// Applies it: the number, where it is large, has to be the plan's.
pub(super) async fn apply(State(app): State<App>, member: Member, Path(id): Path<String>) -> Result<Response, Problem> {
    let page = match written(&app, &member, &id, &Asked::default(), None).await? {
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
