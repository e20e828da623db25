//! `GET /customers/{id}`

use super::{Shown, show};
use crate::App;
use crate::auth::{Allowed, Caller};
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::customer::Customer;
use domain::ids::TenantId;
use uuid::Uuid;

/// One customer, with its ETag
#[utoipa::path(get, path = "/customers/{id}", tag = "Customers", operation_id = "get_customer", params(("id" = String, Path)),
    responses((status = OK, body = Shown, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    allowed: Allowed,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = one(&app, caller.tenant, path_id(&id)?, allowed.sites()).await?;
    // How many devices it has is no part of what it is: the tag would move with every settle.
    Ok(shown(&headers, &found.etag.clone(), show(found)))
}

pub(crate) async fn one(app: &App, tenant: TenantId, id: Uuid, sites: Option<Vec<Uuid>>) -> Result<Customer, Problem> {
    let found = database::customer::list(&app.ledger, tenant, Some(id), None, sites.as_deref(), None, 1).await?;
    found.into_iter().next().ok_or_else(Problem::not_found)
}
