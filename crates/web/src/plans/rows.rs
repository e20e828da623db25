//! `GET /plans/{id}/rows`: per device, what will happen, or exactly why not.

use super::carrier::CarrierShown;
use super::lines::BillingImage;
use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, IncludeTotal, Limit, Page, cursor, path_id};
use crate::problem::Problem;
use crate::shape::Named;
use axum::Json;
use axum::extract::{Path, State};
use database::rows::{DeviceChange, Filter, Image};
use domain::allocation::DataAllocation;
use domain::reason::Reason;
use domain::states::DeviceChangeStatus;
use domain::steps::Step;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Only rows with this verdict.
    verdict: Option<VerdictWord>,
    /// Only rows with this reason.
    #[param(value_type = Option<String>)]
    reason: Option<Reason>,
    /// Adds `total`: counted up to 10,000, or to the end.
    #[param(inline)]
    include_total: Option<IncludeTotal>,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    limit: Limit,
    cursor: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum VerdictWord {
    Change,
    NoChange,
    Refused,
}

/// One row of a plan.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PlanRow {
    /// Its place in the input, from 1.
    row: i32,
    /// What was given.
    input: String,
    /// As stored, if the SIM was found; else as it was read.
    #[schema(required)]
    iccid: Option<String>,
    verdict: VerdictWord,
    /// A stable code; null with CHANGE.
    #[schema(required)]
    reason: Option<String>,
    /// The reason in a sentence, and what is particular to this row; with CHANGE, what a person should know of it before.
    #[schema(required)]
    detail: Option<String>,
    /// What to do about it.
    #[schema(required)]
    fix: Option<String>,
    /// The assignment when the plan was made.
    #[schema(required)]
    before: Option<AssignmentImage>,
    /// What it is to become.
    #[schema(required)]
    after: Option<AssignmentImage>,
    /// The date it takes effect on.
    #[schema(required)]
    effective_date: Option<Date>,
    /// What is done, in order: `activate_at_carrier`, `provision_ip` or `change_carrier_rate_plan` at the carrier, `close_rev_service`, `open_rev_service` or `update_rev_service` at Rev.io, and last
    /// `record_assignment`. Empty for rows that are left alone.
    steps: Vec<String>,
}

/// An assignment.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AssignmentImage {
    /// Null: nobody's, at the default site.
    #[schema(required)]
    customer: Option<Named>,
    site: Named,
    #[schema(required)]
    customer_rate_plan: Option<String>,
    #[schema(required)]
    customer_rate_pool: Option<String>,
    #[schema(required)]
    customer_data_allocation_mb: Option<f64>,
    /// What happens at Rev.io; only in `after`, and only where something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    billing: Option<BillingImage>,
    /// What happens at the carrier; only in `after`, and only where something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    carrier: Option<CarrierShown>,
}

/// The rows of a plan: per device what will happen, or exactly why not
#[utoipa::path(get, path = "/plans/{id}/rows", tag = "Plans", operation_id = "list_plan_rows",
    params(("id" = String, Path), Query), responses((status = OK, body = Page<PlanRow>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<PlanRow>>, Problem> {
    let statuses = query.verdict.map(|verdict| match verdict {
        VerdictWord::NoChange => vec![DeviceChangeStatus::NoChange.word()],
        VerdictWord::Refused => vec![DeviceChangeStatus::Refused.word()],
        VerdictWord::Change => DeviceChangeStatus::ALL
            .iter()
            .filter(|s| !matches!(s, DeviceChangeStatus::NoChange | DeviceChangeStatus::Refused))
            .map(|s| s.word())
            .collect(),
    });
    let filter = Filter { statuses, reason: query.reason };
    let rows = of(&app, &caller, &id, &filter, query.cursor.as_deref(), query.limit).await?;
    let most = plan_changes_per_month(&app, &caller, &id).await?;
    let total = total_of(&app, &caller, &id, &filter, query.include_total).await?;
    let page = Page::cut(
        rows,
        query.limit,
        |row| row.row_number.to_string(),
        |row| {
            let verdict = match row.status {
                DeviceChangeStatus::Refused => VerdictWord::Refused,
                DeviceChangeStatus::NoChange => VerdictWord::NoChange,
                _ => VerdictWord::Change,
            };
            // What happened to a row later is the bulk change's to say, not its plan's.
            let reason = row.reason.filter(|_| verdict != VerdictWord::Change);
            let (billing, carrier) = (super::lines::show(&row), super::carrier::show(&row, most));
            let note = row.detail.clone().filter(|_| row.status == DeviceChangeStatus::Pending);
            let last = (verdict == VerdictWord::Change).then_some(Step::RecordAssignment);
            PlanRow {
                steps: row.steps.iter().copied().chain(last).map(|step| step.word().to_owned()).collect(),
                row: row.row_number,
                detail: reason.map(|reason| explain(reason, row.detail.as_deref())).or(note),
                input: row.input,
                iccid: row.iccid,
                verdict,
                reason: reason.map(|reason| reason.word().to_owned()),
                fix: reason.map(|reason| reason.fix().to_owned()),
                before: row.before.as_ref().map(show_image),
                after: row.after.as_ref().map(|after| AssignmentImage { billing, carrier, ..show_image(after) }),
                effective_date: row.effective_date,
            }
        },
    );
    Ok(Json(page.with_total(total, query.include_total)))
}

/// How often the carrier of a plan's SIMs changes the plan of one in a month.
async fn plan_changes_per_month(
    app: &App,
    caller: &database::api_key::Caller,
    id: &str,
) -> Result<Option<u32>, Problem> {
    let plan = database::bulk_change::get(&app.ledger, caller, path_id(id)?).await?;
    let integration = plan.and_then(|plan| plan.integration).unwrap_or_default();
    Ok(app.planner.carriers().of(&integration).and_then(|can| can.plan_changes_per_month))
}

/// The rows of a plan or change that this caller's tenant has.
pub(crate) async fn of(
    app: &App,
    caller: &database::api_key::Caller,
    id: &str,
    filter: &Filter,
    after: Option<&str>,
    limit: Limit,
) -> Result<Vec<DeviceChange>, Problem> {
    let id = path_id(id)?;
    if database::bulk_change::get(&app.ledger, caller, id).await?.is_none() {
        return Err(Problem::not_found());
    }
    let after = match cursor(after)? {
        None => 0,
        Some(text) => {
            text.parse().map_err(|_| Problem::bad_request("CURSOR_INVALID", "This cursor is another list's."))?
        }
    };
    Ok(database::rows::list(&app.ledger, caller.tenant, id, filter, after, limit.and_one()).await?)
}

/// How many rows there are on all pages, if that was asked for. The plan is the caller's: its rows were read.
pub(crate) async fn total_of(
    app: &App,
    caller: &database::api_key::Caller,
    id: &str,
    filter: &Filter,
    asked: Option<IncludeTotal>,
) -> Result<Option<i64>, Problem> {
    Ok(match asked {
        None => None,
        Some(asked) => {
            Some(database::rows::count(&app.ledger, caller.tenant, path_id(id)?, filter, asked.most()).await?)
        }
    })
}

/// The reason's sentence, and what is particular to this row.
pub(crate) fn explain(reason: Reason, detail: Option<&str>) -> String {
    match detail {
        Some(detail) => format!("{} ({detail})", reason.sentence()),
        None => reason.sentence().to_owned(),
    }
}

fn show_image(image: &Image) -> AssignmentImage {
    let named = |(id, name): &(Uuid, String)| Named { id: *id, name: name.clone() };
    AssignmentImage {
        customer: image.customer.as_ref().map(named),
        site: named(&image.site),
        customer_rate_plan: image.customer_rate_plan.clone(),
        customer_rate_pool: image.customer_rate_pool.clone(),
        customer_data_allocation_mb: image.allocation.map(DataAllocation::megabytes),
        billing: None,
        carrier: None,
    }
}
