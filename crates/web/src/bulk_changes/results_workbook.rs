//! `GET /bulk-changes/{id}/results.xlsx`, `GET /plans/{id}/results.xlsx`: the result file as a workbook whose cells are all text.
//! It is written to disk as the rows are read, then sent from there; it can be sent again as it is.

use super::results::Query;
use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, path_id};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use database::rows::Filter;
use futures_util::stream;
use intake::{Results, ResultsWorkbookError, results_workbook};
use tokio::io::AsyncReadExt as _;

/// What a workbook is.
const KIND: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// So many bytes are sent at a time.
const PIECE: usize = 64 * 1024;

/// The result file of a bulk change as a workbook
#[utoipa::path(get, path = "/bulk-changes/{id}/results.xlsx", tag = "Bulk changes", operation_id = "get_bulk_change_results_workbook",
    params(("id" = String, Path), Query),
    responses((status = OK, body = Vec<u8>, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))]
pub(crate) async fn of_bulk_change(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Response, Problem> {
    workbook(caller, app, &id, query).await
}

/// The result file of a plan as a workbook
#[utoipa::path(get, path = "/plans/{id}/results.xlsx", tag = "Plans", operation_id = "get_plan_results_workbook",
    params(("id" = String, Path), Query),
    responses((status = OK, body = Vec<u8>, content_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")))]
pub(crate) async fn of_plan(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Response, Problem> {
    workbook(caller, app, &id, query).await
}

async fn workbook(caller: database::api_key::Caller, app: App, id: &str, query: Query) -> Result<Response, Problem> {
    let change = database::bulk_change::get(&app.ledger, &caller, path_id(id)?).await?;
    let change = change.ok_or_else(Problem::not_found)?;
    let name = format!("attachment; filename=\"{}.xlsx\"", change.id);
    let filter = Filter { statuses: query.status.map(|status| vec![status.word()]), reason: query.reason };
    let results = Results::new(app.ledger.clone(), caller.tenant, change, filter);
    let file = results_workbook(results, &app.spool).await?;
    let length = file.metadata().map_err(ResultsWorkbookError::Io)?.len();
    let pieces = stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then_some((piece, file)))
    });
    let mut response = Body::from_stream(pieces).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(KIND));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
