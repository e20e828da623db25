//! `GET /service-providers/{id}`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::service_provider::ServiceProvider;

/// One service provider, with its ETag
#[utoipa::path(get, path = "/service-providers/{id}", tag = "Service providers", operation_id = "get_service_provider",
    params(("id" = String, Path)), responses((status = OK, body = Shown, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = one(&app, &caller, &id).await?;
    Ok(shown(&headers, &found.etag.clone(), show(found)))
}

pub(crate) async fn one(app: &App, caller: &database::api_key::Caller, id: &str) -> Result<ServiceProvider, Problem> {
    let id = path_id(id)?;
    let all = database::service_provider::list(&app.ledger, caller, None, i64::MAX).await?;
    all.into_iter().find(|provider| provider.id.0 == id).ok_or_else(Problem::not_found)
}
