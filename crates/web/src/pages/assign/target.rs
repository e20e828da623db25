//! `/assign/{id}`: what is in the input, who gets its devices, and how. Sent, it is the API's plan; nothing is changed by that.

use super::super::bulk_change::acts::{made, once};
use super::super::field_errors::{FieldErrors, about};
use super::super::fields::Fields;
use super::super::frame::Frame;
use super::super::picked_devices::taken;
use super::super::visitor::Member;
use super::super::wording::{Elsewhere, counted, elsewhere, field_name, grouped};
use super::super::{page, see_other, with_status};
use super::request::{columns, command, field_of, request};
use crate::App;
use crate::idempotency;
use crate::paging::{Filters, path_id};
use crate::plans::rows::explain;
use crate::problem::Problem;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use domain::associate_customer::AssociateCustomer;
use domain::input_field::InputField;
use domain::rights::Act;
use intake::{Input, Look, Parked};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Customers that are shown for what was looked for.
const FOUND: i64 = 20;
/// Rate plans and pools that are offered to choose from; others are typed.
const OFFERED: i64 = 200;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Asked {
    service_provider: String,
    customer: String,
}

/// What may be chosen.
struct Choice {
    code: String,
    name: String,
    chosen: bool,
}

/// A column of the input.
struct Column {
    at: usize,
    heading: String,
    sample: String,
    choices: Vec<Choice>,
}

/// A customer that was looked for.
struct Found {
    id: String,
    name: String,
    number: String,
    site: String,
    devices: String,
    closed: bool,
}

#[derive(Template)]
#[template(path = "assign_target.html")]
struct Page {
    frame: Frame,
    id: Uuid,
    input: String,
    tally: String,
    unreadable: Vec<(i32, String, String)>,
    columns: Vec<Column>,
    errors: FieldErrors,
    typed: Fields,
    zone: String,
    providers: Vec<Choice>,
    plans: Vec<String>,
    pools: Vec<String>,
    may_find: bool,
    found: Option<Vec<Found>>,
    chosen: String,
    once: String,
    elsewhere: Vec<Elsewhere>,
}

/// What is in the input, in a sentence.
fn tally(look: &Look, typed: &Fields) -> String {
    if look.rows == 0 {
        let names_the_sim = |field: &str| InputField::from_word(field).is_some_and(InputField::names_the_sim);
        let is_said = columns(look, typed).iter().any(|column| names_the_sim(&column.field));
        let said = "No column is known to name the SIM: say which one does.";
        return if is_said { "Its rows are read when the plan is made.".to_owned() } else { said.to_owned() };
    }
    let rows = counted(look.rows.into(), "row", "rows");
    let read = look.rows - look.unreadable - look.repeated;
    let first = if look.is_whole { String::new() } else { "Of the first ".to_owned() };
    let and_more = if look.is_whole { "" } else { " The plan reads the rest." };
    format!(
        "{first}{rows}: {} {} of their own, {} named again, {} that cannot be read.{and_more}",
        grouped(read.into()),
        if read == 1 { "names a SIM" } else { "name SIMs" },
        grouped(look.repeated.into()),
        grouped(look.unreadable.into()),
    )
}

fn shown_columns(look: &Look, typed: &Fields) -> Vec<Column> {
    let one = |column: super::request::Column| Column {
        at: column.at,
        sample: column.sample.join(" · "),
        choices: InputField::ALL
            .iter()
            .map(|field| Choice {
                code: field.word().to_owned(),
                name: field_name(*field).to_owned(),
                chosen: field.word() == column.field,
            })
            .collect(),
        heading: column.heading,
    };
    columns(look, typed).into_iter().map(one).collect()
}

/// The customers that a text may mean.
async fn find(app: &App, member: &Member, q: &str) -> Result<Vec<Found>, Problem> {
    let (tenant, sites) = (member.caller().0.tenant, member.allowed().sites());
    let q = super::super::devices::plain(q)?;
    let found =
        database::customer::list(&app.ledger, tenant, None, q.as_deref(), sites.as_deref(), None, FOUND).await?;
    let one = |customer: database::customer::Customer| Found {
        id: customer.id.to_string(),
        name: customer.name,
        number: customer.rev_customer_id.unwrap_or_default(),
        site: customer.site.map(|(_, name)| name).unwrap_or_default(),
        devices: grouped(customer.devices),
        closed: customer.is_closed,
    };
    Ok(found.into_iter().map(one).collect())
}

/// A customer that was taken, by its name if that is its alone, else by its number, else by its id.
async fn shortest(app: &App, member: &Member, id: &str) -> Result<String, Problem> {
    let (tenant, sites) = (member.caller().0.tenant, member.allowed().sites());
    let list = async |id: Option<Uuid>, q: Option<&str>| {
        database::customer::list(&app.ledger, tenant, id, q, sites.as_deref(), None, FOUND).await
    };
    let Ok(uuid) = Uuid::parse_str(id) else { return Ok(id.to_owned()) };
    let Some(customer) = list(Some(uuid), None).await?.into_iter().next() else { return Ok(id.to_owned()) };
    for text in [Some(&customer.name), customer.rev_customer_id.as_ref()].into_iter().flatten() {
        let like = list(None, Some(text)).await?;
        let meant = like.iter().filter(|other| other.name == *text || other.rev_customer_id.as_ref() == Some(text));
        // If there may be more than were asked for, it is not known to be one.
        if i64::try_from(like.len()).unwrap_or(i64::MAX) < FOUND && meant.count() == 1 {
            return Ok(text.clone());
        }
    }
    Ok(id.to_owned())
}

/// What the customer's id that is in the field stands for.
async fn chosen(app: &App, member: &Member, typed: &Fields) -> Result<String, Problem> {
    let Ok(id) = Uuid::parse_str(typed.text("customer").trim()) else { return Ok(String::new()) };
    let (tenant, sites) = (member.caller().0.tenant, member.allowed().sites());
    let found = database::customer::list(&app.ledger, tenant, Some(id), None, sites.as_deref(), None, 1).await?;
    Ok(found.into_iter().next().map_or_else(String::new, |customer| match customer.rev_customer_id {
        Some(number) => format!("{} (Rev.io {number})", customer.name),
        None => customer.name,
    }))
}

async fn written(
    app: &App,
    member: &Member,
    id: Uuid,
    parked: &Parked,
    typed: Fields,
    errors: FieldErrors,
) -> Result<Page, Problem> {
    let (frame, zone) = Frame::of(app, member, "Assign a customer", "/bulk-changes").await?;
    let caller = member.caller().0;
    let seen = database::service_provider::list(&app.ledger, &caller, None, 1_000).await?;
    let at = typed.text("service_provider").trim().to_owned();
    let plans = database::customer_rate_plan::list(&app.ledger, caller.tenant, None, None, None, OFFERED).await?;
    let pools = database::customer_rate_pool::list(&app.ledger, caller.tenant, None, None, None, OFFERED).await?;
    let may_find = member.signed_in.rights.may(Act::LookAtCustomers);
    let asked = request(&parked.look, &typed);
    let input = match &parked.name {
        Some(name) => name.clone(),
        None => "A list".to_owned(),
    };
    Ok(Page {
        frame,
        id,
        tally: tally(&parked.look, &typed),
        unreadable: parked.look.named.clone(),
        columns: shown_columns(&parked.look, &typed),
        providers: seen
            .into_iter()
            .map(|provider| Choice {
                code: provider.id.to_string(),
                chosen: at == provider.id.to_string() || at == provider.name,
                name: provider.name,
            })
            .collect(),
        plans: plans.into_iter().filter(|plan| plan.active).map(|plan| plan.code).collect(),
        pools: pools.into_iter().filter(|pool| pool.active).map(|pool| pool.name).collect(),
        chosen: if may_find { chosen(app, member, &typed).await? } else { String::new() },
        may_find,
        found: None,
        once: typed.said("once").map_or_else(|| app.ids.next().to_string(), str::to_owned),
        elsewhere: vec![elsewhere(
            "The same plan, as it is filled in: nothing is changed by it",
            command(&asked, if parked.name.is_some() { &input } else { "sims.csv" }),
            format!("POST /api/v1/plans, multipart/form-data: request={asked}, devices=the file"),
        )],
        input,
        errors,
        typed,
        zone,
    })
}

pub(crate) async fn show(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
    Filters(asked): Filters<Asked>,
) -> Result<Response, Problem> {
    let id = path_id(&id)?;
    let (parked, _) = taken(&app, &member, id).await?;
    let typed =
        Fields::of([("service_provider".to_owned(), asked.service_provider), ("customer".to_owned(), asked.customer)]);
    page(&written(&app, &member, id, &parked, typed, FieldErrors::default()).await?)
}

/// Looks for a customer, takes one that was found, or plans.
pub(crate) async fn submit(
    State(app): State<App>,
    member: Member,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = path_id(&id)?;
    let (parked, spooled) = taken(&app, &member, id).await?;
    let typed = member.fields().clone();
    if let Some(customer) = typed.said("choose") {
        let typed = typed.with("customer", &shortest(&app, &member, customer).await?);
        return page(&written(&app, &member, id, &parked, typed, FieldErrors::default()).await?);
    }
    if typed.text("act") == "find" {
        if !member.signed_in.rights.may(Act::LookAtCustomers) {
            return Err(Problem::forbidden());
        }
        let found = find(&app, &member, typed.text("customer")).await?;
        let written = written(&app, &member, id, &parked, typed, FieldErrors::default()).await?;
        return page(&Page { found: Some(found), ..written });
    }
    let asked = request(&parked.look, &typed);
    let refused = match checked(&app, &member, &parked.look, asked.clone()).await {
        Ok(request) => {
            let input = Input { spooled, name: parked.name.clone() };
            match planned(&app, &member, &parked, &asked, request, input).await {
                Ok(answer) => return Ok(see_other(&made(&answer)?)),
                Err(problem) => about(problem, "devices")?,
            }
        }
        Err(Refused::Problem(problem)) => about(problem, "devices")?,
        Err(Refused::Fields(errors)) => (StatusCode::UNPROCESSABLE_ENTITY, errors),
    };
    let (status, errors) = refused;
    with_status(status, &written(&app, &member, id, &parked, typed, errors).await?)
}

/// Why there is no plan.
enum Refused {
    Problem(Problem),
    Fields(FieldErrors),
}

impl<E: Into<Problem>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Problem(error.into())
    }
}

/// Reads the request as the API does, and looks whether what it names is there: said here once, and not by each row.
async fn checked(app: &App, member: &Member, look: &Look, asked: Value) -> Result<AssociateCustomer, Refused> {
    let rows_say = asked["columns"].as_object().into_iter().flatten().any(|(_, field)| field == "customer")
        || look
            .columns
            .iter()
            .any(|(heading, field)| *field == Some(InputField::Customer) && asked["columns"].get(heading).is_none());
    let request = AssociateCustomer::read(asked)?;
    if request.customer.is_none() && !rows_say {
        let said = "Say which customer gets these devices, or which column names it.";
        return Err(Refused::Fields(FieldErrors::one("customer", said)));
    }
    let refusal = app.planner.check_target(member.caller().0, &request).await?;
    match refusal {
        None => Ok(request),
        Some(refusal) => {
            let detail = Some(refusal.detail.as_str()).filter(|detail| !detail.is_empty());
            let said = explain(refusal.reason, detail);
            Err(Refused::Fields(FieldErrors::one(field_of(refusal.reason), said)))
        }
    }
}

/// Begins the plan, as the API does; sent twice, it is made once.
async fn planned(
    app: &App,
    member: &Member,
    parked: &Parked,
    asked: &Value,
    request: AssociateCustomer,
    input: Input,
) -> Result<Response, Problem> {
    let caller = member.caller().0;
    let mut fingerprint = Sha256::new();
    fingerprint.update(asked.to_string());
    fingerprint.update(parked.sha256());
    // The same form with the same content is one plan; corrected after a look at that, by the browser's way back, it is another.
    let content = hex::encode(&fingerprint.clone().finalize()[..8]);
    let key =
        idempotency::key(&once(member))?.map(|key| format!("{}-{content}", key.chars().take(200).collect::<String>()));
    let worker = app.clone();
    let work = async move {
        let planning = worker.planner.begin(caller, request, input).await?;
        crate::plans::make(&worker, &caller, planning, None).await
    };
    let told = crate::plans::tell_again(app, caller);
    idempotency::once(app, caller, "POST /plans", key, fingerprint.finalize().into(), work, told).await
}
