//! `GET /bulk-changes/{id}/rows/{row}/log`

use crate::App;
use crate::auth::Caller;
use crate::paging::Page;
use crate::problem::Problem;
use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// One attempt at a step of a row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogEntry {
    at: Timestamp,
    /// From 1; 0: a person's word.
    attempt: i16,
    step: String,
    status: String,
    #[schema(required)]
    error: Option<String>,
    /// What was sent, redacted.
    #[schema(required)]
    request: Option<String>,
    /// What came back, redacted.
    #[schema(required)]
    response: Option<String>,
}

/// What was done for one row: every attempt at every step
#[utoipa::path(get, path = "/bulk-changes/{id}/rows/{row}/log", tag = "Bulk changes", operation_id = "get_row_log",
    params(("id" = String, Path), ("row" = String, Path, description = "The row's number, from 1")),
    responses((status = OK, body = Page<LogEntry>)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path((id, row)): Path<(String, String)>,
) -> Result<Json<Page<LogEntry>>, Problem> {
    let id = super::visible(&app, &caller, &id).await?;
    let row = row.parse::<i32>().map_err(|_| Problem::not_found())?;
    let entries = database::rows::log(&app.ledger, caller.tenant, id, row).await?.ok_or_else(Problem::not_found)?;
    let items = entries.into_iter().map(|entry| LogEntry {
        at: entry.at,
        attempt: entry.attempt,
        step: entry.step,
        status: entry.status,
        error: entry.error,
        request: entry.request,
        response: entry.response,
    });
    Ok(Json(Page::whole(items.collect())))
}
