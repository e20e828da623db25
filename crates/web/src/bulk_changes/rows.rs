//! `GET /bulk-changes/{id}/rows`: the ledger, row by row.

use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, Limit, Page};
use crate::plans::rows::{explain, of};
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use database::rows::Filter;
use domain::reason::Reason;
use domain::states::DeviceChangeStatus;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    status: Option<DeviceChangeStatus>,
    reason: Option<Reason>,
    #[serde(default)]
    limit: Limit,
    cursor: Option<String>,
}

pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Json<Page<Value>>, Problem> {
    let filter = Filter { statuses: query.status.map(|status| vec![status.word()]), reason: query.reason };
    let rows = of(&app, &caller, &id, filter, query.cursor.as_deref(), query.limit).await?;
    Ok(Json(Page::cut(
        rows,
        query.limit,
        |row| row.row_number.to_string(),
        |row| {
            json!({
                "row": row.row_number, "input": row.input, "iccid": row.iccid, "status": row.status, "reason": row.reason,
                "detail": row.reason.map(|reason| explain(reason, row.detail.as_deref())), "fix": row.reason.map(Reason::fix),
                "attempts": row.attempts, "processed_date": row.processed_date, "effective_date": row.effective_date,
                // What waits, or waited, for that date; a failure of it is told here, with its reason.
                "schedule": row.schedule.as_ref().map(|(status, reason)| json!({
                    "status": status, "reason": reason, "detail": reason.map(Reason::sentence), "fix": reason.map(Reason::fix),
                })),
            })
        },
    )))
}
