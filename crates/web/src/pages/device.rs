//! `/devices/{id}`: what a SIM is, here and at its carrier and in billing, and everything that happened to it.

use super::field_errors::{FieldErrors, about};
use super::frame::Frame;
use super::page;
use super::visitor::Member;
use super::wording::{Elsewhere, Moment, counted, elsewhere, moment, step_name};
use crate::App;
use crate::paging::{Filters, Limit, Page as Cut, cursor};
use crate::plans::rows::explain;
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use database::device::{BilledBy, Device, Happened, What, timeline};
use domain::allocation::DataAllocation;
use domain::associate_customer::AssociateCustomer;
use domain::reason::Refusal;
use domain::rights::Act;
use domain::steps::Step;
use intake::Explained;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Asked {
    /// Could this customer have it?
    customer: String,
    on_conflict: String,
    cursor: String,
}

/// What a plan would say of it.
struct Answer {
    tone: &'static str,
    word: &'static str,
    said: String,
    code: &'static str,
    fix: &'static str,
}

/// A line at Rev.io that bills its number.
struct Line {
    id: i64,
    who: String,
    number: String,
    linked: bool,
    disconnected: bool,
    products: String,
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
    lines: Vec<Line>,
    may_plan: bool,
    asked: Asked,
    answer: Option<Answer>,
    errors: FieldErrors,
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
    let may_plan = member.signed_in.rights.may(Act::Plan);
    let (answer, errors) = explained(&app, &member, &device, &asked).await?;
    page(&Page {
        frame,
        lines: lines(&app, &member, &device).await?,
        may_plan,
        answer,
        errors,
        asked,
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
            elsewhere(
                "Could a customer have it? A plan of one row says so, and changes nothing",
                "ascribe plan assign --customer C --devices sims.csv",
                format!(
                    "POST /api/v1/plans {{\"change_type\": \"CustomerAssignment\", \"customer\": \"C\", \"devices\": [\"{}\"]}}",
                    device.iccid
                ),
            ),
        ],
        device,
    })
}

/// The verdict of a plan for this one device, if a customer was named: asked of the one function that plans ask, and not kept.
async fn explained(
    app: &App,
    member: &Member,
    device: &Device,
    asked: &Asked,
) -> Result<(Option<Answer>, FieldErrors), Problem> {
    if asked.customer.trim().is_empty() {
        return Ok((None, FieldErrors::default()));
    }
    if !member.signed_in.rights.may(Act::Plan) {
        return Err(Problem::forbidden());
    }
    let mut request = json!({ "change_type": "CustomerAssignment", "customer": asked.customer });
    if !asked.on_conflict.is_empty() {
        request["on_conflict"] = json!(asked.on_conflict);
    }
    let (caller, provider) = (member.caller().0, device.service_provider.0);
    let explained = match AssociateCustomer::read(request) {
        Ok(request) => app.planner.explain(caller, request, &device.iccid, provider).await.map_err(Problem::from),
        Err(refusal) => Err(refusal.into()),
    };
    match explained {
        Ok(Explained::Change(steps)) => Ok((Some(can(&steps)), FieldErrors::default())),
        Ok(Explained::NoChange(refusal)) => Ok((Some(cannot("calm", "Already so", &refusal)), FieldErrors::default())),
        Ok(Explained::Refused(refusal)) => Ok((Some(cannot("bad", "Refused", &refusal)), FieldErrors::default())),
        Err(problem) => {
            // Whatever of it was wrong, it is said at the question.
            let said = about(problem, "customer")?.1.0.into_iter().next().map(|error| error.said);
            Ok((None, FieldErrors::one("customer", said.unwrap_or_default())))
        }
    }
}

fn can(steps: &[Step]) -> Answer {
    let said = if steps.is_empty() {
        "A plan would change it.".to_owned()
    } else {
        let names: Vec<&str> = steps.iter().map(|step| step_name(*step)).collect();
        format!("A plan would change it: {}.", names.join(", "))
    };
    Answer { tone: "good", word: "It can", said, code: "", fix: "" }
}

fn cannot(tone: &'static str, word: &'static str, refusal: &Refusal) -> Answer {
    let detail = Some(refusal.detail.as_str()).filter(|detail| !detail.is_empty());
    Answer { tone, word, said: explain(refusal.reason, detail), code: refusal.reason.word(), fix: refusal.reason.fix() }
}

/// The lines that bill its number, as the mirror has them. Who is confined to sites is not told of other customers' lines.
async fn lines(app: &App, member: &Member, device: &Device) -> Result<Vec<Line>, Problem> {
    let Some(number) = device.msisdn.as_deref().filter(|number| !number.is_empty()) else { return Ok(Vec::new()) };
    let found = database::device::billed_by(&app.ledger, member.caller().0.tenant, device.id, number).await?;
    let confined = member.allowed().sites().is_some();
    let one = |line: BilledBy| Line {
        id: line.rev_service_id,
        who: match line.customer {
            Some(name) => format!("{name} ({})", line.rev_customer_id),
            None => line.rev_customer_id,
        },
        number: line.number.unwrap_or_default(),
        linked: line.linked,
        disconnected: line.disconnected,
        products: counted(line.products, "product", "products"),
    };
    Ok(found.into_iter().filter(|line| line.linked || !confined).map(one).collect())
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
