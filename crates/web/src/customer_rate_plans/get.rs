//! `GET /customer-rate-plans/{id}`

use super::{Shown, show};
use crate::App;
use crate::auth::Caller;
use crate::edits::shown;
use crate::paging::path_id;
use crate::problem::Problem;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use database::customer_rate_plan::CustomerRatePlan;
use domain::ids::TenantId;
use uuid::Uuid;

/// One customer rate plan, with its ETag
#[utoipa::path(get, path = "/customer-rate-plans/{id}", tag = "Customer rate plans", operation_id = "get_customer_rate_plan",
    params(("id" = String, Path)), responses((status = OK, body = Shown, headers(("ETag" = String))), (status = NOT_MODIFIED)))]
pub(crate) async fn handle(
    Caller(caller): Caller,
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = one(&app, caller.tenant, path_id(&id)?).await?;
    Ok(shown(&headers, &found.etag.clone(), show(found)))
}

pub(crate) async fn one(app: &App, tenant: TenantId, id: Uuid) -> Result<CustomerRatePlan, Problem> {
    let found = database::customer_rate_plan::list(&app.ledger, tenant, Some(id), None, None, 1).await?;
    found.into_iter().next().ok_or_else(Problem::not_found)
}
