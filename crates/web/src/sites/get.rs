//! `GET /sites/{id}`

use super::{Shown, show};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::site::{Filter, Site};
use domain::ids::TenantId;
use uuid::Uuid;

/// One site, with its ETag
#[utoipa::path(get, path = "/sites/{id}", tag = "Sites", operation_id = "get_site", params(("id" = String, Path)),
    responses((status = OK, body = Shown, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = one(&app, caller.tenant, path_id(&id)?, allowed.sites()).await?;
    Ok(shown(&headers, &found.etag.clone(), show(found)))
}

pub(crate) async fn one(app: &App, tenant: TenantId, id: Uuid, sites: Option<Vec<Uuid>>) -> Result<Site, Problem> {
    let filter = Filter { id: Some(id), sites, ..Filter::default() };
    let found = database::site::list(&app.ledger, tenant, &filter, None, 1).await?;
    found.into_iter().next().ok_or_else(Problem::not_found)
}
