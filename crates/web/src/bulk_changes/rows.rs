//! `GET /bulk-changes/{id}/rows`: the ledger, row by row.

use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, IncludeTotal, Limit, Page};
use crate::plans::rows::{explain, of, total_of};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use database::rows::Filter;
use domain::reason::Reason;
use domain::states::DeviceChangeStatus;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Only rows of this status.
    #[param(value_type = Option<String>)]
    status: Option<DeviceChangeStatus>,
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

/// One device in a bulk change.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BulkChangeRow {
    /// Its place in the input, from 1.
    row: i32,
    /// What was given.
    input: String,
    #[schema(required)]
    iccid: Option<String>,
    /// `REFUSED`, `NO_CHANGE`, `PENDING`, `PROCESSING`, `WAITING_CARRIER`, `PROCESSED`, `FAILED`, `SKIPPED`,
    /// `NEEDS_ATTENTION` or `CANCELLED`.
    status: String,
    /// A stable code.
    #[schema(required)]
    reason: Option<String>,
    #[schema(required)]
    detail: Option<String>,
    #[schema(required)]
    fix: Option<String>,
    attempts: i16,
    #[schema(required)]
    processed_date: Option<Timestamp>,
    #[schema(required)]
    effective_date: Option<Date>,
    /// What waits, or waited, for that date; a failure of it is told here, with its reason.
    #[schema(required)]
    schedule: Option<RowSchedule>,
}

/// Plan, pool and allocation that wait for their date.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RowSchedule {
    /// `PENDING`, `APPLIED`, `SUPERSEDED`, `CANCELLED` or `FAILED`.
    status: String,
    #[schema(required)]
    reason: Option<String>,
    #[schema(required)]
    detail: Option<String>,
    #[schema(required)]
    fix: Option<String>,
}

/// The rows of a bulk change: the ledger
#[utoipa::path(get, path = "/bulk-changes/{id}/rows", tag = "Bulk changes", operation_id = "list_bulk_change_rows",
    params(("id" = String, Path), Query), responses((status = OK, body = Page<BulkChangeRow>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<BulkChangeRow>>, Problem> {
    let filter = Filter { statuses: query.status.map(|status| vec![status.word()]), reason: query.reason };
    let rows = of(&app, &caller, &id, &filter, query.cursor.as_deref(), query.limit).await?;
    let total = total_of(&app, &caller, &id, &filter, query.include_total).await?;
    let page = Page::cut(
        rows,
        query.limit,
        |row| row.row_number.to_string(),
        |row| BulkChangeRow {
            row: row.row_number,
            input: row.input,
            iccid: row.iccid,
            status: row.status.word().to_owned(),
            reason: row.reason.map(|reason| reason.word().to_owned()),
            detail: row.reason.map(|reason| explain(reason, row.detail.as_deref())),
            fix: row.reason.map(|reason| reason.fix().to_owned()),
            attempts: row.attempts,
            processed_date: row.processed_date,
            effective_date: row.effective_date,
            schedule: row.schedule.map(|(status, reason)| RowSchedule {
                status,
                reason: reason.map(|reason| reason.word().to_owned()),
                detail: reason.map(|reason| reason.sentence().to_owned()),
                fix: reason.map(|reason| reason.fix().to_owned()),
            }),
        },
    );
    Ok(Json(page.with_total(total, query.include_total)))
}
