//! `GET /bulk-changes/{id}/results.csv`, `GET /plans/{id}/results.csv`: the input's own columns, and what became of each row.
//! Streamed, a thousand rows at a time; the file can be sent again as it is.

use crate::App;
use crate::auth::Caller;
use crate::paging::{Filters, path_id};
use crate::problem::Problem;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use database::rows::Filter;
use domain::reason::Reason;
use domain::states::DeviceChangeStatus;
use futures_util::stream;
use intake::Results;
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Only rows of this status.
    #[param(value_type = Option<String>)]
    pub(super) status: Option<DeviceChangeStatus>,
    /// Only rows with this reason.
    #[param(value_type = Option<String>)]
    pub(super) reason: Option<Reason>,
}

/// The result file of a bulk change: the input's own columns, and what became of each row
#[utoipa::path(get, path = "/bulk-changes/{id}/results.csv", tag = "Bulk changes", operation_id = "get_bulk_change_results",
    params(("id" = String, Path), Query), responses((status = OK, body = String, content_type = "text/csv")))]
pub(crate) async fn of_bulk_change(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Response, Problem> {
    results(caller, app, &id, query).await
}

/// The result file of a plan: the input's own columns, and what would become of each row
#[utoipa::path(get, path = "/plans/{id}/results.csv", tag = "Plans", operation_id = "get_plan_results",
    params(("id" = String, Path), Query), responses((status = OK, body = String, content_type = "text/csv")))]
pub(crate) async fn of_plan(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    Filters(query): Filters<Query>,
) -> Result<Response, Problem> {
    results(caller, app, &id, query).await
}

async fn results(caller: database::api_key::Caller, app: App, id: &str, query: Query) -> Result<Response, Problem> {
    let change = database::bulk_change::get(&app.ledger, &caller, path_id(id)?).await?;
    let change = change.ok_or_else(Problem::not_found)?;
    let name = format!("attachment; filename=\"{}.csv\"", change.id);
    let filter = Filter { statuses: query.status.map(|status| vec![status.word()]), reason: query.reason };
    let results = Results::new(app.ledger.clone(), caller.tenant, change, filter);
    let blocks = stream::try_unfold(results, |mut results| async move {
        let block = results.next().await.inspect_err(|error| {
            tracing::error!(error = error as &dyn std::error::Error, "a result file broke off");
        })?;
        Ok::<_, database::DatabaseError>(block.map(|block| (block, results)))
    });
    let mut response = Body::from_stream(blocks).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
